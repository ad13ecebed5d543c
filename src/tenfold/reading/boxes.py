"""Boxes: the cells of combs, tables and grids, found by the lines around them; lines erased.

Lines are long straight thin runs of ink. A cell is a region of paper that lines enclose and that
has four corners, so tilted, curved and perspective grids need no model of their own.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.reading.closed_combs import find_closed_combs
from tenfold.reading.combs import close_combs
from tenfold.reading.dashes import find_dashed
from tenfold.reading.grids import (
    FoundCell,
    area,
    largest_grid,
    place_in_grids,
    runs_outside,
    typical_size,
)
from tenfold.reading.settings import ReaderSettings


@dataclass(frozen=True, eq=False)
class Lines:
    """The pixels of straight lines on a page; each is uint8 (h, w), 1 on a line.

    Attributes:
        across: Lines from left to right.
        down: Lines from top to bottom.
        ink: All ink, also where a stroke hides a line.
        dashes: The dashes of dashed and dotted lines.
        thickest: Greatest thickness of a line, in pixels.
    """

    across: Gray
    down: Gray
    ink: Gray
    dashes: Gray
    thickest: int


def find_boxes(lines: Lines, settings: ReaderSettings) -> tuple[list[FoundCell], Lines]:
    """Find the cells that lines enclose, each with its place in a grid, and their walls.

    Args:
        lines: The lines on the page.
        settings: The settings of reading.
    """
    cells = _enclosed(lines.across | lines.down, settings)
    return _seen_again(place_in_grids(cells, lines.thickest, settings), lines, settings)


def find_lines(ink: Ink, settings: ReaderSettings) -> Lines:
    """Find lines: runs of ink that are straight, thin and longer than a stroke's turn, and dashes.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        settings: The settings of reading.
    """
    side = max(ink.shape)
    thickest = round(settings.thickest_line + side * settings.thickest_line_growth)
    shortest = round(settings.shortest_wall + side * settings.shortest_wall_growth)
    levels = (ink * 255).astype(np.uint8)
    square = np.ones((thickest, thickest), np.uint8)
    thin = cv2.morphologyEx(levels, cv2.MORPH_TOPHAT, square)
    faint = (thin >= settings.faintest_wall * 255).astype(np.uint8)
    across, down, dashes = find_dashed(faint, settings)
    across |= _straight(faint, 0, shortest)
    down |= _straight(faint, 1, shortest)
    for length in (shortest, shortest // 2):  # walls may be low
        posts = down if length == shortest else _straight(faint, 1, length)
        over, beside = close_combs(across, posts, thickest, settings)
        if over.any():
            break
    across |= over
    down |= beside
    inked = (levels >= settings.faintest_wall * 255).astype(np.uint8)
    return Lines(across, down, inked, dashes, thickest)


def _straight(faint: Gray, axis: int, length: int) -> Gray:
    """Return the runs along an axis of at least this length, in pixels."""
    beside = np.ones((3, 1) if axis == 0 else (1, 3), np.uint8)
    along = np.ones((1, length) if axis == 0 else (length, 1), np.uint8)
    near = cv2.dilate(faint, beside)  # a line that is tilted runs on in the row beside
    runs: Gray = cv2.morphologyEx(near, cv2.MORPH_OPEN, along) & faint
    return runs


def _enclosed(walls: Gray, settings: ReaderSettings) -> list[FoundCell]:
    """Return a cell for each region of paper with four corners that walls enclose."""
    paper = 1 - cv2.dilate(walls, np.ones((3, 3), np.uint8))
    _, regions, stats, _ = cv2.connectedComponentsWithStats(paper, connectivity=4)
    left, top, width, height, area = stats.T
    inside = (left > 0) & (top > 0)
    inside &= (left + width < walls.shape[1]) & (top + height < walls.shape[0])
    smallest = settings.smallest_cell
    inside &= (width >= smallest) & (height >= smallest) & (area > 0.25 * width * height)
    inside[0] = False
    numbers = np.flatnonzero(inside)
    if len(numbers) > settings.most_cells:
        return []
    cells = []
    for number in numbers:
        x, y, w, h = (int(value) for value in stats[number, :4])
        region = (regions[y : y + h, x : x + w] == number).astype(np.uint8)
        outline = _outline_of_box(region, settings)
        if outline is not None:
            cells.append(FoundCell(outline + np.array([x, y], np.int32)))
    return cells


def _outline_of_box(region: Gray, settings: ReaderSettings) -> NDArray[np.int32] | None:
    """Return the convex outline of a region, or None if it does not have four corners.

    Strokes that stand in the region are holes, and strokes that reach in from a wall are bays.
    """
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    hull = cv2.convexHull(outline)
    points: NDArray[np.int32] = hull[:, 0]
    sums, differences = points.sum(axis=1), points[:, 0] - points[:, 1]
    corners = points[[sums.argmin(), differences.argmax(), sums.argmax(), differences.argmin()]]
    hull_area = cv2.contourArea(hull)
    straight = cv2.contourArea(corners) >= settings.box_corner_share * hull_area
    filled = cv2.contourArea(outline) >= settings.box_filled_share * hull_area
    return points if straight and filled else None


def _seen_again(
    cells: list[FoundCell], lines: Lines, settings: ReaderSettings
) -> tuple[list[FoundCell], Lines]:
    """Look at grids again, among lines as long as the walls of their typical cell.

    Strokes of digits that touch walls are shorter, so they no longer split cells.

    Returns:
        The cells, and the lines that are walls.
    """
    walls = lines.across | lines.down
    found = [
        (comb, lines.across & beside, lines.down & beside)
        for comb in find_closed_combs(walls, lines.ink, settings)
        for beside in [_beside(comb, lines)]
    ]
    seen = (lines.ink | walls, lines.thickest, settings)
    by_grid: dict[int, list[FoundCell]] = {}
    for cell in cells:
        by_grid.setdefault(cell.grid, []).append(cell)
    largest = sorted(by_grid.values(), key=lambda grid: (-len(grid), -area(grid)))
    budget = settings.most_cells
    for grid in largest[: settings.most_grids]:
        best = grid
        if budget < 0 or any(_is_part(best, other) for other, _, _ in found):
            continue
        for _ in range(settings.most_looks):
            part, long = _long_lines(best, lines, settings)
            place = np.array([part[1].start, part[0].start], np.int32)
            some = _enclosed(long.across | long.down, settings)
            some = [replace(cell, outline=cell.outline + place) for cell in some]
            budget -= len(some) + 2 * len(best)
            new = max((largest_grid(one, *seen) for one in (some, best)), key=area)
            grown = area(new) > 1.05 * area(best)
            best = new if area(new) >= area(best) else best
            if not grown or budget < 0:
                break
        if len(best) > 1 or _stands_alone(best[0], lines, settings):
            at = _at(part, long, lines)
            found.append((best, at.across, at.down))
    found.sort(key=lambda one: -area(one[0]))
    kept: list[FoundCell] = []
    across, down = np.zeros_like(lines.across), np.zeros_like(lines.down)
    for number, (best, *walls_of) in enumerate(found):
        others = [one for one, _, _ in found[:number]]
        if any(_is_part(best, other) for other in others):
            continue
        if len(best) >= settings.fewest_cells:  # a cell that is a grid itself
            middles = [cell.middle for cell in best]
            kept = [
                cell
                for cell in kept
                if not all(map(cell.holds, middles)) or area([cell]) > 2 * area(best)
            ]
        kept += [replace(cell, grid=number) for cell in best]
        across |= walls_of[0]
        down |= walls_of[1]
    return kept, Lines(across, down, lines.ink, lines.dashes, lines.thickest)


def _beside(cells: list[FoundCell], lines: Lines) -> Gray:
    """Return the pixels between cells and around them, as far as a wall may be thick."""
    inside = np.zeros_like(lines.ink)
    for cell in cells:
        cv2.fillConvexPoly(inside, cell.outline, 1)
    side = 2 * lines.thickest + 1
    beside: Gray = cv2.dilate(inside, np.ones((side, side), np.uint8)) & (1 - inside)
    return beside


def _stands_alone(cell: FoundCell, lines: Lines, settings: ReaderSettings) -> bool:
    """Return whether a cell is a box: a rectangle, with thin lines all around it.

    A loop in a digit is no box.
    """
    sides = cv2.minAreaRect(cell.outline)[1]
    if area([cell]) < settings.box_corner_share * sides[0] * sides[1]:
        return False
    runs = runs_outside(cell.outline, lines.across | lines.down, lines.thickest)
    thick = float(np.median(runs[runs > 0])) if runs.any() else 0.0
    _, _, width, height = cell.box
    even = (runs > 0) & (runs <= 1.5 * thick + 1)
    return thick <= settings.box_wall_share * min(width, height) and bool(
        even.mean() >= settings.box_even_share
    )


def _is_part(cells: list[FoundCell], others: list[FoundCell]) -> bool:
    """Return whether cells lie among others, unless all lie in one and are more, or far smaller."""
    outer = {n for n, other in enumerate(others) for cell in cells if other.holds(cell.middle)}
    if not outer:
        return False
    far_smaller = area(cells) < 0.3 * area([others[n] for n in outer])
    nested = len(cells) > max(2, len(others)) or (far_smaller and len(others) < 3)
    return len(outer) > 1 or not nested


def _at(part: tuple[slice, slice], some: Lines, whole: Lines) -> Lines:
    """Return the lines of a part of the page in the place they have on it."""
    across, down = np.zeros_like(whole.across), np.zeros_like(whole.down)
    across[part], down[part] = some.across, some.down
    return Lines(across, down, whole.ink, whole.dashes, whole.thickest)


def _long_lines(
    cells: list[FoundCell], lines: Lines, settings: ReaderSettings
) -> tuple[tuple[slice, slice], Lines]:
    """Return a part of the page around cells, and its lines as long as their walls."""
    width, height = typical_size(cells)
    points = np.concatenate([cell.outline for cell in cells])
    margin = 2.5 * np.array([width, height])
    left, top = np.maximum(points.min(axis=0) - margin, 0).astype(int)
    right, bottom = (points.max(axis=0) + margin).astype(int)
    part = np.s_[top:bottom, left:right]
    found = [
        _not_shorter(one[part], axis, settings.wall_share * size)
        for axis, (one, size) in enumerate(((lines.across, width), (lines.down, height)))
    ]
    return part, Lines(found[0], found[1], lines.ink[part], lines.dashes[part], lines.thickest)


def _not_shorter(lines: Gray, axis: int, length: float) -> Gray:
    """Return the lines that are at least this long, in pixels."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    long = stats[:, cv2.CC_STAT_WIDTH + axis] >= length
    long[0] = False
    found: Gray = long[parts].astype(np.uint8)
    return found


def without_walls(ink: Ink, walls: Lines, cells: list[FoundCell]) -> Ink:
    """Return the ink with the walls of cells erased; strokes that cross a wall stay whole.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        walls: The lines that are walls.
        cells: The cells whose walls are erased.
    """
    middles = [cell.middle for cell in cells]
    outer = [sum(map(cell.holds, middles)) > 1 for cell in cells]
    for level in (False, True):
        some = [cell for cell, is_outer in zip(cells, outer, strict=True) if is_outer is level]
        ink = _without_walls(ink, walls, some) if some else ink
    return ink


def _without_walls(ink: Ink, walls: Lines, cells: list[FoundCell]) -> Ink:
    inside = np.zeros(ink.shape, np.uint8)
    for cell in cells:
        cv2.fillConvexPoly(inside, cell.outline, 1)
    outside = 1 - inside
    near = cv2.dilate(inside, np.ones((7, 7), np.uint8)) & outside
    reach = 2 * (_thickness_of_walls(walls, cells) + 1) + 1
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    lines = [_touching(one & outside, near) for one in (walls.across, walls.down)]
    zones = [
        cv2.dilate(one, np.ones((3, 3), np.uint8)) | cv2.dilate(inside, np.ones(size, np.uint8))
        for one, size in zip(lines, ((reach, 3), (3, reach)), strict=True)
    ]
    zones = [zone & outside for zone in zones]
    rest = stroke & ~(zones[0] | zones[1]) & 1
    kept = np.zeros_like(stroke)
    for axis, (line, zone) in enumerate(zip(lines, zones, strict=True)):
        if not line.any():
            continue
        gap = np.ones((_thickness(line, axis) + 4,) * 2, np.uint8)
        kept |= cv2.morphologyEx(rest, cv2.MORPH_CLOSE, gap) & zone
        # What is much darker than the wall around it is a stroke.
        across = np.ones((gap.shape[0], 1) if axis == 0 else (1, gap.shape[0]), np.uint8)
        middle = cv2.dilate(ink * line, across)
        along = (6 * walls.thickest + 1, 3) if axis == 0 else (3, 6 * walls.thickest + 1)
        inked = line & walls.ink
        level = _mean_along(middle, inked, along)
        level = _mean_along(middle, inked & (middle <= level + 0.1), along)
        kept |= zone & (ink >= level + 0.25)
    erased: Ink = np.where((zones[0] | zones[1]) & ~(kept & stroke) & 1, np.float32(0), ink)
    return erased


def _thickness_of_walls(walls: Lines, cells: list[FoundCell]) -> int:
    """Return how thick the thickest walls are, in pixels."""
    lines = walls.across | walls.down
    runs = np.stack([runs_outside(cell.outline, lines, walls.thickest) for cell in cells])
    sides = np.median(runs, axis=2)
    return min(walls.thickest, math.ceil(float(np.quantile(sides, 0.95))))


def _mean_along(ink: Ink, lines: Gray, size: tuple[int, int]) -> Ink:
    """Return the mean ink of the lines in a window around each pixel; 1 where there are none."""
    share = cv2.blur(lines.astype(np.float32), size)
    mean: Ink = np.where(share > 1e-6, cv2.blur(ink * lines, size) / np.maximum(share, 1e-6), 1)
    return mean


def _touching(lines: Gray, near: Gray) -> Gray:
    """Return the components of lines that reach into the pixels near cells."""
    count, parts = cv2.connectedComponents(lines, connectivity=8)
    touching = np.zeros(count, bool)
    touching[parts[(near & lines) > 0]] = True
    touching[0] = False
    found: Gray = touching[parts].astype(np.uint8)
    return found


def _thickness(lines: Gray, axis: int) -> int:
    """Return how thick lines are, in pixels: their area over their length."""
    edges = int(np.count_nonzero(np.diff(lines.astype(np.int8), axis=axis, prepend=0) == 1))
    return round(int(np.count_nonzero(lines)) / max(1, edges))
