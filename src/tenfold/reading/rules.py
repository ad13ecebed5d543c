"""Rules: the long straight lines of ruled paper, forms and tables, removed from the ink."""

import math

import cv2
import numpy as np

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE, median
from tenfold.reading.settings import ReaderSettings


def without_rules(ink: Ink, length: int, settings: ReaderSettings) -> Gray:
    """Return the strokes without long straight rules; strokes that cross one stay whole.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        length: What runs straight across or down for this many pixels is a rule.
        settings: The settings of reading.

    Returns:
        uint8 (h, w), 1 where there is a stroke.
    """
    stroke, faint = ((ink >= share).astype(np.uint8) for share in (INK_SHARE, settings.faint_ink))
    for axis in (0, 1):
        line = np.ones((1, length) if axis == 0 else (length, 1), np.uint8)
        across = np.ones((3, 1) if axis == 0 else (1, 3), np.uint8)
        # A rule that slants a little runs on in the row beside.
        near = cv2.dilate(faint, across)
        if length < 2 * stroke.shape[1 - axis]:
            straight = cv2.morphologyEx(near, cv2.MORPH_OPEN, line)
        else:  # faster, and the same: by OpenCV's rule for borders, only what spans all is a rule
            straight = np.broadcast_to(near.min(axis=1 - axis, keepdims=True), near.shape)
        rule = straight & stroke
        if not rule.any():
            continue
        # What is much darker than the rule as a whole is a stroke over it.
        along = min(length, stroke.shape[1 - axis])
        dark = cv2.blur(
            cv2.dilate(stroke, across).astype(np.float32), (along, 1) if axis == 0 else (1, along)
        )
        rule &= ((dark >= settings.dark_rule_share) | (ink < settings.stroke_ink)).astype(np.uint8)
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
