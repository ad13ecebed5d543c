"""Changes that a search may make to a recipe, such as one more layer or another optimizer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tenfold.errors import UsageError, whole_number
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.layers import Conv, Dense, Dropout, Layer
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override, recipe_to_dict

Value = float | str

UNCHANGED = "recipe"
"""Value of `activation` for a recipe whose layers differ: each layer keeps its own."""

USUAL_RATES: Mapping[str, float] = {
    "adam": 0.003, "adamw": 0.003, "sgd": 0.05, "adadelta": 1.0, "rmsprop": 0.001, "muon": 0.01,
    "soap": 0.02,
}  # fmt: skip
"""Usual learning rate of each optimizer. Adam, Muon and SOAP: as in tenfold's recipes; Adadelta:
as published (arXiv 1212.5701); RMSprop: Keras's default."""

WIDTH_MULTIPLE = 4
"""Filters and units are rounded to multiples of this, which suits vector instructions."""

MOST_DEPTH = 100
"""Most layers that `depth` adds."""

_STRENGTHS = ("shift_pixels", "rotation_degrees", "scale", "shear", "thickness")
"""Augmentation settings that `augmentation_factor` multiplies."""


@dataclass(frozen=True)
class Change:
    """A named change that sets several values of a recipe, or values of several layers.

    Attributes:
        meaning: What it changes, for `tenfold tune --show-space`.
        current: Returns the value that a recipe has; None if the change does not apply to it.
        apply: Returns the recipe with a value set.
    """

    meaning: str
    current: Callable[[Recipe], Value | None]
    apply: Callable[[Recipe, Value], Recipe]


def apply_changes(recipe: Recipe, values: Mapping[str, Value]) -> Recipe:
    """Return the recipe with values set, by names of `CHANGES` or of single settings.

    Single settings are set first, while layers still have their numbers. A new optimizer gets its
    own usual learning rate, with the recipe's factor to the usual one, unless a rate is given.

    Raises:
        UsageError: There is no such setting, or a value does not fit it.
    """
    new = {
        name: _rounded(value)
        for name, value in values.items()
        if value not in (current_value(recipe, name), UNCHANGED)
    }
    changed = override(recipe, {name: value for name, value in new.items() if name not in CHANGES})
    if "optimizer.name" in new and "optimizer.learning_rate" not in values:
        new["rate_factor"] = values.get("rate_factor", _rate_factor(recipe))
    for name, change in CHANGES.items():
        if name in new:
            changed = change.apply(changed, new[name])
    return override(changed, {})  # checks the layers


def _rounded(value: Value) -> Value:
    """Return a float with four significant digits, enough for any setting."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def current_value(recipe: Recipe, name: str) -> Value | None:
    """Return the value that a recipe has for a name, or None if it has none."""
    if name in CHANGES:
        return CHANGES[name].current(recipe)
    place: Any = recipe_to_dict(recipe)
    for part in name.split("."):
        if isinstance(place, list):
            place = dict(enumerate(place)).get(int(part)) if part.isdigit() else None
        else:
            place = place.get(part) if isinstance(place, dict) else None
    return place if isinstance(place, int | float | str) else None


def format_value(value: Value) -> str:
    """Return a value as text: numbers with three significant digits, true and false as in JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:.3g}"


def _activation(recipe: Recipe) -> Value | None:
    found = {layer.activation for layer in recipe.layers if isinstance(layer, Conv | Dense)}
    return UNCHANGED if len(found) > 1 else next(iter(found), None)


def _set_activation(recipe: Recipe, value: Value) -> Recipe:
    def change(layer: Layer) -> Layer:
        if isinstance(layer, Conv | Dense):
            return replace(layer, activation=value)  # type: ignore[arg-type]
        return layer

    return _map_layers(recipe, change)


def _whole(name: str, value: Value) -> int:
    if not float(value).is_integer():
        raise UsageError(f"{name} is {value}; it must be a whole number")
    return int(value)


def _rate_factor(recipe: Recipe) -> float:
    rate = recipe.optimizer.learning_rate / USUAL_RATES[recipe.optimizer.name]
    return float(f"{rate:.9g}")


def _set_rate_factor(recipe: Recipe, value: Value) -> Recipe:
    rate = float(value) * USUAL_RATES[recipe.optimizer.name]
    return override(recipe, {"optimizer.learning_rate": _rounded(rate)})


def _dropout_rate(recipe: Recipe) -> Value | None:
    rates = {layer.rate for layer in recipe.layers if isinstance(layer, Dropout)}
    return None if len(rates) > 1 else next(iter(rates), 0.0)


def _set_dropout_rate(recipe: Recipe, value: Value) -> Recipe:
    dropout = Dropout(float(value))
    if any(isinstance(layer, Dropout) for layer in recipe.layers):
        return _map_layers(recipe, lambda one: dropout if isinstance(one, Dropout) else one)
    return replace(recipe, layers=(*recipe.layers, dropout)) if dropout.rate else recipe


def _augmentation_factor(recipe: Recipe) -> float:
    return 1.0 if any(getattr(recipe.augmentation, name) for name in _STRENGTHS) else 0.0


def _set_augmentation_factor(recipe: Recipe, value: Value) -> Recipe:
    source = recipe if _augmentation_factor(recipe) else recipe_named("standard")
    strengths: dict[str, Any] = {
        name: _rounded(float(value) * getattr(source.augmentation, name)) for name in _STRENGTHS
    }
    return replace(recipe, augmentation=replace(recipe.augmentation, **strengths))


def _kernel_size(recipe: Recipe) -> Value | None:
    sizes = (layer.kernel_size for layer in recipe.layers if isinstance(layer, Conv))
    return next(sizes, None)


def _set_kernel_size(recipe: Recipe, value: Value) -> Recipe:
    for place, layer in enumerate(recipe.layers):
        if isinstance(layer, Conv):
            size = _whole("kernel_size", value)
            return override(recipe, {f"layers.{place}.kernel_size": size})
    return recipe


def _set_filters_factor(recipe: Recipe, value: Value) -> Recipe:
    def scaled(number: int) -> int:
        return max(WIDTH_MULTIPLE, WIDTH_MULTIPLE * round(number * float(value) / WIDTH_MULTIPLE))

    def change(layer: Layer) -> Layer:
        if isinstance(layer, Conv):
            return replace(layer, filters=scaled(layer.filters))
        return replace(layer, units=scaled(layer.units)) if isinstance(layer, Dense) else layer

    return _map_layers(recipe, change)


def _set_depth(recipe: Recipe, value: Value) -> Recipe:
    place = _last_hidden(recipe)
    if place is None:
        return recipe
    depth = whole_number("depth", _whole("depth", value), 0, MOST_DEPTH)
    layer = recipe.layers[place]
    if isinstance(layer, Conv):
        layer = replace(layer, stride=1, pool=1, padding="same")
    more = (layer,) * depth
    return replace(recipe, layers=recipe.layers[: place + 1] + more + recipe.layers[place + 1 :])


def _last_hidden(recipe: Recipe) -> int | None:
    """Return the index of the last convolution, or of the last dense layer if there is none."""
    for kind in (Conv, Dense):
        places = [place for place, layer in enumerate(recipe.layers) if isinstance(layer, kind)]
        if places:
            return places[-1]
    return None


def _map_layers(recipe: Recipe, function: Callable[[Layer], Layer]) -> Recipe:
    return replace(recipe, layers=tuple(map(function, recipe.layers)))


CHANGES: Mapping[str, Change] = {
    "rate_factor": Change(
        "learning rate, as a multiple of the optimizer's usual one", _rate_factor, _set_rate_factor
    ),
    "activation": Change("activation of all hidden layers", _activation, _set_activation),
    "augmentation_factor": Change(
        "strength of shifts, rotations, scales and thickness, as a multiple of the recipe's, or "
        "of standard's if the recipe has none",
        _augmentation_factor,
        _set_augmentation_factor,
    ),
    "kernel_size": Change("of the first convolution", _kernel_size, _set_kernel_size),
    "filters_factor": Change(
        "filters and units of all layers, as a multiple of the recipe's",
        lambda recipe: None if _last_hidden(recipe) is None else 1.0,
        _set_filters_factor,
    ),
    "depth": Change(
        "number of additional layers like the last convolution, or the last dense layer",
        lambda recipe: None if _last_hidden(recipe) is None else 0,
        _set_depth,
    ),
    "dropout_rate": Change(
        "of all dropout layers; one before the output if there is none",
        _dropout_rate,
        _set_dropout_rate,
    ),
}
"""Applied in this order."""
