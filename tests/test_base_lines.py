"""Lines to write on: points, commas and dashes near the rule stay, and the rule goes."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from tenfold.arrays import Ink
from tenfold.forms.base_lines import lift_points, without_rule
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.rules import Rule

HIGH, WIDE, TOP = 80, 300, 54
HEIGHT = 46
"""Height of the field, in pixels."""

RULE = Rule(False, 10, np.full(WIDE - 20, TOP), 3, 1.0)


def digits(ink: Ink) -> None:
    """Draw 7, which ends in the rule, and 0, which stands on it."""
    cv2.polylines(ink, [np.array([[40, 28], [56, 28], [46, TOP + 1]])], False, 1.0, 3)
    cv2.ellipse(ink, (180, 40), (8, 13), 0, 0, 360, 1.0, 3)


def marks(written: Callable[[Ink], None], light: float = 1.0, shift: int = 0) -> list[list[int]]:
    """Return left, top, width and height of what is found in a field, left to right.

    Args:
        written: Draws what is written beside the digits.
        light: Ink of the rule, in multiples of the writing's.
        shift: By how many rows every second stretch of 40 columns of the rule is lower: a fax.
    """
    dark = np.zeros((HIGH, WIDE), np.float32)
    for start in range(10, WIDE - 10, 40):
        top = TOP + shift * (start // 40 % 2)
        dark[top : top + 3, start : min(start + 40, WIDE - 10)] = light
    if not shift:
        dark[[TOP - 1, TOP + 3], 10 : WIDE - 10] = 0.4 * light  # the blur of a scan
    ink = np.zeros_like(dark)
    digits(ink)
    written(ink)
    dark = dark + ink * (1 if light < 1 else 1 - 0.6 * np.minimum(dark, 1))
    found = without_rule(np.minimum(dark, 1), dark, RULE, HEIGHT)
    lift_points(found, RULE, HEIGHT)
    stroke = (found >= INK_SHARE).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    return sorted(stats[1:, :4].tolist())


@pytest.mark.parametrize("light", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("shift", [0, 1])
def test_a_rule_leaves_nothing_but_the_digits(light: float, shift: int) -> None:
    found = [box for box in marks(lambda ink: None, light, shift) if max(box[2:]) > 3]
    assert [box[0] // 10 for box in found] in ([3, 17], [4, 17])


@pytest.mark.parametrize("light", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("top", [TOP - 7, TOP - 4, TOP - 2, TOP + 7, TOP + 11])
def test_a_point_stays_wherever_it_stands(light: float, top: int) -> None:
    def point(ink: Ink) -> None:
        ink[top : top + 5, 100:105] = 1

    _, (left, first, width, height), _ = marks(point, light)
    assert 99 <= left <= 100
    assert 4 <= width <= 6
    assert 2 <= height <= 6
    assert first + height <= TOP + 4  # lifted onto the rule


def test_a_point_on_the_rule_stays_where_feet_stand_close() -> None:
    def feet(ink: Ink) -> None:
        for left in range(66, 210, 46):
            ink[30 : TOP + 3, left : left + 24] = 1
        ink[TOP - 1 : TOP + 3, 262:267] = 1

    assert [262, TOP - 1, 5, 4] in marks(feet)


def test_a_dash_next_to_the_rule_stays() -> None:
    def dash(ink: Ink) -> None:
        ink[TOP - 5 : TOP - 2, 100:116] = 1

    _, (left, _, width, height), _ = marks(dash)
    assert (left, width) == (100, 16)
    assert height >= 2


def test_specks_below_the_rule_are_no_points() -> None:
    def specks(ink: Ink) -> None:
        ink[TOP + 10 : TOP + 12, 100:102] = 1

    (speck,) = [top for left, top, _, _ in marks(specks) if 90 < left < 110]
    assert speck == TOP + 10
