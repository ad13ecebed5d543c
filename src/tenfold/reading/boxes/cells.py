"""Cells: which marks stand in which cell of a grid, and what is left on the page around grids."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import INK_SHARE, median
from tenfold.reading.boxes.contents import Contents, contents_of, members_of, one_digit
from tenfold.reading.boxes.grids import FoundCell, by_grid, typical_size
from tenfold.reading.boxes.lines import Lines, find_lines
from tenfold.reading.boxes.search import find_boxes
from tenfold.reading.boxes.walls import without_walls
from tenfold.reading.components import join_components, mark_of
from tenfold.reading.settings import ReaderSettings


@dataclass(frozen=True, eq=False)
class PageCell:
    """A cell of a grid on a page.

    Attributes:
        row: Row in the grid, from 0.
        column: Column in the grid, from 0.
        box: Left, top, width and height inside its walls, in pixels.
        marks: The marks in it, left to right.
        single: Whether it is meant for one digit: a cell of a comb, or one of a row of boxes.
    """

    row: int
    column: int
    box: tuple[int, int, int, int]
    marks: tuple[Mark, ...] = ()
    single: bool = False


@dataclass(frozen=True, eq=False)
class PageGrid:
    """A comb, a table, a grid or a box on a page.

    Attributes:
        cells: Row by row, left to right. There may be none in some places.
    """

    cells: tuple[PageCell, ...]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the grid inside its outer walls, in pixels."""
        boxes = np.array([cell.box for cell in self.cells])
        left, top = boxes[:, :2].min(axis=0)
        right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
        return int(left), int(top), int(right - left), int(bottom - top)


def split_off_grids(ink: Ink, settings: ReaderSettings) -> tuple[Ink, tuple[PageGrid, ...]]:
    """Take the grids off a page.

    A frame around lines of text is no grid, and neither is squared paper. Frames are erased, too.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        settings: The settings of reading.

    Returns:
        The ink outside of grids, and the grids with the marks in their cells.
    """
    lines = find_lines(ink, settings)
    if lines.dashes.any():
        dashes = cv2.dilate(lines.dashes, np.ones((3, 3), np.uint8))
        ink = np.where(dashes > 0, np.float32(0), ink)
    cells, walls = find_boxes(lines, settings)
    if cells and _is_noise(ink, settings):
        return ink, ()
    while cells:
        erased = without_walls(ink, walls, cells)
        contents = contents_of(erased, cells, settings)
        parting = np.isin(contents.parts, _walls_inside(contents, cells, walls.thickest, settings))
        if parting.any():
            erased[cv2.dilate(parting.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = 0
            contents = contents_of(erased, cells, settings)
        numbers = sorted({cell.grid for cell in cells})
        patterns = [n for n in numbers if _is_pattern(n, cells, contents, settings)]
        if not patterns:
            break
        cells = [cell for cell in cells if cell.grid not in patterns]
    else:
        return ink, ()
    rest = _without_remains(erased, walls, cells)
    grids = []
    for number in numbers:
        mine = [index for index, cell in enumerate(cells) if cell.grid == number]
        grid = _grid(mine, cells, contents, erased, settings)
        if grid is None:
            continue
        grids.append(grid)
        inside = np.isin(contents.cell, mine)
        inside |= _hang_on(contents, [cells[index] for index in mine], walls.thickest, settings)
        used = np.isin(contents.parts, np.flatnonzero(inside))
        used &= contents.parts > 0
        used |= _between([cells[index] for index in mine], walls) > 0
        rest[cv2.dilate(used.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = 0
    return rest, tuple(grids)


def _is_noise(ink: Ink, settings: ReaderSettings) -> bool:
    """Return whether a page has far more components than a page of digits."""
    count, _ = cv2.connectedComponents((ink >= INK_SHARE).astype(np.uint8), connectivity=8)
    return count > 3 * settings.most_components


def _walls_inside(
    contents: Contents, cells: Sequence[FoundCell], thickest: int, settings: ReaderSettings
) -> list[int]:
    """Return the components that part a wide and low cell, straight and thin as a wall.

    Cells far lower than another one of their grid, such as a header's, are found as one.
    """
    found = []
    tallest = {grid[0].grid: max(cell.box[3] for cell in grid) for grid in by_grid(cells)}
    for one in np.flatnonzero(contents.cell >= 0):
        cell = cells[contents.cell[one]]
        _, y, width, height = cell.box
        left, top, right, bottom = (int(value) for value in contents.boxes[one])
        wide = width > settings.widest_single_cell * height and height < tallest[cell.grid] / 2
        if wide and top <= y + 3 and bottom >= y + height - 3:
            part = (contents.parts[top:bottom, left:right] == one).astype(np.uint8)
            thin, long = sorted(cv2.minAreaRect(cv2.findNonZero(part))[1])
            if thin <= min(thickest, long / 3) and part.sum() >= 0.75 * (thin + 1) * (long + 1):
                found.append(int(one))
    return found


def _hang_on(
    contents: Contents, cells: Sequence[FoundCell], reach: int, settings: ReaderSettings
) -> NDArray[np.bool_]:
    """Return which components are bits of digits or walls that stick out of a grid."""
    _, height = typical_size(cells)
    corners = np.concatenate([cell.outline for cell in cells])
    low, high = corners.min(axis=0) - reach, corners.max(axis=0) + reach
    boxes = contents.boxes
    near = (boxes[:, 2:] > low).all(axis=1) & (boxes[:, :2] < high).all(axis=1)
    small = boxes[:, 3] - boxes[:, 1] < settings.comma_share * height
    found: NDArray[np.bool_] = near & small & (contents.cell < 0)
    return found


def _between(cells: Sequence[FoundCell], walls: Lines) -> Gray:
    """Return the pixels between cells that share a wall; uint8 (h, w), 1 there."""
    inside = np.zeros(walls.ink.shape, np.uint8)
    for cell in cells:
        cv2.fillConvexPoly(inside, cell.outline, 1)
    side = 2 * walls.thickest + 1
    square = np.ones((side, side), np.uint8)
    between: Gray = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, square) & (1 - inside)
    return between


def _without_remains(ink: Ink, walls: Lines, cells: Sequence[FoundCell]) -> Ink:
    """Return the ink without what is left of walls: components that do not leave them."""
    inside = np.zeros(ink.shape, np.uint8)
    for cell in cells:
        cv2.fillConvexPoly(inside, cell.outline, 1)
    side = 2 * walls.thickest + 3
    near = (cv2.dilate(inside, np.ones((side, side), np.uint8)) > 0) & (inside == 0)
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    count, parts = cv2.connectedComponents(stroke, connectivity=8)
    held = np.bincount(parts[near], minlength=count) / np.bincount(parts.ravel(), minlength=count)
    remains = held > 0.9
    remains[0] = False
    rest = ink.copy()
    rest[cv2.dilate(remains[parts].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = 0
    return rest


def _is_pattern(
    number: int, cells: Sequence[FoundCell], contents: Contents, settings: ReaderSettings
) -> bool:
    """Return whether strokes run across the walls of a grid, as on squared paper."""
    mine = [index for index, cell in enumerate(cells) if cell.grid == number]
    if len(mine) < settings.fewest_cells or cells[mine[0]].fitted:
        return False
    width, height = typical_size([cells[index] for index in mine])
    boxes = contents.fit
    tall = boxes[:, 3] - boxes[:, 1] > 0.25 * height
    tall &= boxes[:, 2] - boxes[:, 0] > settings.wall_rest_share * width
    left, top = np.min([cells[index].box[:2] for index in mine], axis=0)
    right, bottom = np.max(
        [np.add(cells[index].box[:2], cells[index].box[2:]) for index in mine], axis=0
    )
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    tall &= (x > left) & (x < right) & (y > top) & (y < bottom)
    if not tall.any():
        return False
    return bool(np.mean(boxes[tall, 4] >= 70) < settings.cell_fit_share)


def _grid(
    mine: list[int],
    cells: Sequence[FoundCell],
    contents: Contents,
    ink: Ink,
    settings: ReaderSettings,
) -> PageGrid | None:
    """Return a grid with its marks, or None if its cells are frames around text."""
    if len(mine) < settings.fewest_cells and _are_frames(mine, cells, contents, settings):
        return None
    grid = _filled(mine, cells, contents, ink, settings)
    lines = [_is_several_lines(cell.marks) for cell in grid.cells]
    if sum(lines) > sum(bool(cell.marks) for cell in grid.cells) / 2:
        return None
    return grid


def fill_cells(ink: Ink, cells: Sequence[FoundCell], settings: ReaderSettings) -> PageGrid:
    """Return the grid of cells whose places are known, with the marks in them.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, without the walls.
        cells: The cells.
        settings: The settings of reading.
    """
    return _filled(list(range(len(cells))), cells, contents_of(ink, cells, settings), ink, settings)


def _filled(
    mine: list[int],
    cells: Sequence[FoundCell],
    contents: Contents,
    ink: Ink,
    settings: ReaderSettings,
) -> PageGrid:
    boxes = contents.boxes
    members = {index: members_of(cells[index], index, contents) for index in mine}
    heights = [
        max(int(boxes[one, 3] - boxes[one, 1]) for one in some) for some in members.values() if some
    ]
    height = median(heights) if heights else 0.0

    def high(groups: Sequence[list[int]]) -> list[list[int]]:
        lowest = settings.lowest_mark * height
        return [
            group for group in groups if boxes[group, 3].max() - boxes[group, 1].min() >= lowest
        ]

    all_groups = {index: join_components(boxes, members[index], height) for index in mine}
    found = {index: high(groups) for index, groups in all_groups.items()}
    single = _is_single(cells[mine[0]].fitted, typical_size([cells[index] for index in mine]),
                        [len(groups) for groups in found.values()], settings)  # fmt: skip
    placed = []
    for index, groups in found.items():
        cell, kept = cells[index], groups
        if single:  # a faint digit may be in low pieces
            kept = high(one_digit(groups or all_groups[index], cell, contents))
        marks = [mark_of(ink, contents.parts, group, boxes) for group in kept]
        marks.sort(key=lambda mark: mark.box[0] + mark.box[2] / 2)
        placed.append(PageCell(cell.row, cell.column, cell.box, tuple(marks), single))
    return PageGrid(tuple(sorted(placed, key=lambda cell: (cell.row, cell.column))))


def _is_single(
    fitted: bool, size: tuple[float, float], marks: Sequence[int], settings: ReaderSettings
) -> bool:
    """Return whether each cell of a grid is meant for one digit.

    Args:
        fitted: Whether the grid is a comb or a row of boxes.
        size: Width and height of a typical cell, in pixels.
        marks: Number of marks in each cell.
        settings: The settings of reading.
    """
    width, height = size
    held = [count for count in marks if count]
    alone = sum(count == 1 for count in held)
    return (
        fitted
        and width <= settings.widest_single_cell * height
        and alone >= settings.regular_share * len(held)
    )


def _are_frames(
    mine: list[int], cells: Sequence[FoundCell], contents: Contents, settings: ReaderSettings
) -> bool:
    """Return whether several marks stand in cells, far lower than the cells are."""
    held = np.flatnonzero(np.isin(contents.cell, mine))
    heights = contents.boxes[held, 3] - contents.boxes[held, 1]
    around = np.array([cells[index].box[3] for index in contents.cell[held]])
    return len(held) > 1 and bool(np.all(heights < settings.frame_share * around))


def _is_several_lines(marks: Sequence[Mark]) -> bool:
    """Return whether some mark stands wholly below another."""
    tops = [mark.box[1] for mark in marks]
    bottoms = [mark.box[1] + mark.box[3] for mark in marks]
    return bool(marks) and max(tops) > min(bottoms)
