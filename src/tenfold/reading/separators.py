"""Marks between the boxes of one number, such as the printed slashes of a date: dd/dd/dddd."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

import cv2
import numpy as np

from tenfold.arrays import Ink
from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import INK_SHARE
from tenfold.reading.boxes.cells import PageCell, PageGrid
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.signs import slant_of


class Slash(NamedTuple):
    """A slash between two cells: the cells before and behind it, and its mark."""

    before: PageCell
    after: PageCell
    mark: Mark


@dataclass(frozen=True)
class CellRow:
    """Cells that stand in a row.

    Attributes:
        cells: The cells that are not empty, left to right.
        separators: For each of them, the slash behind it, or None.
    """

    cells: tuple[PageCell, ...]
    separators: tuple[Mark | None, ...]


def find_slashes(
    ink: Ink, grids: Sequence[PageGrid], settings: ReaderSettings
) -> tuple[Slash, ...]:
    """Return the slashes between cells, faint or not.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, without the cells and their walls.
        grids: The grids of a page.
        settings: The settings of reading.
    """
    found = []
    for before, after in _neighbors(grids, settings):
        left, top, width, high = before.box
        reach = settings.separator_rise * high
        ends = int(max(0, top - reach)), int(top + high + reach)
        mark = _slash_in(ink, (left + width, after.box[0]), ends, settings)
        if mark is not None and mark.box[3] >= settings.lowest_mark * high:
            found.append(Slash(before, after, mark))
    return tuple(found)


def without_separators(ink: Ink, slashes: Sequence[Slash]) -> Ink:
    """Return the ink without slashes."""
    rest = ink.copy() if slashes else ink
    for slash in slashes:
        x, y, width, height = slash.mark.box
        inked = np.pad((slash.mark.ink > 0).astype(np.uint8), 1)
        near = cv2.dilate(inked, np.ones((3, 3), np.uint8))
        first, top = max(0, 1 - x), max(0, 1 - y)
        part = rest[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
        part[near[top:, first:][: part.shape[0], : part.shape[1]] > 0] = 0
    return rest


def rows_of_cells(
    grids: Sequence[PageGrid], slashes: Sequence[Slash], settings: ReaderSettings
) -> list[CellRow]:
    """Return the rows of cells of all grids.

    Rows with a slash between them are one row. So are grids of one row each that stand side by
    side.

    Args:
        grids: The grids of a page.
        slashes: The slashes between cells.
        settings: The settings of reading.
    """
    rows = list(_rows_of(grids))
    behind: dict[PageCell, Mark] = {}
    for before, after, slash in slashes:
        row = _joined(rows, before, after)
        written = [cell for cell in row[: row.index(before) + 1] if cell.marks]
        if written:
            behind[written[-1]] = slash
    lone = [grid for grid in grids if len({cell.row for cell in grid.cells}) == 1]
    near = replace(settings, separator_gap=(0, settings.widest_box_gap))
    for before, after in _neighbors(lone, near):
        _joined(rows, before, after)
    found = [[cell for cell in row if cell.marks] for row in rows]
    return [
        CellRow(tuple(cells), tuple(behind.get(cell) for cell in cells)) for cells in found if cells
    ]


def _joined(rows: list[list[PageCell]], before: PageCell, after: PageCell) -> list[PageCell]:
    """Make one row of those that hold two cells, and return it."""
    first, second = (next(row for row in rows if cell in row) for cell in (before, after))
    if first is not second:
        rows.remove(second)
        first += second
        first.sort(key=lambda cell: cell.box[0])
    return first


def _neighbors(
    grids: Sequence[PageGrid], settings: ReaderSettings
) -> Iterator[tuple[PageCell, PageCell]]:
    """Yield each cell, and the one that stands level with it behind a gap for a slash."""
    cells = [cell for row in _rows_of(grids) for cell in row]
    boxes = np.array([cell.box for cell in cells], float).reshape(-1, 4)
    left, right = boxes[:, 0], boxes[:, 0] + boxes[:, 2]
    top, bottom = boxes[:, 1], boxes[:, 1] + boxes[:, 3]
    least, most = settings.separator_gap
    for place, cell in enumerate(cells):
        high = cell.box[3]
        level = np.minimum(bottom, bottom[place]) - np.maximum(top, top[place]) > high / 2
        gap = np.where(level & (left >= right[place]), left - right[place], np.inf)
        nearest = int(gap.argmin())
        if least * high <= gap[nearest] <= most * high:
            yield cell, cells[nearest]


def _rows_of(grids: Sequence[PageGrid]) -> Iterator[list[PageCell]]:
    for grid in grids:
        for _, row in groupby(grid.cells, key=lambda cell: cell.row):
            yield sorted(row, key=lambda cell: cell.box[0])


def _slash_in(
    ink: Ink, columns: tuple[int, int], rows: tuple[int, int], settings: ReaderSettings
) -> Mark | None:
    """Return the mark in a part of a page if it is a straight stroke that leans to the right.

    What goes on above or below that part belongs to something else.
    """
    rows, columns = ((max(0, first), max(0, end)) for first, end in (rows, columns))
    part = ink[slice(*rows), slice(*columns)]
    if not part.size:  # cells of a comb may lie outside of the page
        return None
    stroke = (part >= settings.faintest_separator).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    top, below = stats[:, cv2.CC_STAT_TOP], stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT]
    whole = (top > 0) & (below < part.shape[0])
    whole[0] = False
    if not whole.any():
        return None
    own = np.where(whole[parts], part, np.float32(0))
    own /= own.max()
    own[own < INK_SHARE] = 0
    x, y, width, height = cv2.boundingRect((own > 0).astype(np.uint8))
    down, across = np.nonzero(own)
    if height <= width or slant_of(own) < settings.separator_slant:
        return None
    least, most = np.linalg.eigvalsh(np.cov(np.stack([down, across])))
    if np.sqrt(max(float(least), 0.0) / most) >= settings.separator_thickness:
        return None
    return Mark(own[y : y + height, x : x + width],
                (columns[0] + x, rows[0] + y, width, height))  # fmt: skip
