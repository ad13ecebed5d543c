"""The classifiers to compare, from names and from objects."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tenfold.arrays import DIGITS, TRAIN_IMAGES
from tenfold.classifiers.model_file import ModelFile, PluginModel, as_model_file, shipped_models
from tenfold.classifiers.objects import kind_of
from tenfold.comparing.baselines.kinds import BASELINES
from tenfold.comparing.contenders import (
    BaselineContender,
    Contender,
    FileContender,
    RecipeContender,
    ShippedContender,
)
from tenfold.comparing.objects import ObjectContender, import_object, is_object_name
from tenfold.data.datasets import Dataset
from tenfold.errors import BundleError, MissingExtraError, UsageError
from tenfold.formatting import no_such
from tenfold.plugins import RECIPES as RECIPE_PLUGINS
from tenfold.plugins import find_plugin
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.recipe import for_classes

DEFAULT = "svm,linear-svm,forest,extra-trees,knn,logistic,boosting,mlp,fast,recipe:standard"
"""The classifiers that are compared by default."""

Classifiers: TypeAlias = str | Sequence[Any] | Mapping[str, Any]
"""Names, separated by commas; or names and objects in a list; or these by name."""


def find_contenders(
    classifiers: Classifiers, train_size: int, data: Dataset | None = None
) -> list[Contender]:
    """Return the classifiers with these names, and the objects given.

    A name is that of a baseline (`tenfold.comparing.baselines`), of a recipe to train, or of a
    shipped model. If a recipe is shipped too, its name means the shipped model when all 60,000
    images are used, and otherwise the recipe trained on the fewer images: so all classifiers
    learned from the same images. `recipe:NAME` and `shipped:NAME` choose one of both. The folder of
    a run, and a .keras or .onnx file, is read as it is. `MODULE:NAME` is an object in a Python
    module, or a function or class that makes it. For objects see `tenfold.comparing.objects`.

    Args:
        classifiers: Names, separated by commas; or names, paths and objects in a list; or these
            by name.
        train_size: Number of training images.
        data: The data set; None for MNIST. On another one, the name of a recipe means the recipe.

    Raises:
        UsageError: A name is unknown or given twice, or there is no name; or a model has other
            classes than the data.
        MissingExtraError: A package that a classifier needs is not installed.
    """
    asked = _named(classifiers)
    if not asked:
        raise UsageError("no classifier is given; give at least one name")
    names = [name for name, _ in asked]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"{twice.pop()} is given twice; give each classifier once")
    found, missing = [], []
    for name, one in asked:
        try:
            contender = _contender(one, name, train_size, data)
        except MissingExtraError as error:
            missing.append(error)
            continue
        contender.name = name
        found.append(contender)
    if missing:
        extras = dict.fromkeys(error.extra for error in missing)
        raise MissingExtraError(missing[0].what, ",".join(extras))
    return found


def _named(classifiers: Classifiers) -> list[tuple[str, Any]]:
    """Return the classifiers with their names; objects of one name are numbered.

    Raises:
        UsageError: They are no text, list or mapping.
    """
    if isinstance(classifiers, Mapping):
        return [
            (str(name), str(one) if isinstance(one, Path) else one)
            for name, one in classifiers.items()
        ]
    if not isinstance(classifiers, str | Iterable):
        raise UsageError(
            f"classifiers is {kind_of(classifiers)}; give names, or names and objects in a list"
        )
    found: list[tuple[str, Any]] = []
    for one in classifiers.split(",") if isinstance(classifiers, str) else classifiers:
        if isinstance(one, str | Path | ModelFile):
            if name := str(one).strip():
                found.append((name, one if isinstance(one, ModelFile) else name))
            continue
        name = getattr(one, "name", None) or type(one).__name__
        number = 2
        unnumbered = name
        while name in (other for other, _ in found):
            name, number = f"{unnumbered} {number}", number + 1
        found.append((name, one))
    return found


def _contender(one: Any, called: str, train_size: int, data: Dataset | None) -> Contender:
    classes, title = (data.classes, data.name) if data else (DIGITS, "MNIST")
    recipes = [recipe.name for recipe in RECIPES]
    file = None
    if isinstance(one, str | ModelFile) and str(one) not in {*BASELINES, *recipes}:
        file = as_model_file(one)
    if isinstance(file, PluginModel):
        one = file.load()
    if not isinstance(one, str | ModelFile):
        return ObjectContender(called, one, classes)
    if file:
        return FileContender(file, classes)
    name = str(one)

    def recipe(name: str) -> RecipeContender:
        named = recipe_named(name.removeprefix("recipe:"))
        return RecipeContender(name, for_classes(named, classes, title))

    prefix, _, rest = name.partition(":")
    if prefix == "recipe" and rest:
        return recipe(name)
    if prefix == "shipped" and rest:
        return ShippedContender(name, rest, classes)
    if is_object_name(name):
        return ObjectContender(called, import_object(name), classes)
    if name in BASELINES:
        return BaselineContender(name, BASELINES[name], classes)
    learned_the_same = data is None and train_size == TRAIN_IMAGES
    if name in shipped_models() and (learned_the_same or name not in recipes):
        return ShippedContender(name, name, classes)
    if name in recipes or find_plugin(RECIPE_PLUGINS, name):
        return recipe(name)
    if Path(name).is_dir():
        try:
            return ShippedContender(name, name, classes)
        except BundleError as error:
            raise UsageError(str(error)) from error
    known = dict.fromkeys([*BASELINES, *recipes, *shipped_models()])
    also = "give the folder of a run, a .keras or .onnx file, or MODULE:NAME"
    raise UsageError(no_such("classifier", name, known, also))
