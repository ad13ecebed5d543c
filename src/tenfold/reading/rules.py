"""Rules and bands: the long lines of ruled paper, forms and tables, removed from a page."""

import math

import cv2
import numpy as np

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE, ink_of, median
from tenfold.imaging.page_ink import digit_height, is_page_ink_dark
from tenfold.imaging.rule_removal import remove_rules
from tenfold.imaging.rules import RULE_LENGTH, find_rules
from tenfold.reading.settings import ReaderSettings

LONG_RULE = 0.5
"""Share of the page's width from which a rule is found while the height of digits is unknown."""

LONG_RULE_HEIGHTS = 1.5
"""Such a rule is longer than digits are high by this factor; no stroke of a digit is."""


def ruled_page_ink(gray: Gray) -> tuple[Ink, float] | None:
    """Return the ink of a page whose digits all stand on rules, and their height in pixels.

    A rule makes one long component of the digits, which has no height of a digit.

    Args:
        gray: uint8 (h, w).

    Returns:
        float32 (h, w), 0 paper to 1 full ink, with rules, and the height; None if no digits stand
        on rules.
    """
    ink = ink_of(gray, ink_is_dark=is_page_ink_dark(gray))
    if ink is None:
        return None
    height = without_rules(ink, 0.0)[1]
    return (ink, height) if height else None


def without_rules(ink: Ink, height: float) -> tuple[Ink, float]:
    """Remove thin rules from a page; strokes that cross one or stand on one stay whole.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        height: Height of a typical digit in pixels as far as is known, or 0.

    Returns:
        The ink without rules, float32 (h, w), and the height of a digit, measured without rules if
        there are long ones.
    """
    unit = LONG_RULE * ink.shape[1] / RULE_LENGTH
    if long := [rule for rule in find_rules(ink, unit) if not rule.down]:
        rest = digit_height(remove_rules(ink, long, unit), drawn=False)
        if rest and min(rule.length for rule in long) >= LONG_RULE_HEIGHTS * rest:
            ink, height = remove_rules(ink, long, rest), rest
    if height and (short := find_rules(ink, height)):
        ink = remove_rules(ink, short, height)
    return ink, height


def without_bands(ink: Ink, length: int, settings: ReaderSettings) -> Gray:
    """Return the strokes without long straight bands; strokes that cross one stay whole.

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
