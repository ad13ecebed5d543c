"""Selection: which rows and digits of a page stay, and which are left out as words or print."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tenfold.imaging.ink import median
from tenfold.reading.boxes.cells import PageCell
from tenfold.reading.lattice import Lattice, lattice_of
from tenfold.reading.marks import ScoredDigit, digit_place
from tenfold.reading.results import Box, Digit, Line, Sign
from tenfold.reading.settings import ReaderSettings


@dataclass(frozen=True)
class Part:
    """What was read in a row, or in a number or a word beside others in it.

    Attributes:
        digits: Left to right.
        mark_scores: Digit scores of its marks and pieces of marks, read one by one.
        is_number: Whether the line network takes it for a number; None if it was not asked.
        signs: Signs that stand in it, left to right.
        lattice: What may stand in it. None if only its digits say so.
    """

    digits: Sequence[ScoredDigit]
    mark_scores: Sequence[float]
    is_number: bool | None = None
    signs: Sequence[Sign] = ()
    lattice: Lattice | None = None


@dataclass(frozen=True)
class Row:
    """What was read in a row of marks.

    Attributes:
        marks: Number of marks in the row, before any was split.
        parts: Left to right; one, unless words stand in the row. One for each cell in `cells`.
        boxes: The boxes of its marks, or of its cells, in pixels of the page.
        cells: The cells of a grid's row that are not empty.
        whole: Whether the whole picture was read as this line, whatever was found in it.
    """

    marks: int
    parts: Sequence[Part]
    boxes: Sequence[Box] = ()
    cells: Sequence[PageCell] = ()
    whole: bool = False

    @property
    def middle(self) -> float:
        """Middle of the row from top to bottom, in pixels of the page."""
        return median([y + height / 2 for _, y, _, height in self.boxes])


@dataclass(frozen=True)
class Selection:
    """What stays of a page.

    Attributes:
        lines: Lines of digits, top to bottom.
        left_out: The digits of all marks that are left out.
        cells: The digits in each cell that is not empty.
    """

    lines: tuple[Line, ...]
    left_out: tuple[Digit, ...]
    cells: Mapping[PageCell, tuple[Digit, ...]]


def select(rows: Sequence[Row], settings: ReaderSettings, *, drawn: bool) -> Selection:
    """Return the lines of digits that stay, and the digits of all marks that are left out.

    Args:
        rows: What was read, top to bottom.
        settings: The settings of reading.
        drawn: Whether the page was drawn on a clean sheet, which holds no words.
    """
    share = _required_share([row for row in rows if not row.cells], settings)
    cells_stay = _cells_stay([row for row in rows if row.cells], settings)
    lowest = settings.lowest_mark * _digit_height([row for row in rows if row.cells])
    lines: list[tuple[Row, Line]] = []
    left_out: list[Digit] = []
    cells: dict[PageCell, tuple[Digit, ...]] = {}
    for row in rows:
        kept: list[Digit] = []
        signs: list[Sign] = []
        lattices: list[Lattice] = []
        for number, part in enumerate(row.parts):
            if row.cells:
                stays = cells_stay and part.is_number is not False
            else:
                stays = _stays(part, row.marks, share, drawn)
            before = len(kept)
            if stays:
                signs += part.signs
                lattices.append(part.lattice or lattice_of_digits(part.digits, settings))
            # A mark in a cell may be a bad digit, or several joined ones.
            meant = bool(row.cells) and row.cells[number].single
            for digit, score in part.digits:
                high = bool(row.cells and part.is_number) and digit.box[3] >= lowest
                is_digit = meant or high or score >= settings.non_digit_score
                (kept if stays and is_digit else left_out).append(digit)
            if row.cells:
                cells[row.cells[number]] = tuple(kept[before:])
        if kept:
            lines.append((row, Line(tuple(kept), tuple(signs), Lattice.joined(lattices))))
    return Selection(_joined(lines), tuple(left_out), cells)


def _joined(lines: Sequence[tuple[Row, Line]]) -> tuple[Line, ...]:
    """Return the lines; what stands beside cells, such as a box that the page cuts off, joins them.

    Args:
        lines: Top to bottom, each with the row that it was read in.
    """
    joined: list[tuple[list[Row], Line]] = []
    for row, line in lines:
        near = [any(_beside(row, other) for other in others) for others, _ in joined]
        place = near.index(True) if any(near) else None
        if place is None:
            joined.append(([row], line))
            continue
        others, before = joined[place]
        digits = sorted(before.digits + line.digits, key=lambda one: one.box[0])
        signs = sorted(before.signs + line.signs, key=lambda one: one.box[0])
        lattice = Lattice.joined([before.lattice, line.lattice])
        joined[place] = [*others, row], Line(tuple(digits), tuple(signs), lattice)
    return tuple(line for _, line in joined)


def _beside(one: Row, other: Row) -> bool:
    """Return whether one of two rows holds cells, and the middle of the other is within them."""
    if bool(one.cells) == bool(other.cells):
        return False
    cells, free = (one, other) if one.cells else (other, one)
    top = max(cell.box[1] for cell in cells.cells)
    bottom = min(cell.box[1] + cell.box[3] for cell in cells.cells)
    return top <= free.middle <= bottom


def _cells_stay(rows: Sequence[Row], settings: ReaderSettings) -> bool:
    """Return whether grids hold digits: enough of them are accepted."""
    rejected = [digit.rejected for row in rows for part in row.parts for digit, _ in part.digits]
    return bool(rejected and 1 - np.mean(rejected) > settings.few_marks_share)


def _digit_height(rows: Sequence[Row]) -> float:
    """Return the height of a typical accepted digit in the cells of grids, in pixels."""
    digits = [one.digit for row in rows for part in row.parts for one in part.digits]
    heights = [digit.box[3] for digit in digits if not digit.rejected]
    return median(heights) if heights else math.inf


def _required_share(rows: Sequence[Row], settings: ReaderSettings) -> float:
    """Return the share of a part's digits that must be exceeded by the accepted ones.

    A line of mostly rejected digits is writing of another kind, or print.
    """
    scores = [score for row in rows for part in row.parts for _, score in part.digits]
    if len(scores) <= settings.few_marks:
        return settings.few_marks_share
    if np.mean(np.array(scores) >= settings.threshold) > settings.accepted_share:
        return settings.accepted_share
    return settings.print_accepted_share


def _stays(part: Part, marks: int, share: float, drawn: bool) -> bool:
    accepted = sum(not digit.rejected for digit, _ in part.digits)
    if drawn and len(part.digits) > marks:
        return accepted == len(part.digits)  # pieces of a scribble look like digits too
    if not drawn and part.is_number is not None:
        return part.is_number
    return accepted > share * len(part.digits)


def lattice_of_digits(digits: Sequence[ScoredDigit], settings: ReaderSettings) -> Lattice:
    """Return the lattice of a part of which only the digits are known, as in a cell."""
    places = [digit_place(digit, score, settings) for digit, score in digits]
    return lattice_of(places, (), (), settings)


def mean_log(scores: Sequence[float]) -> float:
    """Return the mean natural logarithm of scores, each at least 0.001; none give -inf."""
    return float(np.mean(np.log(np.maximum(scores, 1e-3)))) if len(scores) else -math.inf
