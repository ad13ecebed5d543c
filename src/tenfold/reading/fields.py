"""Fields: what is known of a number before it is read, compiled to an automaton over characters."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any

from tenfold.arrays import DIGITS
from tenfold.errors import UsageError
from tenfold.formatting import listed
from tenfold.reading.automata import (
    Acceptor,
    Automaton,
    Choices,
    Intersection,
    Loop,
    WithoutSpaces,
    compiled,
    with_spaces,
)
from tenfold.reading.checks import CHECKS, stdnum_check
from tenfold.reading.ctc import SIGNS
from tenfold.reading.kinds import KINDS, Value, acceptor_of, value_of
from tenfold.reading.lattice import ALPHABET, READABLE, SPACE, is_readable
from tenfold.reading.patterns import Pattern

LONGEST_PATTERN = 500
"""Most characters of a pattern."""

MOST_DIGITS = 100
"""Most digits that `length` may ask for, and that a limit may have on each side of its point; and
most characters of a choice."""

SILENT_SIGNS = ".,-/:()$"
"""Signs that stand within a number and leave nothing where digits alone are read."""


@dataclass(frozen=True)
class Field:
    r"""What is known of a number, a date or a code before it is read.

    All conditions that are given hold at once. Without a pattern, choices and a kind, a field is a
    number of digits. Without a pattern and a kind, signs on the paper leave nothing, unless one of
    the choices has them. Spaces on the paper never matter.

    Args:
        pattern: A regular expression that the whole text matches, such as `[0-9]{2}-[0-9]{4}`:
            Python's syntax without look-arounds, back references, comments and anchors inside, and
            with at most about 1,000 characters when its repetitions are written out.
        length: Number of digits; signs do not count.
        choices: All texts that are possible, of at most 100 characters each.
        check: A check of digits: luhn, ean, damm, mod11, mod_11_2, mod_11_10 or mod_97_10; or a
            module of python-stdnum, such as verhoeff or nl.bsn, with the extra `checks`.
        minimum: The least value of a number, a date or a time; a date as 2026-01-31 in a string.
        maximum: The greatest value.
        kind: integer, decimal, date (day first, or year first), us-date (month first, or year
            first) or time; with a minimum or a maximum alone it is integer or decimal.

    Raises:
        UsageError: A value is wrong, or no text satisfies the conditions.
        MissingExtraError: The check needs python-stdnum.
    """

    pattern: str | None = None
    length: int | None = None
    choices: tuple[str, ...] | None = None
    check: str | None = None
    minimum: int | float | str | Decimal | datetime.date | datetime.time | None = None
    maximum: int | float | str | Decimal | datetime.date | datetime.time | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        if self.choices is not None and not isinstance(self.choices, tuple):
            object.__setattr__(self, "choices", _as_choices(self.choices))
        for name in ("minimum", "maximum"):
            value = getattr(self, name)
            if isinstance(value, Decimal | datetime.date | datetime.time):
                object.__setattr__(self, name, str(value))
        _check_values(self)
        _compile(self, self._kind)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Field":
        """Return the field that `to_dict` describes.

        Raises:
            UsageError: A name is unknown, or a value is wrong.
        """
        known = [one.name for one in fields(cls)]
        if not isinstance(values, Mapping):
            raise UsageError(f"a field is {values!r}: give an object with {listed(known)}")
        if unknown := sorted(set(values) - set(known)):
            raise UsageError(f"a field has no {unknown[0]!r}: give {listed(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the conditions that are given, ready for JSON."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value is not None
        }

    @property
    def automaton(self) -> Automaton:
        """The automaton of all texts that satisfy the field, without their spaces."""
        return _compile(self, self._kind)

    @property
    def silent(self) -> str:
        """The signs on the paper that leave nothing in the text."""
        if self.pattern or self._kind:
            return ""
        written = set("".join(self.choices or ()))
        return "".join(one for one in SILENT_SIGNS if one not in written)

    @property
    def _kind(self) -> str | None:
        if self.kind or self.minimum is self.maximum is None:
            return self.kind
        return "integer" if all(_is_whole(v) for v in (self.minimum, self.maximum)) else "decimal"

    @cached_property
    def _limits(self) -> list[Any]:
        return [
            None if value is None else _limit(self._kind or "", value)
            for value in (self.minimum, self.maximum)
        ]

    def accepts(self, text: str) -> bool:
        """Return whether a text satisfies the field; spaces never matter."""
        state = 0
        for character in text:
            if character == SPACE:
                continue
            if character not in ALPHABET:
                return False
            state = int(self.automaton.targets[state, ALPHABET.index(character)])
            if state < 0:
                return False
        return bool(self.automaton.accepting[state]) and self.satisfied_by_check(text)

    def satisfied_by_check(self, text: str) -> bool:
        """Return whether a text satisfies the part of the field that is no automaton."""
        if self.check is None or self.check in CHECKS:
            return True
        return stdnum_check(self.check)("".join(one for one in text if one != SPACE))

    def written(self, text: str) -> str:
        """Return a text of the automaton as the field writes it, with its spaces."""
        for acceptor in _written_parts(self):
            text = with_spaces(acceptor, text)
        return text

    def value_of(self, text: str) -> Value | None:
        """Return what a text means, by the field's kind; None without a kind."""
        return value_of(self._kind, text) if self._kind else None


class _Length:
    """Texts of a number of digits, or of any number from 1, whatever signs stand between them."""

    start = 0

    def __init__(self, digits: int | None) -> None:
        self._digits = digits

    def arcs(self, state: int) -> Mapping[str, int]:
        """See `Acceptor`."""
        arcs = dict.fromkeys(SIGNS + SPACE, state)
        if state != self._digits:
            arcs |= dict.fromkeys(DIGITS, min(state + 1, self._digits or 1))
        return arcs

    def accepts(self, state: int) -> bool:
        """See `Acceptor`."""
        return state == (self._digits or 1)


@lru_cache(maxsize=256)
def _compile(field: Field, kind: str | None) -> Automaton:
    """Return the automaton of a field.

    Fields that are equal may differ in kind: a minimum of 0 makes an integer, one of 0.0 a decimal.
    """
    parts: list[Acceptor] = [WithoutSpaces(part) for part in _written_parts(field)]
    parts.append(_Length(field.length))
    if kind:
        parts.append(acceptor_of(kind, *field._limits))
    elif not parts[:-1]:
        parts.append(Loop(DIGITS))
    if field.check in CHECKS:
        parts.append(CHECKS[field.check])
    elif field.check is not None:
        stdnum_check(field.check)
    return compiled(Intersection(parts))


@lru_cache(maxsize=256)
def _written_parts(field: Field) -> tuple[Acceptor, ...]:
    """Return the automata of a field whose texts may hold spaces."""
    parts: list[Acceptor] = []
    if field.choices is not None:
        parts.append(Choices(field.choices))
    if field.pattern is not None:
        parts.append(Pattern(field.pattern))
    return tuple(parts)


def _check_values(field: Field) -> None:
    """Raise UsageError if a value of a field is wrong by itself."""
    for name, value in vars(field).items():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, int) and abs(one) >= 10**MOST_DIGITS:  # Python may refuse to show it
                raise UsageError(f"{name} has more than {MOST_DIGITS} digits: give fewer")
    if not (field.pattern is None or isinstance(field.pattern, str)):
        raise UsageError(f"pattern is {field.pattern!r}: give a regular expression")
    if field.pattern is not None and len(field.pattern) > LONGEST_PATTERN:
        raise UsageError(
            f"the pattern has {len(field.pattern):,} characters: give {LONGEST_PATTERN} at most"
        )
    if field.length is not None and not (
        isinstance(field.length, int)
        and not isinstance(field.length, bool)
        and 1 <= field.length <= MOST_DIGITS
    ):
        raise UsageError(
            f"length is {field.length!r}: give a whole number of digits from 1 to {MOST_DIGITS}"
        )
    if field.kind is not None and field.kind not in KINDS:
        raise UsageError(f"kind is {field.kind!r}: give {listed(KINDS)}")
    if not (field.check is None or isinstance(field.check, str)):
        raise UsageError(f"check is {field.check!r}: give a name such as luhn")
    if field.choices is not None:
        _check_choices(field.choices)
    least, most = field._limits
    if least is not None and most is not None and least > most:
        raise UsageError(f"minimum {field.minimum} is greater than maximum {field.maximum}")


def _as_choices(choices: Any) -> tuple[str, ...]:
    if isinstance(choices, str | bytes | Mapping) or not hasattr(choices, "__iter__"):
        raise UsageError(f"choices is of type {type(choices).__name__}: give a list of texts")
    return tuple(choices)


def _check_choices(choices: tuple[Any, ...]) -> None:
    if not choices:
        raise UsageError("choices is empty: give at least one text")
    for one in choices:
        if not isinstance(one, str):
            raise UsageError(f"choices has {one!r}: give texts, such as {str(one)!r}")
        if len(one) > MOST_DIGITS:
            raise UsageError(
                f"choices has a text of {len(one):,} characters: give {MOST_DIGITS} at most"
            )
        if not is_readable(one) or not one.strip():
            raise UsageError(f"choices has {one!r}: give texts of {READABLE}")


def _is_whole(value: Any) -> bool:
    return value is None or re.fullmatch(r"[+-]?[0-9]+", str(value)) is not None


def _limit(kind: str, value: Any) -> Any:
    """Return a minimum or maximum as a value of a kind.

    Raises:
        UsageError: It is none.
    """
    try:
        if kind.endswith("date"):
            return datetime.date.fromisoformat(str(value))
        if kind == "time":
            time = datetime.time.fromisoformat(str(value))
            if time.tzinfo is None:
                return time
        else:
            number = Decimal(str(value))
            exponent = number.as_tuple().exponent
            if isinstance(exponent, int) and not isinstance(value, bool):  # a finite number
                if max(number.adjusted() + 1, -exponent) <= MOST_DIGITS:
                    return number
                raise UsageError(
                    f"the limit {str(value)[:20]} has more than {MOST_DIGITS} digits on a side of "
                    "its decimal point: give a shorter one"
                )
    except (ValueError, InvalidOperation):
        pass
    examples = {"date": "2026-01-31", "us-date": "2026-01-31", "time": "08:30", "integer": "12"}
    moment = kind in ("integer", "decimal") and re.search(r"\d[-:]", str(value))
    also = ", or the kind date or time" if moment else ""
    raise UsageError(
        f"the limit {value!r} is no {kind}: give one such as {examples.get(kind, '12.5')}{also}"
    )
