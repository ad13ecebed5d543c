"""Strikes: strokes that strike a number out, told from printed rules and from strokes of digits."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.rules import Rule, Shape, rows_about, rules_across
from tenfold.imaging.stroke_path import stroke_through

_Mask = NDArray[np.bool_]

_Span = tuple[int, int]
"""First column and end."""

# The following were set by hand on scenes made of MNIST training images (tests/strike_scenes.py).
# "Heights" are multiples of a typical digit's height.

WORK_HEIGHT = 40
"""Height to which digits are scaled while strikes are sought, in pixels."""

MARGIN = 20
"""Paper around a component while strikes are sought, in pixels."""

STRIKE = Shape(
    length=1.3,
    level_run=0.5,
    least_lean=1,
    thickness=0.35,
    wander=0.1 * WORK_HEIGHT,
    straight=0.5,
)
"""A strike may be wavy. No stroke of a digit is this long, straight and level. A slanted strike is
longer by its slope, in heights, because strokes of an 8 may slant."""

SLOPES = tuple(round(0.1 * step, 1) for step in range(-7, 8))
"""Slopes at which strikes are sought, in pixels per pixel: up to 35 degrees."""

OVERHANG = 0.04
"""A strike goes on beyond the digits on both sides for at least this many heights."""

SHORT_OVERHANG = 0.12
"""The same of a short strike: the bar of a 4 may touch its neighbors."""

LONG = 2.0
"""A strike over this many heights of digits is long."""

WAVY_LENGTH = 2.0
"""Least length of a strike that is not straight, in heights..."""

WAVY_OVERHANG = 0.9
"""...and what of it goes on beyond the digits, at both sides together: strokes that join digits
wind through them, too."""

FREE_END = 0.3
"""No digit stands beside the ends of a strike within this many heights."""

NEAR_END = 1.6
"""A strike ends within this many heights of the digits, at one side at least."""

FAR_END = 3.5
"""A strike ends within this many heights of the digits at both sides. A rule goes on."""

CLEAR = 2
"""Rows beside a strike that its blurred edge may reach into, in pixels."""

CROSSED = 0.15
"""A stroke crosses a strike if it goes on for this many heights at both sides of it."""

SLANTED = 0.2
"""From this slope on, a strike may pass between digits, and cross none..."""

SLANTED_SIDES = 0.6
"""...if they stand on either side of it along at least this share of their width."""

HIGHEST = 1.6
"""Such a stroke is no higher than this many heights: it is a digit, and not the wall of a table."""

SCRIBBLE_HOLES = 5.5
"""A scribble encloses this many holes for each height of its width. Digits written over each other
by a quarter of a height enclose 4.9 at most (133 components)."""

STROKE_ROWS = 0.2
"""Least ink above and below a strike where it crosses a digit, in heights. Less ink may be a second
strike."""

SPACE = 0.6
"""Widest space within digits and between them, in heights."""

BOTH_SIDES = 0.3
"""Digits stand on either side of a strike along at least this share of their width."""

CROSSINGS = 0.4
"""Least number of strokes that cross a strike, for each height of the digits' width."""


def is_scribble(stroke: Gray, height: float) -> bool:
    """Return whether one connected component is a scribble: strokes that enclose many holes.

    Args:
        stroke: uint8 (h, w), 1 where the component is.
        height: Height of a typical digit, in pixels.
    """
    count = int(cv2.connectedComponents(1 - np.pad(stroke, 1), connectivity=4)[0])
    return bool(count - 2 >= SCRIBBLE_HOLES * stroke.shape[1] / height)


def find_struck(ink: Ink, height: float) -> tuple[_Span, _Span] | None:
    """Return where strokes strike digits out, and where the digits that they cross are, if any.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, of one connected component.
        height: Height of a typical digit, in pixels.
    """
    scale = WORK_HEIGHT / height
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    work = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=way)
    work = np.pad(work, MARGIN)
    found = _straight_strikes(work) or _wavy_strikes(work)
    if not found:
        return None
    strikes, digits = zip(*found, strict=True)
    return _in_pixels(strikes, scale), _in_pixels(digits, scale)


def _straight_strikes(work: Ink) -> list[tuple[_Span, _Span]]:
    """Return each straight strike, and the digits that it strikes out, at `WORK_HEIGHT`."""
    rows, columns = work.shape
    found = []
    for slope in SLOPES:
        # The shear makes what runs at this slope level.
        move = np.array([[1, 0, 0], [-slope, 1, max(0.0, slope * columns)]], np.float32)
        size = (columns, int(rows + abs(slope) * columns) + 1)
        sheared: Ink = cv2.warpAffine(work, move, size)
        near: Gray = (sheared >= INK_SHARE).astype(np.uint8)
        lines = rules_across(sheared, near, WORK_HEIGHT, down=False, shape=STRIKE)
        found += [
            ((line.start, line.end), span)
            for line in lines
            if (span := _struck(line, sheared, slope))
        ]
    return found


def _wavy_strikes(work: Ink) -> list[tuple[_Span, _Span]]:
    """Return the stroke that runs through all of a component if it is a strike, as above."""
    line = stroke_through(work, WORK_HEIGHT, round(STRIKE.thickness * WORK_HEIGHT))
    if line is None or line.length < WAVY_LENGTH * WORK_HEIGHT:
        return []
    digits = _struck(line, work, float(line.top[-1] - line.top[0]) / line.length)
    if digits is None or line.length - (digits[1] - digits[0]) < WAVY_OVERHANG * WORK_HEIGHT:
        return []
    return [((line.start, line.end), digits)]


def _in_pixels(spans: Sequence[_Span], scale: float) -> _Span:
    """Return the columns from the first to the last of some spans, in pixels of the component."""
    first, end = min(span[0] for span in spans), max(span[1] for span in spans)
    return round((first - MARGIN) / scale), round((end - MARGIN) / scale)


def _struck(line: Rule, ink: Ink, slope: float) -> _Span | None:
    """Return first column and end of the digits that a line strikes out, or None.

    It crosses them, goes on beyond them on both sides, and soon ends.

    Args:
        line: The line.
        ink: float32 (h, w), 0 paper to 1 full ink, with the line.
        slope: The slope that the line had before the ink was sheared.
    """
    if line.length < (STRIKE.length + abs(slope)) * WORK_HEIGHT:
        return None
    free = round(FREE_END * WORK_HEIGHT)
    wider = replace(line, start=line.start - free, top=np.pad(line.top, free, mode="edge"))
    around = rows_about(ink, wider, WORK_HEIGHT) >= INK_SHARE
    above = around[: WORK_HEIGHT - CLEAR][::-1]
    below = around[WORK_HEIGHT + line.thickness + CLEAR :]
    beside = above.sum(axis=0), below.sum(axis=0)
    columns = np.flatnonzero(beside[0] + beside[1] >= STROKE_ROWS * WORK_HEIGHT)
    if not columns.size:
        return None
    first, end = int(columns[0]), int(columns[-1]) + 1
    near, far = sorted((first - free, free + line.length - end))
    overhang = OVERHANG if end - first >= LONG * WORK_HEIGHT else SHORT_OVERHANG
    if near < overhang * WORK_HEIGHT or near > NEAR_END * WORK_HEIGHT:
        return None
    wide = np.ones((1, round(SPACE * WORK_HEIGHT)), np.uint8)
    side = min(
        float(cv2.dilate((rows[None, first:end] > 0).astype(np.uint8), wide).mean())
        for rows in beside
    )
    if far > FAR_END * WORK_HEIGHT or side < BOTH_SIDES:
        return None
    crossings = _crossings(above, below, line.thickness + 2 * CLEAR)
    enough = crossings >= max(1, CROSSINGS * (end - first) / WORK_HEIGHT)
    if not enough and (abs(slope) < SLANTED or side < SLANTED_SIDES):
        return None
    return wider.start + first, wider.start + end


def _crossings(above: _Mask, below: _Mask, thickness: int) -> int:
    """Return the number of strokes that go on from one side of a line to the other.

    Args:
        above: bool (rows, n), the rows above the line, the nearest first.
        below: The same below it.
        thickness: Of the line and its edges, in pixels.
    """
    upper, lower = (_strokes(beside, CROSSED * WORK_HEIGHT) for beside in (above, below))
    reach = thickness // 2 + 1
    highest = HIGHEST * WORK_HEIGHT - thickness
    return sum(
        any(c < b + reach and a < d + reach and up + down <= highest for c, d, down in lower)
        for a, b, up in upper
    )


def _strokes(beside: _Mask, least: float) -> list[tuple[int, int, int]]:
    """Return first column, end and depth of each stroke that meets a line and goes on from there.

    Args:
        beside: bool (rows, n), the rows beside the line, the nearest first.
        least: Least depth, in rows.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(beside.astype(np.uint8), connectivity=8)
    depths = stats[:, 3]
    near = np.where(depths[parts[0]] >= least, parts[0], 0)
    edges = np.flatnonzero(np.diff(near, prepend=0, append=0))
    return [(a, b, int(depths[near[a]])) for a, b in pairwise(edges.tolist()) if near[a]]
