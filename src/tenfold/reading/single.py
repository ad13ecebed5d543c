"""A picture of a single digit read: found, classified, and looked at again if it is doubtful."""

import math
from dataclasses import replace

import cv2
import numpy as np

from tenfold.arrays import SIDE
from tenfold.classifiers.base import predict_scored
from tenfold.imaging.canvas import WORK_SIDE, Mark, find_mark, mark_in
from tenfold.imaging.ink import ink_of, is_ink_dark, light_share
from tenfold.imaging.page_ink import FIRST_SQUARE
from tenfold.imaging.picture import Picture
from tenfold.reading.boxes.cells import split_off_grids
from tenfold.reading.boxes.circles import without_circles
from tenfold.reading.lattice import Lattice
from tenfold.reading.marks import classify
from tenfold.reading.results import Box, Digit, Line
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.shipped import Models
from tenfold.reading.splitting import Splitter

SLANTS = (-0.3, 0.0, 0.3, 0.6)
"""Slants, in pixels to the right for each pixel up, by which a doubtful digit is set upright
(dev/reading.md, "Doubtful digits set upright")."""

PIECE_WEIGHT = 0.6
"""Weight of the digit score of a piece in the middle, where that of the whole mark has 1 (as
above)."""

NEAR_MIDDLE = 0.15
"""Distance from the middle, as a share of the picture's width, at which a piece weighs 1/e of
that: neighbors and the rules of columns stand at the sides (as above)."""

LEAST_WEIGHT = 1e-6
"""Of a mark that looks like no digit at all, so that there always is a guess."""


def read_single(picture: Picture, models: Models) -> Digit | None:
    """Return the one digit in a picture, rejected or not; None if the picture is blank."""
    mark = find_mark(picture.gray)
    if mark is None:
        return None
    mark = _mark_in_box(picture, models.settings) or mark
    ((digit, _),) = classify([mark], picture, models.classifier, models.settings.threshold)
    if picture.gray.shape == (SIDE, SIDE):
        return _with_whole_image(digit, picture, models)
    if digit.rejected and (found := _in_half_shadow(picture, models)):
        return found
    return _from_views(mark, picture, models) if digit.rejected else digit


def single_line(digit: Digit) -> Line:
    """Return the line that holds one digit."""
    return Line((digit,), lattice=Lattice.of_digits([digit.probabilities]))


def _in_half_shadow(picture: Picture, models: Models) -> Digit | None:
    """Return the digit in a picture half of which lies in shadow, if it is accepted.

    The shadow's edge hides whether ink is dark, and bends the surface of light. So both ways are
    tried, with a square that follows the light by itself.
    """
    gray = picture.gray
    low, high = models.settings.half_shadow_light
    if min(gray.shape) < models.settings.smallest_boxed or not low <= light_share(gray) <= high:
        return None
    scale = min(1.0, WORK_SIDE / max(gray.shape))
    work = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inks = [ink_of(work, FIRST_SQUARE, ink_is_dark=dark) for dark in (True, False)]
    marks = [mark for ink in inks if ink is not None and (mark := mark_in(ink))]
    if not marks:
        return None
    marks = [_scaled(mark, scale) for mark in marks]
    scored = classify(marks, picture, models.classifier, models.settings.threshold)
    digit, _ = max(scored, key=lambda one: one.score)
    return None if digit.rejected else digit


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


def _from_views(mark: Mark, picture: Picture, models: Models) -> Digit:
    """Return the best guess at a doubtful digit: it may slant, or hold parts of neighbors.

    The mark is set upright by each of several slants. Each time, the whole mark and its pieces are
    looked at; their probabilities count as much as they look like digits, and pieces as much as
    they are in the middle. The digit stays rejected: which of several was meant is a guess.
    """
    settings = models.settings
    views: list[tuple[float, Digit]] = []
    for slant in SLANTS:
        upright = _set_upright(mark, slant)
        ((whole, score),) = classify([upright], picture, models.classifier, settings.threshold)
        found = [(max(score, LEAST_WEIGHT), whole), *_pieces(upright, score, picture, models)]
        views += [(weight, _slanted(one, slant, picture)) for weight, one in found]
    sums = np.sum([weight * one.probabilities for weight, one in views], axis=0)
    guess, shares = int(sums.argmax()), sums / sums.sum()
    _, shown = max(views, key=lambda view: view[0] * view[1].probabilities[guess])
    return replace(
        shown,
        digit=guess,
        confidence=settings.neighbor_confidence * float(shares[guess]),
        rejected=True,
        probabilities=np.asarray(shares, np.float32),
    )


def _pieces(
    mark: Mark, score: float, picture: Picture, models: Models
) -> list[tuple[float, Digit]]:
    """Return the pieces of a mark that may hold parts of neighbors, each with its weight."""
    classifier, settings = models.classifier, models.settings
    pieces = Splitter(classifier, settings).split([mark], [score])
    if len(pieces) == 1:
        return []
    found = []
    for digit, seen in classify(pieces, picture, classifier, settings.threshold):
        away = _from_middle(digit.box, picture.width) / (NEAR_MIDDLE * picture.width)
        found.append((PIECE_WEIGHT * seen * math.exp(-(away**2)), digit))
    return found


def _set_upright(mark: Mark, slant: float) -> Mark:
    """Return a slanting mark set upright around its middle row.

    Args:
        mark: The mark.
        slant: Pixels to the right for each pixel up.
    """
    if not slant:
        return mark
    height, width = mark.ink.shape
    reach = math.ceil(abs(slant) * height)
    before = reach if slant < 0 else 0
    move = np.array([[1, slant, before], [0, 1, 0]], np.float32)
    ink = cv2.warpAffine(mark.ink, move, (width + reach, height))
    inked = np.flatnonzero(ink.any(axis=0))
    first, end = int(inked[0]), int(inked[-1]) + 1
    x, y, across, down = mark.box
    scale = across / width
    left = x + round(scale * (first - before - slant * height / 2))
    return Mark(ink[:, first:end], (left, y, max(1, round(scale * (end - first))), down))


def _slanted(digit: Digit, slant: float, picture: Picture) -> Digit:
    """Return a digit that was set upright, with the box it has in the picture."""
    x, y, width, height = digit.box
    reach = abs(slant) * height / 2
    left, right = max(0, round(x - reach)), min(picture.width, round(x + width + reach))
    return replace(digit, box=(left, y, max(1, right - left), height))
