"""Kinds of fields: how integers, decimals, dates and times are written, and what they mean."""

import calendar
import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from tenfold.arrays import DIGITS
from tenfold.reading.automata import Acceptor, Intersection
from tenfold.reading.patterns import Pattern

Value: TypeAlias = int | Decimal | datetime.date | datetime.time
"""What a text of a kind means."""

FIRST_YEAR, LAST_YEAR = 1900, 2099
"""Years of dates."""

CENTURY_FROM = 69
"""Years of two digits from this one on are of the 20th century, as in POSIX and Python's %y."""

_GROUPS = r"[0-9]{{1,3}}({0}[0-9]{{3}})"
_NUMBERS = {
    "integer": [(r"-?[0-9]+", "", "")],
    "decimal": [
        (r"-?[0-9]+([.,]([0-9]+|-))?", ".,", ""),
        (rf"-?{_GROUPS.format('[.]')}+,[0-9]+", ",", "."),
        (rf"-?{_GROUPS.format(',')}+[.][0-9]+", ".", ","),
        (rf"-?{_GROUPS.format('[.]')}{{2,}}", "", "."),
        (rf"-?{_GROUPS.format(',')}{{2,}}", "", ","),
    ],
}
"""For each kind its spellings: pattern, decimal marks, and what separates thousands."""

_TIME = r"([01]?[0-9]|2[0-3])[:.][0-5][0-9](:[0-5][0-9])?"


class Union:
    """The texts that at least one of several automata accepts."""

    def __init__(self, parts: Sequence[Acceptor]) -> None:
        self._parts = parts
        self.start = tuple(part.start for part in parts)

    def arcs(self, state: tuple[Any, ...]) -> dict[str, Any]:
        """See `Acceptor`."""
        all_arcs = [
            {} if one is None else part.arcs(one)
            for part, one in zip(self._parts, state, strict=True)
        ]
        characters = {character for arcs in all_arcs for character in arcs}
        return {
            character: tuple(arcs.get(character) for arcs in all_arcs) for character in characters
        }

    def accepts(self, state: tuple[Any, ...]) -> bool:
        """See `Acceptor`."""
        return any(
            one is not None and part.accepts(one)
            for part, one in zip(self._parts, state, strict=True)
        )


class Range:
    """Numbers from a least to a greatest one, or beyond one of them if the other is None.

    A state is: whether a minus stands before; the number of digits before the decimal mark, without
    leading zeros; the number behind it, or -1 before the mark; and how the digits so far compare
    with those of both limits.

    Args:
        least: The least number.
        most: The greatest number.
        marks: The decimal marks.
    """

    start: tuple[bool, int, int, tuple[int, ...]] = (False, 0, -1, (0, 0))

    def __init__(self, least: Decimal | None, most: Decimal | None, marks: str) -> None:
        self._least, self._most = least, most
        self._marks = marks
        self._limits = [_digits_of((limit or Decimal(0)).copy_abs()) for limit in (least, most)]
        self._longest = 1 + max(len(whole) for whole, _ in self._limits)

    def arcs(self, state: tuple[bool, int, int, tuple[int, ...]]) -> Mapping[str, Any]:
        """See `Acceptor`."""
        negative, whole, part, compared = state
        arcs: dict[str, Any] = {"-": state if part >= 0 else (True, *state[1:])}
        arcs |= dict.fromkeys(".,", state)
        if part < 0:
            ends = tuple(
                _compare(whole, len(digits)) or before
                for (digits, _), before in zip(self._limits, compared, strict=True)
            )
            arcs |= dict.fromkeys(self._marks, (negative, 0, 0, ends))
        for digit in DIGITS:
            if part >= 0:
                after = self._compared(compared, 1, part, digit)
                arcs[digit] = (negative, 0, min(part + 1, self._most_places), after)
            elif whole or digit != "0":
                after = self._compared(compared, 0, whole, digit)
                arcs[digit] = (negative, min(whole + 1, self._longest), -1, after)
            else:
                arcs[digit] = state
        return arcs

    @property
    def _most_places(self) -> int:
        return max(len(places) for _, places in self._limits)

    def _compared(
        self, compared: tuple[int, ...], half: int, place: int, digit: str
    ) -> tuple[int, ...]:
        """Return how the digits so far compare with both limits, one digit later."""
        return tuple(
            before or _compare(digit, limit[half][place] if place < len(limit[half]) else "0")
            for limit, before in zip(self._limits, compared, strict=True)
        )

    def accepts(self, state: tuple[bool, int, int, tuple[int, ...]]) -> bool:
        """See `Acceptor`."""
        negative, whole, part, compared = state
        ends = []
        for (digits, places), before in zip(self._limits, compared, strict=True):
            found = before if part >= 0 else _compare(whole, len(digits)) or before
            ends.append(found or -int(max(part, 0) < len(places)))
        sign = -1 if negative else 1
        for limit, found, side in zip((self._least, self._most), ends, (1, -1), strict=True):
            if limit is None:
                continue
            # Of a limit of the other sign, the number without minus is the greater one.
            compares = sign if (limit < 0) != negative else sign * found
            if compares * side < 0:
                return False
        return True


def _compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _digits_of(number: Decimal) -> tuple[str, str]:
    """Return the digits before and behind the decimal mark, without needless zeros."""
    whole, _, places = f"{number:f}".partition(".")
    return whole.lstrip("0"), places.rstrip("0")


class Dates:
    """Dates of three numbers between equal separators, one of `. / -`.

    A state holds the finished numbers as far as they matter, the separator and the digits of the
    number that is being written.

    Args:
        order: The order of year, month and day, such as "dmy".
        least: The first date.
        most: The last date.
    """

    start: tuple[Any, ...] = ((), "", "")

    def __init__(
        self, order: str, least: datetime.date | None = None, most: datetime.date | None = None
    ) -> None:
        self._order = order
        self._least = least or datetime.date(FIRST_YEAR, 1, 1)
        self._most = most or datetime.date(LAST_YEAR, 12, 31)
        years = map(str, range(self._least.year, self._most.year + 1))
        self._beginnings = {year[:count] for year in years for count in (3, 4)}
        self._alike: dict[Any, tuple[Any, ...]] = {}

    def arcs(self, state: tuple[Any, ...]) -> Mapping[str, Any]:
        """See `Acceptor`."""
        done, separator, digits = state
        kind = self._order[len(done)]
        arcs: dict[str, Any] = {}
        for digit in DIGITS:
            if self._may_begin(kind, digits + digit):
                arcs[digit] = (done, separator, digits + digit)
        if len(done) < 2 and self._is_number(kind, digits):
            numbers = (*done, digits if kind == "y" else int(digits))
            if self._is_possible(numbers):
                alike = self._alike.setdefault(self._what_matters(numbers), numbers)
                arcs |= {one: (alike, one, "") for one in separator or "./-"}
        return arcs

    def _what_matters(self, numbers: tuple[Any, ...]) -> Any:
        """Return what decides which numbers may follow; where it is equal, states are one."""
        parts = dict(zip(self._order, numbers, strict=False))
        ends = (self._least, self._most)
        if set(parts) == {"d", "m"}:
            day = (parts["m"], parts["d"])
            return "dm", day == (2, 29), tuple(_compare(day, (e.month, e.day)) for e in ends)
        if set(parts) == {"y"}:
            year = year_of(parts["y"])
            return "y", calendar.isleap(year), year == self._least.year, year == self._most.year
        return numbers

    def _may_begin(self, kind: str, digits: str) -> bool:
        """Return whether a number of a kind may begin with digits."""
        if kind != "y":
            return len(digits) <= 2 and int(digits) <= (31 if kind == "d" else 12)
        return len(digits) <= 2 or digits in self._beginnings

    def _is_number(self, kind: str, digits: str) -> bool:
        """Return whether digits are a number of a kind: a year first has four digits."""
        if kind == "y":
            return len(digits) == 4 or (len(digits) == 2 and self._order[0] != "y")
        return digits.isdigit() and 1 <= int(digits) <= (31 if kind == "d" else 12)

    def _is_possible(self, numbers: tuple[Any, ...]) -> bool:
        parts = dict(zip(self._order, numbers, strict=False))
        if {"d", "m"} <= set(parts):
            year = year_of(parts["y"]) if "y" in parts else 2000
            return bool(parts["d"] <= calendar.monthrange(year, parts["m"])[1])
        return "y" not in parts or self._least.year <= year_of(parts["y"]) <= self._most.year

    def accepts(self, state: tuple[Any, ...]) -> bool:
        """See `Acceptor`."""
        done, _, digits = state
        kind = self._order[len(done)]
        if len(done) < 2 or not self._is_number(kind, digits):
            return False
        numbers = (*done, digits if kind == "y" else int(digits))
        date = date_of(dict(zip(self._order, numbers, strict=True)))
        return date is not None and self._least <= date <= self._most


class Times:
    """Times from a first to a last one. A text is taken to be a time: this checks no syntax.

    A state is: the place of the number that is being written, its digits, and how the numbers
    before it compare with those of both limits.

    Args:
        least: The first time.
        most: The last time.
    """

    start: tuple[int, str, tuple[int, ...]] = (0, "", (0, 0))

    def __init__(self, least: datetime.time | None, most: datetime.time | None) -> None:
        ends = (least or datetime.time.min, most or datetime.time.max)
        self._limits = [(end.hour, end.minute, end.second + end.microsecond / 1e6) for end in ends]

    def arcs(self, state: tuple[int, str, tuple[int, ...]]) -> Mapping[str, Any]:
        """See `Acceptor`."""
        place, digits, compared = state
        arcs: dict[str, Any] = {one: (place, digits + one, compared) for one in DIGITS}
        if digits and place < 2:
            after = self._compared(place, int(digits), compared)
            arcs |= dict.fromkeys(":.", (place + 1, "", after))
        return arcs

    def _compared(self, place: int, number: int, compared: tuple[int, ...]) -> tuple[int, ...]:
        """Return how the numbers so far compare with both limits, one number later."""
        return tuple(
            before or _compare(number, limit[place])
            for limit, before in zip(self._limits, compared, strict=True)
        )

    def accepts(self, state: tuple[int, str, tuple[int, ...]]) -> bool:
        """See `Acceptor`."""
        place, digits, compared = state
        compared = self._compared(place, int(digits or 0), compared)
        for missing in range(place + 1, 3):
            compared = self._compared(missing, 0, compared)
        return compared[0] >= 0 >= compared[1]


def year_of(digits: str) -> int:
    """Return the year that four or two digits name."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= CENTURY_FROM else 2000)


def date_of(parts: Mapping[str, Any]) -> datetime.date | None:
    """Return the date of a year (its digits), a month and a day; None if there is none."""
    try:
        return datetime.date(year_of(parts["y"]), int(parts["m"]), int(parts["d"]))
    except ValueError:
        return None


DATE_ORDERS = {"date": ("ymd", "dmy"), "us-date": ("ymd", "mdy")}
"""For each kind of date, the orders in which year, month and day are written."""


def acceptor_of(kind: str, least: Any, most: Any) -> Acceptor:
    """Return the automaton of a kind's texts.

    Args:
        kind: One of `KINDS`.
        least: The least value, or None.
        most: The greatest value, or None.
    """
    if kind in DATE_ORDERS:
        return Union([Dates(order, least, most) for order in DATE_ORDERS[kind]])
    if kind == "time":
        return Intersection([Pattern(_TIME), Times(least, most)])
    spellings: list[Acceptor] = []
    for pattern, marks, _ in _NUMBERS[kind]:
        syntax = Pattern(pattern)
        limited = least is not None or most is not None
        spellings.append(Intersection([syntax, Range(least, most, marks)]) if limited else syntax)
    return Union(spellings)


def value_text(value: Value) -> str:
    """Return a value as tables hold it, such as 12.50, 2026-11-28, 08:05 or 08:05:30."""
    if isinstance(value, datetime.time):
        return value.isoformat("seconds" if value.second else "minutes")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def value_of(kind: str, text: str) -> Value | None:
    """Return what a text of a kind means; None if it means nothing.

    Args:
        kind: One of `KINDS`.
        text: For example "1.234,50" (decimal: 1234.50) or "28/11/26" (date: 2026-11-28).
    """
    text = text.replace(" ", "")
    value: Value | None = _PARSERS[kind](text)
    return value


def _number(kind: str) -> Callable[[str], Any]:
    make = int if kind == "integer" else Decimal

    def parse(text: str) -> Any:
        for pattern, marks, thousands in _NUMBERS[kind]:
            if re.fullmatch(pattern, text):
                plain = text.replace(thousands, "") if thousands else text
                for mark in marks:
                    plain = plain.replace(mark, ".")
                return make(plain.removesuffix(".-"))
        return None

    return parse


def _date(kind: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        numbers = re.split(r"[./-]", text)
        if len(numbers) != 3 or not all(one.isdigit() for one in numbers):
            return None
        year_first, other = DATE_ORDERS[kind]
        order = year_first if len(numbers[0]) == 4 else other
        return date_of(dict(zip(order, numbers, strict=True)))

    return parse


def _time(text: str) -> datetime.time | None:
    if not re.fullmatch(_TIME, text):
        return None
    hour, minute, second = [*map(int, re.split(r"[:.]", text)), 0][:3]
    return datetime.time(hour, minute, second)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": _number("integer"),
    "decimal": _number("decimal"),
    "date": _date("date"),
    "us-date": _date("us-date"),
    "time": _time,
}

KINDS = tuple(_PARSERS)
"""Kinds of fields."""
