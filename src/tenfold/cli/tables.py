"""Tables and paragraphs that fit the terminal."""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tenfold.cli.terminal import MAX_WIDTH, styled, terminal_width

GAP = "  "
"""What separates columns."""

LEAST_WIDTH = 20
"""Columns of words are made no narrower than this."""


def paragraph(text: str) -> str:
    """Return a text wrapped to the terminal; elsewhere it stays one line."""
    limit = terminal_width()
    return textwrap.fill(text, min(limit, MAX_WIDTH)) if limit else text


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Its heading.
        text: Its cells are words, which stand at the left; numbers stand at the right.
        wraps: Its cells may take several lines.
        rank: On a narrow terminal, the columns of the highest ranks are left out first. Columns
            of rank 0 always stay.
    """

    heading: str
    text: bool = False
    wraps: bool = False
    rank: int = 0


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, more: str = "--json") -> str:
    """Return rows as a table that fits the terminal; elsewhere, every row is one whole line.

    Args:
        columns: The columns.
        rows: The cells of each row, by column.
        more: Where the columns are that the terminal is too narrow for.
    """
    headings = [column.heading for column in columns]
    natural = [max(map(len, cells)) for cells in zip(headings, *rows, strict=True)]
    limit = terminal_width() or sum(natural) + len(GAP) * len(natural)
    shown = list(range(len(columns)))
    widths = _fitted(columns, natural, shown, limit)
    while _total(widths, shown) > limit and any(columns[i].rank for i in shown):
        shown.remove(max(shown, key=lambda i: columns[i].rank))
        widths = _fitted(columns, natural, shown, limit)
    lines = [
        styled(line, "bold", stream=sys.stdout) for line in _lines(columns, widths, shown, headings)
    ]
    for row in rows:
        lines += _lines(columns, widths, shown, row)
    if missing := [heading for i, heading in enumerate(headings) if i not in shown]:
        lines += ["", paragraph(f"A wider terminal, or {more}, shows also: {', '.join(missing)}.")]
    return "\n".join(lines)


def _fitted(
    columns: Sequence[Column], natural: Sequence[int], shown: Sequence[int], limit: int
) -> list[int]:
    """Return the widths of the columns: those that wrap give way, the widest of them first."""
    widths = list(natural)
    while _total(widths, shown) > limit:
        wide = [i for i in shown if columns[i].wraps and widths[i] > LEAST_WIDTH]
        if not wide:
            break
        widths[max(wide, key=lambda i: widths[i])] -= 1
    return widths


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1)


def _lines(
    columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], cells: Sequence[str]
) -> Iterator[str]:
    """Yield the lines of a row."""
    wrapped = [
        textwrap.wrap(cells[i], widths[i]) if columns[i].wraps else [cells[i]] for i in shown
    ]
    for parts in zip_longest(*wrapped, fillvalue=""):
        padded = (
            part.ljust(widths[i]) if columns[i].text else part.rjust(widths[i])
            for i, part in zip(shown, parts, strict=True)
        )
        yield GAP.join(padded).rstrip()
