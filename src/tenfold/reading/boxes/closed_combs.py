"""Closed combs: two long lines, and walls at equal distances between them, whatever stands inside.

Heavy digits that touch the walls leave no free paper by which a cell could be found.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.boxes.settings import BoxSettings

_Numbers = NDArray[np.float64]


def find_closed_combs(walls: Gray, ink: Gray, settings: BoxSettings) -> list[list[FoundCell]]:
    """Return the cells of each comb, left to right.

    Args:
        walls: uint8 (h, w), 1 on a line.
        ink: uint8 (h, w), 1 where there is ink, also where a stroke hides a line.
        settings: The settings of reading.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(walls, connectivity=8)
    low = settings.smallest_cell
    long = (stats[:, 3] > low) & (stats[:, 2] > settings.fewest_cells * 0.5 * stats[:, 3])
    long[0] = False
    combs = []
    numbers = np.flatnonzero(long & (stats[:, 2] > 3 * settings.fewest_cells * low))
    for number in numbers[np.argsort(-stats[numbers, 2])][: settings.most_grids]:
        x, y, w, h = (int(value) for value in stats[number, :4])
        part = (parts[y : y + h, x : x + w] == number).astype(np.uint8)
        place = np.array([x, y], np.int32)
        combs.append(
            [
                FoundCell(outline + place, 0, 0, column)
                for column, outline in enumerate(_cells(part, ink[y : y + h, x : x + w], settings))
            ]
        )
    return [comb for comb in combs if comb]


def _cells(part: Gray, ink: Gray, settings: BoxSettings) -> list[NDArray[np.int32]]:
    """Return the outlines of the cells in a component of lines, if it is a comb."""
    top = _straight(part.argmax(axis=0).astype(float))
    base = _straight(part.shape[0] - 1.0 - part[::-1].argmax(axis=0))
    if top is None or base is None or abs(top[0] - base[0]) > 0.03:
        return []
    slope = (top[0] + base[0]) / 2
    columns = np.arange(part.shape[1])
    upper = top[0] * columns + top[1]
    height = float(np.median(base[0] * columns + base[1] - upper))
    if height < settings.smallest_cell:
        return []
    depths = np.linspace(0.06, 0.94, 33) * height
    rows = np.rint(upper[:, None] + depths).astype(int)
    along = np.rint(columns[:, None] - slope * depths).astype(int)
    inside = (rows >= 0) & (rows < part.shape[0]) & (along >= 0) & (along < part.shape[1])
    rows, along = np.clip(rows, 0, part.shape[0] - 1), np.clip(along, 0, part.shape[1] - 1)
    near = cv2.dilate(ink, np.ones((1, 3), np.uint8))
    covered = ((near[rows, along] > 0) & inside).mean(axis=1)
    lines = (cv2.dilate(part, np.ones((3, 1), np.uint8))[rows, along] > 0).mean(axis=0)
    if lines[5:-5].max() > settings.comb_share:  # a line across: a table
        return []
    walls = np.flatnonzero(covered >= settings.covered_wall)
    if len(walls) < settings.fewest_cells + 1:
        return []
    thick = _run(part, upper.astype(np.float64), 1)
    left, right = walls[0] + thick / 2, walls[-1] - thick / 2
    places = _equal(left, right, height, covered, settings)
    edge = thick / 2 + 1
    outlines = []
    for one, other in pairwise(places):
        xs = np.array([one + edge, other - edge, other - edge, one + edge])
        first = top[0] * xs + top[1] + thick + 1
        last = base[0] * xs + base[1] - thick - 1
        ys = np.where([True, True, False, False], first, last)
        xs = xs - slope * (ys - (top[0] * xs + top[1]))
        outlines.append(np.rint(np.column_stack([xs, ys])).astype(np.int32))
    return outlines


def _straight(edge: _Numbers) -> tuple[float, float] | None:
    """Return slope and start of the line that most of an edge follows, or None."""
    columns = np.arange(len(edge))
    half = len(edge) // 2
    slope = float(np.median((edge[-half:] - edge[:half]) / (len(edge) - half)))
    start = float(np.median(edge - slope * columns))
    near = np.abs(edge - slope * columns - start) <= 2.5
    if near.mean() < 0.7:
        return None
    slope, start = np.polyfit(columns[near], edge[near], 1)
    return float(slope), float(start)


def _run(part: Gray, upper: _Numbers, least: int) -> int:
    """Return how thick the upper line is, in pixels."""
    rows = np.rint(upper).astype(int)
    steps = np.arange(0, min(part.shape[0] // 3, 16))
    at = np.clip(rows[:, None] + steps, 0, part.shape[0] - 1)
    there = part[at, np.arange(len(rows))[:, None]] > 0
    return max(least, int(np.median(np.where(there.all(axis=1), len(steps), (~there).argmax(1)))))


def _equal(
    left: float, right: float, height: float, covered: _Numbers, settings: BoxSettings
) -> _Numbers:
    """Return the walls of the most cells that all have walls, at equal distances; none if none."""
    best = np.zeros(0)
    for cells in range(settings.fewest_cells, settings.most_comb_cells):
        pitch = (right - left) / cells
        if not settings.comb_aspects[0] * height <= pitch <= settings.comb_aspects[1] * height:
            continue
        places = np.linspace(left, right, cells + 1)
        reach = np.arange(-round(2 + 0.03 * pitch), round(2 + 0.03 * pitch) + 1)
        at = np.clip(np.rint(places[:, None] + reach).astype(int), 0, len(covered) - 1)
        if covered[at].max(axis=1).min() >= settings.covered_wall:
            best = places
    return best
