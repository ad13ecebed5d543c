"""What a change means for a recipe: some names reach many layers or several settings at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.layers import Conv, Dense, Dropout, Layer
from tenfold.recipes.recipe import Augmentation, Recipe
from tenfold.recipes.serialization import override, recipe_to_dict

Value = float | str

START = "recipe"
"""The value that leaves layers of several kinds as they are."""

USUAL_RATES: Mapping[str, float] = {
    "adam": 0.003, "adamw": 0.003, "sgd": 0.05, "adadelta": 1.0, "rmsprop": 0.001, "muon": 0.01,
    "soap": 0.02,
}  # fmt: skip
"""Where a good learning rate of each optimizer is to be expected. Adam, Muon and SOAP: as in
the recipes here; Adadelta: as it was published (arXiv 1212.5701); RMSprop: Keras's default."""

GRAIN = 4
"""Filters and units come in multiples of this, which vectors of a processor like."""

_MOVES = ("shift_pixels", "rotation_degrees", "scale", "shear", "thickness")
"""What of the augmentation `augmentation_factor` changes."""


@dataclass(frozen=True)
class Change:
    """One name that a search may use: what it means, what a recipe has now, and how to set it.

    `own` gives None where the name means nothing for a recipe.
    """

    meaning: str
    own: Callable[[Recipe], Value | None]
    apply: Callable[[Recipe, Value], Recipe]


def changed(recipe: Recipe, values: Mapping[str, Value]) -> Recipe:
    """Return the recipe with values set, by names of `CHANGES` or of single settings.

    Single settings are set first: layers keep their numbers, and the rate is that of the
    optimizer that is chosen.

    Raises:
        UsageError: There is no such setting, or a value does not fit it.
    """
    own = {name: own_value(recipe, name) for name in values}
    new = {n: _rounded(value) for n, value in values.items() if value not in (own[n], START)}
    found = override(recipe, {name: value for name, value in new.items() if name not in CHANGES})
    if "optimizer.name" in new and "optimizer.learning_rate" not in values:
        # Each optimizer at its own usual rate, as far above or below it as the recipe's is.
        factor = values.get("rate_factor", _rate_factor(recipe))
        new["rate_factor"] = factor
    for name, change in CHANGES.items():
        if name in new:
            found = change.apply(found, new[name])
    return override(found, {})  # checked once more, layers and all


def _rounded(value: Value) -> Value:
    """Return a number with four digits: what a search draws has no more to say."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def own_value(recipe: Recipe, name: str) -> Value | None:
    """Return the value that a recipe has now, or None if it has none of that name."""
    if name in CHANGES:
        return CHANGES[name].own(recipe)
    place: Any = recipe_to_dict(recipe)
    for part in name.split("."):
        if isinstance(place, list):
            place = dict(enumerate(place)).get(int(part)) if part.isdigit() else None
        else:
            place = place.get(part) if isinstance(place, dict) else None
    return place if isinstance(place, int | float | str) else None


def neat(value: Value) -> str:
    """Return a value for reading: numbers with three digits."""
    return value if isinstance(value, str) else f"{value:.3g}"


def _activation(recipe: Recipe) -> Value | None:
    found = {layer.activation for layer in recipe.layers if isinstance(layer, Conv | Dense)}
    if len(found) > 1:
        return START
    return next(iter(found), None)


def _set_activation(recipe: Recipe, value: Value) -> Recipe:
    return _mapped(
        recipe,
        lambda layer: (
            replace(layer, activation=value)  # type: ignore[arg-type]
            if isinstance(layer, Conv | Dense)
            else layer
        ),
    )


def _rate_factor(recipe: Recipe) -> float:
    rate = recipe.optimizer.learning_rate / USUAL_RATES[recipe.optimizer.name]
    return float(f"{rate:.9g}")


def _set_rate_factor(recipe: Recipe, value: Value) -> Recipe:
    rate = float(value) * USUAL_RATES[recipe.optimizer.name]
    return override(recipe, {"optimizer.learning_rate": float(f"{rate:.4g}")})


def _dropout_rate(recipe: Recipe) -> Value | None:
    rates = {layer.rate for layer in recipe.layers if isinstance(layer, Dropout)}
    return None if len(rates) > 1 else next(iter(rates), 0.0)


def _set_dropout_rate(recipe: Recipe, value: Value) -> Recipe:
    rate = float(value)
    if any(isinstance(layer, Dropout) for layer in recipe.layers):
        return _mapped(recipe, lambda layer: Dropout(rate) if isinstance(layer, Dropout) else layer)
    return replace(recipe, layers=(*recipe.layers, Dropout(rate))) if rate else recipe


def _augmentation_factor(recipe: Recipe) -> float:
    return 1.0 if any(getattr(recipe.augmentation, move) for move in _MOVES) else 0.0


def _set_augmentation_factor(recipe: Recipe, value: Value) -> Recipe:
    moved = recipe if _augmentation_factor(recipe) else recipe_named("standard")
    strengths = {
        move: float(f"{float(value) * getattr(moved.augmentation, move):.4g}") for move in _MOVES
    }
    augmentation: Augmentation = replace(recipe.augmentation, **strengths)
    return replace(recipe, augmentation=augmentation)


def _filters_factor(recipe: Recipe) -> Value | None:
    return 1.0 if _last(recipe) is not None else None


def _set_filters_factor(recipe: Recipe, value: Value) -> Recipe:
    def wider(number: int) -> int:
        return max(GRAIN, GRAIN * round(number * float(value) / GRAIN))

    def one(layer: Layer) -> Layer:
        if isinstance(layer, Conv):
            return replace(layer, filters=wider(layer.filters))
        return replace(layer, units=wider(layer.units)) if isinstance(layer, Dense) else layer

    return _mapped(recipe, one)


def _depth(recipe: Recipe) -> Value | None:
    return 0 if _last(recipe) is not None else None


def _set_depth(recipe: Recipe, value: Value) -> Recipe:
    place = _last(recipe)
    if place is None:
        return recipe
    layer = recipe.layers[place]
    if isinstance(layer, Conv):
        layer = replace(layer, stride=1, pool=1, padding="same")
    more = (layer,) * int(value)
    return replace(recipe, layers=recipe.layers[: place + 1] + more + recipe.layers[place + 1 :])


def _last(recipe: Recipe) -> int | None:
    """Return the place of the last convolution, or of the last dense layer if there is none."""
    for kind in (Conv, Dense):
        places = [place for place, layer in enumerate(recipe.layers) if isinstance(layer, kind)]
        if places:
            return places[-1]
    return None


def _kernel_size(recipe: Recipe) -> Value | None:
    sizes = [layer.kernel_size for layer in recipe.layers if isinstance(layer, Conv)]
    return sizes[0] if sizes else None


def _set_kernel_size(recipe: Recipe, value: Value) -> Recipe:
    layers = list(recipe.layers)
    for place, layer in enumerate(layers):
        if isinstance(layer, Conv):
            layers[place] = replace(layer, kernel_size=int(value))
            break
    return replace(recipe, layers=tuple(layers))


def _mapped(recipe: Recipe, function: Callable[[Layer], Layer]) -> Recipe:
    return replace(recipe, layers=tuple(function(layer) for layer in recipe.layers))


CHANGES: Mapping[str, Change] = {
    "rate_factor": Change(
        "learning rate, as a multiple of the optimizer's usual one", _rate_factor, _set_rate_factor
    ),
    "activation": Change("of all hidden layers", _activation, _set_activation),
    "augmentation_factor": Change(
        "shifts, turns, scales and thickness, as a multiple of the recipe's, or of standard's",
        _augmentation_factor,
        _set_augmentation_factor,
    ),
    "kernel_size": Change("of the first convolution", _kernel_size, _set_kernel_size),
    "filters_factor": Change(
        "filters and units of all layers, as a multiple of the recipe's",
        _filters_factor,
        _set_filters_factor,
    ),
    "depth": Change(
        "so many more layers like the last convolution, or the last dense layer",
        _depth,
        _set_depth,
    ),
    "dropout_rate": Change(
        "of all dropout layers; one before the output if there is none",
        _dropout_rate,
        _set_dropout_rate,
    ),
}
"""In the order in which they are applied."""
