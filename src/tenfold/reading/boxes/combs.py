"""Open combs: walls that stand on a base line and have no line above them."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.settings import BoxSettings

_Points = NDArray[np.float64]


def close_combs(
    across: Gray, posts: Gray, thickest: int, settings: BoxSettings
) -> tuple[Gray, Gray]:
    """Return lines that close open combs: over their walls, and walls that are low made higher.

    Args:
        across: uint8 (h, w), 1 on a line from left to right.
        posts: uint8 (h, w), 1 on a line from top to bottom, also on a short one.
        thickest: Greatest thickness of a line, in pixels.
        settings: The settings of reading.

    Returns:
        Two of the same shape; lines from left to right, lines from top to bottom.
    """
    closed = np.zeros_like(across), np.zeros_like(posts)
    _, parts, bases, _ = cv2.connectedComponentsWithStats(across, connectivity=8)
    shortest = 2 * settings.fewest_walls * settings.smallest_cell
    if not (bases[1:, 2] >= shortest).any():
        return closed
    _, _, stats, _ = cv2.connectedComponentsWithStats(posts, connectivity=8)
    walls = stats[1:, :4].astype(float)
    if len(walls) < settings.fewest_walls:
        return closed
    feet = np.column_stack([walls[:, 0] + walls[:, 2] / 2, walls[:, 1] + walls[:, 3]])
    longest = 1 + np.argsort(-bases[1:, 2])[: settings.most_grids]
    for number in longest:
        left, top, width, height = (int(value) for value in bases[number, :4])
        if width < shortest:
            continue
        part = parts[top : top + height, left : left + width] == number
        ends = [top + float(np.nonzero(part[:, some])[0].mean())
                for some in (np.s_[: width // 8 + 1], np.s_[-(width // 8 + 1) :])]  # fmt: skip
        slope = (ends[1] - ends[0]) / (width * 7 / 8)
        at = ends[0] + slope * (feet[:, 0] - left - width / 16)
        standing = np.abs(feet[:, 1] - at) <= thickest / 2 + 3
        standing &= (feet[:, 0] > left - 4) & (feet[:, 0] < left + width + 4)
        some = np.column_stack(
            [feet[standing, 0], at[standing], walls[standing, 3], walls[standing, 2]]
        )
        some = some[: settings.most_comb_cells * 4]
        comb = _regular(some, left, left + width, settings)
        if comb is None or slope**2 > 0.1:
            continue
        _close(comb, slope, across, closed, thickest, settings)
    return closed


def _regular(walls: _Points, left: float, right: float, settings: BoxSettings) -> _Points | None:
    """Return those walls that are alike and stand at equal distances from end to end of a base.

    Args:
        walls: float64 (n, 4): x, y of the foot, height, thickness.
        left: Where the base begins.
        right: Where the base ends.
        settings: The settings of reading.

    Returns:
        float64 (n, 4), left to right, or None if these are not the walls of a comb.
    """
    if len(walls) < settings.fewest_walls:
        return None
    heights = walls[:, 2]
    alike = np.abs(heights[:, None] - heights[None]) <= np.maximum(3, 0.15 * heights[:, None])
    found = [
        comb
        for some in np.unique(alike, axis=0)
        if (comb := _at_equal_distances(walls[some], left, right, settings)) is not None
    ]
    return max(found, key=len, default=None)


def _at_equal_distances(
    walls: _Points, left: float, right: float, settings: BoxSettings
) -> _Points | None:
    """Return walls at equal distances, or None; see `_regular`."""
    if len(walls) < settings.fewest_walls:
        return None
    walls = walls[np.argsort(walls[:, 0])]
    first, last = walls[0, 0], walls[-1, 0]
    best: _Points | None = None
    for cells in range(settings.fewest_walls - 1, len(walls) + len(walls) // 2):
        places = np.linspace(first, last, cells + 1)
        pitch = (last - first) / cells
        away = np.abs(walls[:, 0][None] - places[:, None])
        there = away.min(axis=1) <= 0.1 * pitch
        ends = first - left < 0.4 * pitch and right - last < 0.4 * pitch
        if ends and pitch >= settings.smallest_cell and there.mean() >= settings.comb_share:
            nearest = walls[away.argmin(axis=1)]
            nearest[:, 2:] = np.median(walls[:, 2:], axis=0)
            best = np.column_stack([np.where(there, nearest[:, 0], places), nearest[:, 1:]])
    return best


def _close(
    walls: _Points,
    slope: float,
    across: Gray,
    closed: tuple[Gray, Gray],
    thickest: int,
    settings: BoxSettings,
) -> None:
    """Draw the lines that close a comb, unless there is a line over it."""
    feet = np.column_stack([walls[:, 0], np.interp(walls[:, 0], walls[[0, -1], 0],
                                                   walls[[0, -1], 1])])  # fmt: skip
    pitch = float(np.median(np.diff(feet[:, 0])))
    height = float(walls[0, 2])
    up = np.array([slope, -1.0])
    tops = feet + up * height
    if height < 0.2 * pitch or height > 3 * pitch:
        return
    steps = np.linspace(tops[0], tops[-1], 100)
    reach = np.arange(-thickest // 2 - 2, thickest // 2 + 3)
    rows = np.clip(np.rint(steps[:, 1, None] + reach).astype(int), 0, across.shape[0] - 1)
    columns = np.clip(np.rint(steps[:, 0, None]).astype(int), 0, across.shape[1] - 1)
    if across[rows, columns].max(axis=1).mean() > settings.comb_share:
        return
    if height < settings.low_wall * pitch:
        tops = feet + up * settings.comb_height * pitch
        for foot, top in zip(feet, tops, strict=True):
            _draw(closed[1], foot, top, round(walls[0, 3]))
    for one, other in pairwise(tops):
        _draw(closed[0], one, other, 2)


def _draw(page: Gray, one: _Points, other: _Points, thickness: int) -> None:
    ends = [(round(float(x)), round(float(y))) for x, y in (one, other)]
    cv2.line(page, ends[0], ends[1], 1, thickness)
