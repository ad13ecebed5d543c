"""The search for boxes: cells that lines enclose, looked at again as the grids they form."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from tenfold.arrays import Gray
from tenfold.reading.boxes.combs import find_combs
from tenfold.reading.boxes.enclosed import enclosed_cells
from tenfold.reading.boxes.frames import find_frames
from tenfold.reading.boxes.grids import (
    FoundCell,
    area,
    by_grid,
    largest_grid,
    place_in_grids,
    runs_outside,
    typical_size,
)
from tenfold.reading.boxes.lines import Lines, not_shorter
from tenfold.reading.boxes.settings import BoxSettings
from tenfold.reading.boxes.tables import find_tables


def find_boxes(lines: Lines, settings: BoxSettings) -> tuple[list[FoundCell], Lines]:
    """Find the cells that lines enclose, each with its place in a grid, and their walls.

    Args:
        lines: The lines on the page.
        settings: The settings of reading.
    """
    cells = enclosed_cells(lines.across | lines.down, settings)
    return _seen_again(place_in_grids(cells, lines.thickest, settings), lines, settings)


def _seen_again(
    cells: list[FoundCell], lines: Lines, settings: BoxSettings
) -> tuple[list[FoundCell], Lines]:
    """Look at grids again, among lines as long as the walls of their typical cell.

    Strokes of digits that touch walls are shorter, so they no longer split cells.

    Returns:
        The cells, and the lines that are walls.
    """
    walls = lines.across | lines.down
    _, parts, stats, _ = cv2.connectedComponentsWithStats(lines.ink, connectivity=8)
    fitted = [
        *find_combs(parts, stats, lines.thickest, settings),
        *find_frames(parts, stats, lines.thickest, settings),
    ]
    whole = [some for some in fitted if not _holds_grids(some, cells, settings)]
    tables = find_tables(parts, stats, lines.thickest, settings)
    tables = [some for some in tables if not _holds_cells(some, cells, settings)]
    fitted = [some for some in fitted if some in whole or _is_like_larger(some, whole)]
    found = [(some, *_walls_around(some, lines)) for some in [*fitted, *tables]]
    seen = (lines.ink | walls, lines.thickest, settings)
    largest = sorted(by_grid(cells), key=lambda grid: (-len(grid), -area(grid)))
    budget = settings.most_cells
    for grid in largest[: settings.most_grids]:
        best = grid
        if budget < 0 or any(_is_part(best, other) for other, _, _ in found):
            continue
        for _ in range(settings.most_looks):
            part, long = _long_lines(best, lines, settings)
            place = np.array([part[1].start, part[0].start], np.int32)
            some = enclosed_cells(long.across | long.down, settings)
            some = [replace(cell, outline=cell.outline + place) for cell in some]
            budget -= len(some) + 2 * len(best)
            new = max((largest_grid(one, *seen) for one in (some, best)), key=area)
            grown = area(new) > 1.05 * area(best)
            best = new if area(new) >= area(best) else best
            if not grown or budget < 0:
                break
        if _are_boxes(best, lines, settings):
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


def _holds_grids(outer: list[FoundCell], cells: list[FoundCell], settings: BoxSettings) -> bool:
    """Return whether cells stand in each of several cells, as in the blocks of a sudoku."""
    middles = [cell.middle for cell in cells]
    held = [sum(map(cell.holds, middles)) > 1 for cell in outer]
    return float(np.mean(held)) >= settings.regular_share


def _holds_cells(outer: list[FoundCell], cells: list[FoundCell], settings: BoxSettings) -> bool:
    """Return whether cells fill the cells of a table: it is the frame of blocks of cells."""
    held = [[cell for cell in cells if one.holds(cell.middle)] for one in outer]
    full = [
        len(inner) > 3 and area(inner) >= settings.regular_share * area([one])
        for one, inner in zip(outer, held, strict=True)
    ]
    return float(np.mean(full)) >= settings.regular_share


def _is_like_larger(some: list[FoundCell], others: Sequence[list[FoundCell]]) -> bool:
    """Return whether cells have the size of those in a larger comb or grid."""
    size = np.array(typical_size(some))
    return any(
        len(other) > len(some)
        and bool((np.abs(np.array(typical_size(other)) - size) <= 0.1 * size + 1).all())
        for other in others
    )


def _walls_around(cells: list[FoundCell], lines: Lines) -> tuple[Gray, Gray]:
    """Return the ink over, under and beside cells, as far as a wall may be thick.

    Returns:
        The walls from left to right and from top to bottom, uint8 (h, w), 1 on a wall.
    """
    inside = np.zeros_like(lines.ink)
    for cell in cells:
        cv2.fillConvexPoly(inside, cell.between_walls, 1)
    side = 2 * lines.thickest + 1
    outside = lines.ink & (1 - inside)
    over, beside = (
        cv2.dilate(inside, np.ones(size, np.uint8)) & outside for size in ((side, 1), (1, side))
    )
    corners = cv2.dilate(inside, np.ones((side, side), np.uint8)) & outside & (1 - over - beside)
    return over | corners, beside


def _are_boxes(cells: list[FoundCell], lines: Lines, settings: BoxSettings) -> bool:
    """Return whether cells are boxes, and not the loops of a digit.

    One or two are rectangles. One that stands alone has thin and even lines all around it.
    """
    if len(cells) > 2:
        return True
    for cell in cells:
        width, height = cv2.minAreaRect(cell.outline)[1]
        if area([cell]) < settings.box_corner_share * width * height:
            return False
    if len(cells) == 2:
        return True
    runs = runs_outside(cells[0].outline, lines.across | lines.down, lines.thickest)
    thick = float(np.median(runs[runs > 0])) if runs.any() else 0.0
    even = (runs > 0) & (runs <= 1.5 * thick + 1)
    return thick <= settings.box_wall_share * min(cells[0].box[2:]) and bool(
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
    cells: list[FoundCell], lines: Lines, settings: BoxSettings
) -> tuple[tuple[slice, slice], Lines]:
    """Return a part of the page around cells, and its lines as long as their walls."""
    width, height = typical_size(cells)
    points = np.concatenate([cell.outline for cell in cells])
    margin = 2.5 * np.array([width, height])
    left, top = np.maximum(points.min(axis=0) - margin, 0).astype(int)
    right, bottom = (points.max(axis=0) + margin).astype(int)
    part = np.s_[top:bottom, left:right]
    found = [
        not_shorter(one[part], axis, settings.wall_share * size)
        for axis, (one, size) in enumerate(((lines.across, width), (lines.down, height)))
    ]
    return part, Lines(found[0], found[1], lines.ink[part], lines.dashes[part], lines.thickest)
