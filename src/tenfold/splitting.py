"""Marks that may be digits grown together: cuts are tried, and the network judges."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tenfold.canvas import Mark, mark_to_canvas
from tenfold.classifiers import Classifier
from tenfold.ink import Ink

# All numbers here were set by hand on pages made of MNIST training images (tests/scenes.py).

WIDE = 0.75
"""A mark wider than this, in its own heights or its line's, may be several digits."""

WIDEST_DIGIT = 1.7
"""A wide mark up to so many heights stays whole if the network is sure that it is one digit."""

SURE = 0.9
"""How sure it must be for that."""

MOST_CUT = 12
"""A line with more such marks is print or a pattern, and stays as it is."""

NARROWEST = 0.18
"""No piece is narrower than this part of the height."""

WIDEST_PIECE = 1.25
"""No piece is wider than this many heights."""

CUTS = 4
"""Places that are tried for each height of width, and as many more: those with the least ink."""

TYPICAL_WIDTH, WIDTH_SPREAD = 0.8, 0.35
"""Width of a digit in heights, and how far it may stray. Over MNIST's training images without ones
the mean is 0.83 and the standard deviation 0.20; the looser spread cut pages better."""


def split(marks: Sequence[Mark], classifier: Classifier) -> list[Mark]:
    """Return the marks with those that are several digits cut apart.

    Args:
        marks: Of one line, left to right.
        classifier: Names the pieces; the cut whose pieces it names most surely wins.
    """
    height = float(np.median([mark.ink.shape[0] for mark in marks]))
    scores = classifier.digit_score(np.stack([mark_to_canvas(mark.ink) for mark in marks]))
    cut: dict[int, float] = {}
    for place, (mark, score) in enumerate(zip(marks, scores, strict=True)):
        tall = max(height, mark.ink.shape[0] * 0.8)
        width = mark.ink.shape[1] / tall
        if width > WIDEST_DIGIT or (width > WIDE and score < SURE):
            cut[place] = tall
    if len(cut) > MOST_CUT:
        return list(marks)
    result: list[Mark] = []
    for place, mark in enumerate(marks):
        result += _best_cut(mark, cut[place], classifier) if place in cut else [mark]
    return result


def _best_cut(mark: Mark, height: float, classifier: Classifier) -> list[Mark]:
    width = mark.ink.shape[1]
    edges = [0, *_places(mark.ink, height), width]
    spans = [
        (a, b)
        for a, b in combinations(range(len(edges)), 2)
        if NARROWEST * height <= edges[b] - edges[a] <= WIDEST_PIECE * height
        or (a, b) == (0, len(edges) - 1)  # the mark as it is
    ]
    pieces = {
        span: piece
        for span in spans
        if (piece := _piece(mark, edges[span[0]], edges[span[1]])) is not None
    }
    canvases = np.stack([mark_to_canvas(piece.ink) for piece in pieces.values()])
    sure = classifier.digit_score(canvases)
    value = {
        span: float(np.log(max(p, 1e-6))) + _width_score((edges[span[1]] - edges[span[0]]) / height)
        for span, p in zip(pieces, sure, strict=True)
    }
    # best[b]: the highest value over all ways to cover the columns up to edge b. A value, a log
    # likelihood, counts by its width, so that many small pieces are not dearer than a wrong one.
    best: dict[int, tuple[float, list[tuple[int, int]]]] = {0: (0.0, [])}
    for b in range(1, len(edges)):
        ways = [
            (best[a][0] + value[a, b] * (edges[b] - edges[a]), [*best[a][1], (a, b)])
            for a in range(b)
            if a in best and (a, b) in value
        ]
        if ways:
            best[b] = max(ways, key=lambda way: way[0])
    last = len(edges) - 1
    return [pieces[span] for span in best[last][1]] if last in best else [mark]


def _width_score(ratio: float) -> float:
    """Return how well a width, in heights, suits a digit: a log likelihood whose best is 0."""
    if ratio <= TYPICAL_WIDTH:  # ones may be as narrow as they like
        return 0.0
    return -0.5 * ((ratio - TYPICAL_WIDTH) / WIDTH_SPREAD) ** 2


def _places(ink: Ink, height: float) -> list[int]:
    """Return columns with little ink, apart from each other, left to right."""
    amount = np.convolve(ink.sum(axis=0), np.ones(3) / 3, mode="same")
    apart = max(2, round(0.12 * height))
    margin = round(NARROWEST * height)
    order = [c for c in np.argsort(amount, kind="stable") if margin <= c < ink.shape[1] - margin]
    most = CUTS + math.ceil(CUTS * ink.shape[1] / height)
    chosen: list[int] = []
    for column in order:
        if all(abs(column - other) >= apart for other in chosen):
            chosen.append(int(column))
        if len(chosen) == most:
            break
    return sorted(chosen)


def _piece(mark: Mark, start: int, end: int) -> Mark | None:
    ink = mark.ink[:, start:end]
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0), np.flatnonzero(ink.max(axis=0) > 0)
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    x, y, width, height = mark.box
    across, down = width / mark.ink.shape[1], height / mark.ink.shape[0]
    size = (max(1, round((right - left) * across)), max(1, round((bottom - top) * down)))
    place = (round(x + (start + left) * across), round(y + top * down))
    return Mark(ink[top:bottom, left:right], (*place, *size))
