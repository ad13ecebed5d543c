"""Occlusion: how much the odds of an answer fall when the ink around a place is covered."""

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Gray
from tenfold.classifiers.base import Classifier

PATCH = 5
"""Side of the covering square in pixels: about two strokes wide, so that it can cut a stroke."""

LEAST = 1e-12
"""Floor under probabilities; a support vector machine may give 0."""


def occlusion(classifier: Classifier, image: Gray, digit: int) -> npt.NDArray[np.float64]:
    """Return how much the ink around each pixel speaks for a digit (M. Zeiler, R. Fergus 2014).

    A black square covers every place in turn. The value of a pixel is the mean fall of the
    log-odds over the squares that cover it. Works on any classifier, because it needs answers
    alone.

    Args:
        classifier: The classifier to explain.
        image: uint8 (28, 28), white ink on black.
        digit: The answer to explain, 0 to 9.

    Returns:
        float64 (28, 28): powers of ten by which the odds fall when the ink there is covered;
        negative where the ink speaks against the digit, 0 far from any ink.
    """
    side = image.shape[0]
    reach = PATCH // 2
    covered, places = [], []
    for y in range(-reach, side + reach):
        for x in range(-reach, side + reach):
            rows = slice(max(0, y - reach), y + reach + 1)
            columns = slice(max(0, x - reach), x + reach + 1)
            if image[rows, columns].any():
                changed = image.copy()
                changed[rows, columns] = 0
                covered.append(changed)
                places.append((rows, columns))
    before, *after = log_odds(classifier.predict_proba(np.stack([image, *covered])), digit)
    total, times = np.zeros((side, side)), np.zeros((side, side))
    for place, odds in zip(places, after, strict=True):
        total[place] += before - odds
        times[place] += 1
    return np.divide(total, times, out=total, where=times > 0)


def log_odds(probabilities: npt.ArrayLike, digit: int) -> npt.NDArray[np.float64]:
    """Return the odds of a digit against all others, as a power of ten: 2 is 100 to 1.

    All explanations are measured in log-odds. Unlike the probability, they still change where the
    classifier is nearly certain.

    Args:
        probabilities: Floats (n, 10).
        digit: 0 to 9.

    Returns:
        float64 (n,).
    """
    values = np.asarray(probabilities, np.float64)
    # The others are summed, because 1 - p would lose the precision of small numbers.
    others = np.delete(values, digit, axis=1).sum(axis=1)
    odds: npt.NDArray[np.float64] = np.maximum(values[:, digit], LEAST) / np.maximum(others, LEAST)
    return np.log10(odds)
