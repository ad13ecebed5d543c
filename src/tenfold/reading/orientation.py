"""Which turns of a page are worth reading it again."""

import math

import numpy as np

from tenfold.classifiers.base import Classifier
from tenfold.imaging.canvas import Mark, mark_to_canvas

TURNS = (90, 270, 180)
"""Degrees clockwise, likeliest first."""

MANY, SAMPLE = 800, 200
"""Of a page of more marks, so many are looked at turned before the whole page is."""


def likely_turns(
    lines: list[list[Mark]], classifier: Classifier, *, better_by: float, least: float
) -> tuple[int, ...]:
    """Return the turns that may set a page upright: all three, unless its marks are very many.

    Of very many some are turned, each for itself, and must look more like digits so. Print and
    patterns seldom do.

    Args:
        lines: The marks of the page as it stands.
        classifier: Tells how much they look like digits.
        better_by: Their mean score must be higher by so much,
        least: and no lower than this.

    Returns:
        Degrees clockwise, likeliest first.
    """
    marks = [mark for line in lines for mark in line]
    if len(marks) <= MANY:
        return TURNS
    some = marks[:: math.ceil(len(marks) / SAMPLE)]

    def score(degrees: int) -> float:
        inks = (np.ascontiguousarray(np.rot90(mark.ink, -degrees // 90)) for mark in some)
        images = np.stack([mark_to_canvas(ink) for ink in inks])
        return float(classifier.digit_score(images).mean())

    needed = max(score(0) + better_by, least)
    return tuple(degrees for degrees in TURNS if score(degrees) > needed)
