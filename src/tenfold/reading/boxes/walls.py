"""The walls of cells, erased from the ink; strokes that cross a wall stay whole."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.reading.boxes.grids import FoundCell, runs_outside
from tenfold.reading.boxes.lines import Lines


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
    inside, fitted, walled = (np.zeros(ink.shape, np.uint8) for _ in range(3))
    for cell in cells:
        cv2.fillConvexPoly(inside, cell.outline, 1)
        cv2.fillConvexPoly(walled, cell.between_walls, 1)
        if cell.fitted:
            cv2.fillConvexPoly(fitted, cell.outline, 1)
    outside = 1 - inside
    near = cv2.dilate(inside, np.ones((7, 7), np.uint8)) & outside
    reach = 2 * (_thickness_of_walls(walls, cells) + 1) + 1
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    lines = [_touching(one & outside, near) for one in (walls.across, walls.down)]
    zones = [
        cv2.dilate(one, np.ones((3, 3), np.uint8)) | cv2.dilate(walled, np.ones(size, np.uint8))
        for one, size in zip(lines, ((reach, 3), (3, reach)), strict=True)
    ]
    zones = [zone & outside for zone in zones]
    rest = stroke & ~(zones[0] | zones[1]) & 1
    kept = np.zeros_like(stroke)
    fitted = cv2.dilate(fitted, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    _, parts = cv2.connectedComponents(lines[0] | lines[1], connectivity=8)
    for axis, (line, zone) in enumerate(zip(lines, zones, strict=True)):
        if not line.any():
            continue
        gap = np.ones((line_thickness(line, axis) + 4,) * 2, np.uint8)
        kept |= cv2.morphologyEx(rest, cv2.MORPH_CLOSE, gap) & zone
        # What is much darker than the wall around it is a stroke.
        across = np.ones((gap.shape[0], 1) if axis == 0 else (1, gap.shape[0]), np.uint8)
        middle = cv2.dilate(ink * line, across)
        along = (6 * walls.thickest + 1, 3) if axis == 0 else (3, 6 * walls.thickest + 1)
        inked = line & walls.ink
        level = _mean_along(middle, inked, along)
        level = _mean_along(middle, inked & (middle <= level + 0.1), along)
        # The walls of a comb are alike, also where a stroke runs along one.
        alike = _medians(middle, line & fitted, parts) + 0.1
        level = np.where(fitted > 0, np.minimum(level, alike), level)
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


def _medians(ink: Ink, lines: Gray, parts: NDArray[np.int32]) -> Ink:
    """Return the median ink of the lines in the component that each pixel belongs to; else 1."""
    at = np.flatnonzero(lines)
    values, labels = ink.ravel()[at], parts.ravel()[at]
    order = np.lexsort((values, labels))
    counts = np.bincount(labels, minlength=int(parts.max()) + 1)
    there = np.flatnonzero(counts)
    medians = np.ones(len(counts), np.float32)
    starts = np.cumsum(counts) - counts
    medians[there] = values[order][starts[there] + counts[there] // 2]
    medians[0] = 1
    found: Ink = cv2.dilate(medians[parts] * (parts > 0), np.ones((3, 3), np.uint8))
    return np.where(found > 0, found, np.float32(1))


def _touching(lines: Gray, near: Gray) -> Gray:
    """Return the components of lines that reach into the pixels near cells."""
    count, parts = cv2.connectedComponents(lines, connectivity=8)
    touching = np.zeros(count, bool)
    touching[parts[(near & lines) > 0]] = True
    touching[0] = False
    found: Gray = touching[parts].astype(np.uint8)
    return found


def line_thickness(lines: Gray, axis: int) -> int:
    """Return how thick lines are, in pixels: their area over their length."""
    edges = int(np.count_nonzero(np.diff(lines.astype(np.int8), axis=axis, prepend=0) == 1))
    return round(int(np.count_nonzero(lines)) / max(1, edges))
