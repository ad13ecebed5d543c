"""The mask of one digit in a picture: its strokes, without specks, shadows and rules."""

import cv2
import numpy as np

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.rule_removal import remove_rules
from tenfold.imaging.rules import RULE_LENGTH, Rule, find_rules

RULE_SHARE = 0.4
"""Least length of a rule across or down the picture of one digit, as a share of its longer side.
Set by hand on scenes made of MNIST training images (tests/rule_scenes.py), as are the next 3."""

RULED_SIDE = 50
"""In a picture whose longer side has fewer pixels, the bar of a digit may look like a rule."""

RULE_LONGER = 1.5
"""A rule across is longer than the digit is high by at least this factor; no stroke is."""


RULE_BEYOND = 0.1
"""A rule goes on beyond both sides of the digit for this share of its height, or to the border."""


def without_rules(ink: Ink, mask: Gray) -> tuple[Ink, Gray]:
    """Return the ink and the mask of a digit without the rules that it stands on or beside."""
    if max(ink.shape) < RULED_SIDE:
        return ink, mask
    unit = RULE_SHARE * max(ink.shape) / RULE_LENGTH
    rules = find_rules(np.where(mask > 0, ink, np.float32(0)), unit)
    # A line down may be a 1, unless it reaches from border to border.
    rules = [rule for rule in rules if not rule.down or rule.length == len(ink)]
    digit = digit_mask(remove_rules(ink, rules, unit)) if rules else None
    if digit is None:
        return ink, mask
    box = cv2.boundingRect(digit)
    rules = [rule for rule in rules if _is_beyond(rule, box, ink.shape[1])]
    rest = remove_rules(ink, rules, unit)
    digit = digit_mask(rest) if rules else None
    return (ink, mask) if digit is None else (rest, digit)


def _is_beyond(rule: Rule, box: tuple[int, int, int, int], width: int) -> bool:
    """Tell whether a rule is longer than the digit in a box, and goes on left and right of it.

    The long foot of a 2 goes on at one side.
    """
    if rule.down:
        return rule.length >= RULE_LONGER * box[2]
    left, _, across, high = box
    beyond = RULE_BEYOND * high
    return (
        rule.length >= RULE_LONGER * high
        and rule.start <= max(0, left - beyond)
        and rule.end >= min(width, left + across + beyond)
    )


def digit_mask(ink: Ink) -> Gray | None:
    """Return uint8 (h, w), 1 where the digit's strokes are, or None if there are only specks."""
    height, width = ink.shape
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    mass = np.bincount(parts.ravel(), weights=ink.ravel(), minlength=count)
    x, y, w, h = stats[:, :4].T
    # Smaller components are specks.
    smallest = max(3.0, max(height, width) / 40)
    alive = np.maximum(w, h) >= smallest
    alive[0] = False
    touches = (x == 0) | (y == 0) | (x + w == width) | (y + h == height)
    middle = parts[height // 4 : height - height // 4, width // 4 : width - width // 4]
    central = np.zeros(count, dtype=bool)
    central[middle.ravel()] = True
    intruder = touches & ~central
    if np.any(alive & ~intruder):
        alive &= ~intruder
    if not alive.any():
        return None
    main = int(np.argmax(np.where(alive, mass, -1.0)))
    gap_x = np.maximum(np.maximum(x - (x[main] + w[main]), x[main] - (x + w)), 0)
    gap_y = np.maximum(np.maximum(y - (y[main] + h[main]), y[main] - (y + h)), 0)
    near = np.hypot(gap_x, gap_y) <= 0.3 * max(w[main], h[main])
    belongs = ~intruder & near & (mass >= 0.03 * mass[main])
    belongs[main], belongs[0] = True, False
    mask: Gray = belongs[parts].astype(np.uint8)
    return mask
