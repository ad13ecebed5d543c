"""The contents of cells: the components of strokes, and which cell each is in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.components import Boxes, find_components
from tenfold.reading.settings import ReaderSettings


@dataclass(frozen=True, eq=False)
class Contents:
    """Components of strokes, and the cell that each is in."""

    parts: NDArray[np.int32]
    boxes: Boxes
    areas: NDArray[np.int64] = field(repr=False)
    """Number of pixels of each component."""
    cell: NDArray[np.int64] = field(repr=False)
    """For each component the number of the cell that holds most of it; -1 outside of cells."""
    fit: NDArray[np.int64] = field(repr=False)
    """For each component before any was cut: left, top, right, bottom, per cent in one cell."""


def contents_of(ink: Ink, cells: Sequence[FoundCell], settings: ReaderSettings) -> Contents:
    """Return the components of ink without walls, with those cut that lie in two cells."""
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    where = np.zeros(ink.shape, np.int32)
    for number, cell in enumerate(cells):
        cv2.fillConvexPoly(where, cell.outline, number + 1)
    parts, boxes, counts = _counted(stroke, where, len(cells))
    total = np.maximum(counts.sum(axis=1), 1)
    fit = np.column_stack([boxes, 100 * counts[:, 1:].max(axis=1) // total])
    if len(cells) > 1:
        beside = counts[:, 1:].sum(axis=1) - counts[:, 1:].max(axis=1)
        crossing = np.flatnonzero(beside > settings.crossing_share * total)
        if crossing.size:
            stroke[np.isin(parts, crossing) & (where == 0)] = 0
            parts, boxes, counts = _counted(stroke, where, len(cells))
            total = np.maximum(counts.sum(axis=1), 1)
    cell = counts[:, 1:].argmax(axis=1)
    share = counts[np.arange(len(counts)), cell + 1] / total
    cell[(share < 0.3) | (share * total < counts[:, 0])] = -1
    return Contents(parts, boxes, counts.sum(axis=1), cell, fit)


def _counted(
    stroke: Gray, where: NDArray[np.int32], cells: int
) -> tuple[NDArray[np.int32], Boxes, NDArray[np.int32]]:
    """Return components, their boxes, and how many pixels each has outside and in each cell."""
    parts, boxes = find_components(stroke, 4, math.inf)
    counts = np.zeros((len(boxes), cells + 1), np.int32)
    at = np.flatnonzero(parts)
    np.add.at(counts, (parts.ravel()[at], where.ravel()[at]), 1)
    return parts, boxes, counts


def members_of(cell: FoundCell, index: int, contents: Contents) -> list[int]:
    """Return the components in a cell, without specks and what is left of its walls."""
    left, top, width, height = cell.box
    side = min(width, height)  # walls are as thick in a wide cell
    members: list[int] = []
    doubtful: list[int] = []
    for one in np.flatnonzero(contents.cell == index):
        x0, y0, x1, y1 = (int(value) for value in contents.boxes[one])
        wide, high = x1 - x0, y1 - y0
        if max(wide, high) < 0.12 * height:
            continue
        beside = min(x1 - left, left + width - x0) / side
        above = min(y1 - top, top + height - y0) / side
        if (beside < 0.1 and wide < 0.08 * side) or (above < 0.1 and high < 0.12 * side):
            continue
        thin = (beside < 0.15 and wide < 0.15 * side) or (above < 0.15 and high < 0.15 * side)
        (doubtful if thin else members).append(int(one))
    return members or doubtful


def one_digit(groups: Sequence[list[int]], cell: FoundCell, contents: Contents) -> list[list[int]]:
    """Return the components of the one digit in a cell as one group, without bits of neighbors."""
    if len(groups) < 2:
        return list(groups)
    left, _, width, _ = cell.box
    sizes = [int(contents.areas[group].sum()) for group in groups]
    whole: list[int] = []
    for group, size in zip(groups, sizes, strict=True):
        first, last = contents.boxes[group, 0].min(), contents.boxes[group, 2].max()
        at_wall = first <= left + 1 or last >= left + width - 1
        if size >= (0.5 if at_wall else 0.25) * max(sizes):
            whole += group
    return [whole]
