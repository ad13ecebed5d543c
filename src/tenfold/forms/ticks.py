"""Ticks: whether a box is ticked, by the ink in it that the blank page does not have."""

import cv2
import numpy as np

from tenfold.arrays import Ink
from tenfold.forms.answers import NO, YES, Answer
from tenfold.forms.blank import Place
from tenfold.imaging.ink import INK_SHARE

# Set on forms drawn in code (tests/form_scenes.py) with the first 50,000 training images of MNIST.

TICKED = 0.055
"""Share of a box that ink covers from which the box is more likely ticked than not."""

SPREAD = 0.35
"""Change of that share, as its natural logarithm, that changes the odds by a factor of e."""

SURE = 0.95
"""Probability below which a tick is reviewed."""

FULL = 0.75
"""A box that ink covers by this share may be one that was ticked and then filled in."""

NOTHING = 1e-3
"""The share is taken to be at least this, so that its logarithm is finite."""


def read_tick(ink: Ink | None, place: Place) -> Answer:
    """Return whether a box is ticked.

    Args:
        ink: float32 (h, w), the ink of the whole page; None if nothing is written on it.
        place: The box.
    """
    share = 0.0 if ink is None else _covered(ink, place)
    odds = (np.log(max(share, NOTHING)) - np.log(TICKED)) / SPREAD
    ticked = float(1 / (1 + np.exp(-odds)))
    sure = max(ticked, 1 - ticked)
    review = None
    if sure < SURE:
        review = f"ink covers {share:.0%} of the box: ticked or not?"
    elif share >= FULL:
        review = f"ink covers {share:.0%} of the box: a tick, or one taken back?"
        sure = 0.5
    return Answer(place.field.name, YES if ticked >= 0.5 else NO, sure, review=review)


def _covered(ink: Ink, place: Place) -> float:
    """Return the share of the box, where nothing is printed, that ink covers."""
    x, y, width, height = place.box
    box = np.s_[y : y + height, x : x + width]
    free = place.print[box] == 0
    stroke = (ink[place.part][box] >= INK_SHARE).astype(np.uint8)
    # Specks are no ticks.
    stroke = cv2.morphologyEx(stroke, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return float(np.count_nonzero(stroke[free])) / max(1, int(np.count_nonzero(free)))
