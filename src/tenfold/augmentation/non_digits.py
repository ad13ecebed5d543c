"""Made-up marks that are not digits, so that a network learns to be unsure of them.

Training takes all ten digits as equally likely for such marks (outlier exposure: D. Hendrycks,
M. Mazeika, T. Dietterich, arXiv 1812.04606). The network then gives a low confidence to them, and
to other marks that are not digits. Marks that may pass for a digit are not made: letters like O and
S, narrow slices like a 1.
"""

import string
from collections.abc import Sequence

import cv2
import numpy as np

from tenfold.arrays import SIDE, Gray, Images, Labels
from tenfold.augmentation.hands import Glyph, draw_glyph
from tenfold.augmentation.neighbors import badly_cut
from tenfold.augmentation.strokes import crop_to_ink
from tenfold.imaging.canvas import center_by_mass, fit

LIKE_DIGITS = "OoDQIilLjJSsZzBbGgqUuVvYyTtAP"
LETTERS = sorted({*string.ascii_letters, *"#&%@+=*?$"} - {*LIKE_DIGITS})
"""Letters and signs to draw, without those that handwriting makes look like digits."""

HERSHEY_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
"""The fonts that come with OpenCV."""

GLYPH_SHARE = 0.3
"""Share of the marks that are glyphs of fonts, if there are any."""

NO_DIGIT_ON_SIDE = (2, 3, 4, 5, 7)
"""Digits that are no digit when rotated by 90 degrees."""

NO_DIGIT_UPSIDE_DOWN = (3, 4, 7)
"""Digits that are no digit when rotated by 180 degrees."""


def make_non_digits(
    count: int,
    images: Images,
    labels: Labels,
    rng: np.random.Generator,
    glyphs: Sequence[Glyph] = (),
) -> Images:
    """Make marks that are not digits, fitted and centered as `tenfold.imaging.canvas` does it.

    Args:
        count: Number of marks.
        images: uint8 (n, 28, 28), white ink on black: digits to make some of the marks from.
        labels: uint8 (n,), 0..9: labels of `images`.
        rng: Source of the draws.
        glyphs: Glyphs of fonts that are no digits, to make `GLYPH_SHARE` of the marks of.

    Returns:
        uint8 (count, 28, 28).
    """
    kinds = (_badly_cut, _badly_cut, _badly_cut, _letters, _scribble, _rotated, _blobs)
    marks = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        if glyphs and rng.random() < GLYPH_SHARE:
            marks[number] = draw_glyph(glyphs[int(rng.integers(len(glyphs)))], rng)
            continue
        mark = None
        while mark is None or not mark.any():
            mark = kinds[rng.integers(len(kinds))](images, labels, rng)
        marks[number] = center_by_mass(fit(np.float32(1 / 255) * mark))
    return marks


def _badly_cut(images: Images, labels: Labels, rng: np.random.Generator) -> Gray | None:
    """Return what a bad cut leaves of digits in a row."""
    place = rng.integers(len(images))
    if labels[place] == 8:  # half of it is a 3
        return None
    piece = badly_cut(images[place], images, rng)
    return None if piece is None else crop_to_ink(piece)


def _letters(images: Images, labels: Labels, rng: np.random.Generator) -> Gray:
    """Return one letter or two, in one of OpenCV's fonts."""
    count = 1 if rng.random() < 0.8 else 2
    text = "".join(rng.choice(LETTERS, count))
    board = np.zeros((100, 160), np.uint8)
    font = HERSHEY_FONTS[rng.integers(len(HERSHEY_FONTS))]
    cv2.putText(board, text, (40, 65), font, 1.6, 255, int(rng.integers(2, 7)), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((80, 50), rng.uniform(-15, 15), 1.0)
    turn[0, 1] += rng.uniform(-0.3, 0.3)
    return crop_to_ink(cv2.warpAffine(board, turn, (160, 100)))


def _scribble(images: Images, labels: Labels, rng: np.random.Generator) -> Gray:
    """Return a pen's path through many random points."""
    points = rng.uniform(10, 90, (int(rng.integers(8, 14)), 2)) * (rng.uniform(0.5, 1), 1)
    # Each point between its neighbors, twice: corners become curves.
    for _ in range(2):
        ahead = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * ahead, 0.25 * points + 0.75 * ahead], axis=1)
        points = points.reshape(-1, 2)[:-2]
    board = np.zeros((100, 100), np.uint8)
    width = int(rng.integers(4, 13))
    cv2.polylines(board, [np.rint(points).astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return crop_to_ink(board)


def _rotated(images: Images, labels: Labels, rng: np.random.Generator) -> Gray | None:
    """Return a digit that lies on its side, or is upside down."""
    place = rng.integers(len(images))
    quarters = int(rng.integers(1, 4))
    if labels[place] not in (NO_DIGIT_UPSIDE_DOWN if quarters == 2 else NO_DIGIT_ON_SIDE):
        return None
    return crop_to_ink(np.rot90(images[place], quarters))


def _blobs(images: Images, labels: Labels, rng: np.random.Generator) -> Gray:
    """Return spots, dots, dashes and stains: coarse or fine noise above a threshold."""
    coarse = int(rng.integers(3, 10))
    noise = rng.standard_normal((coarse, int(rng.integers(2, 10))))
    size = (int(rng.integers(10, 60)), int(rng.integers(10, 60)))
    smooth = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    spots = ((smooth > np.quantile(smooth, rng.uniform(0.3, 0.8))) * 255).astype(np.uint8)
    return crop_to_ink(spots)
