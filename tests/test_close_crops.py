"""Numbers cut out close are read as one line, whatever their joined strokes look like."""

import numpy as np
import pytest
from close_crops import close_crop
from conftest import Mnist

from tenfold.imaging.ink import ink_of
from tenfold.reading.layout import Page
from tenfold.reading.orientation import rotated
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings
from tenfold.training.lines.train import writers_of_lines


@pytest.mark.long
def test_close_crops(reader: Reader, mnist: Mnist) -> None:
    writers, rng = writers_of_lines(held_back=True), np.random.default_rng(12)
    right = whole = grids = 0
    for _ in range(30):
        picture, text = close_crop(writers, rng)
        reading = reader.read(picture)
        found = "".join(str(digit.digit) for digit in reading.digits)
        right += found == text
        whole += len(found) == len(text)
        grids += bool(reading.grids)
    assert right >= 21
    assert whole >= 23
    assert grids <= 1


@pytest.mark.long
def test_numbers_on_dense_patterns(reader: Reader, mnist: Mnist) -> None:
    """No ink stands out there from what seems to be noise."""
    writers, rng = writers_of_lines(held_back=True), np.random.default_rng(6)
    made = [close_crop(writers, rng) for _ in range(90)]
    hidden = [(picture, text) for picture, text in made if ink_of(picture) is None]
    right = 0
    for picture, text in hidden:
        right += "".join(str(digit.digit) for digit in reader.read(picture).digits) == text
    assert len(hidden) >= 5
    assert right > len(hidden) / 2


@pytest.mark.parametrize("seed", [1038, 1273, 1719])
def test_a_line_that_reads_well_is_not_turned(reader: Reader, mnist: Mnist, seed: int) -> None:
    """Its joined marks would score better upside down."""
    picture, text = close_crop(writers_of_lines(held_back=True), np.random.default_rng(seed))
    reading = reader.read(picture)
    assert reading.orientation == 0
    assert "".join(str(digit.digit) for digit in reading.digits) == text


@pytest.mark.parametrize("seed", [7081, 7116, 7269, 7332, 7362, 7476])
def test_no_digit_is_lost_beside_marks_that_read_well(
    reader: Reader, mnist: Mnist, seed: int
) -> None:
    """By its marks alone, each loses digits, is turned or left out."""
    picture, text = close_crop(writers_of_lines(held_back=True), np.random.default_rng(seed))
    assert reader.read(picture).text == text


def test_a_line_is_tried_upside_down_alone(reader: Reader, mnist: Mnist, monkeypatch) -> None:
    """It is wide, so it does not lie on its side."""
    tried = []

    def note(page: Page, degrees: int, settings: ReaderSettings) -> Page:
        tried.append(degrees)
        return rotated(page, degrees, settings)

    monkeypatch.setattr("tenfold.reading.reader.rotated", note)
    for seed in (132, 133, 135):
        picture, _ = close_crop(writers_of_lines(held_back=True), np.random.default_rng(seed))
        reader.read(np.rot90(picture, 2))
    assert tried == [180] * 3


@pytest.mark.parametrize("seed", [12, 95, 252])
def test_noise_alone_is_no_number(reader: Reader, seed: int) -> None:
    """The line network sees a digit or two in it, and is not sure."""
    noise = np.random.default_rng(seed).normal(200, 16, (66, 220))
    assert not reader.read(np.clip(noise, 0, 255).astype(np.uint8)).digits
