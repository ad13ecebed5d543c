"""Layout: a picture taken apart, once, into a page of rows of marks; no network is needed.

Rules and specks are left out. What is left is grouped into marks, and marks into rows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.canvas import Mark, find_mark
from tenfold.imaging.ink import INK_SHARE, median, page_ink
from tenfold.imaging.picture import Picture
from tenfold.reading.rules import without_rules
from tenfold.reading.settings import ReaderSettings

_Boxes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Page:
    """A picture in one orientation and one polarity, taken apart into rows of marks.

    Attributes:
        picture: The pixels, in this orientation.
        rows: The marks of each row, left to right; rows top to bottom.
        rotation: Degrees clockwise by which the picture was rotated: 0, 90, 180 or 270.
        inverted: Whether ink is what looks like paper, and the other way round.
        drawn: Whether the picture was drawn on a clean sheet, upright and without rules.
    """

    picture: Picture
    rows: tuple[tuple[Mark, ...], ...]
    rotation: int = 0
    inverted: bool = False
    drawn: bool = False


def make_page(
    picture: Picture,
    settings: ReaderSettings,
    *,
    rotation: int = 0,
    inverted: bool = False,
    drawn: bool = False,
) -> Page:
    """Take a picture apart into marks that may be digits, or digits that touch.

    If nothing is small enough to be one of several digits, the page may hold one large digit.

    Args:
        picture: Dark ink on light or light on dark; `load_picture` bounds its size.
        settings: The settings of reading.
        rotation: Degrees clockwise by which the picture was rotated before: 0, 90, 180 or 270.
        inverted: Take for ink what looks like paper, and the other way round.
        drawn: The picture was drawn on a clean sheet: nothing large is a rule or a frame.
    """
    rows = _find_rows(picture.gray, settings, drawn, inverted)
    return Page(picture, rows, rotation, inverted, drawn)


def _find_rows(
    gray: Gray, settings: ReaderSettings, drawn: bool, inverted: bool
) -> tuple[tuple[Mark, ...], ...]:
    found = page_ink(gray, drawn=drawn, inverted=inverted)
    if found is None:
        mark = find_mark(gray)
        return () if mark is None else ((mark,),)
    ink, height = found
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    if not drawn:
        stroke = without_rules(ink, max(1, round(settings.rule_heights * height)), settings)
    parts, boxes = _components(stroke, height)
    if np.count_nonzero(boxes.any(axis=1)) > settings.most_components:
        return ()
    groups = _group_rows(boxes, _joined(boxes, height), height, settings)
    return tuple(tuple(_mark(ink, parts, members, boxes) for members in row) for row in groups)


def _components(stroke: Gray, height: float) -> tuple[NDArray[np.int32], _Boxes]:
    """Return the connected components, and the box of each as left, top, right, bottom.

    Specks and components far higher than a digit have a box of zeros.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    boxes = stats[:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    speck = (stats[:, 2:4].max(axis=1) < height / 8) | (stats[:, 4] < 3)
    huge = stats[:, 3] > 4 * height
    boxes[speck | huge] = 0
    boxes[0] = 0
    return parts, boxes


def _joined(boxes: _Boxes, height: float) -> list[list[int]]:
    """Group components that are strokes of one digit: one above the other, or a bar close by."""
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
    """Tell whether two components are strokes of one digit."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(one[3], other[3]) - min(one[1], other[1])
    if both > 1.5 * height:
        return False
    narrow = min(one[2] - one[0], other[2] - other[0])
    low = min(one[3] - one[1], other[3] - other[1])
    if across >= 0.5 * narrow and down > -0.3 * height:
        return True
    # The bar of a 5 or a 7: a low component near the upper half of a tall one.
    tall, small = (one, other) if one[3] - one[1] >= other[3] - other[1] else (other, one)
    upper = small[3] <= tall[1] + 0.5 * (tall[3] - tall[1])
    wide_enough = small[2] - small[0] >= 0.2 * height
    return bool(low < 0.4 * height and upper and wide_enough and across > -0.12 * height
                and down > -0.1 * height)  # fmt: skip


def _group_rows(
    boxes: _Boxes, groups: list[list[int]], height: float, settings: ReaderSettings
) -> list[list[list[int]]]:
    """Group marks into rows, leaving out marks that are too low beside their neighbors."""

    def box(members: list[int]) -> list[int]:
        low, high = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
        return [*map(int, low), *map(int, high)]

    marks = sorted(((box(members), members) for members in groups), key=lambda mark: mark[0][0])
    if not marks:
        return []
    typical = median([mark[3] - mark[1] for mark, _ in marks])
    lowest = max(settings.lowest_mark_heights * height, settings.lowest_mark * typical)
    rows: list[list[tuple[list[int], list[int]]]] = []
    for mark in marks:
        if mark[0][3] - mark[0][1] < lowest:
            continue
        best = max(rows, key=lambda row: _overlap(row[-1][0], mark[0]), default=None)
        if best is not None and _overlap(best[-1][0], mark[0]) >= 0.4:
            best.append(mark)
        else:
            rows.append([mark])
    kept = []
    for row in rows:
        tall = median([mark[3] - mark[1] for mark, _ in row])
        middle = median([(mark[1] + mark[3]) / 2 for mark, _ in row])
        kept.append([m for m in row if not _is_punctuation(m[0], tall, middle, settings)])
    kept.sort(key=lambda row: median([(mark[1] + mark[3]) / 2 for mark, _ in row]))
    return [[members for _, members in row] for row in kept]


def _is_punctuation(box: list[int], tall: float, middle: float, settings: ReaderSettings) -> bool:
    height = box[3] - box[1]
    comma = height < settings.comma_share * tall and box[1] > middle
    return height < settings.lowest_mark * tall or comma


def _overlap(one: list[int], other: list[int]) -> float:
    """Return which share of the lower of two boxes stands beside the other, 0 to 1."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return float(shared / max(1, min(one[3] - one[1], other[3] - other[1])))


def _mark(ink: Ink, parts: NDArray[np.int32], members: list[int], boxes: _Boxes) -> Mark:
    left, top = boxes[members, :2].min(axis=0)
    right, bottom = boxes[members, 2:].max(axis=0)
    # The edge of a stroke fades out beyond the component.
    reach = 1 + max(ink.shape) // 1000
    x, y = max(0, left - reach), max(0, top - reach)
    inside = parts[y : bottom + reach, x : right + reach]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    mine = np.isin(inside, members).astype(np.uint8)
    others = (inside > 0) & (mine == 0)
    near = (cv2.dilate(mine, kernel) > 0) & ~others
    own = np.where(near, ink[y : bottom + reach, x : right + reach], np.float32(0))
    return Mark(own, (int(x), int(y), own.shape[1], own.shape[0]))
