"""Made-up marks that are no digits, so that a network learns to be unsure of them.

Trained on with all ten digits equally likely (outlier exposure: D. Hendrycks, M. Mazeika,
T. Dietterich, arXiv 1812.04606), such marks get a low confidence, and so do others that nobody
made up. What might pass for a digit is left out: letters like O and S, narrow slices like a 1.
"""

import string

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.augmentation.neighbors import badly_cut
from tenfold.imaging.canvas import center_by_mass, fit

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]

LIKE_DIGITS = "OoDQIilLjJSsZzBbGgqUuVvYyTtAP"
LETTERS = sorted({*string.ascii_letters, *"#&%@+=*?$"} - {*LIKE_DIGITS})
"""Drawn in OpenCV's Hershey fonts; what a hurried pen writes like a digit is missing."""

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)

TURNED = (2, 3, 4, 5, 7)
"""Digits that, turned by a quarter, are none."""

OVER = (3, 4, 7)
"""Digits that, turned upside down, are none."""


def make_not_digits(count: int, images: Images, labels: Labels, rng: np.random.Generator) -> Images:
    """Make marks that are no digits, each on a canvas as `tenfold.imaging.canvas` would make it.

    Args:
        count: How many.
        images: uint8 (n, 28, 28) digits to make some of them from, white on black.
        labels: uint8 (n,), their digits.
        rng: Where the draws come from.

    Returns:
        uint8 (count, 28, 28).
    """
    kinds = (_badly_cut, _badly_cut, _badly_cut, _letter, _scribble, _turned, _blob)
    marks = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        mark = None
        while mark is None or not mark.any():
            mark = kinds[rng.integers(len(kinds))](images, labels, rng)
        marks[number] = center_by_mass(fit(np.float32(1 / 255) * mark))
    return marks


def _badly_cut(images: Images, labels: Labels, rng: np.random.Generator) -> Images | None:
    """Return what a bad cut leaves of digits in a row."""
    place = rng.integers(len(images))
    if labels[place] == 8:  # half of it is a 3
        return None
    piece = badly_cut(images[place], images, rng)
    return None if piece is None else _cropped(piece)


def _letter(images: Images, labels: Labels, rng: np.random.Generator) -> Images | None:
    """Return a letter, or several."""
    count = 1 if rng.random() < 0.8 else 2
    text = "".join(rng.choice(LETTERS, count))
    board = np.zeros((100, 160), np.uint8)
    font = FONTS[rng.integers(len(FONTS))]
    cv2.putText(board, text, (40, 65), font, 1.6, 255, int(rng.integers(2, 7)), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((80, 50), rng.uniform(-15, 15), 1.0)
    turn[0, 1] += rng.uniform(-0.3, 0.3)
    return _cropped(cv2.warpAffine(board, turn, (160, 100)))


def _scribble(images: Images, labels: Labels, rng: np.random.Generator) -> Images | None:
    """Return a pen's way through many random points."""
    points = rng.uniform(10, 90, (int(rng.integers(8, 14)), 2)) * (rng.uniform(0.5, 1), 1)
    # Each point between its neighbors, twice: corners become curves.
    for _ in range(2):
        ahead = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * ahead, 0.25 * points + 0.75 * ahead], axis=1)
        points = points.reshape(-1, 2)[:-2]
    board = np.zeros((100, 100), np.uint8)
    width = int(rng.integers(4, 13))
    cv2.polylines(board, [np.rint(points).astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return _cropped(board)


def _turned(images: Images, labels: Labels, rng: np.random.Generator) -> Images | None:
    """Return a digit that lies on its side, or is upside down."""
    place = rng.integers(len(images))
    turns = int(rng.integers(1, 4))
    if labels[place] not in (OVER if turns == 2 else TURNED):
        return None
    return _cropped(np.rot90(images[place], turns))


def _blob(images: Images, labels: Labels, rng: np.random.Generator) -> Images | None:
    """Return spots, dots, dashes and stains: noise, coarse or fine, cut off at a level."""
    coarse = int(rng.integers(3, 10))
    noise = rng.standard_normal((coarse, int(rng.integers(2, 10))))
    size = (int(rng.integers(10, 60)), int(rng.integers(10, 60)))
    smooth = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    spots = ((smooth > np.quantile(smooth, rng.uniform(0.3, 0.8))) * 255).astype(np.uint8)
    return _cropped(spots)


def _cropped(image: Images) -> Images:
    """Return the part that holds ink; an image without any comes back as it is."""
    rows, columns = (np.flatnonzero((image > 0).any(axis=axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else image
