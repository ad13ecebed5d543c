"""Outlined digits: strokes of which only the edges are drawn, filled so that they are strokes."""

import cv2
import numpy as np

from tenfold.arrays import Ink
from tenfold.imaging.ink import INK_SHARE

COUNTER_DEPTH = 3
"""How many contours lie around that of the paper inside an outlined 0: the outer edge of its outer
outline, the inner edge of that, and the outer edge of its inner outline."""


def filled(ink: Ink, least_share: float) -> Ink | None:
    """Return ink with all that it encloses filled, but for what outlines inside of it enclose.

    So an outlined 0 becomes a 0 again. A 0 that is no outline becomes a disc.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        least_share: How much outlines enclose at least, as a share of their own ink.

    Returns:
        float32 (h, w); None if the ink encloses less.
    """
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    contours, found = cv2.findContours(stroke, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    parents = [] if found is None else found[0][:, 3].tolist()
    depths: list[int] = []
    for parent in parents:  # in a tree, parents come before their children
        depths.append(0 if parent < 0 else 1 + depths[parent])
    inside = np.zeros_like(stroke)
    for depth, value in ((0, 1), (COUNTER_DEPTH, 0)):
        some = [one for one, deep in zip(contours, depths, strict=True) if deep == depth]
        cv2.drawContours(inside, some, -1, value, cv2.FILLED)
    solid = np.maximum(inside.astype(np.float32), ink)
    enclosed, own = float((solid - ink).sum()), float(ink.sum())
    return solid if enclosed > 0 and enclosed >= least_share * own else None
