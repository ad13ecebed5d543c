"""Recipes as JSON, and recipes with settings changed by name."""

import dataclasses
import reprlib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from tenfold.errors import UsageError
from tenfold.formatting import no_such, suggestion
from tenfold.recipes.layers import KINDS
from tenfold.recipes.recipe import Augmentation, Recipe, check_recipe

RETIRED: dict[tuple[type, str], Any] = {(Augmentation, "upstroke"): 0.0}
"""Settings that bundles may still hold with the value that turned them off: class and name."""


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as JSON-ready values; each layer names its kind."""
    data = dataclasses.asdict(recipe)
    kinds = {cls: kind for kind, cls in KINDS.items()}
    data["layers"] = [
        {"kind": kinds[type(layer)], **dataclasses.asdict(layer)} for layer in recipe.layers
    ]
    return data


def recipe_from_dict(data: Any) -> Recipe:
    """Make a recipe from the values of `recipe_to_dict`; settings with a default may be missing.

    Raises:
        UsageError: A setting is unknown, missing, of the wrong type or out of range.
    """
    recipe: Recipe = _from_value(Recipe, data, "recipe")
    check_recipe(recipe)
    return recipe


def override(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some settings changed.

    Args:
        recipe: The recipe to start from.
        settings: Values by dotted name, such as ``{"optimizer.learning_rate": 0.01,
            "layers.3.rate": 0.4, "epochs": 5}``; layers count from 0.

    Raises:
        UsageError: There is no such setting, or the value does not fit it.
    """
    data = recipe_to_dict(recipe)
    if not isinstance(settings, Mapping):
        kind = type(settings).__name__
        raise UsageError(f"settings is of type {kind}: give a dict, such as {{'epochs': 3}}")
    if "classes" in settings:
        raise UsageError("classes follows from the training data; leave it out")
    for name, value in settings.items():
        *parents, last = name.split(".")
        place: Any = data
        for part in parents:
            place = _step(place, part, name, data)
        _step(place, last, name, data)
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    return recipe_from_dict(data)


def flat_settings(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested settings as pairs of dotted name and plain value."""
    if not isinstance(value, (dict, list, tuple)):
        yield name, value
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield from flat_settings(inner, f"{name}.{key}" if name else str(key))


def _step(place: Any, part: str, name: str, data: Any) -> Any:
    if isinstance(place, dict) and part in place:
        return place[part]
    if isinstance(place, list) and part.isdecimal() and int(part) < len(place):
        return place[int(part)]
    known = ""
    if isinstance(place, dict):
        known = f"; there are: {', '.join(place)}"
    elif isinstance(place, list):
        known = f"; layers are numbered 0 to {len(place) - 1}"
    if place is data:  # the first part is unknown: perhaps the setting is deeper
        close = suggestion(name, [setting for setting, _ in flat_settings(data)])
    else:
        close = suggestion(part, place if isinstance(place, dict) else ())
    raise UsageError(f"no setting {name!r}{close}{known}")


def _from_value(kind: Any, value: Any, where: str) -> Any:
    """Check a JSON value against a type annotation and turn it into that type."""
    if isinstance(value, np.generic):
        value = value.item()
    origin, shown = typing.get_origin(kind), reprlib.repr(value)
    if origin is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            close = suggestion(value, choices)
            raise UsageError(f"{where} is {shown}{close}; it must be one of {', '.join(choices)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise UsageError(f"{where} must be a list")
        item = typing.get_args(kind)[0]
        return tuple(_from_value(item, v, f"{where}.{i}") for i, v in enumerate(value))
    if origin is types.UnionType:
        if not isinstance(value, dict) or "kind" not in value:
            raise UsageError(f"{where} needs a kind: {', '.join(KINDS)}")
        if value["kind"] not in list(KINDS):  # it may be anything that JSON has
            raise UsageError(no_such("kind of layer", value["kind"], KINDS))
        rest = {key: v for key, v in value.items() if key != "kind"}
        return _from_value(KINDS[value["kind"]], rest, where)
    if dataclasses.is_dataclass(kind):
        return _dataclass_from(typing.cast("type[Any]", kind), value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError(f"{where} is {shown}; it must be of type {kind.__name__}")
    if kind is str and any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(f"{where} is {shown}; it must be text that UTF-8 can hold")
    return value


def _dataclass_from(cls: type[Any], value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise UsageError(f"{where} must be an object with named settings")
    hints = typing.get_type_hints(cls)
    value = {
        name: one
        for name, one in value.items()
        if (cls, name) not in RETIRED or RETIRED[cls, name] != one
    }
    for name in value:
        if name not in hints:
            raise UsageError(f"{where}: {no_such('setting', name, hints)}")
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING and field.name not in value:
            raise UsageError(f"{where} lacks the setting {field.name!r}")
    return cls(**{n: _from_value(hints[n], v, f"{where}.{n}") for n, v in value.items()})
