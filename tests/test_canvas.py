from collections.abc import Callable

import cv2
import numpy as np
import pytest
from conftest import Mnist

from tenfold.imaging.canvas import (
    STROKE_WIDTHS,
    center_by_mass,
    find_mark,
    fit,
    set_stroke_width,
    stroke_width,
    to_canvas,
)
from tenfold.imaging.ink import ink_of, median, quantile

SIDE = 400
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]

STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(0.5, 0), (0.15, 0.15), (0, 0.5), (0.15, 0.85), (0.5, 1), (0.85, 0.85), (1, 0.5),
         (0.85, 0.15), (0.5, 0)]],
    1: [[(0.5, 0), (0.45, 1)]],
    2: [[(0, 0.2), (0.3, 0), (0.7, 0), (0.95, 0.2), (0.9, 0.45), (0, 1), (1, 1)]],
    4: [[(0.7, 0), (0, 0.6), (1, 0.6)], [(0.7, 0), (0.7, 1)]],
    5: [[(0.9, 0), (0.15, 0), (0.1, 0.45), (0.6, 0.4), (0.95, 0.65), (0.8, 0.92), (0.4, 1),
         (0, 0.9)]],
    7: [[(0, 0), (1, 0), (0.35, 1)]],
    8: [[(0.5, 0.5), (0.1, 0.3), (0.2, 0.05), (0.6, 0), (0.85, 0.2), (0.5, 0.5), (0.05, 0.75),
         (0.3, 1), (0.7, 1), (0.95, 0.75), (0.5, 0.5)]],
}  # fmt: skip
"""Digits as polylines in the unit square."""


def draw(
    digit: int,
    *,
    side: int = SIDE,
    height: float = 220,
    at: tuple[int, int] = (130, 90),
    pen: int = 20,
) -> np.ndarray:
    """Draw a digit, 20 on 230, its top left corner at `at`."""
    picture = np.full((side, side), 230, dtype=np.uint8)
    for stroke in STROKES[digit]:
        points = [(at[0] + x * height * 0.65, at[1] + y * height) for x, y in stroke]
        cv2.polylines(picture, [np.array(points, np.int32)], False, 20, pen, cv2.LINE_AA)
    return picture


def likeness(canvas: np.ndarray | None, other: np.ndarray | None) -> float:
    """Correlation of two canvases at the best of the shifts by at most one pixel.

    Centring goes by whole pixels, so equal digits may differ by one.
    """
    assert canvas is not None
    assert other is not None
    shifted = [
        np.roll(canvas, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)
    ]
    return max(float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) for one in shifted)


def noise(sigma: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, sigma, (SIDE, SIDE))


LIGHTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "light on dark": lambda p: 255 - p,
    "from the right": lambda p: p * (0.65 + 0.35 * X),
    "from below, steep": lambda p: p * (0.55 + 0.45 * Y),
    "light on dark, uneven": lambda p: (255 - p) * 0.6 + 60 * (X + 1),
    "vignette": lambda p: p * (1 - 0.25 * (X**2 + Y**2)),
    "spot": lambda p: p * np.exp(-((X - 0.6) ** 2 + (Y + 0.5) ** 2) / 3),
    "noise": lambda p: p + noise(12),
    "weak pencil": lambda p: p * 0.12 + 180,
    "weak pencil, noise": lambda p: p * 0.25 + 150 + noise(5),
}
BLANKS = {name: light for name, light in LIGHTS.items() if name != "spot"} | {"even": lambda p: p}
"""Without strokes, the rim of a narrow spot of light passes for ink."""
MARKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "shadow over half": lambda p: p * np.where(X > 0.2, 0.55, 1),
    "shadow in a corner": lambda p: p * np.where(X + Y > 1.3, 0.5, 1),
    "squared paper": lambda p: np.where((X * 200 % 50 < 3) | (Y * 200 % 50 < 3), p * 0.8, p),
    "rule at the border": lambda p: np.where(abs(Y - 0.85) < 0.015, 20, p),
    "frame": lambda p: np.where(np.maximum(abs(X), abs(Y)) > 0.97, 10, p),
    "specks": lambda p: np.where(np.random.default_rng(0).random(p.shape) < 5e-4, 0, p),
}


def under(light: Callable[[np.ndarray], np.ndarray], picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(light(picture.astype(float)), 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("digit", STROKES)
def test_one_digit_one_canvas(digit: int) -> None:
    plain = to_canvas(draw(digit))
    assert plain is not None
    assert (plain.shape, plain.dtype, plain.max()) == ((28, 28), np.uint8, 255)
    for name, light in (LIGHTS | MARKS).items():
        alike = likeness(to_canvas(under(light, draw(digit))), plain)
        assert alike > 0.85, (name, alike)
    ways = {
        "hairline": draw(digit, pen=1),
        "thin": draw(digit, pen=4),
        "fat": draw(digit, pen=32),
        "in a corner": draw(digit, at=(220, 165)),
        "large": draw(digit, side=1500, height=1100, at=(350, 200), pen=100),
        "hairline, large": draw(digit, side=1500, height=1100, at=(350, 200), pen=3),
        "small": draw(digit, side=1000, height=60, at=(900, 40), pen=5),
        "28 pixels": cv2.resize(draw(digit), (28, 28), interpolation=cv2.INTER_AREA),
        "cropped close": draw(digit)[78:323, 117:287],
        "wide": np.hstack([draw(digit), draw(digit)[:, -20:].repeat(40, axis=1)]),
    }
    for name, picture in ways.items():
        alike = likeness(to_canvas(picture), plain)
        assert alike > 0.75, (name, alike)


def test_digits_differ() -> None:
    canvases = [to_canvas(draw(digit)) for digit in STROKES]
    for i, canvas in enumerate(canvases):
        assert all(likeness(canvas, other) < 0.8 for other in canvases[:i])


@pytest.mark.parametrize("light", BLANKS.values(), ids=BLANKS)
def test_blank_paper_has_no_digit(light: Callable[[np.ndarray], np.ndarray]) -> None:
    assert to_canvas(under(light, np.full((SIDE, SIDE), 230, np.uint8))) is None


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 1000), (1000, 1), (3, 500)])
@pytest.mark.parametrize("level", [0, 255])
def test_tiny_and_flat_pictures_are_blank(shape: tuple[int, int], level: int) -> None:
    assert to_canvas(np.full(shape, level, dtype=np.uint8)) is None


def test_any_pixels_give_a_canvas_or_nothing() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        shape = random.integers(1, 60, 2)
        canvas = to_canvas(random.integers(0, 256, shape).astype(np.uint8))
        assert canvas is None or (canvas.shape, canvas.dtype) == ((28, 28), np.uint8)


def test_the_box_holds_the_digit() -> None:
    for side, pen in ((400, 20), (1500, 30), (3000, 40)):
        mark = find_mark(draw(4, side=side, at=(120, 90), pen=pen))
        assert mark is not None
        expected = np.array([120 - pen / 2, 90 - pen / 2, 143 + pen, 220 + pen])
        assert np.abs(np.array(mark.box) - expected).max() <= 8
        assert (mark.ink.dtype, mark.ink.max()) == (np.float32, 1)


def test_a_stroke_apart_belongs_and_a_speck_does_not() -> None:
    picture = np.full((200, 200), 240, dtype=np.uint8)
    picture[60:150, 80:90] = 20
    picture[60:70, 98:130] = 20  # the bar of a 5, not joined
    picture[180:183, 20:23] = 20
    mark = find_mark(picture)
    assert mark is not None
    x, y, width, height = mark.box
    assert (abs(x - 80) <= 2, abs(y - 60) <= 2, abs(width - 50) <= 4, abs(height - 90) <= 4) == (
        (True,) * 4
    )


def test_ink_ranges_from_0_to_1() -> None:
    ink = ink_of(draw(2))
    assert ink is not None
    assert (ink.dtype, ink.min(), ink.max()) == (np.float32, 0, 1)
    assert (np.median(ink[100:300, 140:280][draw(2)[100:300, 140:280] < 30])) == 1


def test_mnist_passes_nearly_unchanged(mnist: Mnist) -> None:
    images = mnist.train_images[:200]
    for given in (images, 255 - images):
        canvases = [to_canvas(image) for image in given]
        alike = np.array([likeness(*pair) for pair in zip(canvases, images, strict=True)])
        assert np.median(alike) > 0.995
        assert np.mean(alike > 0.9) > 0.97


def test_stroke_width_of_a_bar_and_of_mnist(mnist: Mnist) -> None:
    bar = np.zeros((200, 60), dtype=np.float32)
    bar[20:180, 20:32] = 1
    assert stroke_width(bar) == pytest.approx(12 * 160 / 172, rel=0.02)  # its ends count too
    widths = []
    for image in mnist.train_images[::40]:
        large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
        widths.append(stroke_width(large.astype(np.float32) / 255) / 4)
    low, high = STROKE_WIDTHS
    assert 0.03 < np.mean(np.array(widths) < low) < 0.1
    assert 0.005 < np.mean(np.array(widths) > high) < 0.04


@pytest.mark.parametrize(("pen", "bound"), [(2, 0), (60, 1)])
def test_strokes_are_brought_to_weight(pen: int, bound: int) -> None:
    ink = ((230 - draw(7, pen=pen)) / 210).astype(np.float32)
    x, y, width, height = cv2.boundingRect((ink > 0).astype(np.uint8))
    adjusted = set_stroke_width(ink[y : y + height, x : x + width])
    unit = max(adjusted.shape) / 20
    assert stroke_width(adjusted) / unit == pytest.approx(STROKE_WIDTHS[bound], rel=0.15)


def test_middling_strokes_are_left_alone() -> None:
    ink = np.zeros((20, 20), dtype=np.float32)
    ink[:, 8:11] = 1
    assert set_stroke_width(ink) is ink


@pytest.mark.parametrize("shape", [(100, 50), (50, 100), (7, 7), (300, 1), (1, 1)])
def test_fit_keeps_the_aspect_ratio(shape: tuple[int, int]) -> None:
    canvas = fit(np.ones(shape, dtype=np.float32))
    rows, columns = canvas.any(axis=1).sum(), canvas.any(axis=0).sum()
    assert (canvas.shape, canvas.dtype, canvas.max()) == ((28, 28), np.uint8, 255)
    assert max(rows, columns) == 20
    assert rows == max(1, round(20 * shape[0] / max(shape)))


def test_center_by_mass_is_mnists(mnist: Mnist) -> None:
    for image in mnist.train_images[:200]:
        moved = np.zeros_like(image)
        x, y, width, height = cv2.boundingRect(image)
        moved[:height, :width] = image[y : y + height, x : x + width]
        assert likeness(center_by_mass(moved), image) > 0.999
        centered = center_by_mass(moved).astype(float)
        for axis in (0, 1):
            center = np.average(np.arange(28), weights=centered.sum(axis=axis))
            assert abs(center - 14) <= 0.5


def test_center_by_mass_keeps_all_ink() -> None:
    image = np.zeros((28, 28), dtype=np.uint8)
    image[4:24, 4] = 255
    image[4, 4:24] = 20  # a faint arm that would leave the canvas
    image[:, 0] = 10
    assert center_by_mass(image).sum() == image.sum()
    blank = np.zeros((28, 28), dtype=np.uint8)
    assert np.array_equal(center_by_mass(blank), blank)


def test_close_crops_keep_their_polarity(mnist: Mnist) -> None:
    alike = []
    for image in mnist.train_images[:150]:
        x, y, width, height = cv2.boundingRect(image)
        crop = cv2.resize(image[y : y + height, x : x + width], None, fx=10, fy=10)
        alike += [likeness(to_canvas(crop), image), likeness(to_canvas(255 - crop), image)]
    assert np.mean(np.array(alike) > 0.8) > 0.95


def test_quantiles_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 10, 101):
        values = rng.normal(size=size).astype(np.float32)
        assert median(values) == pytest.approx(np.median(values))
        assert quantile(values, 0.25) == pytest.approx(np.quantile(values, 0.25))
    assert median([3, 1, 2]) == 2
