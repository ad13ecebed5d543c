"""Registration: scans, photos and faxes of a form found on its reference page, and no others."""

import cv2
import form_scenes
import numpy as np
import pytest

from tenfold.errors import PictureError
from tenfold.forms.registration import Reference, register

SIZE = (720, 520)


def blank(seed: int) -> np.ndarray:
    """Return a small form: words, boxes and lines in random places."""
    rng = np.random.default_rng(seed)
    sheet = form_scenes.Sheet(np.zeros(SIZE, np.float32))
    for y in range(20, SIZE[0] - 60, 46):
        x = int(rng.integers(20, 80))
        sheet.print(str(rng.choice(form_scenes.WORDS)), x, y, int(rng.integers(11, 17)))
        x = int(rng.integers(20, 300))
        for _ in range(int(rng.integers(1, 7))):
            sheet.rectangle((x, y + 20, 20, 20), 1, 1.0)
            x += 20 + int(rng.integers(0, 2)) * 8
    return sheet.gray


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return blank(0)


@pytest.fixture(scope="module")
def reference(page: np.ndarray) -> Reference:
    return Reference(page)


def moved(page: np.ndarray, corners: np.ndarray, size: tuple[int, int], paper: int) -> np.ndarray:
    """Return a picture (width, height) in which the corners of a page lie at these places."""
    high, wide = page.shape
    own = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    warp = cv2.getPerspectiveTransform(own, corners.astype(np.float32))
    return cv2.warpPerspective(page, warp, size, borderValue=paper)


def away(page: np.ndarray, found: np.ndarray) -> float:
    """Return the mean difference between a page and what was registered, 0 to 255."""
    smooth = [cv2.GaussianBlur(one.astype(np.float32), (0, 0), 1.5) for one in (page, found)]
    return float(np.abs(smooth[0] - smooth[1]).mean())


CORNERS = {
    "scaled": [[0, 0], [700, 0], [700, 970], [0, 970]],
    "rotated": [[40, 0], [555, 45], [500, 760], [0, 720]],
    "upside down": [[520, 720], [0, 720], [0, 0], [520, 0]],
    "on its side": [[0, 520], [0, 0], [720, 0], [720, 520]],
    "in perspective": [[60, 40], [500, 10], [560, 700], [10, 640]],
    "two corners cut off": [[-60, 20], [480, 0], [500, 700], [-70, 720]],
}


@pytest.mark.parametrize("name", CORNERS)
def test_a_page_is_found_however_it_lies(name: str, page: np.ndarray, reference: Reference) -> None:
    corners = np.array(CORNERS[name])
    size = (int(corners[:, 0].max()) + 20, int(corners[:, 1].max()) + 20)
    found = register(moved(page, corners, size, 240), reference)
    shown = found.inside > 0
    assert found.gray.shape == page.shape
    assert found.score >= 0.9
    assert away(np.where(shown, page, 255), np.where(shown, found.gray, 255)) < 3
    assert (shown.mean() < 0.95) == (name == "two corners cut off")


def test_a_page_that_fills_a_third_of_the_picture_is_looked_at_closer(
    page: np.ndarray, reference: Reference
) -> None:
    corners = np.array([[360, 500], [672, 500], [672, 932], [360, 932]])
    found = register(moved(page, corners, (1040, 1440), 150), reference)
    assert found.score >= 0.9
    assert away(page, found.gray) < 3


@pytest.mark.parametrize(("scale", "most"), [(1, 1.0), (3, 2.5)])  # 1.6 and 3.3 if flat
def test_paper_that_does_not_lie_flat_is_followed(
    scale: int, most: float, page: np.ndarray
) -> None:
    page = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    rows, columns = np.indices(page.shape, dtype=np.float32)
    bend = 4 * scale * np.sin(np.pi * columns / page.shape[1]).astype(np.float32)
    bent = cv2.remap(page, columns, rows + bend, cv2.INTER_LINEAR)
    found = register(bent, Reference(page))
    edge = 8 * scale
    assert away(page[edge:-edge], found.gray[edge:-edge]) < most


OTHERS = {
    "another form": blank(1),
    "a blank page": np.full(SIZE, 240, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 255, SIZE).astype(np.uint8),
    "a tiny picture": np.full((3, 3), 200, np.uint8),
    "a thin picture": np.random.default_rng(0).integers(0, 255, (2, 3000)).astype(np.uint8),
    "a corner of the form": blank(0)[:120, :200],
    "less than half of the form": blank(0)[:300],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_the_form_is_refused(name: str, reference: Reference) -> None:
    with pytest.raises(PictureError, match="does not show this form"):
        register(OTHERS[name], reference)
