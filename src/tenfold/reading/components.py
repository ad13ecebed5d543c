"""Connected components: those of the strokes on a page, grouped into marks."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.canvas import Mark

Boxes = NDArray[np.int64]
"""int64 (n, 4): left, top, right and bottom of each component; zeros for those left out."""


def find_components(stroke: Gray, lowest: float, highest: float) -> tuple[NDArray[np.int32], Boxes]:
    """Return the connected components, and the box of each.

    Args:
        stroke: uint8 (h, w), 1 where there is a stroke.
        lowest: A component neither as high nor as wide, in pixels, is a speck.
        highest: A higher component is no digit.

    Returns:
        int32 (h, w), the component of each pixel, and the boxes. Those of specks and of components
        that are too high are zeros.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    boxes = stats[:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    speck = (stats[:, 2:4].max(axis=1) < lowest) | (stats[:, 4] < 3)
    boxes[speck | (stats[:, 3] > highest)] = 0
    boxes[0] = 0
    return parts, boxes


def join_components(boxes: Boxes, members: Iterable[int], height: float) -> list[list[int]]:
    """Group components that are strokes of one digit: one above the other, or a bar close by.

    Args:
        boxes: The boxes of all components.
        members: The components to group.
        height: Height of a typical digit, in pixels.
    """
    alive = sorted((int(i) for i in members), key=lambda i: int(boxes[i, 0]))
    plain = {i: boxes[i].tolist() for i in alive}  # single numbers of arrays are slow
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


def mark_of(ink: Ink, parts: NDArray[np.int32], members: Sequence[int], boxes: Boxes) -> Mark:
    """Return the mark that components are, with the edges of their strokes.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        parts: int32 (h, w), the component of each pixel.
        members: The components.
        boxes: The boxes of all components.
    """
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
