"""Struck-out numbers, as tests/strike_scenes.py draws them, and what is none."""

import numpy as np
import pytest
from conftest import Mnist
from rule_scenes import scene as ruled_scene
from scenes import page
from strike_scenes import judge, scene

from tenfold.imaging.decoding import load_picture
from tenfold.imaging.strikes import find_struck, is_scribble
from tenfold.reading.layout import make_page
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings


@pytest.mark.parametrize(
    "kind",
    ["struck by a line", "struck by a wavy line", "struck by two lines", "struck by a cross",
     "corrected beside", "corrected above"],
)  # fmt: skip
def test_a_struck_out_number_is_not_read(reader: Reader, kind: str, mnist: Mnist) -> None:
    judged = []
    for seed in range(100, 106):
        one = scene(kind, seed, (mnist.train_images, mnist.train_labels))
        judged.append(judge(reader.read(one.picture).text, one))
    right, wrong = np.array(judged).mean(axis=0)
    assert right >= 0.8
    assert wrong == 0


def test_a_struck_out_number_is_among_what_is_left_out(reader: Reader, mnist: Mnist) -> None:
    one = scene("corrected beside", 100, (mnist.train_images, mnist.train_labels))
    reading = reader.read(one.picture)
    (struck,) = reading.left_out
    assert struck.rejected
    assert struck.box[0] < reading.lines[0].digits[0].box[0]


def test_digits_struck_out_within_a_number_are_rejected(reader: Reader, mnist: Mnist) -> None:
    digits = [mnist.train_images[np.flatnonzero(mnist.train_labels == d)[7]] for d in (3, 4, 5, 2)]
    picture = page([digits], rng=np.random.default_rng(0), height=60, gap=0.3)
    boxes = [one.box for one in reader.read(picture).digits]
    assert len(boxes) == 4
    y = boxes[1][1] + boxes[1][3] // 2
    picture[y : y + 4, boxes[1][0] - 8 : boxes[2][0] + boxes[2][2] + 8] = 40
    assert reader.read(picture).text == "3?2"


@pytest.mark.parametrize("kind", ["underlined", "beside a dash", "on a rule", "notebook"])
def test_rules_and_dashes_strike_nothing_out(kind: str, mnist: Mnist) -> None:
    for seed in range(200, 206):
        one = ruled_scene(kind, seed, (mnist.train_images, mnist.train_labels))
        assert not make_page(load_picture(one.picture), ReaderSettings()).struck


def test_digits_that_touch_are_not_struck_out(mnist: Mnist) -> None:
    for seed in range(6):
        one = scene("joined", seed, (mnist.train_images, mnist.train_labels))
        assert not make_page(load_picture(one.picture), ReaderSettings()).struck


def test_a_strike_goes_on_beyond_what_it_crosses() -> None:
    ink = np.zeros((60, 160), np.float32)
    for left in (30, 60, 90, 120):
        ink[5:55, left : left + 5] = 1
    struck = ink.copy()
    struck[28:32, 20:140] = 1
    found = find_struck(struck, 50)
    assert found is not None
    strike, digits = found
    assert strike == pytest.approx((20, 140), abs=2)
    assert digits == pytest.approx((30, 125), abs=2)
    within = ink.copy()
    within[28:32, 30:125] = 1
    assert find_struck(within, 50) is None
    below = ink.copy()
    below[53:57, 20:140] = 1
    assert find_struck(below, 50) is None


def test_a_strike_may_be_wavy_if_it_goes_on_far_beyond_what_it_crosses() -> None:
    ink = np.zeros((70, 230), np.float32)
    for left in (50, 85, 120, 155):
        ink[10:60, left : left + 5] = 1
    for x in range(10, 220):
        row = round(34 + 5 * np.sin(x / 12))
        ink[row : row + 4, x] = 1
    found = find_struck(ink, 50)
    assert found is not None
    strike, digits = found
    assert strike == pytest.approx((10, 220), abs=3)
    assert digits == pytest.approx((50, 160), abs=3)
    ink[:, :40] = ink[:, 170:] = 0  # strokes that join digits wind, too, and end near them
    assert find_struck(ink, 50) is None


@pytest.mark.parametrize(
    ("kind", "seed"),
    [("struck by a wavy line", 70012), ("struck by a wavy line", 70098), ("in a list", 70049),
     ("corrected beside", 70052)],
)  # fmt: skip
def test_wavy_strikes_are_found_in_numbers_and_lists(
    reader: Reader, kind: str, seed: int, mnist: Mnist
) -> None:
    one = scene(kind, seed, (mnist.train_images, mnist.train_labels))
    assert judge(reader.read(one.picture).text, one) == (True, False)


def test_what_the_line_network_sees_in_a_struck_out_number_is_rejected(
    reader: Reader, mnist: Mnist
) -> None:
    one = scene("struck by a slant", 81084, (mnist.train_images, mnist.train_labels))
    assert not set(reader.read(one.picture).text) - {"?"}


def test_a_scribble_encloses_many_holes() -> None:
    mesh = np.ones((50, 150), np.uint8)
    mesh[5:45, 5:145] = 0
    assert not is_scribble(mesh, 50)
    mesh[::10] = 1
    mesh[:, ::10] = 1
    assert is_scribble(mesh, 50)
