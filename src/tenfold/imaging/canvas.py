"""Normalization: the picture of a digit made into a canvas of 28x28, as MNIST would have it.

The steps: find the digit's mark in the ink, among specks and rules (`find_mark`), bring its strokes
to MNIST's width (`set_stroke_width`), fit it into 20x20 (`fit`) and put its center of mass at the
center of the canvas (`center_by_mass`).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import SIDE, Gray, Ink
from tenfold.imaging.digit_mask import digit_mask, without_rules
from tenfold.imaging.ink import INK_SHARE, ink_of

PREPROCESSING_VERSION = 1
"""Raised when a picture gives another 28x28 image than before, so that thresholds calibrated on the
images of one version are not used with another."""

DIGIT_SIDE = 20
"""MNIST digits fit this square, keeping their aspect ratio (LeCun et al. 1998)."""

CENTER = 14.0
"""Row and column of the center of mass in MNIST: 14.0 +- 0.29 over every tenth training image. The
spread is what a shift by whole pixels leaves."""

STROKE_WIDTHS = (1.8, 4.0)
"""Stroke widths that are left unchanged, in pixels of the canvas. Of every tenth MNIST training
image, 6.9% are thinner by `stroke_width` and 1.8% fatter; the median is 2.4. On pictures made from
MNIST training images narrower ranges read no better, and change more MNIST digits."""

WORK_SIDE = 320
"""Longest side on which ink is sought, in pixels: 16 for each of the 20 of a digit."""

ZOOM_SIDE = 80
"""A mark smaller than this in a reduced picture is found again in its part of the whole picture:
4 pixels for each of the 20 of a digit."""


@dataclass(frozen=True, eq=False)
class Mark:
    """The ink of one digit, cut out of its picture.

    Attributes:
        ink: float32 (h, w), 0 paper to 1 full ink, at the resolution it was sought in.
        box: x, y, width and height in pixels of the picture it was found in.
    """

    ink: Ink
    box: tuple[int, int, int, int]


def to_canvas(gray: Gray) -> Gray | None:
    """Normalize a picture of one digit to an image as MNIST would have it.

    Args:
        gray: uint8 (h, w), any size, dark strokes on light or light strokes on dark.

    Returns:
        uint8 (28, 28), white ink on black, or None if there is no ink.
    """
    mark = find_mark(gray)
    return None if mark is None else mark_to_canvas(mark.ink)


def mark_to_canvas(ink: Ink) -> Gray:
    """Normalize the ink of one digit to an image as MNIST has it.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, not all 0.

    Returns:
        uint8 (28, 28), white ink on black.
    """
    if max(ink.shape) > 2 * WORK_SIDE:  # finer than any digit needs, and slow
        scale = WORK_SIDE / max(ink.shape)
        ink = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return center_by_mass(fit(set_stroke_width(ink)))


def find_mark(gray: Gray) -> Mark | None:
    """Find the mark of the digit in a picture of one digit.

    Specks are left out, and rules that the digit stands on. Shadows that reach in from the border
    are left out if there is anything else. Separate strokes nearby, such as the bar of a 5, belong
    to the mark.

    Args:
        gray: uint8 (h, w), any size and polarity.

    Returns:
        The mark, or None if the picture is blank.
    """
    scale = min(1.0, WORK_SIDE / max(gray.shape))
    work = gray
    if scale < 1.0:
        size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
        work = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    ink = ink_of(work)
    if ink is None:
        return None
    mark = mark_in(ink)
    if mark is None:
        return None
    x, y, width, height = mark.box
    left, top = int(x / scale), int(y / scale)
    right = min(gray.shape[1], math.ceil((x + width) / scale))
    bottom = min(gray.shape[0], math.ceil((y + height) / scale))
    if scale < 1.0 and max(width, height) < ZOOM_SIDE:
        return _zoom(gray, left, top, right, bottom)
    return Mark(mark.ink, (left, top, right - left, bottom - top))


def mark_in(ink: Ink) -> Mark | None:
    """Find the mark of the digit in ink, as `find_mark` does in a picture.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.

    Returns:
        The mark, with its box in pixels of the ink, or None if there are only specks.
    """
    mask = digit_mask(ink)
    if mask is None:
        return None
    ink, mask = without_rules(ink, mask)
    # Keep the edge of a stroke, which fades out beyond the mask, and nothing further away.
    reach = 1 + max(ink.shape) // 128
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ink = np.where(cv2.dilate(mask, kernel) > 0, ink, np.float32(0))
    x, y, width, height = cv2.boundingRect((ink > 0).astype(np.uint8))
    return Mark(ink[y : y + height, x : x + width], (x, y, width, height))


def _zoom(gray: Gray, left: int, top: int, right: int, bottom: int) -> Mark | None:
    """Find a mark again, in the part of the picture around its first place."""
    margin = max(right - left, bottom - top) // 2
    x, y = max(0, left - margin), max(0, top - margin)
    mark = find_mark(gray[y : bottom + margin, x : right + margin])
    if mark is None:
        return None
    return Mark(mark.ink, (x + mark.box[0], y + mark.box[1], *mark.box[2:]))


def stroke_width(ink: Ink) -> float:
    """Return the mean width of strokes in pixels: twice their area over their outline's length.

    The outline's length is the sum of the gradient's magnitudes, which needs no threshold.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, not all 0.
    """
    padded = _with_margin(ink, 1)
    rows, columns = (_gradient(padded, *axis) for axis in ((0, 1), (1, 0)))
    # `cv2.magnitude` depends in its last bit on where in memory its arrays lie.
    magnitude = np.sqrt(rows * rows + columns * columns)
    return 2 * float(padded.sum()) / float(magnitude.sum())


def _gradient(padded: Ink, across: int, down: int) -> Ink:
    """Return the gradient along one axis, as `np.gradient` does, but faster."""
    gradient: Ink = cv2.Sobel(padded, cv2.CV_32F, across, down, ksize=1, scale=0.5,
                      borderType=cv2.BORDER_CONSTANT)  # fmt: skip
    ends = gradient if down else gradient.T
    ends[0] *= 2
    ends[-1] *= 2
    return gradient


def _with_margin(ink: Ink, margin: int) -> Ink:
    """Return ink with a margin of paper, in pixels; `np.pad` takes longer."""
    padded = np.zeros((ink.shape[0] + 2 * margin, ink.shape[1] + 2 * margin), np.float32)
    padded[margin:-margin, margin:-margin] = ink
    return padded


def set_stroke_width(ink: Ink, widths: tuple[float, float] = STROKE_WIDTHS) -> Ink:
    """Thicken thin strokes and thin fat strokes, so that in 20x20 they are as wide as MNIST's.

    This precedes shrinking, in which thin strokes of a large digit would vanish.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, not all 0.
        widths: Least and greatest width that stays unchanged, in pixels of the canvas.

    Returns:
        float32 (h', w'), cropped to the strokes.
    """
    # Four pixels for each of the canvas are enough to measure and move an edge by fractions.
    enlarge = max(1.0, 4 * DIGIT_SIDE / max(ink.shape))
    large = cv2.resize(ink, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_LINEAR)
    unit = max(large.shape) / DIGIT_SIDE
    width = stroke_width(large) / unit
    thinnest, fattest = widths
    if thinnest <= width <= fattest:
        return ink
    target = thinnest if width < thinnest else fattest
    margin = math.ceil(2 * unit)
    large = _with_margin(large, margin)
    stroke = (large >= INK_SHARE).astype(np.uint8)
    # Growing by g makes the whole digit larger by g too: (width + g) / (DIGIT_SIDE + g) must
    # become target / DIGIT_SIDE.
    growth = (target - width) / (1 - target / DIGIT_SIDE)
    move = growth * unit / 2
    # The edge moves by adding to the distance from it: outside of the strokes if they grow, else
    # inside. On the other side of the edge nothing changes.
    there = 1 - stroke if move > 0 else stroke
    distance = cv2.distanceTransform(there, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    moved = np.clip(move + 0.5 + (-distance if move > 0 else distance), 0, 1)
    moved = np.where(there > 0, moved, stroke).astype(np.float32)
    x, y, w, h = cv2.boundingRect((moved > 0).astype(np.uint8))
    return moved[y : y + h, x : x + w] if w else ink


def fit(ink: Ink) -> Gray:
    """Scale the ink to fit 20x20, keeping its aspect ratio, in the middle of a canvas.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.

    Returns:
        uint8 (28, 28), white ink on black; a pixel at an edge is gray by the area covered.
    """
    scale = DIGIT_SIDE / max(ink.shape)
    width, height = (max(1, round(side * scale)) for side in (ink.shape[1], ink.shape[0]))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(ink, (width, height), interpolation=interpolation)
    canvas = np.zeros((SIDE, SIDE), dtype=np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    canvas[top : top + height, left : left + width] = np.rint(np.clip(small, 0, 1) * 255)
    return canvas


def center_by_mass(image: Gray) -> Gray:
    """Shift a digit by whole pixels so that its center of mass is at the center of the canvas.

    MNIST was normalized this way (LeCun et al. 1998). No ink is shifted off the canvas.

    Args:
        image: uint8 (28, 28), white ink on black. A black image stays black.

    Returns:
        A new uint8 (28, 28); vacated pixels are black.
    """
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    shifted = np.zeros_like(image)
    if rows.size == 0:
        return shifted
    down = _shift(image.sum(axis=1), int(rows[0]), int(rows[-1]))
    right = _shift(image.sum(axis=0), int(columns[0]), int(columns[-1]))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = rows[0] + down, columns[0] + right
    shifted[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return shifted


def _shift(profile: NDArray[np.uint64], first: int, last: int) -> int:
    """Return the shift that centers a profile whose ink spans first..last."""
    center = float(np.arange(profile.size) @ profile) / float(profile.sum())
    return max(-first, min(profile.size - 1 - last, round(CENTER - center)))
