"""The order of lines: top to bottom, and left to right where they stand beside each other."""

from collections.abc import Sequence

import numpy as np

from tenfold.imaging.ink import median
from tenfold.reading.results import Box
from tenfold.reading.settings import ReaderSettings


def reading_order(lines: Sequence[Sequence[Box]], settings: ReaderSettings) -> list[int]:
    """Return the numbers of lines in reading order, also on a page that is tilted a little.

    Lines stand beside each other if they are on one level and none is above another.

    Args:
        lines: The boxes of the marks in each line, at least one.
        settings: The settings of reading.
    """
    if len(lines) < 2:
        return list(range(len(lines)))
    slope = _slope(lines, settings)
    middles = [_middles(boxes) for boxes in lines]
    levels = [median(list(down - slope * across)) for across, down in middles]
    edges = [(min(x for x, *_ in boxes), max(x + w for x, _, w, _ in boxes)) for boxes in lines]
    heights = [median([h for *_, h in boxes]) for boxes in lines]
    found: list[list[int]] = []
    for line in sorted(range(len(lines)), key=lambda line: levels[line]):
        if found and all(
            levels[line] - levels[other] < settings.level_share * min(heights[line], heights[other])
            and (edges[line][0] >= edges[other][1] or edges[other][0] >= edges[line][1])
            for other in found[-1]
        ):
            found[-1].append(line)
        else:
            found.append([line])
    return [line for level in found for line in sorted(level, key=lambda line: edges[line][0])]


def _middles(boxes: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and the rows of the middles of boxes, float64 (n,) each."""
    edges = np.array(boxes, np.float64)
    return edges[:, 0] + edges[:, 2] / 2, edges[:, 1] + edges[:, 3] / 2


def _slope(lines: Sequence[Sequence[Box]], settings: ReaderSettings) -> float:
    """Return by how many pixels lines sink for each pixel to the right; 0 if that is not clear.

    The slope is that of all lines together, by least squares; digits of a line differ in height, so
    it counts only if it is several of its standard errors.
    """
    across, down = [], []
    for boxes in lines:
        x, y = _middles(boxes)
        across.append(x - x.mean())
        down.append(y - y.mean())
    x, y = np.concatenate(across), np.concatenate(down)
    free = len(x) - len(lines) - 1
    spread = float(x @ x)
    if free < 1 or not spread:
        return 0.0
    slope = float(x @ y) / spread
    rest = y - slope * x
    error = float(np.sqrt(rest @ rest / free / spread))
    return slope if abs(slope) > settings.slope_errors * error else 0.0
