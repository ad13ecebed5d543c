"""Marks classified: which digit each is, and how sure the classifier is that it is one."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tenfold.arrays import Ink
from tenfold.classifiers.base import Classifier, predict_scored
from tenfold.imaging.canvas import Mark, mark_to_canvas
from tenfold.imaging.picture import Picture
from tenfold.reading.lattice import Place, digit_step
from tenfold.reading.results import Box, Digit
from tenfold.reading.settings import ReaderSettings

UNLIKELY_DIGIT = 0.05
"""Probability that a mark which looks like no digit is one all the same: a field that needs a digit
there takes the likeliest one, and does not fit."""

SMALLEST_DIGIT = 5
"""Height in pixels below which no digit is legible: the lowest fonts of screens have 5. Noise makes
specks that look like a 0: of 120 blank pictures, 5 had one of 2 to 4 pixels."""

DOT = 0.8
"""Diameter of the widest circle inside a mark, as a share of its longer side, from which the mark
is a dot: a bullet, a punched hole. It is 0.64 at most in 20,000 training images of MNIST cut to
their ink, and above 0.8 in 4 of them scaled to 5 pixels."""

FAINT = 0.2
"""Ink from which the sides of a mark are measured: less is the blur at the edge of a small dot."""


class ScoredDigit(NamedTuple):
    """A digit, and the score, 0 to 1, of its being a digit at all."""

    digit: Digit
    score: float


def classify(
    marks: Sequence[Mark], picture: Picture, classifier: Classifier, threshold: float
) -> list[ScoredDigit]:
    """Return the digit that each mark is, with its digit score; a speck or a dot is rejected.

    Args:
        marks: Marks found in `picture.gray`.
        picture: The picture, for boxes in its pixels.
        classifier: Classifies all marks as one batch.
        threshold: Digit score below which a digit is rejected.
    """
    if not marks:
        return []
    canvases = [mark_to_canvas(mark.ink) for mark in marks]
    boxes = [in_whole_picture(mark.box, picture) for mark in marks]
    probabilities, scores = predict_scored(classifier, np.stack(canvases))
    scores = np.where([is_dot(mark.ink) for mark in marks], 0, scores)
    return [
        ScoredDigit(
            Digit(
                int(row.argmax()),
                float(row.max()),
                box,
                bool(score < threshold) or box[3] < SMALLEST_DIGIT,
                canvas,
                row,
            ),
            float(score),
        )
        for box, canvas, row, score in zip(boxes, canvases, probabilities, scores, strict=True)
    ]


def is_dot(ink: Ink) -> bool:
    """Return whether ink, float32 (h, w), is a filled disc: to a classifier, a 0."""
    mask = np.pad((ink > 0.5).astype(np.uint8), 1)
    _, _, *sides = cv2.boundingRect((ink > FAINT).astype(np.uint8))
    return bool(2 * cv2.distanceTransform(mask, cv2.DIST_L2, 5).max() > DOT * max(sides))


def digit_place(digit: Digit, score: float, settings: ReaderSettings) -> Place:
    """Return where a digit begins and ends, and its step; a mark that is no digit holds little."""
    nothing = 1 - UNLIKELY_DIGIT if score < settings.non_digit_score else 0.0
    step = digit_step(digit.probabilities, nothing)
    return digit.box[0], digit.box[0] + digit.box[2], step


def in_whole_picture(box: Box, picture: Picture) -> Box:
    """Return a box in `picture.gray` as a box in pixels of the whole picture."""
    rows, columns = picture.gray.shape
    across, down = picture.width / columns, picture.height / rows
    x, y, width, height = box
    left, top = round(x * across), round(y * down)
    return left, top, round((x + width) * across) - left, round((y + height) * down) - top
