"""Marks between the boxes of one number, such as the printed slashes of a date: dd/dd/dddd."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    cells = [cell for row in _rows_of(grids) for cell in row]
    boxes = np.array([cell.box for cell in cells], float).reshape(-1, 4)
    left, right = boxes[:, 0], boxes[:, 0] + boxes[:, 2]
    top, bottom = boxes[:, 1], boxes[:, 1] + boxes[:, 3]
    found = []
    for before, cell in enumerate(cells):
        _, _, _, high = cell.box
        level = np.minimum(bottom, bottom[before]) - np.maximum(top, top[before]) > high / 2
        gap = np.where(level & (left >= right[before]), left - right[before], np.inf)
        after = int(gap.argmin())
        if settings.separator_gap[0] * high <= gap[after] <= settings.separator_gap[1] * high:
            reach = settings.separator_rise * high
            ends = int(max(0, top[before] - reach)), int(bottom[before] + reach)
            mark = _slash_in(ink, (int(right[before]), int(left[after])), ends, settings)
            if mark is not None and mark.box[3] >= settings.lowest_mark * high:
                found.append(Slash(cell, cells[after], mark))
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


def rows_of_cells(grids: Sequence[PageGrid], slashes: Sequence[Slash]) -> list[CellRow]:
    """Return the rows of cells of all grids. Rows with a slash between them are one row."""
    rows = list(_rows_of(grids))
    behind: dict[PageCell, Mark] = {}
    for before, after, slash in slashes:
        first, second = (next(row for row in rows if cell in row) for cell in (before, after))
        written = [cell for cell in first[: first.index(before) + 1] if cell.marks]
        if written:
            behind[written[-1]] = slash
        if first is not second:
            rows.remove(second)
            first += second
            first.sort(key=lambda cell: cell.box[0])
    found = [[cell for cell in row if cell.marks] for row in rows]
    return [
        CellRow(tuple(cells), tuple(behind.get(cell) for cell in cells)) for cells in found if cells
    ]


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
