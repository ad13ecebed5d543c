"""Separate boxes, found by their outer edges, whatever stands in them.

Heavy digits that touch their box leave no free paper by which a cell could be found.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.grids import FoundCell, by_grid, completed, place_in_grids
from tenfold.reading.boxes.settings import BoxSettings

_FAINT = np.ones((3, 3), np.uint8)
"""Closes the gaps of faint walls."""


def find_frames(
    parts: NDArray[np.int32], stats: NDArray[np.int32], thickest: int, settings: BoxSettings
) -> list[list[FoundCell]]:
    """Return the cells of each grid of boxes that do not touch each other, and are alike.

    Args:
        parts: int32 (h, w), the connected component of ink that each pixel belongs to; 0 for paper.
        stats: int32 (n, 5), left, top, width, height and pixels of each component.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    sides = stats[:, 2:4]
    hollow = stats[:, 4] < settings.frame_ink_share * sides[:, 0] * sides[:, 1]
    hollow &= sides.min(axis=1) >= settings.smallest_cell + 2
    hollow[0] = False
    numbers = np.flatnonzero(hollow)
    if not settings.fewest_cells <= len(numbers) <= settings.most_cells:
        return []
    insides = {one: inside_of(int(one), parts, stats, thickest, settings) for one in numbers}
    frames = [one for one, inside in insides.items() if inside is not None]
    # Digits that touch its walls make a box seem thicker than others of its size.
    loose = replace(settings, box_wall_share=settings.touched_wall_share)
    for one in numbers:
        if insides[one] is None and _like(sides[one], sides[frames], settings):
            insides[one] = inside_of(int(one), parts, stats, thickest, loose)
    cells = [FoundCell(inside, fitted=True) for inside in insides.values() if inside is not None]
    alike = _alike(cells, settings)
    if not alike:
        return []
    # Boxes that a stroke leaves have neighbors that seem far apart.
    far = replace(settings, cell_gaps=2 * settings.cell_gaps + 1)
    whole = cv2.morphologyEx((parts > 0).astype(np.uint8), cv2.MORPH_CLOSE, _FAINT)
    boxes = [
        cell
        for grid in by_grid(place_in_grids(alike, thickest, far))
        for cell in completed(grid, whole, thickest, settings)
    ]
    grids = by_grid(place_in_grids(boxes, thickest, settings))
    least = 1 if len(grids) <= settings.most_grids else settings.fewest_cells
    return [grid for grid in grids if len(grid) >= least]


def inside_of(
    number: int,
    parts: NDArray[np.int32],
    stats: NDArray[np.int32],
    thickest: int,
    settings: BoxSettings,
) -> NDArray[np.int32] | None:
    """Return the corners inside of the walls of a component that is a frame, on the page."""
    x, y, w, h = (int(value) for value in stats[number, :4])
    part = (parts[y : y + h, x : x + w] == number).astype(np.uint8)
    inside = _inside_of_frame(part, thickest, settings)
    return None if inside is None else inside + np.array([x, y], np.int32)


def _like(size: NDArray[np.int32], others: NDArray[np.int32], settings: BoxSettings) -> bool:
    """Return whether a component is about as wide and high as enough others."""
    same = (np.abs(others - size) <= 0.05 * size + 2).all(axis=1)
    return int(same.sum()) >= settings.fewest_cells


def _inside_of_frame(part: Gray, thickest: int, settings: BoxSettings) -> NDArray[np.int32] | None:
    """Return the corners inside of the walls of a frame, or None if a component is no frame.

    Args:
        part: uint8 (h, w), 1 on the component, cut to it.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    rows, columns = part.shape
    # The outermost pixels of each row and column have the same hull as the component.
    ends = np.concatenate([
        np.column_stack([part.argmax(axis=1), np.arange(rows)]),
        np.column_stack([columns - 1 - part[:, ::-1].argmax(axis=1), np.arange(rows)]),
    ])  # fmt: skip
    hull = cv2.convexHull(ends.astype(np.int32))
    rectangle = cv2.minAreaRect(hull)
    sizes = rectangle[1]
    if cv2.contourArea(hull) < settings.frame_corner_share * sizes[0] * sizes[1]:
        return None
    points = cv2.boxPoints(rectangle).astype(np.float64)
    sums, differences = points.sum(axis=1), points[:, 0] - points[:, 1]
    corners = points[[sums.argmin(), differences.argmax(), sums.argmax(), differences.argmin()]]
    others = np.roll(corners, -1, axis=0)
    along = others - corners
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1)
    steps = np.arange(0, 2 * thickest)
    shares = np.linspace(0.08, 0.92, 33)
    points = corners[:, None] + along[:, None] * shares[:, None]
    at = np.rint(points[:, :, None] + inward[:, None, None] * steps[:, None]).astype(int)
    xs, ys = np.clip(at[..., 0], 0, columns - 1), np.clip(at[..., 1], 0, rows - 1)
    there = part[ys, xs] > 0
    begins = there[:, :, :4].any(axis=2)
    if begins.mean(axis=1).min() < settings.frame_share_of_side:
        return None
    first = there.argmax(axis=2)
    ended = ~there & (steps > first[:, :, None])
    ends_at = np.where(ended.any(axis=2), ended.argmax(axis=2), len(steps))
    thickness = np.median(ends_at, axis=1)[begins.all(axis=1)]  # of walls without a gap
    if not thickness.size or thickness.min() > settings.box_wall_share * min(sizes):
        return None
    thick = float(thickness.min())
    before, after = np.roll(inward, 1, axis=0), inward
    inside = corners + (before + after) * (thick + 1)
    outline: NDArray[np.int32] = np.rint(inside).astype(np.int32)
    return outline


def _alike(cells: list[FoundCell], settings: BoxSettings) -> list[FoundCell]:
    """Return the cells that have about the same size as enough others."""
    if not cells:
        return []
    sizes = np.array([cell.box[2:] for cell in cells], float)
    same = (np.abs(sizes[:, None] - sizes[None]) <= 0.15 * sizes[:, None] + 3).all(axis=2)
    enough = same.sum(axis=1) >= settings.fewest_cells
    return [cell for cell, stays in zip(cells, enough, strict=True) if stays]
