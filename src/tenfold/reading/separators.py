"""Marks between the boxes of one number, such as the printed slashes of a date: dd/dd/dddd."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import INK_SHARE
from tenfold.reading.boxes.cells import PageCell, PageGrid
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.signs import slant_of


@dataclass(frozen=True)
class CellRow:
    """Cells that stand in a row.

    Attributes:
        cells: The cells that are not empty, left to right.
        separators: For each of them, the slash behind it, or None.
    """

    cells: tuple[PageCell, ...]
    separators: tuple[Mark | None, ...]


def rows_of_cells(
    grids: Sequence[PageGrid], free: Sequence[Sequence[Mark]], settings: ReaderSettings
) -> tuple[list[CellRow], set[Mark]]:
    """Return the rows of cells of all grids, and the marks outside of cells that are slashes.

    Rows with a slash between them are one row.

    Args:
        grids: The grids of a page.
        free: The rows of marks outside of grids.
        settings: The settings of reading.
    """
    rows = list(_rows_of(grids))
    slashes = [mark for marks in free for mark in marks if _is_slash(mark, settings)]
    behind: dict[PageCell, Mark] = {}
    for slash in slashes:
        near = _beside(slash, rows, settings)
        if near is None or not _is_alone(slash, near, free):
            continue
        before, _ = near
        first, second = (next(row for row in rows if cell in row) for cell in near)
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
    ], set(behind.values())


def _rows_of(grids: Sequence[PageGrid]) -> Iterator[list[PageCell]]:
    for grid in grids:
        for _, row in groupby(grid.cells, key=lambda cell: cell.row):
            yield sorted(row, key=lambda cell: cell.box[0])


def _is_slash(mark: Mark, settings: ReaderSettings) -> bool:
    """Return whether a mark is a straight stroke that leans to the right."""
    rows, columns = np.nonzero(mark.ink >= INK_SHARE)
    if len(rows) < 3 or slant_of(mark.ink) < settings.separator_slant:
        return False
    least, most = np.linalg.eigvalsh(np.cov(np.stack([rows, columns])))
    return bool(np.sqrt(max(float(least), 0.0) / most) < settings.separator_thickness)


def _beside(
    mark: Mark, rows: Sequence[Sequence[PageCell]], settings: ReaderSettings
) -> tuple[PageCell, PageCell] | None:
    """Return the cells to the left and to the right of a mark, or None if there are not both."""
    x, y, width, height = mark.box
    middle, level = x + width / 2, y + height / 2
    before: list[PageCell] = []
    after: list[PageCell] = []
    for cell in (cell for row in rows for cell in row):
        left, top, wide, high = cell.box
        reach = settings.separator_reach * high
        if not (top <= level < top + high and height >= settings.lowest_mark * high / 2):
            continue
        if middle - reach <= left + wide <= middle:
            before.append(cell)
        elif middle <= left <= middle + reach:
            after.append(cell)
    if not before or not after:
        return None
    return (
        max(before, key=lambda cell: cell.box[0] + cell.box[2]),
        min(after, key=lambda cell: cell.box[0]),
    )


def _is_alone(mark: Mark, cells: tuple[PageCell, PageCell], free: Sequence[Sequence[Mark]]) -> bool:
    """Return whether no other mark outside of cells stands between two cells."""
    before, after = cells
    left, right = before.box[0] + before.box[2], after.box[0]
    top, bottom = before.box[1], before.box[1] + before.box[3]
    return not any(
        left <= x + width / 2 < right and top <= y + height / 2 < bottom
        for marks in free
        for other in marks
        for x, y, width, height in (other.box,)
        if other is not mark
    )
