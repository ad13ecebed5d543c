"""Pictures that are no pages: reading them takes no longer than reading a full page."""

import cv2
import numpy as np
import pytest
from conftest import Mnist
from scenes import page

from tenfold.classifiers.base import Classifier
from tenfold.imaging import canvas
from tenfold.imaging.canvas import Mark
from tenfold.reading.layout import take_apart
from tenfold.reading.orientation import MANY, likely_turns
from tenfold.reading.reader import Reader
from tenfold.reading.splitting import CUT_HEIGHT, LEANS, LEARNED_FROM, Cuts


class Doubting(Classifier):
    """Takes everything for a digit to the same degree, and counts what it is shown."""

    def __init__(self, score: float) -> None:
        self.score, self.shown = score, 0

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        self.shown += len(images)
        rows = np.full((len(images), 10), (1 - self.score) / 9, np.float32)
        rows[:, 3] = self.score
        return rows


def wide_mark(mnist: Mnist, digits: int = 3, height: int = 40) -> Mark:
    """Digits that hang together."""
    ink = np.hstack(
        [cv2.resize(i[4:24, 4:24], (height, height)) for i in mnist.train_images[:digits]]
    )
    ink = ink.astype(np.float32) / 255
    ink[height // 2] = 1
    return Mark(ink, (0, 0, ink.shape[1], height))


def test_cuts_of_a_page_are_limited(mnist: Mnist) -> None:
    mark, doubting = wide_mark(mnist), Doubting(0.5)
    Cuts().split([mark], [0.1], doubting)
    each, doubting.shown = doubting.shown, 0
    cuts = Cuts(most=2 * each + each // 2)
    for _ in range(2):
        assert cuts.split([mark], [0.1], doubting) != [mark]
        assert not cuts.spent
    assert cuts.split([mark], [0.1], doubting) == [mark]
    assert cuts.spent
    assert cuts.turned().spent
    assert doubting.shown == 2 * each
    narrow = Mark(mark.ink[:, :38], (0, 0, 38, 40))
    assert cuts.split([narrow], [0.1], doubting) != [mark]  # that much is left
    assert doubting.shown > 2 * each


def test_one_lean_is_tried_once_it_is_learned(mnist: Mnist) -> None:
    mark, cuts, doubting, shown = wide_mark(mnist), Cuts(), Doubting(0.5), []
    while doubting.shown < LEARNED_FROM + 300:
        before = doubting.shown
        cuts.split([mark], [0.1], doubting)
        shown.append(doubting.shown - before)
    assert shown[0] == shown[1] > 100
    assert shown[-1] < 1.5 * shown[0] / len(LEANS)


def test_a_page_full_of_marks_that_touch_is_judged_within_bounds(mnist: Mnist) -> None:
    rng = np.random.default_rng(2)
    lines = [list(mnist.train_images[rng.integers(50_000, 60_000, 18)]) for _ in range(16)]
    picture = page(lines, rng=rng, height=28, gap=-0.06)
    doubting = Doubting(0.3)
    Reader(doubting, whole_lines=False).read(picture)
    assert doubting.shown < 10_000


def test_marks_that_need_no_cut_are_shown_once(mnist: Mnist) -> None:
    picture = page([list(mnist.train_images[50_000:50_006])] * 2, rng=np.random.default_rng(2))
    found = sum(len(line) for line in take_apart(picture))
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
    Cuts().split([Mark(ink, (0, 0, 1500, 1500))], [0.1], Doubting(0.5))
    assert len(sides) > 10
    assert max(sides) <= CUT_HEIGHT


def test_of_very_many_marks_a_sample_tells_the_turns(mnist: Mnist) -> None:
    images = mnist.train_images[50_000 : 50_000 + MANY + 1].astype(np.float32) / 255
    classifier = Reader().classifier

    def turns(count: int, quarters: int) -> tuple[int, ...]:
        inks = [np.ascontiguousarray(np.rot90(image, quarters)) for image in images[:count]]
        marks = [Mark(ink, (0, 0, 28, 28)) for ink in inks]
        return likely_turns([marks], classifier, better_by=0.1, least=0.65)

    assert turns(MANY, 1) == (90, 270, 180)
    assert turns(MANY + 1, 0) == ()
    assert turns(MANY + 1, 1)[0] == 90
    assert 270 in turns(MANY + 1, 3)


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
