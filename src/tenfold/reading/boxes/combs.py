"""Combs: walls at equal distances on a base line, with a line over them or open at the top.

A comb is found by its edges, whatever stands in it: heavy digits that touch the walls leave no free
paper by which a cell could be found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.boxes.settings import BoxSettings

_Numbers = NDArray[np.float64]

_WIDENED = 2
"""Pixels that walls are widened by, so that a slanted one has no gap; even."""


@dataclass(frozen=True, eq=False)
class _Posts:
    """Walls at equal distances on a base, in pixels.

    Attributes:
        middles: Where they stand, from the first column of the base.
        height: Their typical height, from the lower edge of the base.
        thickness: Their typical thickness.
    """

    middles: _Numbers
    height: float
    thickness: float

    @property
    def pitch(self) -> float:
        """Distance from wall to wall."""
        return float(self.middles[1] - self.middles[0])


def find_combs(
    parts: NDArray[np.int32], stats: NDArray[np.int32], thickest: int, settings: BoxSettings
) -> list[list[FoundCell]]:
    """Return the cells of each comb, left to right.

    Args:
        parts: int32 (h, w), the connected component of ink that each pixel belongs to; 0 for paper.
        stats: int32 (n, 5), left, top, width, height and pixels of each component.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    width, height = stats[:, 2], stats[:, 3]
    shortest = (settings.fewest_walls - 1) * settings.smallest_cell
    long = (width >= shortest) & (width > height) & (height > settings.smallest_cell)
    long[0] = False
    numbers = np.flatnonzero(long)
    combs: list[list[FoundCell]] = []
    for number in numbers[np.argsort(-width[numbers])][: settings.most_grids]:
        x, y, w, h = (int(value) for value in stats[number, :4])
        part = (parts[y : y + h, x : x + w] == number).astype(np.uint8)
        place = np.array([x, y], np.int32)
        large = [comb for comb in combs if len(comb) > 2]
        pitches = [(comb[-1].middle[0] - comb[0].middle[0]) / (len(comb) - 1) for comb in large]
        cells = [
            FoundCell(outline + place, 0, 0, column, True, walled + place)
            for column, (outline, walled) in enumerate(_cells(part, pitches, thickest, settings))
        ]
        if cells:
            combs.append(cells)
    return combs


def _cells(
    part: Gray, pitches: Sequence[float], thickest: int, settings: BoxSettings
) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Return the outlines of the cells in a component if it is a comb, whole and up to the walls.

    The cells of a comb with low walls are higher than the walls, as digits are.

    Args:
        part: uint8 (h, w), 1 on the component.
        pitches: Distances from wall to wall in other combs of three cells or more.
        thickest: Greatest thickness of a wall, in pixels.
        settings: The settings of boxes.
    """
    base = part.shape[0] - 1.0 - part[::-1].argmax(axis=0)
    line = _straight(base, settings.steepest_base)
    if line is None:
        return []
    slope, start = line
    on_base = np.flatnonzero(np.abs(base - slope * np.arange(len(base)) - start) <= 2.5)
    columns = np.arange(on_base[0], on_base[-1] + 1)
    start += slope * on_base[0]
    depths, there = _above(part, columns, slope, start)
    runs = depths[np.where(there.all(axis=1), -1, (~there).argmax(axis=1))]
    thick = float(np.quantile(runs, 0.25))  # digits stand on most of some bases
    posts = _posts(runs, thick, pitches, settings) if thick <= thickest + 2 else None
    if posts is None:
        return []
    lined = _lined(there, posts)
    edge = thick + 3
    within = (depths > edge) & (depths < posts.height - edge)
    if lined[within].max(initial=0) > settings.comb_share:
        return []  # a line across: a table
    closed = lined[np.abs(depths - posts.height) <= edge].max(initial=0) > settings.comb_share
    walled = posts.height - thick - 1 if closed else posts.height
    low = not closed and posts.height < settings.low_wall * posts.pitch
    high = settings.comb_height * posts.pitch if low else walled
    if high - thick - 1 < settings.smallest_cell:
        return []
    up = np.array([slope, -1.0])
    side = posts.thickness / 2 + 1
    outlines = []
    for one, other in pairwise(posts.middles):
        xs = np.array([one + side, other - side])
        base_line = np.column_stack([xs + on_base[0], slope * xs + start])
        feet = base_line + up * (thick + 1)
        whole, low_part = (
            np.rint([*(base_line + up * top), *feet[::-1]]).astype(np.int32)
            for top in (high, walled)
        )
        outlines.append((whole, low_part))
    return outlines


def _lined(there: NDArray[np.bool_], posts: _Posts) -> _Numbers:
    """Return for each height in how many of the cells ink runs from wall to wall, as a share.

    Args:
        there: For each place of the base and each height whether there is ink.
        posts: The walls.
    """
    side = posts.thickness / 2 + 2
    lined = []
    for one, other in pairwise(posts.middles):
        first = round(one + side)
        some = there[first : max(first + 1, round(other - side) + 1)]
        lined.append(some.mean(axis=0) >= 0.95)
    shares: _Numbers = np.mean(lined, axis=0)
    return shares


def _straight(edge: _Numbers, steepest: float) -> tuple[float, float] | None:
    """Return slope and start of the line that most of an edge follows, or None."""
    columns = np.arange(len(edge))
    half = len(edge) // 2
    slope = float(np.median((edge[-half:] - edge[:half]) / (len(edge) - half)))
    start = float(np.median(edge - slope * columns))
    near = np.abs(edge - slope * columns - start) <= 2.5
    if near.mean() < 0.7 or abs(slope) > steepest:
        return None
    slope, start = np.polyfit(columns[near], edge[near], 1)
    return float(slope), float(start)


def _above(
    part: Gray, columns: NDArray[np.int64], slope: float, start: float
) -> tuple[_Numbers, NDArray[np.bool_]]:
    """Return heights above a base in pixels, and in which of them there is ink over each place.

    Args:
        part: uint8 (h, w), 1 on the component.
        columns: The columns of the base.
        slope: Rows that the base falls in each column.
        start: Row of the base in the first of the columns.
    """
    rows = part.shape[0]
    heights = np.linspace(0, rows - 1, min(rows, 128))
    down = np.rint(start + slope * (columns - columns[0])[:, None] - heights).astype(int)
    along = np.rint(columns[:, None] + slope * heights).astype(int)
    within = (down >= 0) & (down < rows) & (along >= 0) & (along < part.shape[1])
    near = cv2.dilate(part, np.ones((1, 1 + _WIDENED), np.uint8))
    there = near[np.clip(down, 0, rows - 1), np.clip(along, 0, part.shape[1] - 1)] > 0
    there &= within
    there[:, heights <= 3] = True  # the edge of the base may be frayed
    return heights, there


def _posts(
    runs: _Numbers, thick: float, pitches: Sequence[float], settings: BoxSettings
) -> _Posts | None:
    """Return the posts of the most cells, or None if this is no comb.

    Args:
        runs: How high ink reaches above each place of the base without a gap, in pixels.
        thick: Thickness of the base.
        pitches: Distances from wall to wall in other combs of three cells or more.
        settings: The settings of boxes.
    """
    lowest = 2 * thick + 2
    tall = np.flatnonzero(runs > lowest)
    if not tall.size:
        return None
    groups = np.split(tall, np.flatnonzero(np.diff(tall) > 1) + 1)
    middles = [float(np.mean(some[runs[some] >= 0.9 * runs[some].max()])) for some in groups]
    for cells in range(settings.most_comb_cells, settings.fewest_walls - 2, -1):
        for left, right in product(middles[:2], middles[-2:]):  # a digit may stand outside
            pitch = (right - left) / cells
            outside = max(left, len(runs) - 1 - right)
            if pitch >= settings.smallest_cell and outside <= settings.comb_overhang * pitch:
                # Letters in print, such as m, have three strokes at most, and they may be thin.
                known = cells > 2 or any(abs(pitch - one) <= 0.05 * one + 1 for one in pitches)
                places = np.linspace(left, right, cells + 1)
                posts = _posts_at(places, runs, lowest, _WIDENED if known else 0, settings)
                if posts is not None:
                    return posts
    return None


def _posts_at(
    places: _Numbers, runs: _Numbers, lowest: float, widened: int, settings: BoxSettings
) -> _Posts | None:
    """Return the posts near places, if one of like height stands at each."""
    pitch = places[1] - places[0]
    reach = np.arange(-round(2 + 0.03 * pitch), round(2 + 0.03 * pitch) + 1)
    at = np.rint(places[:, None] + reach).astype(int)
    outside = (at < 0) | (at >= len(runs))
    heights = np.where(outside, 0, runs[np.clip(at, 0, len(runs) - 1)])
    highest = heights.max(axis=1)
    height = float(np.median(highest))
    least, most = settings.post_heights
    if not max(lowest, least * pitch) < height <= most * pitch:
        return None
    enough = settings.post_height_share * height - 1
    higher = highest > 1.25 * height + 3
    if (highest < enough).any() or higher.mean() > 1 - settings.comb_share:
        return None
    posts = heights >= enough
    found = (at * posts).sum(axis=1) / posts.sum(axis=1)
    numbers = np.arange(len(places))
    fitted: _Numbers = np.polyval(np.polyfit(numbers, found, 1), numbers).astype(np.float64)
    widths = _widths(fitted, runs >= enough)
    if widths.min() - widened > settings.box_wall_share * pitch:
        return None
    return _Posts(fitted, height, float(np.median(widths)))


def _widths(places: _Numbers, high: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the widths of the runs of high ink at places: walls, and digits that touch them."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(int)))
    begins, ends = ends[::2], ends[1::2]
    middles = (begins + ends - 1) / 2
    nearest = np.abs(middles[None] - places[:, None]).argmin(axis=1)
    widths: NDArray[np.int64] = (ends - begins)[nearest]
    return widths
