"""Who is compared: names to what fits, keeps and loads a classifier."""

import io
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import graph_of, load_bundle, shipped_models
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.comparing.baselines.baseline import fit_baseline
from tenfold.comparing.baselines.kinds import BASELINES, BaselineSettings
from tenfold.errors import BundleError, MissingExtraError, UsageError
from tenfold.files import sha256
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.measured import measured
from tenfold.recipes.recipe import Recipe, count_parameters
from tenfold.recipes.small_data import MIN_STEPS, for_few_images

DEFAULT = "svm,linear-svm,forest,extra-trees,knn,logistic,boosting,mlp,fast,recipe:standard"
"""Those compared if nobody says which."""

ALL_IMAGES = 60_000

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Fitted:
    """A classifier that has learned: itself, its file, and what the fit took.

    `data` is what is written to disk, `seconds` the wall time of the fit, `processor_seconds` that
    of all cores together, which other work beside it does not lengthen; None if not fitted here.
    """

    classifier: Classifier
    data: bytes
    seconds: float
    processor_seconds: float | None


class Contender(ABC):
    """One of those compared.

    Attributes:
        name: As it was asked for.
        kind: "baseline", "recipe" or "shipped".
        title: As people call it.
        note: Its settings in words.
    """

    name: str
    kind: str
    title: str
    note: str

    @abstractmethod
    def settings(self, train_size: int) -> dict[str, Any]:
        """Return all that decides it, JSON-ready; two with the same settings are the same."""

    @abstractmethod
    def fit(
        self,
        images: Images,
        labels: Labels,
        checkpoints: Path,
        told: Callable[[str], None],
    ) -> Fitted:
        """Learn from the images.

        Args:
            images: uint8 (n, 28, 28), white ink on black.
            labels: uint8 (n,), 0..9.
            checkpoints: Folder for what a fit cut off halfway needs to go on.
            told: Called with what is being done, as it begins.
        """

    @abstractmethod
    def load(self, data: bytes) -> Classifier:
        """Return the classifier from what `Fitted.data` held."""

    @abstractmethod
    def expected_seconds(self, train_size: int) -> float:
        """Return about how long fitting takes one core, for telling the time left."""

    def parameters(self) -> int | None:
        """Return the trainable parameters of a network; None for what is none."""
        return None


class BaselineContender(Contender):
    """A classifier of scikit-learn or LightGBM."""

    kind = "baseline"

    def __init__(self, name: str, baseline: BaselineSettings) -> None:
        if find_spec(baseline.package) is None:
            raise MissingExtraError("comparing with other classifiers", "compare")
        self.name, self.title, self.note = name, baseline.title, baseline.note
        self._baseline = baseline

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return the settings and the version of the package behind them."""
        package = {"sklearn": "scikit-learn"}.get(self._baseline.package, self._baseline.package)
        return {
            "baseline": self._baseline.name,
            "settings": dict(self._baseline.settings),
            package: version(package),
        }

    def fit(
        self, images: Images, labels: Labels, checkpoints: Path, told: Callable[[str], None]
    ) -> Fitted:
        """Fit and calibrate; see `tenfold.comparing.baselines.baseline.fit_baseline`."""
        import joblib

        baseline, *seconds = fit_baseline(self._baseline, images, labels, told=told)
        buffer = io.BytesIO()
        joblib.dump(baseline, buffer, compress=("zlib", 1))
        return Fitted(baseline, buffer.getvalue(), *seconds)

    def load(self, data: bytes) -> Classifier:
        """Return the classifier; `data` must be our own, as pickles can run anything."""
        import joblib

        classifier: Classifier = joblib.load(io.BytesIO(data))
        return classifier

    def expected_seconds(self, train_size: int) -> float:
        """Return the seconds, by a power of the number of images; calibrating included."""
        growth = float((train_size / ALL_IMAGES) ** self._baseline.growth)
        return 0.5 + self._baseline.seconds * growth * (1.3 if train_size > 30_000 else 1.7)


class RecipeContender(Contender):
    """A recipe of ours, trained on the images given; seed 0."""

    kind = "recipe"

    def __init__(self, name: str, recipe: Recipe) -> None:
        if find_spec("keras") is None:
            raise MissingExtraError("training", "train")
        self.name, self.title, self.note = name, f"Network, recipe {recipe.name}", recipe.summary
        self._recipe = recipe

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return what the recipe, as it is trained on so many images, sets otherwise than usual."""
        recipe = replace(for_few_images(self._recipe, train_size), name="", summary="")
        return {"recipe": _unusual(recipe), "keras": version("keras")}

    def fit(
        self, images: Images, labels: Labels, checkpoints: Path, told: Callable[[str], None]
    ) -> Fitted:
        """Train; an interrupted training goes on."""
        from tenfold.networks.backend import use_backend

        use_backend()
        from tenfold.exporting.graph import onnx_model
        from tenfold.exporting.weights import network_weights
        from tenfold.networks.build import finish_network
        from tenfold.training.members import fit_members

        told("training")
        recipe = for_few_images(self._recipe, len(images))
        busy = time.process_time()
        with _epochs_untold():
            trained = fit_members(recipe, images, labels, seed=0, checkpoints=checkpoints)
        busy = time.process_time() - busy
        network = finish_network(recipe, *[one.network for one in trained])
        graph = onnx_model(recipe, network_weights(network))
        seconds = sum(one.seconds for one in trained)
        return Fitted(OnnxClassifier(graph), graph, seconds, busy)

    def load(self, data: bytes) -> Classifier:
        """Return the classifier of an ONNX graph."""
        return OnnxClassifier(data)

    def expected_seconds(self, train_size: int) -> float:
        """Return the seconds by what was measured on all images, and 8 for what comes before."""
        known = measured().get(self._recipe.name, {"train_seconds": {"median": 60.0}})
        part = max(train_size / ALL_IMAGES, MIN_STEPS * 32 / ALL_IMAGES / self._recipe.epochs)
        return 8 + 2 * float(known["train_seconds"]["median"]) * part

    def parameters(self) -> int:
        """Return the trainable parameters, all members together."""
        return count_parameters(self._recipe)


class ShippedContender(Contender):
    """A model that is finished, read as it is: one inside the package, or the folder of a run."""

    kind = "shipped"

    def __init__(self, name: str, model: str) -> None:
        self._bundle = load_bundle(model)
        recipe = self._bundle.meta["recipe"]
        self.name, self.title = name, f"Network {recipe['name']}, as shipped"
        self.note = str(recipe["summary"])
        if model not in shipped_models():
            self.title = f"Network {recipe['name']}, from {model}"

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return the hash of its graph."""
        return {"graph": sha256(graph_of(self._bundle))}

    def fit(
        self, images: Images, labels: Labels, checkpoints: Path, told: Callable[[str], None]
    ) -> Fitted:
        """Load it; the seconds are those its training took, wherever that was."""
        graph = graph_of(self._bundle)
        seconds = float(self._bundle.meta["train_seconds"])
        return Fitted(OnnxClassifier(graph), graph, seconds, None)

    def load(self, data: bytes) -> Classifier:
        """Return the classifier of an ONNX graph."""
        return OnnxClassifier(data)

    def expected_seconds(self, train_size: int) -> float:
        """Return next to nothing: it is fitted."""
        return 0.5

    def parameters(self) -> int:
        """Return the trainable parameters, all members together."""
        return int(self._bundle.meta["parameters"])


def find_contenders(names: str | list[str], train_size: int) -> list[Contender]:
    """Return those named.

    A name of the eight classifiers of `comparing.baselines` means that classifier; one of a recipe
    means the recipe, trained; one of a shipped model the model as it is. Where a recipe is shipped
    too, all images mean the shipped model and fewer the recipe trained on those, so that all
    compared have learned from the same images. `recipe:NAME` and `shipped:NAME` say which; the
    folder of a run is read as it is.

    Args:
        names: Separated by commas, or a list.
        train_size: Images to learn from.

    Raises:
        UsageError: No such name, one twice, or none.
        MissingExtraError: What fits it is not installed.
    """
    asked = names.split(",") if isinstance(names, str) else names
    asked = [name.strip() for name in asked if name.strip()]
    if len(asked) < 1:
        raise UsageError("give at least one classifier to compare")
    twice = {name for name in asked if asked.count(name) > 1}
    if twice:
        raise UsageError(f"{twice.pop()} is named twice")
    return [_contender(name, train_size) for name in asked]


def _contender(name: str, train_size: int) -> Contender:
    prefix, _, rest = name.partition(":")
    recipes = [recipe.name for recipe in RECIPES]
    if prefix == "recipe" and rest:
        return RecipeContender(name, recipe_named(rest))
    if prefix == "shipped" and rest:
        return ShippedContender(name, rest)
    if name in BASELINES:
        return BaselineContender(name, BASELINES[name])
    if name in shipped_models() and (train_size == ALL_IMAGES or name not in recipes):
        return ShippedContender(name, name)
    if name in recipes:
        return RecipeContender(name, recipe_named(name))
    if Path(name).is_dir():
        try:
            return ShippedContender(name, name)
        except BundleError as error:
            raise UsageError(str(error)) from error
    known = ", ".join([*BASELINES, *recipes])
    raise UsageError(f"no classifier is named {name!r}; there are: {known}; or a run's folder")


def _unusual(value: Any) -> Any:
    """Return what is not as by default, JSON-ready: a setting that comes later changes nothing."""
    if isinstance(value, tuple):
        return [_unusual(item) for item in value]
    if not is_dataclass(value):
        return value
    own = {field.name: getattr(value, field.name) for field in fields(value)
           if getattr(value, field.name) != field.default}  # fmt: skip
    return {"kind": type(value).__name__} | {name: _unusual(item) for name, item in own.items()}


@contextmanager
def _epochs_untold() -> Iterator[None]:
    """Keep a training from telling every epoch; warnings pass."""
    log = logging.getLogger("tenfold.training")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
