"""Desks, page edges, frames and shadows decide neither what is ink nor how high a digit is."""

import re

import cv2
import numpy as np
import pytest
from conftest import Mnist
from light_scenes import FRAMED, KINDS, light_scene, single_in_shadow
from scenes import crop

from tenfold.imaging.page_ink import is_page_ink_dark, page_ink
from tenfold.imaging.polarity import are_strokes_dark
from tenfold.imaging.sheet import cut_out_sheet
from tenfold.reading.reader import Reader

SEEDS = range(4)


def small(picture: np.ndarray) -> np.ndarray:
    scale = min(1.0, 900 / max(picture.shape))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("kind", ["desk", "bright desk", "edge", "shadow"])
def test_surroundings_and_light_lose_no_digit(kind: str, reader: Reader, mnist: Mnist) -> None:
    images, labels = mnist.train_images[50_000:], mnist.train_labels[50_000:]
    scenes = [light_scene(kind, np.random.default_rng(seed), images, labels) for seed in SEEDS]
    found = [reader.read(scene.picture).text for scene in scenes]
    for text, scene in zip(found, scenes, strict=True):
        assert re.fullmatch(text.replace("?", "."), scene.text)
    assert sum(text.count("?") for text in found) <= 1


def test_a_digit_under_the_edge_of_a_shadow_is_read(reader: Reader, mnist: Mnist) -> None:
    images, labels = mnist.train_images[50_000:], mnist.train_labels[50_000:]
    found, right = [], []
    for seed in range(12):
        picture, digit = single_in_shadow(np.random.default_rng(seed), images, labels)
        found.append(reader.read(picture, single=True).text)
        right.append(digit)
    assert sum(one == digit for one, digit in zip(found, right, strict=True)) >= 11
    assert all(one in (digit, "?") for one, digit in zip(found, right, strict=True))


@pytest.mark.parametrize("kind", FRAMED)
def test_frames_leave_the_height(kind: str, mnist: Mnist) -> None:
    for seed in range(8):
        heights = []
        for way in ("plain", kind):
            rng = np.random.default_rng(seed)
            scene = light_scene(way, rng, mnist.train_images, mnist.train_labels)
            found = page_ink(small(scene.picture))
            assert found is not None
            heights.append(found[1])
        assert 0.6 < heights[1] / heights[0] < 1.7, seed


@pytest.mark.parametrize("seed", [3, 14, 24])
def test_the_cells_of_a_header_are_no_ones(seed: int, reader: Reader, mnist: Mnist) -> None:
    """They had hidden small digits below them, too."""
    images, labels = mnist.train_images[50_000:], mnist.train_labels[50_000:]
    scene = light_scene("headers", np.random.default_rng(seed), images, labels)
    assert reader.read(scene.picture).text == scene.text


@pytest.mark.parametrize("kind", KINDS)
def test_strokes_tell_the_polarity(kind: str, mnist: Mnist) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        scene = light_scene(kind, rng, mnist.train_images, mnist.train_labels)
        assert are_strokes_dark(small(scene.picture)) in (scene.dark, None), seed


def test_thick_strokes_and_edges_tell_no_polarity(mnist: Mnist) -> None:
    large = cv2.resize(mnist.train_images[0], (280, 280), interpolation=cv2.INTER_CUBIC)
    assert are_strokes_dark(large) is None
    assert are_strokes_dark(np.full((5, 5), 7, np.uint8)) is None
    half = np.full((300, 400), 230, np.uint8)
    half[:, 130:] = 90
    assert are_strokes_dark(half) is None


def test_close_crops_keep_their_polarity(mnist: Mnist) -> None:
    right = 0
    for image in mnist.train_images[:100]:
        digit = np.rint(220 - 170 * np.pad(crop(image, 60), 4)).astype(np.uint8)
        right += is_page_ink_dark(digit) and not is_page_ink_dark(255 - digit)
    assert right >= 99


def page() -> np.ndarray:
    sheet = np.full((600, 800), 220, np.uint8)
    for number in range(5):
        cv2.circle(sheet, (300 + 50 * number, 300), 15, 40, 4)
    return sheet


@pytest.mark.parametrize("dark", [True, False])
def test_a_desk_is_cut_off(dark: bool) -> None:
    picture = page()
    cv2.fillPoly(picture, [np.array([(0, 0), (90, 0), (60, 599), (0, 599)])], 50)
    sheet = cut_out_sheet(picture if dark else 255 - picture, ink_is_dark=dark)
    assert 60 <= sheet.left <= 70
    assert (sheet.top, sheet.gray.shape) == (0, (600, 800 - sheet.left))
    gray = sheet.gray if dark else 255 - sheet.gray
    assert gray[:, :40].min() >= 215
    found = page_ink(picture if dark else 255 - picture)
    assert found is not None
    ink, height = found
    assert ink.shape == picture.shape
    assert 30 <= height <= 38
    assert ink[:, :200].max() < 0.5


@pytest.mark.parametrize("level", [0.4, 0.6])
def test_writing_in_a_hard_shadow_stays(level: float) -> None:
    picture = page()
    picture[:, :420] = np.rint(picture[:, :420] * level)
    assert cut_out_sheet(picture).gray is picture
    found = page_ink(picture)
    assert found is not None
    assert 30 <= found[1] <= 38


def test_what_is_no_convex_sheet_stays() -> None:
    digit = np.full((400, 300), 230, np.uint8)
    cv2.polylines(digit, [np.array([(0, 10), (290, 10), (120, 399)])], False, 30, 40)
    assert cut_out_sheet(digit).gray is digit
    assert cut_out_sheet(page()).gray.shape == (600, 800)


@pytest.mark.parametrize("angle", [0, 2])
def test_frames_do_not_set_the_height(angle: int) -> None:
    picture = page()
    turn = cv2.getRotationMatrix2D((400, 300), angle, 1)
    for top in (40, 230, 420):
        corners = [[(100, top), (700, top), (700, top + 150), (100, top + 150)]]
        turned = cv2.transform(np.array(corners, np.float32), turn)
        cv2.polylines(picture, turned.astype(np.int32), True, 40, 5)
    found = page_ink(picture)
    assert found is not None
    assert 30 <= found[1] <= 38
