"""A picture of a single digit read: found, classified, and looked at again if it is doubtful."""

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import DIGITS, SIDE
from tenfold.classifiers.base import predict_scored
from tenfold.imaging.canvas import WORK_SIDE, Mark, find_mark, mark_in
from tenfold.imaging.ink import ink_of, is_ink_dark, light_share
from tenfold.imaging.outlines import filled
from tenfold.imaging.page_ink import FIRST_SQUARE
from tenfold.imaging.picture import Picture
from tenfold.reading.boxes.cells import split_off_grids
from tenfold.reading.boxes.circles import without_circles
from tenfold.reading.lattice import Lattice
from tenfold.reading.marks import ScoredDigit, classify
from tenfold.reading.results import Box, Digit, Line
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.shipped import Models

SLANTS = (0.0, 0.3)
"""Slants, in pixels to the right for each pixel up, by which a doubtful digit is set upright
(dev/reading.md, "The line network reads doubtful digits")."""

HEIGHTS = (1.0, 0.85, 0.7)
"""Heights of the digit that are tried, as shares of the mark's: neighbors and rules may be higher
(as above)."""

NEAR_MIDDLE = 0.2
"""Distance from the middle, as a share of the picture's width, at which what the line network sees
weighs 1/e: neighbors and the rules of columns stand at the sides (as above)."""

SQUARE = (0.9, 1.1)
"""Least and greatest width, in heights, of a mark that may be stretched to a square box, as digits
of some data sets are. A 1 is hard to tell then (dev/reading.md, "Digits stretched to their
box")."""

NARROWED = 0.5
"""Share of its width at which such a mark is read once more (as above)."""


def read_single(picture: Picture, models: Models) -> Digit | None:
    """Return the one digit in a picture, rejected or not; None if the picture is blank."""
    mark = find_mark(picture.gray)
    if mark is None:
        return None
    mark = _mark_in_box(picture, models.settings) or mark
    first, score = _classify(mark, picture, models)
    if _is_mnist_like(picture):
        first = _with_whole_image(first, picture, models)
    if _is_confirmed(first, mark, picture, models):
        return first
    if solid := _outlined(mark, picture, models):
        return solid
    for other in _in_half_shadow(picture, models.settings):
        digit, _ = _classify(other, picture, models)
        if _is_confirmed(digit, other, picture, models):
            return digit
    if _by_line_network(picture, models):
        return _from_line(first, score, mark, picture, models)
    return first


def single_line(digit: Digit) -> Line:
    """Return the line that holds one digit."""
    return Line((digit,), lattice=Lattice.of_digits([digit.probabilities]))


def _is_mnist_like(picture: Picture) -> bool:
    """Return whether a picture has the size of MNIST's images."""
    return picture.gray.shape == (SIDE, SIDE)


def _by_line_network(picture: Picture, models: Models) -> bool:
    """Return whether the line network is asked: an image of MNIST's size is read twice already."""
    return models.settings.whole_lines and not _is_mnist_like(picture)


def _classify(mark: Mark, picture: Picture, models: Models) -> ScoredDigit:
    (scored,) = classify([mark], picture, models.classifier, models.settings.threshold)
    return scored


def _is_confirmed(digit: Digit, mark: Mark, picture: Picture, models: Models) -> bool:
    """Return whether a digit is accepted, and the line network sees it, too, and not a rule."""
    least, threshold = models.settings.agreement_share, models.settings.threshold
    if digit.rejected or not (least and threshold and _by_line_network(picture, models)):
        return not digit.rejected
    seen = _seen_in_middle(mark, 0.0, 1.0, picture.gray.shape[1], models)
    return float(seen[digit.digit]) >= least * float(seen.sum())


def _outlined(mark: Mark, picture: Picture, models: Models) -> Digit | None:
    """Return the digit whose outline a mark is; None if it is none. A 1 is rejected."""
    ink = filled(mark.ink, models.settings.outline_share)
    if ink is None:
        return None
    solid = Mark(ink, mark.box)
    digit, _ = _classify(solid, picture, models)
    if not _is_confirmed(digit, solid, picture, models):
        return None
    return replace(digit, rejected=digit.digit == 1)  # a narrow 0 becomes a 1, too


def _in_half_shadow(picture: Picture, settings: ReaderSettings) -> list[Mark]:
    """Return what may be the digit in a picture half of which lies in shadow.

    The shadow's edge hides whether ink is dark, and bends the surface of light. So both ways are
    tried, with a square that follows the light by itself.
    """
    gray = picture.gray
    low, high = settings.half_shadow_light
    if min(gray.shape) < settings.smallest_boxed or not low <= light_share(gray) <= high:
        return []
    scale = min(1.0, WORK_SIDE / max(gray.shape))
    work = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inks = [ink_of(work, FIRST_SQUARE, ink_is_dark=dark) for dark in (True, False)]
    marks = [mark for ink in inks if ink is not None and (mark := mark_in(ink))]
    return [_scaled(mark, scale) for mark in marks]


def _mark_in_box(picture: Picture, settings: ReaderSettings) -> Mark | None:
    """Return the mark nearest the middle that stands in a box, a cell or a circle, if there is one.

    The box is not the digit.
    """
    gray = picture.gray
    if min(gray.shape) < settings.smallest_boxed:
        return None
    scale = min(1.0, settings.boxed_side / max(gray.shape))
    work = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ink = ink_of(work)
    if ink is None:
        return None
    inside = without_circles(ink, settings)
    _, grids = split_off_grids(inside, settings)
    marks = [mark for grid in grids for cell in grid.cells for mark in cell.marks]
    mark = min(marks, key=lambda mark: _from_middle(mark.box, work.shape[1]), default=None)
    if mark is None and inside is not ink:
        mark = mark_in(inside)
    if mark is None:
        return None
    return _scaled(mark, scale)


def _scaled(mark: Mark, scale: float) -> Mark:
    """Return a mark found at a scale, with its box in pixels of the picture."""
    left, top, width, height = mark.box
    box = (int(left / scale), int(top / scale), math.ceil(width / scale), math.ceil(height / scale))
    return Mark(mark.ink, box)


def _from_middle(box: Box, width: int) -> float:
    return abs(box[0] + box[2] / 2 - width / 2)


def _with_whole_image(found: Digit, picture: Picture, models: Models) -> Digit:
    """Return the digit in a picture of 28x28, which may be as MNIST has it, on noise or patches.

    The picture as it is counts beside the digit that was found and normalized: twice as much if it
    is light on dark, as MNIST is; else the one with the higher score counts alone.
    """
    dark = is_ink_dark(picture.gray)
    images = [found.canvas, 255 - picture.gray if dark else picture.gray]
    probabilities, scores = predict_scored(models.classifier, np.stack(images))
    weights = np.eye(2)[scores.argmax()] if dark else np.array([1, 2]) / 3
    mixed = weights @ probabilities
    same = len(set(probabilities.argmax(axis=1))) == 1
    score = scores.max() if same else weights @ scores
    rejected = round(float(score), 6) < models.settings.threshold
    canvas = images[int(weights.argmax())]
    return replace(
        found,
        digit=int(mixed.argmax()),
        confidence=float(mixed.max()),
        rejected=rejected,
        canvas=canvas,
        probabilities=np.asarray(mixed, np.float32),
    )


def _from_line(digit: Digit, score: float, mark: Mark, picture: Picture, models: Models) -> Digit:
    """Return the best guess at a doubtful digit: it may slant, or hold parts of neighbors.

    The line network reads the mark as a line, set upright by each slant and at each height. What
    it sees counts as much as it is in the middle, and the mark as much as it looks like a digit.
    A square mark counts at half its width, too. The digit stays rejected: which of several was
    meant is a guess.
    """
    seen = seen_by_line_network(mark, picture.gray.shape[1], models)
    sums = score * digit.probabilities + models.settings.line_weight * seen
    high, wide = mark.ink.shape
    if SQUARE[0] <= wide / high <= SQUARE[1] and wide > 1:
        ink = cv2.resize(mark.ink, None, fx=NARROWED, fy=1, interpolation=cv2.INTER_AREA)
        narrow, narrow_score = _classify(Mark(ink, mark.box), picture, models)
        sums += narrow_score * narrow.probabilities
    guess, shares = int(sums.argmax()), sums / sums.sum()
    return replace(
        digit,
        digit=guess,
        confidence=models.settings.neighbor_confidence * float(shares[guess]),
        rejected=True,
        probabilities=np.asarray(shares, np.float32),
    )


def seen_by_line_network(mark: Mark, width: int, models: Models) -> NDArray[np.float64]:
    """Return how much of each digit the line network sees in a mark, float64 (10,).

    Args:
        mark: A mark of a picture of one digit.
        width: Width of the picture.
        models: What reads.
    """
    views = [
        _seen_in_middle(mark, slant, height, width, models)
        for slant in SLANTS
        for height in HEIGHTS
    ]
    seen: NDArray[np.float64] = np.mean(views, axis=0)[: len(DIGITS)]
    return seen


def _seen_in_middle(
    mark: Mark, slant: float, height: float, width: int, models: Models
) -> NDArray[np.float64]:
    """Return how much of each character the line network sees around the middle of a picture.

    They are those of `tenfold.reading.ctc.CHARACTERS`; the ten digits come first.

    Args:
        mark: A mark of the picture.
        slant: How it slants, in pixels to the right for each pixel up.
        height: The height of its digits, as a share of the mark's.
        width: Width of the picture.
        models: What reads.
    """
    high, wide = mark.ink.shape
    move = np.array([[1, slant, 0], [0, 1, 0]], np.float32)
    upright = cv2.warpAffine(mark.ink, move, (wide + math.ceil(slant * high), high))
    line = Mark(upright, (0, 0, upright.shape[1], high))
    seen = models.line_reader.read_line(line, height * high, high / 2)
    (steps,), (columns,) = seen.views, seen.columns
    places = mark.box[0] + (columns - slant * high / 2) * mark.box[2] / wide
    away = (places - width / 2) / (NEAR_MIDDLE * width)
    closeness: NDArray[np.float64] = np.exp(-(away**2))
    return closeness @ steps[:, 1:]
