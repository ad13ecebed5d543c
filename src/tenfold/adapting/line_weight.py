"""How much an adapted model asks the line network, which has not learned the hand."""

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Images, Labels, Probabilities
from tenfold.classifiers.base import Classifier
from tenfold.evaluation.significance import mcnemar
from tenfold.imaging.canvas import Mark
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.shipped import Models
from tenfold.reading.single import seen_by_line_network

LINE_WEIGHTS = (2.0, 1.0, 0.5, 0.25, 0.0)
"""Candidates for the setting `line_weight`, the default first. The line network knows neighbors and
slants, but not the forms of a hand (dev/adapt.md)."""

CLEARLY = 0.01
"""Largest p value of McNemar's exact test at which another weight than the default is taken."""

MOST_DOUBTFUL = 500
"""Number of doubtful digits that are enough to choose by; the line network takes 40 ms for each."""


def choose_line_weight(
    original: Classifier,
    images: Images,
    probabilities: Probabilities,
    labels: Labels,
    threshold: float,
) -> float:
    """Return the weight of the line network at which most doubtful digits are guessed right.

    It is the default unless another one is clearly better: in pictures, the line network tells a
    digit from its neighbors, which images of 28x28 do not show.

    Args:
        original: The model that was adapted.
        images: uint8 (n, 28, 28), digits that were held out.
        probabilities: float32 (n, 10), the answers of networks that had not learned them.
        labels: uint8 (n,), what they are.
        threshold: Digit score below which a digit is doubtful.

    Returns:
        The first of `LINE_WEIGHTS` with the most right guesses, if it differs from the default by
        a p value below `CLEARLY`. A model of other classes, which reads no pictures, has the
        default.
    """
    if original.classes != DIGITS:
        return ReaderSettings.line_weight
    doubtful = np.flatnonzero(probabilities.max(axis=1) < threshold)[:MOST_DOUBTFUL]
    own = probabilities[doubtful]
    own = own * own.max(axis=1, keepdims=True)
    models = Models(original)
    seen = np.array([_seen(image, models) for image in images[doubtful]]).reshape(own.shape)
    right = [(own + weight * seen).argmax(axis=1) == labels[doubtful] for weight in LINE_WEIGHTS]
    best = int(np.argmax([one.sum() for one in right]))
    return LINE_WEIGHTS[best if mcnemar(right[0], right[best]) < CLEARLY else 0]


def _seen(image: npt.NDArray[np.uint8], models: Models) -> npt.NDArray[np.float64]:
    """Return how much of each digit the line network sees in an image, float64 (10,)."""
    x, y, width, height = cv2.boundingRect(image)
    if not (width and height):
        return np.zeros(len(DIGITS))
    ink = np.float32(1 / 255) * image[y : y + height, x : x + width]
    return seen_by_line_network(Mark(ink, (x, y, width, height)), SIDE, models)
