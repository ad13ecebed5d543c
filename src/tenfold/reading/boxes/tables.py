"""Tables, found by the lines that run through their whole frame, whatever stands in their cells.

Heavy digits that touch the lines leave no free paper by which a cell could be found.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.frames import inside_of
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.boxes.settings import BoxSettings

_MOST_PIXELS = 3
"""Pixels of frames that are searched, as a multiple of the page's: frames may stand in frames."""

_BLUR = 1
"""Pixels beside a line that its blurred edge may reach into."""


def find_tables(
    parts: NDArray[np.int32], stats: NDArray[np.int32], thickest: int, settings: BoxSettings
) -> list[list[FoundCell]]:
    """Return the cells of each table, row by row.

    A table has two rows and two columns or more: in a single row, a 1 may run from wall to wall.

    Args:
        parts: int32 (h, w), the connected component of ink that each pixel belongs to; 0 for paper.
        stats: int32 (n, 5), left, top, width, height and pixels of each component.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    sides = stats[:, 2:4]
    large = sides.min(axis=1) >= 2 * settings.smallest_cell
    large &= stats[:, 4] < settings.frame_ink_share * sides[:, 0] * sides[:, 1]
    large[0] = False
    numbers = np.flatnonzero(large)
    tables: list[list[FoundCell]] = []
    budget = _MOST_PIXELS * parts.size
    for number in numbers[np.argsort(-sides[numbers].prod(axis=1))][: settings.most_grids]:
        budget -= int(sides[number].prod())
        if budget < 0:
            break
        corners = inside_of(int(number), parts, stats, thickest, settings)
        if corners is not None:
            x, y, w, h = (int(value) for value in stats[number, :4])
            part = (parts[y : y + h, x : x + w] == number).astype(np.uint8)
            if cells := _cells(part, corners - (x, y), thickest, settings):
                tables.append([
                    FoundCell(outline + np.array([x, y], np.int32), 0, row, column)
                    for row, column, outline in cells
                ])  # fmt: skip
    return tables


def _cells(
    part: Gray, corners: NDArray[np.int32], thickest: int, settings: BoxSettings
) -> list[tuple[int, int, NDArray[np.int32]]]:
    """Return row, column and outline of each cell of a frame that lines part, or none.

    Args:
        part: uint8 (h, w), 1 on the component.
        corners: int32 (4, 2), x and y inside of the walls, clockwise from the left upper one.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    source = corners.astype(np.float32)
    along = np.linalg.norm(source - np.roll(source, -1, axis=0), axis=1)
    width, height = (round(float(max(along[one], along[one + 2]))) for one in (0, 1))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    upright = cv2.warpPerspective(
        part, cv2.getPerspectiveTransform(source, target), (width + 1, height + 1)
    )
    # A line may be bent a little.
    across, down = (cv2.dilate(upright, np.ones(size, np.uint8)) for size in ((3, 1), (1, 3)))
    rows = _between_lines(across.mean(axis=1), thickest, settings)
    columns = _between_lines(down.mean(axis=0), thickest, settings)
    count = len(rows) * len(columns)
    if (
        min(len(rows), len(columns)) < 2
        or count > settings.most_cells
        or not (
            _are_whole(across, rows, columns, settings)
            and _are_whole(down.T, columns, rows, settings)
        )
    ):
        return []
    back = cv2.getPerspectiveTransform(target, source)
    cells = []
    for row, (top, bottom) in enumerate(rows):
        for column, (left, right) in enumerate(columns):
            box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
            outline = np.rint(cv2.perspectiveTransform(box[None], back)[0]).astype(np.int32)
            cells.append((row, column, outline))
    return cells


def _between_lines(
    inked: NDArray[np.float64], thickest: int, settings: BoxSettings
) -> list[tuple[int, int]]:
    """Return first pixel and end of each row or column of cells; none if there is no table.

    Args:
        inked: The share of ink in each row or column of pixels.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    line = np.concatenate([[True], inked >= settings.through_share, [True]])
    edges = np.flatnonzero(np.diff(line.astype(int)))
    spans = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    if any(after[0] - before[1] > thickest + 4 for before, after in pairwise(spans)):
        return []
    inside = [
        (first + _BLUR * (place > 0), end - _BLUR * (place < len(spans) - 1))
        for place, (first, end) in enumerate(spans)
    ]
    smallest = settings.smallest_cell
    return inside if all(end - first > smallest for first, end in inside) else []


def _are_whole(
    ink: Gray,
    rows: Sequence[tuple[int, int]],
    columns: Sequence[tuple[int, int]],
    settings: BoxSettings,
) -> bool:
    """Return whether no line between rows has a gap in a column, as where cells are merged."""
    lines = [ink[before[1] : after[0]].max(axis=0) for before, after in pairwise(rows)]
    return all(
        line[first:end].mean() >= settings.through_share for line in lines for first, end in columns
    )
