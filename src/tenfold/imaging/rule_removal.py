"""Rules removed: their pixels deleted, except where strokes cross them or end in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.rules import Rule, rows_about

_Mask = NDArray[np.bool_]
_Interval = tuple[int, int]

# The following were set by hand on scenes made of MNIST training images (tests/rule_scenes.py).
# "Heights" are multiples of a typical digit's height.

FAINT_RULE = 0.7
"""On a rule of less ink, what is darker than halfway to full ink is a stroke."""

FRINGE = 2
"""Rows beside a rule into which its blurred edge reaches, in pixels."""

CRUMB = 0.08
"""What is left beside a rule and is lower than this, in heights, is an uneven edge of the rule."""

STEEP = 1.5
"""A stroke arrives steeply at a rule if it is this many times deeper than its width there."""

BRIDGE = 0.6
"""Widest foot of a digit that may lie inside a rule, in heights."""


def remove_rules(ink: Ink, rules: Sequence[Rule], height: float) -> Ink:
    """Return ink without rules; strokes that cross a rule or stand on it stay whole.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        rules: Rules found in this ink.
        height: Height of a typical digit, in pixels.

    Returns:
        float32 (h, w), a new array.
    """
    rest = ink.copy()
    for rule in rules:
        _write(rest, rule, 0, np.ones((rule.thickness, rule.length), bool), np.float32(0))
    result = rest.copy()
    width = _stroke_width(rest) if rules else 0.0
    for rule in rules:
        _restore_strokes(result, ink, rest, rule, height, width)
    return result


def _write(ink: Ink, rule: Rule, beside: int, where: _Mask, values: Ink | np.float32) -> None:
    """Write values, in place, where a mask of the shape of `rows_about` says."""
    offsets, columns = np.nonzero(where)
    rows = rule.top[columns] + offsets - beside
    inside = (rows >= 0) & (rows < ink.shape[1 if rule.down else 0])
    rows, columns = rows[inside], columns[inside] + rule.start
    place = (columns, rows) if rule.down else (rows, columns)
    ink[place] = values[where][inside] if isinstance(values, np.ndarray) else values


def _stroke_width(ink: Ink) -> float:
    """Return the typical width of strokes, in pixels: twice their area over their outline."""
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    area = int(np.count_nonzero(stroke))
    outline = area - int(np.count_nonzero(cv2.erode(stroke, np.ones((3, 3), np.uint8))))
    return 2.0 * area / outline if outline else 1.0


def _restore_strokes(
    result: Ink, ink: Ink, rest: Ink, rule: Rule, height: float, width: float
) -> None:
    """Put the strokes that were removed with a rule back into `result`.

    Args:
        result: float32 (h, w), changed in place.
        ink: float32 (h, w), the ink with rules.
        rest: float32 (h, w), the ink without the pixels of rules.
        rule: The rule.
        height: Height of a typical digit, in pixels.
        width: Width of a typical stroke, in pixels.
    """
    reach = max(FRINGE + 1, round(height))
    around = rows_about(rest, rule, reach)
    zone = slice(reach, reach + rule.thickness)
    above, below = around[:reach][::-1], around[zone.stop :]
    upper = _contacts(above, _solid(below, rule.thickness), height)
    lower = _contacts(below, _solid(above, rule.thickness), height)
    gone = np.zeros(around.shape, bool)
    gone[:reach], gone[zone.stop :] = upper.crumbs[::-1], lower.crumbs
    strokes = ((around >= INK_SHARE) & ~gone).astype(np.uint8)
    faint = (around < INK_SHARE) & (cv2.dilate(strokes, np.ones((3, 3), np.uint8)) == 0)
    fringe = slice(reach - FRINGE, zone.stop + FRINGE)
    gone[fringe] |= faint[fringe]
    gone[zone] = False
    _write(result, rule, reach, gone, np.float32(0))
    own = rows_about(ink, rule, 0)
    keep = np.zeros(own.shape, bool)
    _keep_through(keep, upper, lower)
    _keep_ends(keep, upper, width, BRIDGE * height)
    _keep_ends(keep[::-1], lower, width, BRIDGE * height)
    if rule.level < FAINT_RULE:
        keep |= own >= (1 + rule.level) / 2
    _write(result, rule, 0, keep, own)


def _solid(beside: Ink, thickness: int) -> _Mask:
    """Return bool (n,), where a stroke meets a rule in rows beside it, or nearly does."""
    solid = (beside[:3].min(axis=0) >= INK_SHARE).astype(np.uint8)[None]
    near: _Mask = cv2.dilate(solid, np.ones((1, 2 * thickness + 1), np.uint8))[0] > 0
    return near


@dataclass(eq=False)
class _Contacts:
    """Where strokes meet a rule from one side.

    Attributes:
        intervals: First column, and column behind the last, of each stroke that meets it.
        parts: Number of the connected component beside the rule that each of them belongs to.
        depths: int64 (n,), rows of stroke at each column next to the rule.
        crumbs: bool (reach, n), remains of the rule, the row next to it first.
        through: Indices of the strokes that run through the rule.
    """

    intervals: list[_Interval]
    parts: list[int]
    depths: NDArray[np.int64]
    crumbs: _Mask
    through: set[int] = field(default_factory=set)


def _contacts(beside: Ink, across: _Mask, height: float) -> _Contacts:
    """Find the strokes that meet a rule from one side.

    Args:
        beside: float32 (reach, n), the rows beside the rule, the nearest first.
        across: bool (n,), where a stroke meets the rule on its other side.
        height: Height of a typical digit, in pixels.
    """
    stroke = (beside >= INK_SHARE).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    crumb = np.zeros(len(stats), bool)
    crumb[parts[0]] = True
    crumb &= stats[:, 3] < max(2, round(CRUMB * height))
    crumb[parts[0, across]] = False
    crumb[0] = False
    crumbs = crumb[parts]
    solid = stroke.astype(bool) & ~crumbs
    # One row alone may be the rule's uneven edge.
    meeting = np.where(solid[0] & solid[1], parts[0], 0)
    edges = np.flatnonzero(np.diff(meeting, prepend=0, append=0))
    intervals = [(a, b) for a, b in pairwise(edges.tolist()) if meeting[a]]
    depths = np.where(solid.all(axis=0), len(solid), solid.argmin(axis=0))
    return _Contacts(intervals, [int(meeting[a]) for a, _ in intervals], depths, crumbs)


def _keep_through(keep: _Mask, upper: _Contacts, lower: _Contacts) -> None:
    """Keep, in place, strokes that run through a rule: between the places where they meet it.

    Args:
        keep: bool (thickness, n).
        upper: Strokes that meet the rule from above.
        lower: Strokes that meet the rule from below.
    """
    thickness = len(keep)
    shares = (np.arange(thickness) + 1) / (thickness + 1)
    for i, j in _pairs(upper.intervals, lower.intervals, thickness):
        one, other = _without_foot(upper.intervals[i], lower.intervals[j], thickness)
        starts, ends = (np.rint(a + (b - a) * shares) for a, b in zip(one, other, strict=True))
        for row, start, end in zip(keep, starts, ends, strict=True):
            row[int(start) : int(end)] = True
        if one == upper.intervals[i]:
            upper.through.add(i)
        if other == lower.intervals[j]:
            lower.through.add(j)


def _keep_ends(keep: _Mask, contacts: _Contacts, width: float, bridge: float) -> None:
    """Keep, in place, what strokes that end in a rule have in it.

    Args:
        keep: bool (thickness, n), from the side where the strokes meet the rule.
        contacts: Strokes that meet the rule.
        width: Width of a typical stroke, in pixels.
        bridge: Widest foot of a digit that may lie inside the rule, in pixels.
    """
    ends = [i for i in range(len(contacts.intervals)) if i not in contacts.through]
    for i in ends:
        a, b = contacts.intervals[i]
        depths = contacts.depths[a:b]
        # A stroke that arrives steeply ends in the rule; of a flat one a part lies in it.
        within = np.where(depths > STEEP * width, width, np.maximum(width - depths, 0))
        keep[:, a:b] |= np.arange(len(keep))[:, None] < within
    for one, other in pairwise(ends):
        a, b = contacts.intervals[one][1], contacts.intervals[other][0]
        if contacts.parts[one] == contacts.parts[other] and b - a <= bridge:
            keep[: round(width), a:b] = True


def _pairs(upper: list[_Interval], lower: list[_Interval], most: int) -> Iterator[tuple[int, int]]:
    """Yield each interval above with those below that it meets, or misses by few columns."""
    first = 0
    for i, (start, end) in enumerate(upper):
        while first < len(lower) and lower[first][1] <= start - most:
            first += 1
        for j in range(first, len(lower)):
            if lower[j][0] >= end + most:
                break
            yield i, j


def _without_foot(one: _Interval, other: _Interval, most: int) -> tuple[_Interval, _Interval]:
    """Return two intervals, of which one that is far wider is cut to what the other continues."""
    wide, narrow = one[1] - one[0], other[1] - other[0]
    if wide > 2 * narrow + most:
        one = max(one[0], other[0] - most), min(one[1], other[1] + most)
    elif narrow > 2 * wide + most:
        other = max(other[0], one[0] - most), min(other[1], one[1] + most)
    return one, other
