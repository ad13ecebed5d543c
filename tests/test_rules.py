"""Digits on rules, as tests/rule_scenes.py draws them, and what is left when a rule is removed."""

import numpy as np
import pytest
from conftest import Mnist
from rule_scenes import judge, scene

from tenfold.imaging.canvas import find_mark
from tenfold.imaging.rule_removal import remove_rules
from tenfold.imaging.rules import find_rules
from tenfold.reading.layout import find_rows
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings

RULES = {"on a rule": 0.7, "on a tilted rule": 0.7, "notebook": 0.6, "single on a rule": 0.8,
         "rule through the middle": 0.6}  # fmt: skip
"""Kinds of scenes, and the least share of ten that is read right."""


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.long] * (kind in ("on a rule", "notebook")))
     for kind in RULES],
)  # fmt: skip
def test_digits_on_rules_are_read(reader: Reader, kind: str, mnist: Mnist) -> None:
    judged = []
    for seed in range(10):
        one = scene(kind, seed, (mnist.train_images, mnist.train_labels))
        judged.append(judge(reader.read(one.picture, single=one.single).text, one))
    right, wrong = np.array(judged).mean(axis=0)
    assert right >= RULES[kind]
    assert wrong <= 0.1


def stroke(slope: float = 0.0) -> np.ndarray:
    """Return ink with a stroke 8 pixels wide, which may slant."""
    ink = np.zeros((100, 300), np.float32)
    for row in range(20, 80):
        left = round(150 + slope * (50 - row))
        ink[row, left : left + 8] = 1
    return ink


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.4])
@pytest.mark.parametrize("thickness", [1, 3, 6])
def test_a_stroke_across_a_rule_stays(thickness: int, slope: float, down: bool) -> None:
    wanted = stroke(slope)
    ink = wanted.copy()
    ink[48 : 48 + thickness] = 1
    if down:
        ink, wanted = np.ascontiguousarray(ink.T), wanted.T
    (rule,) = find_rules(ink, 60)
    assert (rule.down, rule.thickness) == (down, thickness)
    cleaned = remove_rules(ink, [rule], 60)
    assert np.abs(cleaned - wanted).sum() <= thickness * 2


@pytest.mark.parametrize("degrees", [-3, -1, 2, 3])
def test_a_tilted_rule_goes(degrees: float) -> None:
    rows, columns = np.indices((200, 600))
    away = np.abs(rows - 100 - np.tan(np.radians(degrees)) * (columns - 300))
    ink = np.clip(2 - away, 0, 1).astype(np.float32)
    (rule,) = find_rules(ink, 50)
    assert rule.length == 600
    assert remove_rules(ink, [rule], 50).max() < 0.5


def test_a_foot_thicker_than_the_rule_stays_and_a_bowl_is_closed() -> None:
    ink = np.zeros((120, 400), np.float32)
    ink[40:90, 100:106] = ink[40:90, 130:136] = 1  # the walls of a bowl, joined above
    ink[40:46, 100:136] = 1
    ink[84:90, 200:240] = 1  # a flat foot
    ink[40:90, 200:206] = 1
    ink[88:91] = 1
    (rule,) = find_rules(ink, 50)
    cleaned = remove_rules(ink, [rule], 50) >= 0.5
    assert cleaned[88:90, 100:136].all()
    assert cleaned[84:90, 202:238].all()
    assert not cleaned[:, :95].any()
    assert not cleaned[:, 250:].any()


def test_a_line_of_digits_has_no_rules(mnist: Mnist) -> None:
    one = scene("beside a dash", 0, (mnist.train_images, mnist.train_labels))
    ink = 1 - one.picture.astype(np.float32) / max(one.picture.max(), 1)
    assert find_rules(ink, 50) == []


def test_the_mark_of_a_digit_on_a_rule_is_the_digit() -> None:
    gray = np.full((200, 300), 240, np.uint8)
    gray[60:140, 140:150] = 30  # a one
    gray[140:144] = 50
    mark = find_mark(gray)
    assert mark is not None
    left, top, width, height = mark.box
    assert 135 <= left <= 140
    assert width <= 20
    assert 76 <= height <= 90
    assert top >= 55


def test_a_page_of_low_marks_alone_has_no_rows() -> None:
    ink = np.zeros((100, 300), np.float32)
    for left in (40, 120, 200):
        ink[60:68, left : left + 10] = 1  # a dot, of digits 60 pixels high
    assert find_rows(ink, 60, ReaderSettings(), False) == []
    ink[10:70, 240:250] = 1
    assert len(find_rows(ink, 60, ReaderSettings(), False)) == 1


@pytest.mark.parametrize("kind", ["small table", "small table in a grid"])
def test_no_digit_of_a_small_table_is_lost(reader: Reader, kind: str, mnist: Mnist) -> None:
    lost = wrong = total = 0
    for seed in range(300, 306):
        one = scene(kind, seed, (mnist.train_images, mnist.train_labels))
        text = reader.read(one.picture).text
        lost += max(0, len(one.right) - len(text))
        wrong += judge(text, one)[1]
        total += len(one.right)
    assert lost <= 0.02 * total
    assert wrong <= 1
