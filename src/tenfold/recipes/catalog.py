"""The recipes that come with tenfold, from simple to complex."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tenfold.errors import TenfoldError, UsageError
from tenfold.formatting import no_such
from tenfold.plugins import RECIPES as RECIPE_PLUGINS
from tenfold.plugins import find_plugin, guarded, load_plugin, package_of, plugins
from tenfold.recipes.layers import (
    Conv,
    Dense,
    Depthwise,
    Deskew,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
)
from tenfold.recipes.recipe import Augmentation, Optimizer, Recipe, Schedule
from tenfold.recipes.serialization import flat_settings, recipe_to_dict

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The layers of "Applying Convolutional Neural Network on mnist dataset", in its order.
_ARTICLE_LAYERS: tuple[Layer, ...] = (
    Conv(32),
    Conv(64),
    MaxPool(3),
    Dropout(0.5),
    Flatten(),
    Dense(250, "sigmoid"),
)

_STANDARD = Recipe(
    name="standard",
    summary="The default: the best accuracy that a minute of two cores can buy.",
    layers=(
        Conv(32, 5, pool=3),
        Conv(64, padding="same", pool=2, batch_norm=True),
        Conv(128, padding="same", batch_norm=True),
        Flatten(),
    ),
    optimizer=Optimizer("muon", 0.004, weight_decay=0.1, beta_2=0.99, momentum=0.95),
    schedule=Schedule("one-cycle", warmup=0.2),
    augmentation=Augmentation(shift_pixels=1.5, rotation_degrees=7.0, scale=0.075, shear=0.09),
    label_smoothing=0.1,
    precision="bfloat16",
    batch_size=128,
    epochs=10,
    temperature=0.46,  # results/temperature.json
)

_BEST = replace(
    _STANDARD,
    name="best",
    summary="The most accurate single network here: larger, and it reads every image nine times.",
    layers=(
        Conv(64, 5, pool=2),
        Conv(128, padding="same", batch_norm=True),
        Conv(128, padding="same", pool=2, batch_norm=True),
        Conv(256, padding="same", batch_norm=True),
        Conv(256, batch_norm=True),
        Flatten(),
    ),
    augmentation=Augmentation(
        shift_pixels=2.0, rotation_degrees=12.0, scale=0.12, shear=0.15, thickness=0.5
    ),
    epochs=8,
    tta_shifts=1,
    temperature=0.47,  # results/temperature.json
)

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        name="softmax",
        summary="Softmax regression: ten weighted sums of pixels. The simplest start.",
        layers=(Flatten(),),
        optimizer=Optimizer("adam", 0.003),
        schedule=Schedule("one-cycle"),
        batch_size=128,
        epochs=6,
    ),
    Recipe(
        name="mlp",
        summary="Multilayer perceptron: one hidden layer of 256.",
        layers=(Flatten(), Dense(256), Dropout(0.2)),
        optimizer=Optimizer("adam", 0.003),
        schedule=Schedule("one-cycle"),
        batch_size=128,
        epochs=8,
    ),
    Recipe(
        name="conv",
        summary="One convolution: the first layer that sees strokes instead of pixels.",
        layers=(Conv(16, 5), MaxPool(3), Flatten(), Dropout(0.2)),
        optimizer=Optimizer("adam", 0.005),
        schedule=Schedule("one-cycle"),
        batch_size=128,
        epochs=6,
    ),
    Recipe(
        name="article",
        summary=(
            "The article's network and training exactly: Adadelta at 1.0, "
            "the default rate of the Keras it was written for."
        ),
        layers=_ARTICLE_LAYERS,
        optimizer=Optimizer("adadelta", 1.0),
        batch_size=500,
        epochs=12,
    ),
    Recipe(
        name="article-today",
        summary=(
            "A warning: the article's code on today's Keras, where Adadelta's default rate "
            "is 0.001, hardly learns."
        ),
        layers=_ARTICLE_LAYERS,
        optimizer=Optimizer("adadelta", 0.001),
        batch_size=500,
        epochs=12,
    ),
    Recipe(
        name="nano",
        summary="The fewest weights: 682 numbers that read digits.",
        layers=(
            Deskew(width=0.5),
            Conv(
                5,
                padding="same",
                pool=2,
                pool_overlap=True,
                batch_norm=True,
                norm_scale=False,
                activation="silu",
            ),
            *(
                Conv(
                    filters,
                    separable=True,
                    dilation=dilation,
                    batch_norm=True,
                    norm_scale=False,
                    activation="silu",
                )
                for filters, dilation in ((7, 2), (9, 2), (11, 4))
            ),
            Depthwise(dilation=3),
            GlobalAveragePool(),
        ),
        optimizer=Optimizer("soap", 0.02, beta_2=0.99),
        schedule=Schedule("one-cycle"),
        augmentation=Augmentation(shift_pixels=0.5, rotation_degrees=5.0, scale=0.05),
        batch_size=128,
        epochs=24,
        temperature=0.85,  # results/temperature.json
        tta_shifts=1,
    ),
    Recipe(
        name="tiny",
        summary="Small enough for a microcontroller, and nearly as accurate as the large ones.",
        layers=(
            Conv(18, pool=2, batch_norm=True, norm_scale=False),
            *(
                Conv(filters, batch_norm=True, norm_scale=False, separable=True)
                for filters in (30, 38, 46, 45)
            ),
            GlobalAveragePool(),
        ),
        optimizer=Optimizer("muon", 0.01, beta_2=0.99, momentum=0.95),
        schedule=Schedule("one-cycle", warmup=0.2),
        augmentation=Augmentation(shift_pixels=1.0, rotation_degrees=5.0, scale=0.06, shear=0.06),
        batch_size=128,
        epochs=48,
        tta_shifts=1,
    ),
    Recipe(
        name="fast",
        summary="The article's accuracy in a second: 36,000 images, each seen once.",
        layers=(
            Conv(16, 5, pool=4, batch_norm=True),
            Conv(64, padding="same", pool=2, batch_norm=True),
            Flatten(),
            Dense(128),
        ),
        optimizer=Optimizer("muon", 0.03, beta_2=0.99, momentum=0.8),
        schedule=Schedule("one-cycle", warmup=0.2),
        label_smoothing=0.2,
        precision="bfloat16",
        batch_size=250,
        epochs=1,
        epoch_images=36_000,
        temperature=0.36,  # results/temperature.json
    ),
    _STANDARD,
    replace(
        _STANDARD,
        name="reader",
        summary="For pictures: it has seen neighbors' strokes, bad cuts and marks of all kinds.",
        layers=(
            Conv(32, 5, pool=2),
            Conv(64, padding="same", batch_norm=True),
            Conv(64, padding="same", pool=2, batch_norm=True),
            Conv(128, padding="same", batch_norm=True),
            Conv(128, batch_norm=True),
            Flatten(),
        ),
        augmentation=Augmentation(
            shift_pixels=2.0,
            rotation_degrees=13.0,
            scale=0.13,
            shear=0.15,
            thickness=0.4,
            non_digits=0.3,
            neighbors=0.3,
            forms=0.5,
            hands=0.2,
            degraded=0.4,
        ),
        epochs=16,
        cooldown_epochs=3,
        temperature=0.42,  # results/temperature.json
    ),
    _BEST,
    replace(
        _BEST,
        name="ensemble",
        summary="Five networks of the recipe best, each from a seed of its own; a mean vote.",
        members=5,
    ),
)

DEFAULT = "standard"


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name: one of these, or one of another installed package.

    Raises:
        UsageError: There is none; the message lists all names.
        TenfoldError: It is another package's, which fails.
    """
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    if plugin := find_plugin(RECIPE_PLUGINS, name):
        return recipe_of_plugin(plugin)
    names = [recipe.name for recipe in RECIPES] + [found.name for found in plugins(RECIPE_PLUGINS)]
    raise UsageError(no_such("recipe", name, names, "give a .json file"))


def recipe_of_plugin(plugin: "EntryPoint") -> Recipe:
    """Return the recipe of another package, under the name of its entry point.

    Raises:
        TenfoldError: The package raised an error, or has no recipe there.
    """
    found = load_plugin(plugin)
    title = f"{plugin.name} of {package_of(plugin)}"
    if callable(found):
        found = guarded(title, "the call", found)
    if not isinstance(found, Recipe):
        raise TenfoldError(
            f"{title} is of type {type(found).__name__}; it must be a tenfold.Recipe"
        )
    return replace(found, name=plugin.name)


def changed_settings(recipe: Recipe) -> dict[str, Any] | None:
    """Return the settings in which a recipe differs from the one of its name in the catalog.

    Returns:
        Values by dotted name, as `override` takes them; None if the catalog has no such name, or
        the layers differ in number or kind.
    """
    original = next((other for other in RECIPES if other.name == recipe.name), None)
    if original is None:
        return None
    original = replace(original, classes=recipe.classes)  # follows from the data
    before, now = (dict(flat_settings(recipe_to_dict(one))) for one in (original, recipe))
    kinds = [name for name in before.keys() | now.keys() if name.endswith(".kind")]
    if before.keys() != now.keys() or any(before[name] != now[name] for name in kinds):
        return None
    return {name: value for name, value in now.items() if value != before[name]}
