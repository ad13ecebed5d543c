"""The likeliest texts of a line, with what is known of it or without.

The automaton of a field runs over the lattice of a line (`tenfold.reading.row_search`), so every
row that the field excludes has probability 0, and the confidence of a row is its share among all
rows that satisfy the field.
"""

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

from tenfold.arrays import DIGITS
from tenfold.formatting import percent
from tenfold.reading.automata import Automaton, Loop, compiled
from tenfold.reading.checks import CHECKS
from tenfold.reading.ctc import OTHER
from tenfold.reading.fields import SILENT_SIGNS, Field
from tenfold.reading.kinds import Value
from tenfold.reading.lattice import NUMBER_SIGNS, SEPARATING, SPACE, Lattice
from tenfold.reading.row_search import FoundRow, RowSearch
from tenfold.reading.settings import ReaderSettings

MOST_ROWS = 1000
"""Most rows that are tried with a check that is no automaton."""

ENOUGH = 0.001
"""Such a search ends when what is left is this share of the likeliest row that passes the check."""

MOST_SPELLINGS = 5
"""Most texts that are sought to add up those that mean the same."""

NEGLIGIBLE = 1e-3
"""Less likely texts are not sought."""


@dataclass(frozen=True)
class FieldReading:
    """What a line reads under a field.

    Attributes:
        text: The likeliest text that satisfies the field; "" if none can stand in the line.
        value: Its value by the field's kind: int, Decimal, date or time; None without a kind.
        confidence: Its probability among all texts that satisfy the field, 0 to 1; with a kind,
            that of its value, which 1.5 and 1,5 share.
        fit: Probability that any text that satisfies the field stands in the line, 0 to 1.
        unconstrained: The likeliest text without the field.
        accepted: Whether confidence and fit are high enough.
        reason: Why it is not accepted; None if it is.
        alternatives: The likeliest texts that satisfy the field, likeliest first, with their
            confidences; with a kind, the likeliest text of each value.
    """

    text: str
    value: Value | None
    confidence: float
    fit: float
    unconstrained: str
    accepted: bool
    reason: str | None
    alternatives: tuple[tuple[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the entry in `tenfold read --json`; dates and times as in ISO 8601."""
        value: Any = self.value
        if isinstance(value, Decimal):
            value = float(value)
        elif isinstance(value, datetime.date | datetime.time):
            value = value.isoformat()
        return {
            "text": self.text,
            "value": value,
            "confidence": round(self.confidence, 4),
            "fit": round(self.fit, 4),
            "unconstrained": self.unconstrained,
            "accepted": self.accepted,
            "reason": self.reason,
        }


def decode(
    lattice: Lattice, field: Field, settings: ReaderSettings | None = None, *, count: int = 1
) -> FieldReading:
    """Return the likeliest text in a line that satisfies a field.

    Args:
        lattice: What may stand in the line.
        field: What is known of it.
        settings: The settings of reading; None takes the defaults.
        count: Most alternatives.
    """
    settings = settings or ReaderSettings()
    plain = likeliest(lattice, 1, numbers=not field.silent)
    unconstrained = plain[0][0] if plain else ""
    search = RowSearch(lattice, field.automaton, field.silent)
    fit = min(1.0, math.exp(search.log_likelihood))
    found = _by_value(field, _valid(search, field, max(count, MOST_SPELLINGS)))[:count]
    text, confidence = found[0] if found else ("", 0.0)
    reason = None
    if not found:
        reason = f"nothing that satisfies the field is likely; it reads {unconstrained!r}"
    elif fit < settings.field_fit_likelihood:
        reason = f"it reads {unconstrained!r}, which the field excludes"
    elif confidence < settings.field_confidence:
        reason = f"the field leaves {text!r} with {percent(confidence)}"
    return FieldReading(
        text, field.value_of(text) if found else None, confidence, fit, unconstrained,
        reason is None, reason, found,
    )  # fmt: skip


def _valid(search: RowSearch, field: Field, count: int) -> list[tuple[str, float]]:
    """Return the likeliest texts that satisfy a field, with their shares among all that do.

    Where the check is no automaton, that is the share of the valid rows found and of all rows that
    are not found: at least the right one, so that the confidence is too low rather than too high.
    """
    if field.check is None or field.check in CHECKS:
        return [(row.text, row.share) for row in _first(search, count)]
    valid, rest = [], 1.0
    for row in islice(search.rows(), MOST_ROWS):
        rest = row.rest
        if field.satisfied_by_check(row.text):
            valid.append(row)
        if valid and rest < ENOUGH * valid[0].share:
            break
    share = sum(row.share for row in valid) + rest
    return [(row.text, row.share / share) for row in valid[:count]]


def _by_value(field: Field, found: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Return the likeliest text of each value with the share of all its texts, likeliest first."""
    texts: dict[Any, str] = {}
    shares: dict[Any, float] = {}
    for text, share in found:
        written = field.written(text)
        value = field.value_of(text)
        key = written if value is None else value
        texts.setdefault(key, written)
        shares[key] = shares.get(key, 0.0) + share
    return tuple((texts[key], shares[key]) for key in sorted(shares, key=lambda k: -shares[k]))


def likeliest(lattice: Lattice, count: int, *, numbers: bool) -> list[tuple[str, float]]:
    """Return the likeliest texts of a line with their probabilities, likeliest first.

    Args:
        lattice: What may stand in the line.
        count: Most texts to return.
        numbers: Whether the signs of numbers are part of the text.
    """
    silent = "".join(one for one in SILENT_SIGNS if not numbers or one not in NUMBER_SIGNS)
    search = RowSearch(lattice, _any_row(numbers), silent, SEPARATING)
    return [(row.text, row.share) for row in _first(search, count)]


def _first(search: RowSearch, count: int) -> Iterator[FoundRow]:
    """Yield the likeliest rows, at most `count`, as long as others have a share to speak of."""
    for row in islice(search.rows(), count):
        yield row
        if row.rest < NEGLIGIBLE:
            return


@lru_cache(maxsize=2)
def _any_row(numbers: bool) -> Automaton:
    """Return the automaton of all rows of digits and `OTHER`, with the signs of numbers or not."""
    return compiled(Loop([*DIGITS, OTHER, *(NUMBER_SIGNS + SPACE if numbers else "")]))
