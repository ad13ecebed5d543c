"""Orientation: which other pages a doubtful page may be."""

import math
from collections.abc import Iterator

import numpy as np

from tenfold.classifiers.base import Classifier
from tenfold.imaging.canvas import mark_to_canvas
from tenfold.reading.layout import Page, make_page
from tenfold.reading.settings import ReaderSettings

ROTATIONS = (90, 270, 180)
"""Degrees clockwise, likeliest first."""


def rotated(page: Page, classifier: Classifier, settings: ReaderSettings) -> Iterator[Page]:
    """Yield the page in the rotations that may set it upright, likeliest first."""
    for degrees in likely_rotations(page, classifier, settings):
        yield make_page(page.picture.rotated(degrees), settings, rotation=degrees)


def likely_rotations(
    page: Page, classifier: Classifier, settings: ReaderSettings
) -> tuple[int, ...]:
    """Return the rotations that may set a page upright: all, unless its marks are very many.

    Of very many marks a sample is rotated, each mark by itself. Its mean score must gain half of
    what the whole page must gain, because marks that touch are not split. Print and patterns
    seldom gain.

    Returns:
        Degrees clockwise, likeliest first.
    """
    marks = page.marks
    if len(marks) <= settings.orientation_marks:
        return ROTATIONS
    sample = marks[:: math.ceil(len(marks) / settings.orientation_sample)]

    def score(degrees: int) -> float:
        inks = (np.ascontiguousarray(np.rot90(mark.ink, -degrees // 90)) for mark in sample)
        images = np.stack([mark_to_canvas(ink) for ink in inks])
        return float(classifier.digit_score(images).mean())

    gain = settings.orientation_gain
    needed = max(score(0) + gain / 2, settings.orientation_score - gain)
    return tuple(degrees for degrees in ROTATIONS if score(degrees) > needed)
