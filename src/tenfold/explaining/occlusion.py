"""Occlusion: cover a little ink at a time and see how the answer takes it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import Classifier
from tenfold.explaining.evidence import log_odds

PATCH = 5
"""Side of the covering square in pixels: about two strokes wide, so that it can cut a stroke."""

_BATCH = 128


def occlusion(
    classifier: Classifier,
    image: npt.NDArray[np.uint8],
    digit: int,
    *,
    progress: Callable[[int], object] = lambda images: None,
) -> npt.NDArray[np.float64]:
    """Return how much the ink around each pixel speaks for a digit.

    A black square covers every place in turn (M. Zeiler, R. Fergus 2014). What a pixel gets is
    the mean loss of log-odds (`tenfold.explaining.evidence`) over the squares that cover it.
    Needs nothing but answers, so it works on every classifier.

    Args:
        classifier: Whom to ask.
        image: uint8 (28, 28), white ink on black.
        digit: For which digit, 0 to 9.
        progress: Called with the number of images judged, now and then.

    Returns:
        float64 (28, 28): powers of ten that the odds lose when the ink there is covered;
        negative where it spoke against the digit, 0 where nothing is to be covered.
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
    lost, times = np.zeros((side, side)), np.zeros((side, side))
    whole = log_odds(classifier.predict_proba(image), digit)[0]
    for start in range(0, len(covered), _BATCH):
        part = np.stack(covered[start : start + _BATCH])
        drops = whole - log_odds(classifier.predict_proba(part), digit)
        for drop, place in zip(drops, places[start : start + _BATCH], strict=True):
            lost[place] += drop
            times[place] += 1
        progress(len(part))
    return np.divide(lost, times, out=lost, where=times > 0)
