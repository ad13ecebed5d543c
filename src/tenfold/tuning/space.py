"""Search space: which settings of a recipe a search changes, and between which values."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from tenfold.arrays import TRAIN_IMAGES
from tenfold.errors import UsageError
from tenfold.files import parse_json
from tenfold.formatting import no_such, suggestion
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import flat_settings, recipe_to_dict
from tenfold.tuning.changes import CHANGES, Value, apply_changes, current_value

LOG_FACTOR = 10
"""A range above 0 that spans this factor or more is searched on a logarithmic scale."""

RANGE_LEVELS = 5
"""Values of a range that an experiment tries, evenly spaced from its low to its high end."""


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A range of numbers.

    Attributes:
        low: Least value.
        high: Greatest value, included.
        log: The scale is logarithmic.
        whole: Values are integers.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


Space: TypeAlias = dict[str, Choice | Range]
"""Values by name. A name is one of `tenfold.tuning.changes.CHANGES`, or a setting of the recipe as
`tenfold train --set` takes it, such as ``schedule.warmup`` or ``layers.3.rate``."""

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


UNUSED: Mapping[str, str] = {
    **dict.fromkeys(("name", "summary"), "it says nothing about the training"),
    **dict.fromkeys(("members", "tta_shifts"), "each trial trains one network, which reads once"),
    "temperature": "it is fitted to each trial",
}
"""Settings that no trial depends on, and why."""


def default_space(recipe: Recipe, images: int = TRAIN_IMAGES) -> Space:
    """Return the usual space around a recipe, without what does not fit its layers.

    Each entry includes the recipe's own value, even one outside of the usual values; but not a
    batch that the images do not fill, if they fill a smaller one.

    Args:
        recipe: Center of the search.
        images: Number of training images; larger batches are left out.
    """
    space: Space = {}
    for name, usual in _USUAL.items():
        own = current_value(recipe, name)
        if own is None:
            continue
        if isinstance(usual, Range):
            low, high = min(usual.low, float(own)), max(usual.high, float(own))
            space[name] = replace(usual, low=low, high=high)
            continue
        fitting = [
            value
            for value in usual.values
            if _fits(recipe, name, value) and (name != "batch_size" or float(value) <= images)
        ]
        known = own in fitting or (name == "batch_size" and fitting and float(own) > images)
        space[name] = Choice(tuple(fitting if known else (own, *fitting)))
    return space


def _fits(recipe: Recipe, name: str, value: Value) -> bool:
    try:
        apply_changes(recipe, {name: value})
    except UsageError:
        return False
    return True


def start_values(recipe: Recipe, space: Space) -> dict[str, Value]:
    """Return the recipe's own values, or the nearest ones that the space has."""
    values: dict[str, Value] = {}
    for name, known in space.items():
        own = current_value(recipe, name)
        if isinstance(known, Choice):
            values[name] = _nearest(own, known.values)
        else:
            number = float(own) if isinstance(own, int | float) else known.low
            number = min(max(number, known.low), known.high)
            values[name] = round(number) if known.whole else number
    return values


def _nearest(own: Value | None, choices: tuple[Value, ...]) -> Value:
    numbers = [value for value in choices if not isinstance(value, str)]
    if own in choices or own is None or isinstance(own, str) or not numbers:
        return own if own is not None and own in choices else choices[0]
    return min(numbers, key=lambda value: abs(value - own))


def levels(values: Choice | Range, own: Value) -> tuple[Value, ...]:
    """Return the values to try one at a time, `own` among them.

    Args:
        values: All choices are tried, or `RANGE_LEVELS` values of a range.
        own: The value that the others are compared with.
    """
    if isinstance(values, Choice):
        return values.values if own in values.values else (own, *values.values)
    steps = [number / (RANGE_LEVELS - 1) for number in range(RANGE_LEVELS)]
    if values.log:
        found = [values.low * (values.high / values.low) ** step for step in steps]
    else:
        found = [values.low + (values.high - values.low) * step for step in steps]
    rounded = {round(one) if values.whole else float(f"{one:.3g}") for one in found}
    return tuple(sorted(rounded | {own}, key=float))


def space_to_dict(space: Space) -> dict[str, Any]:
    """Return a space as JSON-ready values: a list of choices, or a range, by name."""
    return {
        name: list(values.values) if isinstance(values, Choice) else asdict(values)
        for name, values in space.items()
    }


def space_from_dict(recipe: Recipe, data: Any) -> Space:
    """Make a space from what `space_to_dict` gives, or from values as the shell spells them.

    Raises:
        UsageError: It is no space, or does not fit the recipe.
    """
    if not isinstance(data, dict) or not data:
        raise UsageError("a search space must be an object with values by name")
    return {name: _parsed(recipe, name, values) for name, values in data.items()}


def edited(recipe: Recipe, space: Space, option: str) -> Space:
    """Return a space changed by one ``--space`` option of the shell.

    Args:
        recipe: Center of the search.
        space: The space so far.
        option: ``NAME=LOW..HIGH``, ``NAME=A,B,C`` or ``NAME=A`` sets or adds an entry;
            ``NAME,NAME`` keeps only these; a name that ends in .json is a file with the whole
            space.

    Raises:
        UsageError: There is no such setting, the values do not fit it, or the file holds no space.
    """
    if option.endswith(".json"):
        return space_from_dict(recipe, _read(Path(option)))
    name, equals, text = option.partition("=")
    if not equals:
        names = [part.strip() for part in option.split(",")]
        for part in names:
            if part not in space:
                raise UsageError(no_such("setting in the search space", part, space))
        return {part: space[part] for part in names}
    same = {"rate_factor", "optimizer.learning_rate"}  # two names of the same setting
    replaced = same if name in same else set()
    kept = {one: values for one, values in space.items() if one == name or one not in replaced}
    return kept | {name: _parsed(recipe, name, text)}


def _read(path: Path) -> Any:
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the search space {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"the search space {path} is not JSON: {error}") from error


def _parsed(recipe: Recipe, name: str, data: Any) -> Choice | Range:
    """Return values of a JSON file or of the shell, checked by setting them."""
    settings = [*CHANGES, *dict(flat_settings(recipe_to_dict(recipe)))]
    if name not in settings and (close := suggestion(name, settings)):
        raise UsageError(
            f"no setting {name!r}{close}; there are: {', '.join(CHANGES)}; or any setting that "
            "`tenfold recipes NAME --json` prints"
        )
    if name in UNUSED:
        raise UsageError(f"a search does not change {name}: {UNUSED[name]}")
    values = _parse(data, name, isinstance(current_value(recipe, name), int))
    if isinstance(values, Range) and (
        values.low >= values.high or (values.log and values.low <= 0)
    ):
        raise UsageError(
            f"{name}={values.low:g}..{values.high:g}: a range must rise, and be above 0 if "
            "logarithmic"
        )
    tried = values.values if isinstance(values, Choice) else (values.low, values.high)
    for value in tried:
        if tried.count(value) > 1:
            raise UsageError(f"{name}: {value} is given twice; give each value once")
        try:
            same = apply_changes(recipe, {name: value}) == recipe
        except (ValueError, OverflowError):
            raise UsageError(f"{name} is {value!r}; it must be a finite number") from None
        if same and current_value(recipe, name) is None:
            raise UsageError(f"{recipe.name} has no layer that {name} changes; leave it out")
    return values


def _parse(data: Any, name: str, whole: bool) -> Choice | Range:
    if isinstance(data, list):
        if not data or not all(isinstance(value, int | float | str) for value in data):
            raise UsageError(f"{name}: a list of choices must hold numbers, words, true and false")
        return Choice(tuple(data))
    if isinstance(data, dict):
        try:
            found = Range(**data)
            numbers = tuple(map(float, (found.low, found.high)))
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{name}: a range has low, high, log and whole") from None
        integers = all(end.is_integer() for end in numbers)
        if found.whole and not integers:
            raise UsageError(f"{name}: the ends of a range of integers must be integers")
        whole = bool(found.whole) or (whole and integers)
        first, last = map(int, numbers) if whole else numbers
        return Range(first, last, bool(found.log), whole)
    text = str(data)
    if ".." not in text:
        return Choice(tuple(_number_or_word(part) for part in text.split(",")))
    low, _, high = text.partition("..")
    ends = _number_or_word(low), _number_or_word(high)
    if any(isinstance(end, str) for end in ends):
        raise UsageError(f"{name}={text}: a range is two numbers, as in 0.001..0.1")
    first, last = (float(end) for end in ends)
    log = first > 0 and last >= LOG_FACTOR * first
    if whole and first.is_integer() and last.is_integer():
        return Range(int(first), int(last), log, whole=True)
    return Range(first, last, log)


def _number_or_word(text: str) -> Value:
    if text.strip() in ("true", "false"):
        return text.strip() == "true"
    kinds: tuple[Callable[[str], Value], ...] = (int, float)
    for kind in kinds:
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()
