"""Marks that may be digits grown together: cuts are tried, and the network judges."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.canvas import INK_SHARE, Mark, mark_to_canvas
from tenfold.classifiers import Classifier
from tenfold.ink import Grey, Ink, median

_Columns = NDArray[np.int64]

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

WIDEST_PIECE = 1.6
"""No piece is wider than this many heights."""

CUTS = 6
"""Places that are tried for each height of width, and as many more: those with the least ink from
top to bottom, gaps within counted in."""

TYPICAL_WIDTH, WIDTH_SPREAD = 0.8, 0.35
"""Width of a digit in heights, and how far it may stray. Over MNIST's training images without ones
the mean is 0.83 and the standard deviation 0.20; the looser spread cut pages better."""


MOST_HEIGHTS = 150.0
"""On a page marks are cut until they come to so many heights of width, some 80 pieces judged for
each; those that are left stay whole. A full page of digits apart has a few."""

CUT_HEIGHT = 120
"""Higher marks are reduced to so many pixels first: 6 for each of the 20 a digit gets."""

LEANS = (0.0, 0.25, 0.5)
"""Cuts are tried that lean so many pixels to the right for each pixel up."""

LEARNT_FROM = 12
"""After so many marks of a page only the lean is tried that most of them took: a hand keeps it.
Of 72 lines of 14 touching digits, upright and leaning, no fewer were read right."""

UPRIGHT = 0.1
"""What a lean of 1 takes from the mean log likelihood of the pieces: upright, if it is even."""

CROSSING = 0.2
"""What each stroke that a cut crosses takes from the log likelihood of the pieces beside it."""


def split(marks: Sequence[Mark], classifier: Classifier) -> list[Mark]:
    """Return the marks of one line, left to right, with those that are several digits cut apart."""
    scores = classifier.digit_score(np.stack([mark_to_canvas(mark.ink) for mark in marks]))
    return Cuts().split(marks, [float(score) for score in scores], classifier)


class Cuts:
    """The cuts of one page: made line by line until there were so many that it can be no page.

    Args:
        most: So wide may the marks be together that are cut, in heights of their lines.

    Attributes:
        spent: Whether a mark was left whole for there were too many cuts.
    """

    def __init__(self, most: float = MOST_HEIGHTS) -> None:
        self._left = most
        self._leans: list[float] = []
        self.spent = False

    def turned(self) -> "Cuts":
        """Return what is left of the cuts, for the page turned: its lean is to be learnt anew."""
        other = Cuts(self._left)
        other.spent = self.spent
        return other

    def split(
        self, marks: Sequence[Mark], scores: Sequence[float], classifier: Classifier
    ) -> list[Mark]:
        """Return the marks of a line, left to right, with those that are several digits cut apart.

        Args:
            marks: Left to right.
            scores: How sure the classifier is that each is a digit.
            classifier: Names the pieces; the cut whose pieces it names most surely wins.
        """
        height = median([mark.ink.shape[0] for mark in marks])
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
            if place in cut and self._allowed(mark.ink.shape[1] / cut[place]):
                lean, pieces = _best_cut(mark, cut[place], self._to_try(), classifier)
                self._leans.append(lean)
                result += pieces
            else:
                result.append(mark)
        return result

    def _to_try(self) -> tuple[float, ...]:
        if len(self._leans) < LEARNT_FROM:
            return LEANS
        return (max(LEANS, key=self._leans[:LEARNT_FROM].count),)

    def _allowed(self, width: float) -> bool:
        if width > self._left:
            self.spent = True
            return False
        self._left -= width
        return True


def _best_cut(
    mark: Mark, height: float, leans: Sequence[float], classifier: Classifier
) -> tuple[float, list[Mark]]:
    """Return the lean and the pieces of the best cuts."""
    if (scale := CUT_HEIGHT / mark.ink.shape[0]) < 1:
        size = (max(1, round(mark.ink.shape[1] * scale)), CUT_HEIGHT)
        ink = cv2.resize(mark.ink, size, interpolation=cv2.INTER_AREA)
        mark, height = Mark(ink, mark.box), height * scale
    ways = [_Way(mark, height, lean) for lean in leans]
    canvases = [canvas for way in ways for canvas in way.canvases()]
    sure = iter(classifier.digit_score(np.stack(canvases)))
    found = [way.best(sure) for way in ways]
    best = max(range(len(ways)), key=lambda way: found[way][0])
    return leans[best], found[best][1]


class _Way:
    """All pieces that cuts of one lean may leave of a mark."""

    def __init__(self, mark: Mark, height: float, lean: float) -> None:
        self._mark, self._height, self._lean = mark, height, lean
        self._columns = _upright_columns(mark.ink, lean)
        self._edges = edges = _edges(mark.ink, self._columns, height)
        spans = [
            (a, b)
            for a, b in combinations(range(len(edges)), 2)
            if NARROWEST * height <= edges[b] - edges[a] <= WIDEST_PIECE * height
            or (a, b) == (0, len(edges) - 1)  # the mark as it is
        ]
        self._pieces = {
            (a, b): piece
            for a, b in spans
            if (piece := _piece(mark, self._columns, edges[a], edges[b])) is not None
        }

    def canvases(self) -> list[Grey]:
        """Return the pieces as the network is to see them."""
        return [mark_to_canvas(piece.ink) for piece in self._pieces.values()]

    def best(self, sure: Iterator[float]) -> tuple[float, list[Mark]]:
        """Return the best pieces, and before them their value.

        Args:
            sure: How sure the network is that the pieces are digits; as many are taken from it.
        """
        edges, last = self._edges, len(self._edges) - 1
        crossed = [_strokes_crossed(self._mark.ink, self._columns, edge) for edge in edges]
        value = {}
        for a, b in self._pieces:
            likelihood = float(np.log(max(next(sure), 1e-6)))
            likelihood += _width_score((edges[b] - edges[a]) / self._height)
            value[a, b] = likelihood - CROSSING * (crossed[a] + crossed[b]) / 2
        # best[b]: the highest value over all ways to cover the columns up to edge b. A value, a
        # log likelihood, counts by its width: many small pieces are not dearer than a wrong one.
        best: dict[int, tuple[float, list[tuple[int, int]]]] = {0: (0.0, [])}
        for b in range(1, len(edges)):
            ways = [
                (best[a][0] + value[a, b] * (edges[b] - edges[a]), [*best[a][1], (a, b)])
                for a in range(b)
                if a in best and (a, b) in value
            ]
            if ways:
                best[b] = max(ways, key=lambda way: way[0])
        if last not in best:
            return -math.inf, [self._mark]
        total, chosen = best[last]
        pieces = [self._pieces[span] for span in chosen]
        return total / edges[-1] - UPRIGHT * self._lean, pieces


def _upright_columns(ink: Ink, lean: float) -> _Columns:
    """Return in which column each pixel would lie if writing that leans stood upright.

    Args:
        ink: float32 (h, w), not all 0.
        lean: Pixels to the right for each pixel up.

    Returns:
        int64 (h, w); the first column with ink is 0.
    """
    rows, columns = np.indices(ink.shape)
    upright = columns + np.rint(lean * rows).astype(np.int64)
    moved: _Columns = upright - upright[ink > 0].min()
    return moved


def _strokes_crossed(ink: Ink, columns: _Columns, edge: int) -> int:
    """Return how many strokes a cut before a column goes through."""
    before, after = (np.where(columns == at, ink, 0).max(axis=1) for at in (edge - 1, edge))
    through = np.minimum(before, after) >= INK_SHARE
    return int(np.count_nonzero(np.diff(through.astype(np.int8), prepend=0) == 1))


def _width_score(ratio: float) -> float:
    """Return how well a width, in heights, suits a digit: a log likelihood whose best is 0."""
    if ratio <= TYPICAL_WIDTH:  # ones may be as narrow as they like
        return 0.0
    return -0.5 * ((ratio - TYPICAL_WIDTH) / WIDTH_SPREAD) ** 2


def _edges(ink: Ink, columns: _Columns, height: float) -> list[int]:
    """Return both ends and, between them, columns apart from each other with little ink."""
    inked = ink > 0
    # Where two bows touch there is more ink than through the middle of a loop, but less height.
    amount = np.bincount(columns[inked], weights=ink[inked])
    rows, at = np.nonzero(ink >= INK_SHARE)[0], columns[ink >= INK_SHARE]
    first, end = np.full(amount.size, ink.shape[0]), np.zeros(amount.size, np.int64)
    np.minimum.at(first, at, rows)
    np.maximum.at(end, at, rows + 1)
    amount += np.maximum(0, end - first)
    smooth = np.convolve(amount, np.ones(3) / 3, mode="same")
    apart = max(2, round(0.12 * height))
    margin = round(NARROWEST * height)
    order = [c for c in np.argsort(smooth, kind="stable") if margin <= c < amount.size - margin]
    most = CUTS + math.ceil(CUTS * amount.size / height)
    chosen: list[int] = []
    for column in order:
        if all(abs(column - other) >= apart for other in chosen):
            chosen.append(int(column))
        if len(chosen) == most:
            break
    return [0, *sorted(chosen), amount.size]


def _piece(mark: Mark, columns: _Columns, start: int, end: int) -> Mark | None:
    """Return what lies between two upright columns; None if there is no ink."""
    moved, most = -int(columns[0, 0]), int(columns[-1, 0] - columns[0, 0])
    side = max(0, start + moved - most)  # nothing of it lies further left, nor right of its end
    near = slice(side, end + moved)
    inside = (columns[:, near] >= start) & (columns[:, near] < end)
    ink = np.where(inside, mark.ink[:, near], np.float32(0))
    rows, at = np.flatnonzero(ink.max(axis=1) > 0), np.flatnonzero(ink.max(axis=0) > 0)
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(at[0]), int(at[-1]) + 1
    x, y, width, height = mark.box
    across, down = width / mark.ink.shape[1], height / mark.ink.shape[0]
    size = (max(1, round((right - left) * across)), max(1, round((bottom - top) * down)))
    place = (round(x + (side + left) * across), round(y + top * down))
    return Mark(ink[top:bottom, left:right], (*place, *size))
