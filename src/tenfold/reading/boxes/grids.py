"""Grids: cells beside and below each other, of like size, with rows and columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.settings import BoxSettings

Place = tuple[int, int]
"""Row and column."""

_Pitches = tuple[NDArray[np.int64], NDArray[np.float64]]

_STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""From a cell to its neighbors, in rows and columns."""


@dataclass(frozen=True, eq=False)
class FoundCell:
    """A cell on a page.

    Attributes:
        outline: int32 (n, 2), the x and y of a convex outline inside its walls.
        grid: Number of its grid.
        row: Row in the grid, from 0.
        column: Column in the grid, from 0.
        fitted: Whether it is part of a comb or a row of boxes that was fitted as a whole.
        walled: The part of the outline that has walls beside it; None if all of it has.
    """

    outline: NDArray[np.int32]
    grid: int = 0
    row: int = 0
    column: int = 0
    fitted: bool = False
    walled: NDArray[np.int32] | None = None

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height, in pixels."""
        left, top = (int(value) for value in self.outline.min(axis=0))
        right, bottom = (int(value) for value in self.outline.max(axis=0))
        return left, top, right - left + 1, bottom - top + 1

    @property
    def middle(self) -> tuple[float, float]:
        """X and y of the middle, in pixels."""
        left, top, width, height = self.box
        return left + width / 2, top + height / 2

    @property
    def between_walls(self) -> NDArray[np.int32]:
        """The outline without the part over low walls."""
        return self.outline if self.walled is None else self.walled

    def holds(self, point: tuple[float, float]) -> bool:
        """Return whether a point, x and y, lies in the cell."""
        return cv2.pointPolygonTest(self.outline, point, False) >= 0


def typical_size(cells: Sequence[FoundCell]) -> tuple[float, float]:
    """Return the median width and height of cells, in pixels."""
    sizes = np.array([cell.box[2:] for cell in cells])
    width, height = np.median(sizes, axis=0)
    return float(width), float(height)


def area(cells: Sequence[FoundCell]) -> float:
    """Return the area of cells together, in pixels."""
    return float(sum(cv2.contourArea(cell.outline) for cell in cells))


def by_grid(cells: Iterable[FoundCell]) -> list[list[FoundCell]]:
    """Return the cells of each grid."""
    grids: dict[int, list[FoundCell]] = {}
    for cell in cells:
        grids.setdefault(cell.grid, []).append(cell)
    return list(grids.values())


def place_in_grids(
    cells: Sequence[FoundCell], thickest: int, settings: BoxSettings
) -> list[FoundCell]:
    """Return cells with their places in grids.

    Args:
        cells: In any order.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of reading.
    """
    if not cells:
        return []
    steps: list[list[tuple[int, Place]]] = [[] for _ in cells]
    for axis in (0, 1):
        for one, other, count in _neighbors(cells, axis, thickest, settings):
            down, along = (0, count) if axis == 0 else (count, 0)
            steps[one].append((other, (down, along)))
            steps[other].append((one, (-down, -along)))
    placed: list[FoundCell] = []
    seen: set[int] = set()
    for start in range(len(cells)):
        if start in seen:
            continue
        seen.add(start)
        places, queue = {(0, 0): start}, [(start, (0, 0))]
        for one, (row, column) in queue:
            for other, (down, along) in steps[one]:
                place = (row + down, column + along)
                if other not in seen and place not in places:
                    seen.add(other)
                    places[place] = other
                    queue.append((other, place))
        top, left = np.array(list(places)).min(axis=0)
        placed += [
            replace(cells[one], grid=start, row=int(row - top), column=int(column - left))
            for (row, column), one in places.items()
        ]
    return placed


def _neighbors(
    cells: Sequence[FoundCell], axis: int, thickest: int, settings: BoxSettings
) -> list[tuple[int, int, int]]:
    """Return each cell with the next one to its right (axis 0) or below it, and steps between them.

    Between cells that share a wall there is one step. Else there may be cells that were not found.
    """
    boxes = np.array([cell.box for cell in cells], float)
    start, size = boxes[:, axis], boxes[:, axis + 2]
    low, wide = boxes[:, 1 - axis], boxes[:, 3 - axis]
    gap = start[None] - (start + size)[:, None]
    shared = np.minimum((low + wide)[:, None], (low + wide)[None])
    shared = shared - np.maximum(low[:, None], low[None])
    beside = shared >= settings.cell_overlap_share * np.maximum(wide[:, None], wide[None])
    alike = np.minimum(size[:, None], size[None]) >= 0.75 * np.maximum(size[:, None], size)
    touching = (thickest + 0.1 * wide)[:, None]
    apart = np.where(alike, settings.cell_gaps * size[:, None], 0)
    near = (gap > -0.3 * size[:, None]) & (start[None] > start[:, None])
    near &= gap <= np.maximum(apart, touching)
    reach = np.where(beside & near, gap, np.inf)
    nearest = reach.argmin(axis=1)
    ones = np.flatnonzero(np.isfinite(reach.min(axis=1)))
    others = nearest[ones]
    if not ones.size:
        return []
    pitch = (start + size / 2)[others] - (start + size / 2)[ones]
    one_step = gap[ones, others] <= touching[ones, 0]
    sizes = size[ones]
    same = np.abs(sizes[:, None] - sizes[None]) <= 0.15 * sizes[:, None]
    least = np.where(same, pitch[None], np.inf).min(axis=1)  # boxes between may be missing
    steps = np.where(one_step, 1, np.maximum(1, np.rint(pitch / least)))
    return [(int(one), int(other), int(step))
            for one, other, step in zip(ones, others, steps, strict=True)]  # fmt: skip


def largest_grid(
    cells: Sequence[FoundCell], ink: Gray, thickest: int, settings: BoxSettings
) -> list[FoundCell]:
    """Return the cells of the largest grid among cells, with missing ones filled in.

    Args:
        cells: In any order.
        ink: uint8 (h, w), 1 where there is ink, also of lines.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of reading.
    """
    placed = place_in_grids(_without_slivers(cells, settings), thickest, settings)
    if not placed:
        return []
    counts = np.bincount([cell.grid for cell in placed])
    return completed(
        [cell for cell in placed if cell.grid == counts.argmax()], ink, thickest, settings
    )


def _without_slivers(cells: Sequence[FoundCell], settings: BoxSettings) -> list[FoundCell]:
    """Return cells without parts of cells that a stroke split, if most cells have one size."""
    if len(cells) < settings.fewest_cells:
        return list(cells)
    sizes = np.array([cell.box[2:] for cell in cells], float)
    areas = sizes.prod(axis=1)  # strokes may split most cells of a low row
    sizes /= [_weighted_median(side, areas) for side in sizes.T]
    small, large = sizes.min(axis=1), sizes.max(axis=1)
    if np.average((small > 0.8) & (large < 1.25), weights=areas) < settings.regular_share:
        return list(cells)
    return [cell for cell, size in zip(cells, small, strict=True) if size > 0.75]


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def completed(
    cells: list[FoundCell], ink: Gray, thickest: int, settings: BoxSettings
) -> list[FoundCell]:
    """Return the cells of a grid, and those that strokes hid, where the walls are there.

    Args:
        cells: The cells of one grid.
        ink: uint8 (h, w), 1 where there is ink, also of lines.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    if not 2 <= len(cells) <= settings.most_completed:
        return cells
    by_place = {(cell.row, cell.column): cell for cell in cells}
    grown = True
    while grown and len(by_place) < 2 * len(cells) + 3:  # in a pattern there is no end
        grown = False
        pitches = _pitches(by_place)
        beside = {
            (row + down, column + along) for row, column in by_place for down, along in _STEPS
        }
        for place in sorted(beside - set(by_place)):
            outline = _expected(place, by_place, pitches)
            around = sum((place[0] + down, place[1] + along) in by_place for down, along in _STEPS)
            share = settings.wall_share * (0.6 if around > 2 else 1)
            if outline is None or not _has_walls(outline, ink, thickest, share):
                continue
            cell = FoundCell(outline, cells[0].grid, *place, cells[0].fitted)
            if not any(other.holds(cell.middle) for other in by_place.values()):
                by_place[place] = cell
                grown = True
    rows, columns = (sorted({place[axis] for place in by_place}) for axis in (0, 1))
    return [
        replace(cell, row=rows.index(row), column=columns.index(column))
        for (row, column), cell in sorted(by_place.items())
    ]


def _pitches(cells: dict[Place, FoundCell]) -> dict[Place, _Pitches]:
    """Return for each step the places that have a cell there, and how far away that is."""
    found = {}
    for down, along in _STEPS:
        pairs = [
            (place, np.subtract(cell.middle, cells[beside].middle))
            for place, cell in cells.items()
            if (beside := (place[0] + down, place[1] + along)) in cells
        ]
        if pairs:
            found[down, along] = (
                np.array([place for place, _ in pairs]),
                np.array([pitch for _, pitch in pairs]),
            )
    return found


def _expected(
    place: Place, cells: dict[Place, FoundCell], pitches: dict[Place, _Pitches]
) -> NDArray[np.int32] | None:
    """Return the outline of a missing cell: that of a neighbor, moved by the nearest pitch."""
    for step, (places, moves) in pitches.items():
        near = cells.get((place[0] + step[0], place[1] + step[1]))
        if near is not None:
            nearest = np.abs(places - place).sum(axis=1).argmin()
            moved: NDArray[np.int32] = (near.outline + moves[nearest]).astype(np.int32)
            return moved
    return None


def _has_walls(outline: NDArray[np.int32], ink: Gray, thickest: int, share: float) -> bool:
    """Return whether lines run along this share of each of the four sides of an outline."""
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    if left < 1 or top < 1 or right >= ink.shape[1] - 1 or bottom >= ink.shape[0] - 1:
        return False
    sides = (runs_outside(outline, ink, thickest) > 0).mean(axis=1)
    return bool(sides.min() >= share)


def runs_outside(outline: NDArray[np.int32], lines: Gray, thickest: int) -> NDArray[np.int64]:
    """Return how thick lines are at places along the sides of a cell, just outside of it.

    Args:
        outline: The outline of the cell.
        lines: uint8 (h, w), 1 on a line.
        thickest: Greatest thickness of a line, in pixels.

    Returns:
        int64 (4, 19), in pixels; 0 where there is no line.
    """
    sums, differences = outline.sum(axis=1), outline[:, 0] - outline[:, 1]
    corners = outline[[sums.argmin(), differences.argmax(), sums.argmax(), differences.argmin()]]
    others = np.roll(corners, -1, axis=0)
    sides = others - corners
    away = np.stack([sides[:, 1], -sides[:, 0]], axis=1)
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1)
    shares = np.linspace(0.05, 0.95, 19)
    along = corners[:, None] + sides[:, None] * shares[None, :, None]
    steps = np.arange(-3, 2 * thickest)
    points = np.rint(along[:, :, None] + away[:, None, None] * steps[None, None, :, None])
    columns, rows = np.moveaxis(points.astype(int), -1, 0)
    there = lines[np.clip(rows, 0, lines.shape[0] - 1), np.clip(columns, 0, lines.shape[1] - 1)] > 0
    # The first run of line from inside to outside.
    first = there.argmax(axis=2)
    after = (steps[None, None, :] + 3 >= first[:, :, None]) & ~there
    end = np.where(after.any(axis=2), after.argmax(axis=2), len(steps))
    reached = there.any(axis=2) & (first < thickest + 3)
    return np.where(reached, end - first, 0)
