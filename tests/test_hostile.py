"""Pictures that are no pages: reading them takes no longer than reading a full page."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Mnist
from scenes import page

from tenfold.classifiers.base import Classifier
from tenfold.imaging import canvas
from tenfold.imaging.canvas import Mark
from tenfold.imaging.decoding import load_picture
from tenfold.reading.layout import Page, make_page
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.splitting import Splitter

SETTINGS = ReaderSettings()


class Doubting(Classifier):
    """Takes everything for a digit to the same degree, and counts what it is shown."""

    def __init__(self, score: float) -> None:
        self.confidence, self.shown = score, 0

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        self.shown += len(images)
        rows = np.full((len(images), 10), (1 - self.confidence) / 9, np.float32)
        rows[:, 3] = self.confidence
        return rows


def wide_mark(mnist: Mnist, digits: int = 3, height: int = 40) -> Mark:
    """Return digits that touch, as one mark."""
    ink = np.hstack(
        [cv2.resize(i[4:24, 4:24], (height, height)) for i in mnist.train_images[:digits]]
    )
    ink = (ink / 255).astype(np.float32)
    ink[height // 2] = 1
    return Mark(ink, (0, 0, ink.shape[1], height))


def test_cuts_of_a_page_are_limited(mnist: Mnist) -> None:
    mark, doubting = wide_mark(mnist), Doubting(0.5)
    Splitter(doubting, SETTINGS).split([mark], [0.1])
    each, doubting.shown = doubting.shown, 0
    splitter = Splitter(doubting, replace(SETTINGS, most_pieces=2 * each + each // 2))
    for _ in range(2):
        assert splitter.split([mark], [0.1]) != [mark]
        assert not splitter.exhausted
    assert splitter.split([mark], [0.1]) == [mark]
    assert splitter.exhausted
    assert splitter.for_another_page().exhausted
    assert doubting.shown == 2 * each
    narrow = Mark(mark.ink[:, :38], (0, 0, 38, 40))
    assert splitter.split([narrow], [0.1]) != [mark]  # the budget left is enough
    assert doubting.shown > 2 * each


def test_one_slant_is_tried_once_it_is_known(mnist: Mnist) -> None:
    mark, doubting, shown = wide_mark(mnist), Doubting(0.5), []
    splitter = Splitter(doubting, SETTINGS)
    while doubting.shown < SETTINGS.slant_known_pieces + 300:
        before = doubting.shown
        splitter.split([mark], [0.1])
        shown.append(doubting.shown - before)
    assert shown[0] == shown[1] > 100
    assert shown[-1] < 1.5 * shown[0] / len(SETTINGS.slants)


@pytest.mark.long
def test_a_page_full_of_marks_that_touch_is_judged_within_bounds(mnist: Mnist) -> None:
    rng = np.random.default_rng(2)
    lines = [list(mnist.train_images[rng.integers(50_000, 60_000, 18)]) for _ in range(16)]
    picture = page(lines, rng=rng, height=28, gap=-0.06)
    doubting = Doubting(0.3)
    Reader(doubting, whole_lines=False).read(picture)
    assert doubting.shown < 10_000


def test_marks_that_need_no_cut_are_shown_once(mnist: Mnist) -> None:
    picture = page([list(mnist.train_images[50_000:50_006])] * 2, rng=np.random.default_rng(2))
    found = sum(len(row) for row in make_page(load_picture(picture), SETTINGS).rows)
    sure = Doubting(0.99)
    Reader(sure, whole_lines=False).read(picture)
    assert found >= 10
    assert sure.shown == found


def test_large_marks_are_reduced_first(mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = []

    def watched(ink: np.ndarray) -> np.ndarray:
        sides.append(ink.shape[0])
        return ink

    monkeypatch.setattr(canvas, "set_stroke_width", watched)
    monkeypatch.setattr("tenfold.reading.splitting.mark_to_canvas", canvas.mark_to_canvas)
    ink = np.zeros((1500, 1500), np.float32)
    ink[300:500] = ink[:, 700:800] = 1
    canvas.mark_to_canvas(ink)
    assert sides.pop() <= 2 * canvas.WORK_SIDE
    Splitter(Doubting(0.5), SETTINGS).split([Mark(ink, (0, 0, 1500, 1500))], [0.1])
    assert len(sides) > 10
    assert max(sides) <= SETTINGS.highest_cut_mark


@pytest.mark.parametrize(
    "quarters",
    [0, pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)],
)
def test_some_rows_tell_which_rotations_are_worth_taking_apart(
    reader: Reader, mnist: Mnist, monkeypatch: pytest.MonkeyPatch, quarters: int
) -> None:
    pages = []

    def watched(*args: Any, rotation: int = 0, **kwargs: Any) -> Page:
        pages.append(rotation)
        return make_page(*args, rotation=rotation, **kwargs)

    monkeypatch.setattr("tenfold.reading.reader.make_page", watched)
    monkeypatch.setattr("tenfold.reading.orientation.make_page", watched)
    images = mnist.train_images[50_000:][np.isin(mnist.train_labels[50_000:], (2, 3, 5))]
    lines = [list(images[start:][:10]) for start in range(0, 120, 10)]
    upright = page(lines, rng=np.random.default_rng(3), height=36, gap=0.5)
    found = reader.read(np.ascontiguousarray(np.rot90(upright, quarters)))
    assert pages == ([0, 90 * quarters] if quarters else [0])
    assert found.orientation == 90 * quarters
    assert len(found.lines) == 12


def test_a_page_of_print_is_taken_apart_once(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = []

    def watched(*args: Any, **kwargs: Any) -> Page:
        pages.append(kwargs)
        return make_page(*args, **kwargs)

    monkeypatch.setattr("tenfold.reading.reader.make_page", watched)
    monkeypatch.setattr("tenfold.reading.orientation.make_page", watched)
    print_ = np.full((500, 900), 255, np.uint8)
    for row in range(8):
        cv2.putText(print_, "please answer all of these", (20, 50 + 55 * row), 0, 1.2, 0, 2, 16)
    assert reader.read(print_).text == ""
    assert len(pages) == 1


def test_a_thin_line_all_over_a_large_picture_is_read() -> None:
    picture = np.full((1000, 1000), 255, np.uint8)
    across = np.arange(10, 990, 4)
    for row in range(10):
        down = (row + 0.5) * 100 + 35 * np.sin(across / 33 + row)
        points = np.stack([across, down], axis=1).astype(np.int32)
        cv2.polylines(picture, [points], False, 0, 3, cv2.LINE_AA)
    sure = Doubting(0.99)
    Reader(sure).read(picture)
    assert 0 < sure.shown < 5_000
