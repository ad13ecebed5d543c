"""What a search may change about a recipe, and by how much."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tenfold.errors import UsageError
from tenfold.recipes.recipe import Recipe, check_recipe
from tenfold.tuning.changes import Value, changed, own_value

LOG_FROM = 10
"""A range above 0 that spans this factor or more is searched on a logarithmic scale."""


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """Any value from `low` to `high`, both included; `log`: each tenfold counts the same."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Dimension:
    """One thing that a search changes.

    `name` is one of `tenfold.tuning.changes.CHANGES`, or a setting of the recipe as `--set` of
    `tenfold train` takes it, such as ``schedule.warmup`` or ``layers.3.rate``.
    """

    name: str
    values: Choice | Range


@dataclass(frozen=True)
class Space:
    """All that a search may change."""

    dimensions: tuple[Dimension, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the dimensions, in order."""
        return tuple(dimension.name for dimension in self.dimensions)


_USUAL: Mapping[str, Choice | Range] = {
    "activation": Choice(("relu", "silu", "tanh", "sigmoid")),
    "optimizer.name": Choice(("adam", "adamw", "sgd", "adadelta", "rmsprop", "muon")),
    "rate_factor": Range(0.1, 10, log=True),
    "schedule.shape": Choice(("constant", "one-cycle")),
    "batch_size": Choice((64, 128, 256, 512)),
    "dropout_rate": Range(0, 0.6),
    "optimizer.weight_decay": Choice((0.0, 0.001, 0.01, 0.1)),
    "label_smoothing": Range(0, 0.3),
    "augmentation_factor": Range(0, 1.5),
    "filters_factor": Choice((0.5, 0.75, 1.0, 1.5, 2.0)),
    "depth": Choice((0, 1, 2)),
    "kernel_size": Choice((3, 5, 7)),
}


def default_space(recipe: Recipe, images: int = 60_000) -> Space:
    """Return the usual space around a recipe: what makes no sense for its layers is left out.

    A dimension holds the recipe's own value even where that lies outside of the usual ones.

    Args:
        recipe: What the search is around.
        images: So many will be trained on; batches that they do not fill are left out.
    """
    dimensions = []
    for name, usual in _USUAL.items():
        own = own_value(recipe, name)
        if own is not None:
            values = _widened(recipe, name, usual, own)
            if name == "batch_size" and isinstance(values, Choice):
                small = (value for value in values.values if value == own or float(value) <= images)
                values = Choice(tuple(small))
            dimensions.append(Dimension(name, values))
    return Space(tuple(dimensions))


def _widened(recipe: Recipe, name: str, usual: Choice | Range, own: Value) -> Choice | Range:
    if isinstance(usual, Range):
        return replace(usual, low=min(usual.low, float(own)), high=max(usual.high, float(own)))
    kept = tuple(value for value in usual.values if _fits(recipe, name, value))
    return Choice(kept if own in kept else (own, *kept))


def _fits(recipe: Recipe, name: str, value: Value) -> bool:
    try:
        changed(recipe, {name: value})
    except UsageError:
        return False
    return True


def start_values(recipe: Recipe, space: Space) -> dict[str, Value]:
    """Return the values of a recipe itself; where the space leaves one out, the nearest it has."""
    values: dict[str, Value] = {}
    for dimension in space.dimensions:
        own = own_value(recipe, dimension.name)
        match dimension.values:
            case Range(low, high, _, whole):
                number = float(own) if isinstance(own, int | float) else low
                number = min(max(number, low), high)
                values[dimension.name] = round(number) if whole else number
            case Choice(choices):
                values[dimension.name] = _nearest(own, choices)
    return values


def _nearest(own: Value | None, choices: tuple[Value, ...]) -> Value:
    numbers = [value for value in choices if not isinstance(value, str)]
    if own in choices or own is None or isinstance(own, str) or not numbers:
        return own if own is not None and own in choices else choices[0]
    return min(numbers, key=lambda value: abs(value - own))


def levels(values: Choice | Range, own: Value, count: int = 5) -> tuple[Value, ...]:
    """Return values to try one at a time: all choices, or some of a range, the own one with them.

    Args:
        values: Where they are from.
        own: The value that the others are compared with.
        count: So many of a range, evenly spaced from its low to its high end.
    """
    if isinstance(values, Choice):
        return values.values if own in values.values else (own, *values.values)
    steps = [number / (count - 1) for number in range(count)]
    if values.log:
        found = [values.low * (values.high / values.low) ** step for step in steps]
    else:
        found = [values.low + (values.high - values.low) * step for step in steps]
    neat = {round(one) if values.whole else float(f"{one:.3g}") for one in found}
    return tuple(sorted(neat | {own}, key=float))


def space_to_dict(space: Space) -> dict[str, Any]:
    """Return a space as JSON-ready values: a list of choices, or a range, by name."""
    return {
        dimension.name: list(dimension.values.values)
        if isinstance(dimension.values, Choice)
        else vars(dimension.values)
        for dimension in space.dimensions
    }


def space_from_dict(recipe: Recipe, data: Any) -> Space:
    """Make a space from what `space_to_dict` gives, or from values as the shell spells them.

    Raises:
        UsageError: It is no space, or does not fit the recipe.
    """
    if not isinstance(data, dict) or not data:
        raise UsageError("a space must be an object with values by name")
    return Space(tuple(_dimension(recipe, name, values) for name, values in data.items()))


def narrowed(recipe: Recipe, space: Space, words: str) -> Space:
    """Return a space changed as one ``--space`` of the shell says.

    Args:
        recipe: What the space is around.
        space: What it is now.
        words: ``NAME=LOW..HIGH``, ``NAME=A,B,C`` or ``NAME=A`` sets or adds a dimension; names
            with commas between them keep those alone; what ends in .json is a file with all
            there is to be.

    Raises:
        UsageError: There is no such setting, the values do not fit it, or the file is no space.
    """
    if words.endswith(".json"):
        return space_from_dict(recipe, _read(words))
    name, equals, text = words.partition("=")
    known = {dimension.name: dimension for dimension in space.dimensions}
    if not equals:
        names = [part.strip() for part in words.split(",")]
        for part in names:
            if part not in known:
                raise UsageError(f"the space has no {part!r}; there are: {', '.join(known)}")
        return Space(tuple(known[part] for part in names))
    for other in ({"rate_factor", "optimizer.learning_rate"} - {name}) & set(known):
        if name in ("rate_factor", "optimizer.learning_rate"):
            del known[other]  # two names for one thing
    return Space(tuple((known | {name: _dimension(recipe, name, text)}).values()))


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (a plain name from the shell)
            return json.load(file)
    except OSError as error:
        raise UsageError(f"cannot read the space {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"the space {path} is not JSON: {error}") from error


def _dimension(recipe: Recipe, name: str, data: Any) -> Dimension:
    values = _values(name, data)
    tried = values.values if isinstance(values, Choice) else (values.low, values.high)
    for value in tried:
        check_recipe(changed(recipe, {name: value}))
    return Dimension(name, values)


def _values(name: str, data: Any) -> Choice | Range:
    if isinstance(data, list):
        if not data or not all(isinstance(value, int | float | str) for value in data):
            raise UsageError(f"{name}: a list of choices holds numbers and words")
        return Choice(tuple(data))
    if isinstance(data, dict):
        try:
            return _checked(name, Range(**data))
        except TypeError:
            raise UsageError(f"{name}: a range has low, high, log and whole") from None
    text = str(data)
    if ".." not in text:
        return Choice(tuple(_value(part) for part in text.split(",")))
    low, _, high = text.partition("..")
    ends = _value(low), _value(high)
    if any(isinstance(end, str) for end in ends):
        raise UsageError(f"{name}={text}: a range is two numbers, as in 0.001..0.1")
    first, last = (float(end) for end in ends)
    whole = all(isinstance(end, int) for end in ends) and name not in _FRACTIONS
    log = first > 0 and last >= LOG_FROM * first
    if whole:
        return _checked(name, Range(int(first), int(last), log, whole=True))
    return _checked(name, Range(first, last, log))


_FRACTIONS = ("dropout_rate", "label_smoothing", "rate_factor", "augmentation_factor",
              "filters_factor", "optimizer.learning_rate", "optimizer.weight_decay")  # fmt: skip
"""What is no whole number, even between two."""


def _checked(name: str, found: Range) -> Range:
    if not found.low < found.high or (found.log and found.low <= 0):
        raise UsageError(f"{name}: {found.low:g}..{found.high:g} is no range from low to high")
    return found


def _value(text: str) -> Value:
    text = text.strip()
    kinds: tuple[Callable[[str], Value], ...] = (int, float)
    for kind in kinds:
        try:
            return kind(text)
        except ValueError:
            continue
    return text
