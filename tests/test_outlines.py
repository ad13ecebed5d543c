"""Outlined digits are filled and read; digits that are no outlines read as before."""

import cv2
import numpy as np
import pytest
from conftest import Mnist
from outlined_digits import outlined

from tenfold.arrays import Gray
from tenfold.evaluation.corruptions import corrupt
from tenfold.imaging.outlines import filled
from tenfold.reading.reader import Reader

FIRST = 55_000


def ring(inner: int, outer: int, ink: Gray) -> None:
    cv2.circle(ink, (50, 50), outer, 1, 2)
    cv2.circle(ink, (50, 50), inner, 1, 2)


def test_what_an_outline_encloses_is_filled_but_for_the_counter() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ring(20, 40, ink)
    solid = filled(ink.astype(np.float32), 0.7)
    assert solid is not None
    assert solid[50, 20] == 1  # between the two outlines
    assert solid[50, 50] == 0
    assert solid[50, 5] == 0


def test_strokes_that_enclose_nothing_are_no_outlines() -> None:
    assert filled(np.zeros((20, 20), np.float32), 0.0) is None
    stroke = np.zeros((20, 20), np.float32)
    stroke[5:15, 8:11] = 1
    assert filled(stroke, 0.0) is None


def test_an_outlined_digit_is_read(reader: Reader, mnist: Mnist) -> None:
    rng, right, wrong = np.random.default_rng(3), 0, 0
    for place in range(FIRST, FIRST + 60):
        (digit,) = reader.read(outlined(mnist.train_images[place], rng), single=True).digits
        right += digit.digit == mnist.train_labels[place]
        # A 1 in outline, by itself, looks like a 0.
        read_as = {mnist.train_labels[place], 0 if mnist.train_labels[place] == 1 else None}
        wrong += not digit.rejected and digit.digit not in read_as
    assert right >= 54
    assert not wrong


@pytest.mark.parametrize("place", [53_940, 53_953, 54_030, 54_104, 54_136, 54_217])
def test_a_narrow_zero_or_eight_is_not_accepted_as_a_one(
    reader: Reader, mnist: Mnist, place: int
) -> None:
    """Filled, it would be one."""
    large = cv2.resize(mnist.train_images[place], None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    thin = cv2.erode(large, np.ones((11, 11), np.uint8))
    picture = 255 - np.pad(cv2.resize(thin, (75, 224), interpolation=cv2.INTER_AREA), 20)
    (digit,) = reader.read(picture, single=True).digits
    assert mnist.train_labels[place] in {0, 8}
    assert digit.rejected
    assert "1" not in reader.read(picture).text


def test_outlines_of_28_pixels_are_read(reader: Reader, mnist: Mnist) -> None:
    images = corrupt(mnist.train_images[FIRST : FIRST + 100], "canny_edges")
    labels = mnist.train_labels[FIRST : FIRST + 100]
    found = [reader.read(image, single=True).digits[0] for image in images]
    accepted = [not digit.rejected for digit in found]
    right = [digit.digit == label for digit, label in zip(found, labels, strict=True)]
    assert sum(right) >= 90
    assert sum(accepted) >= 80


def test_a_line_of_outlined_digits_is_read(reader: Reader, mnist: Mnist) -> None:
    rng, right = np.random.default_rng(8), 0
    for _ in range(10):
        chosen = rng.integers(FIRST, 60_000, 5)
        picture = np.hstack([outlined(mnist.train_images[one], rng, 6) for one in chosen])
        text, wanted = reader.read(picture).text, "".join(map(str, mnist.train_labels[chosen]))
        right += text == wanted
        assert "?" in text or text == wanted
    assert right >= 6
