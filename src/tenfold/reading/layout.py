"""A page taken apart: rules and specks left out, what is left grouped into lines of marks.

No network here; `tenfold.reading.reader` asks one what the marks are.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.imaging.canvas import INK_SHARE, Mark, find_mark
from tenfold.imaging.ink import PAPER_SQUARE, Gray, Ink, ink_of, is_ink_dark, median

# The numbers below were set by hand on pages made of MNIST training images (tests/scenes.py).

FIRST_SQUARE = 0.2
"""Side of the square that is wider than any stroke, as a share of the page's shorter side, until
the digits' height is known; see `ink_of`."""

HALVED_SIDE = 600
"""Pictures whose shorter side is no less are halved to see how high the digits are."""

LOWEST_HALVED = 10.0
"""Digits lower than this in the halved picture are sought in the whole one: some may be lost."""

SQUARE_HEIGHTS = 1.5
"""The same, in heights of a digit."""

RULE_HEIGHTS = 2.5
"""What runs straight for so many heights of a digit is a rule, not a stroke."""

FAINT_SHARE = 0.2
"""Share of full ink from which a pixel may be of a rule."""

DARK_SHARE = 2 / 3
"""A rule is as dark as strokes if so much of it is as dark as they are;"""

CLEAR_INK = 0.75
"""if it is not, what has so much of full ink is a stroke over it."""

MOST_PARTS = 3000
"""A page of more parts is a pattern, or print; ten times what a full page of digits has."""

SMALLEST_HEIGHT = 0.45
"""A mark lower than this part of its neighbors' height is a dot, a comma, a dash or a speck."""

LEAST_HEIGHT = 0.25
"""The same of the height of a typical digit on the page: where paper is printed with a pattern,
what is left of it may be most of the marks."""

COMMA_HEIGHT = 0.65
"""A mark lower than this part of its line's height that stands in the lower half is a comma."""

_Boxes = NDArray[np.int64]


def take_apart(gray: Gray, *, drawn: bool = False, against: bool = False) -> list[list[Mark]]:
    """Find the marks on a page that may be digits, or digits that touch.

    Where nothing is small enough to be one of several digits, the page may show a single large one.

    Args:
        gray: uint8 (h, w), dark ink on light or light on dark; `load_picture` bounds its size.
        drawn: It was drawn on a clean sheet: what is large is no rule and no frame.
        against: Take for ink what looks like paper, and the other way round.

    Returns:
        The marks of each line, left to right; lines top to bottom.
    """
    # Twice: how closely light is followed depends on how large the digits are.
    dark, height = _first_look(gray, drawn, against)
    square = min(PAPER_SQUARE, SQUARE_HEIGHTS * height / min(gray.shape)) or PAPER_SQUARE
    ink = ink_of(gray, square, ink_is_dark=dark)
    height = 0.0 if ink is None else _digit_height(ink, drawn)
    if ink is None or not height:
        mark = find_mark(gray)
        return [] if mark is None else [[mark]]
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    if not drawn:
        stroke = without_rules(ink, round(RULE_HEIGHTS * height))
    parts, boxes = _parts(stroke, height)
    if np.count_nonzero(boxes.any(axis=1)) > MOST_PARTS:
        return []
    groups = _lines(boxes, _joined(boxes, height), LEAST_HEIGHT * height)
    return [[_mark(ink, parts, members, boxes) for members in line] for line in groups]


def _first_look(gray: Gray, drawn: bool, against: bool) -> tuple[bool, float]:
    """Return whether ink is dark, and about how high a digit is, in pixels, or 0."""
    halves = min(gray.shape) >= HALVED_SIDE
    look = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if halves else gray
    dark = is_ink_dark(look)
    if dark is None:
        dark = _thinner_is_dark(look)
    dark ^= against
    ink = ink_of(look, FIRST_SQUARE, ink_is_dark=dark)
    height = 0.0 if ink is None else _height_in(ink, drawn)
    if halves and height >= LOWEST_HALVED:
        return dark, 2 * height
    if halves:
        ink = ink_of(gray, FIRST_SQUARE, ink_is_dark=dark)
        height = 0.0 if ink is None else _height_in(ink, drawn)
    return dark, height


def _thinner_is_dark(gray: Gray) -> bool:
    """Tell which of dark and light covers less: the other way round, ink lies between strokes."""
    inks = (ink_of(gray, FIRST_SQUARE, ink_is_dark=dark) for dark in (True, False))
    dark, light = (1.0 if ink is None else float((ink >= INK_SHARE).mean()) for ink in inks)
    return dark <= light


def without_rules(ink: Ink, length: int) -> Gray:
    """Return the strokes without long straight rules; strokes that cross one stay whole.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        length: What runs straight across or down for so many pixels is a rule.

    Returns:
        uint8 (h, w), 1 where there is a stroke.
    """
    stroke, faint = ((ink >= share).astype(np.uint8) for share in (INK_SHARE, FAINT_SHARE))
    for axis in (0, 1):
        line = np.ones((1, length) if axis == 0 else (length, 1), np.uint8)
        across = np.ones((3, 1) if axis == 0 else (1, 3), np.uint8)
        # A rule that slants a little runs on in the row beside.
        near = cv2.dilate(faint, across)
        if length < 2 * stroke.shape[1 - axis]:
            straight = cv2.morphologyEx(near, cv2.MORPH_OPEN, line)
        else:  # only what runs all along is so long, by OpenCV's rules for borders; this is sooner
            straight = np.broadcast_to(near.min(axis=1 - axis, keepdims=True), near.shape)
        rule = straight & stroke
        if not rule.any():
            continue
        # What is much darker than the rule as a whole is a stroke over it.
        along = min(length, stroke.shape[1 - axis])
        dark = cv2.blur(
            cv2.dilate(stroke, across).astype(np.float32), (along, 1) if axis == 0 else (1, along)
        )
        rule &= ((dark >= DARK_SHARE) | (ink < CLEAR_INK)).astype(np.uint8)
        rest = stroke & ~rule
        thickness = _thickness(rule)
        gap = np.ones((thickness + 3, 1) if axis == 0 else (1, thickness + 3), np.uint8)
        bridges = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, gap)
        stroke = rest | (bridges & rule)
    return stroke


def _thickness(rule: Gray) -> int:
    """Return how thick a rule is, in pixels: twice the typical depth of its middle."""
    depth = cv2.distanceTransform(np.pad(rule, 1), cv2.DIST_L1, 3)
    ridge = depth[depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))]
    ridge = ridge[ridge > 0]
    return max(1, math.ceil(2 * median(ridge))) if ridge.size else 1


def _digit_height(ink: Ink, drawn: bool) -> float:
    """Return the height of a typical digit in pixels, or 0 if nothing looks like one."""
    if min(ink.shape) >= HALVED_SIDE:
        half = cv2.resize(ink, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        if (height := _height_in(half, drawn)) >= LOWEST_HALVED:
            return 2 * height
    return _height_in(ink, drawn)


def _height_in(ink: Ink, drawn: bool) -> float:
    """Return the height of a typical digit in this ink.

    The median of marks by their ink: specks weigh little; what spans the page is no digit.
    """
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    width, height, area = stats[1:, 2], stats[1:, 3], stats[1:, 4].astype(float)
    page = np.array(stroke.shape)
    # Digits may hang together over the whole line; rules and the frames of tables may not.
    likely = (height >= 4) & (height > width / 12)
    if not drawn:
        likely &= (height < page[0] / 3) | (width < page[1] / 4) | (area > 0.2 * width * height)
    if not likely.any():
        return 0.0
    order = np.argsort(height[likely])
    weight = np.cumsum(area[likely][order])
    middle = int(np.searchsorted(weight, weight[-1] / 2))
    return float(height[likely][order][middle])


def _parts(stroke: Gray, height: float) -> tuple[NDArray[np.int32], _Boxes]:
    """Return the connected parts, and the box of each as left, top, right, bottom."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    boxes = stats[:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    speck = (stats[:, 2:4].max(axis=1) < height / 8) | (stats[:, 4] < 3)
    huge = stats[:, 3] > 4 * height
    boxes[speck | huge] = 0
    boxes[0] = 0
    return parts, boxes


def _joined(boxes: _Boxes, height: float) -> list[list[int]]:
    """Group parts that are strokes of one digit: one above the other, or a bar close by."""
    alive = [int(i) for i in np.flatnonzero(boxes.any(axis=1))]
    alive.sort(key=lambda i: int(boxes[i, 0]))
    plain = boxes.tolist()  # single numbers of arrays are slow
    parent = {i: i for i in alive}

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    order = np.array(alive, dtype=int)
    left, top, bottom = boxes[order, 0], boxes[order, 1], boxes[order, 3]
    for place, i in enumerate(alive):
        near = (left <= boxes[i, 2] + height) & (np.arange(len(order)) > place)
        near &= (top <= boxes[i, 3] + height) & (bottom >= boxes[i, 1] - height)
        for j in order[near]:
            if _belong(plain[i], plain[j], height):
                parent[root(int(j))] = root(i)
    groups: dict[int, list[int]] = {}
    for i in alive:
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())


def _belong(one: list[int], other: list[int], height: float) -> bool:
    """Tell whether two parts are strokes of one digit."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(one[3], other[3]) - min(one[1], other[1])
    if both > 1.5 * height:
        return False
    narrow = min(one[2] - one[0], other[2] - other[0])
    low = min(one[3] - one[1], other[3] - other[1])
    if across >= 0.5 * narrow and down > -0.3 * height:
        return True
    # The bar of a 5 or a 7: a low part near the upper half of a tall one.
    tall, small = (one, other) if one[3] - one[1] >= other[3] - other[1] else (other, one)
    upper = small[3] <= tall[1] + 0.5 * (tall[3] - tall[1])
    wide_enough = small[2] - small[0] >= 0.2 * height
    return bool(low < 0.4 * height and upper and wide_enough and across > -0.12 * height
                and down > -0.1 * height)  # fmt: skip


def _lines(boxes: _Boxes, groups: list[list[int]], least: float) -> list[list[list[int]]]:
    """Group marks into lines, leaving out those that are too low beside their neighbors.

    `least` pixels of height a mark has in any case: what is left of a pattern may be most marks.
    """

    def box(members: list[int]) -> list[int]:
        low, high = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
        return [*map(int, low), *map(int, high)]

    marks = sorted(((box(members), members) for members in groups), key=lambda mark: mark[0][0])
    if not marks:
        return []
    lowest = max(least, SMALLEST_HEIGHT * median([mark[3] - mark[1] for mark, _ in marks]))
    lines: list[list[tuple[list[int], list[int]]]] = []
    for mark in marks:
        if mark[0][3] - mark[0][1] < lowest:
            continue
        best = max(lines, key=lambda line: _overlap(line[-1][0], mark[0]), default=None)
        if best is not None and _overlap(best[-1][0], mark[0]) >= 0.4:
            best.append(mark)
        else:
            lines.append([mark])
    kept = []
    for line in lines:
        tall = median([mark[3] - mark[1] for mark, _ in line])
        middle = median([(mark[1] + mark[3]) / 2 for mark, _ in line])
        kept.append([m for m in line if not _is_punctuation(m[0], float(tall), float(middle))])
    kept.sort(key=lambda line: median([(mark[1] + mark[3]) / 2 for mark, _ in line]))
    return [[members for _, members in line] for line in kept]


def _is_punctuation(box: list[int], tall: float, middle: float) -> bool:
    height = box[3] - box[1]
    return bool(
        height < SMALLEST_HEIGHT * tall or (height < COMMA_HEIGHT * tall and box[1] > middle)
    )


def _overlap(one: list[int], other: list[int]) -> float:
    """Return how much of the lower of two boxes stands beside the other, 0 to 1."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return float(shared / max(1, min(one[3] - one[1], other[3] - other[1])))


def _mark(ink: Ink, parts: NDArray[np.int32], members: list[int], boxes: _Boxes) -> Mark:
    left, top = boxes[members, :2].min(axis=0)
    right, bottom = boxes[members, 2:].max(axis=0)
    # The edge of a stroke fades out beyond the mask.
    reach = 1 + max(ink.shape) // 1000
    x, y = max(0, left - reach), max(0, top - reach)
    inside = parts[y : bottom + reach, x : right + reach]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    mine = np.isin(inside, members).astype(np.uint8)
    others = (inside > 0) & (mine == 0)
    near = (cv2.dilate(mine, kernel) > 0) & ~others
    own = np.where(near, ink[y : bottom + reach, x : right + reach], np.float32(0))
    return Mark(own, (int(x), int(y), own.shape[1], own.shape[0]))
