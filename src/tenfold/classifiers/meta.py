"""The values of a bundle's meta.json that tenfold uses, and their checks."""

import reprlib
from typing import Any

FORMAT = 1
"""Format of meta.json; increased when older versions of tenfold could not use a new bundle."""

_LARGEST = 10**15
"""Largest number that is accepted."""

_COUNT = f"a whole number from 0 to {_LARGEST:,}"
_NUMBER = f"a number from 0 to {_LARGEST:,}"
_TEXT = "text"
_OBJECT = "an object"
_NAMES = "a list of different names, at least two"
_TYPES: dict[str, Any] = {
    _COUNT: int, _NUMBER: (int, float), _TEXT: str, _OBJECT: dict, _NAMES: list,
}  # fmt: skip

_VALUES = {
    "recipe": _OBJECT,
    "recipe.name": _TEXT,
    "recipe.summary": _TEXT,
    "seed": _COUNT,
    "parameters": _COUNT,
    "epochs": _COUNT,
    "train_seconds": _NUMBER,
    "test": _OBJECT,
    "files": _OBJECT,
}
"""What each value that every bundle has must be, by its dotted name."""

_OPTIONAL = {
    "test.accuracy": _NUMBER,
    "validation": _OBJECT,
    "reading": _OBJECT,
    "classes": _NAMES,
    "data": _OBJECT,
    "data.source": _TEXT,
    "data.as_": _TEXT,
    "data.train_sha256": _TEXT,
}
"""What each value that may be missing must be."""


def check_meta(meta: Any) -> None:
    """Check the values of meta.json that tenfold uses.

    `recipes.serialization` checks the settings of the recipe, and `reading.settings` those of
    reading, where they are used.

    Raises:
        ValueError: Says which value is missing or wrong, and what is accepted.
    """
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ValueError(f"it has another format; this tenfold reads format {FORMAT}")
    for name, kind in (_VALUES | _OPTIONAL).items():
        *parents, last = name.split(".")
        place: Any = meta
        for parent in parents:
            place = place.get(parent) or {}
        if last in place:
            if name != "test" or place[last] is not None:  # null if the test images were left alone
                _check(name, place[last], kind)
        elif name in _VALUES:
            raise ValueError(f"it has no {name!r}, which must be {kind}")
    for name, digest in meta["files"].items():
        _check(f"files.{name}", digest, _TEXT)


def _check(name: str, value: Any, kind: str) -> None:
    """Raise a ValueError if a value is not of its kind."""
    right = isinstance(value, _TYPES[kind]) and not isinstance(value, bool)
    if right and kind in (_COUNT, _NUMBER):
        right = 0 <= value <= _LARGEST  # NaN fails too
    if right and kind == _NAMES:
        right = all(isinstance(one, str) for one in value) and len(set(value)) == len(value) > 1
    if not right:
        raise ValueError(f"{name!r} is {reprlib.repr(value)}; it must be {kind}")
