"""Cells found by the paper in them: regions that lines enclose, with four corners.

So tilted, curved and perspective grids need no model of their own.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.boxes.settings import BoxSettings


def enclosed_cells(walls: Gray, settings: BoxSettings) -> list[FoundCell]:
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


def _outline_of_box(region: Gray, settings: BoxSettings) -> NDArray[np.int32] | None:
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
