"""Marks that may be digits grown together: cuts are tried, and the network judges."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.classifiers.base import Classifier
from tenfold.imaging.canvas import INK_SHARE, Mark, mark_to_canvas
from tenfold.imaging.ink import Gray, Ink, median

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


MOST_JUDGED = 5000
"""On a page marks are cut until so many pieces were judged; those that are left stay whole."""

FEWEST = 20
"""Pieces that a mark gives at least, for each height of width and lean."""

CUT_HEIGHT = 120
"""Higher marks are reduced to so many pixels first: 6 for each of the 20 a digit gets."""

LEANS = (0.0, 0.25, 0.5)
"""Cuts are tried that lean so many pixels to the right for each pixel up."""

LEARNED_FROM = 2000
"""After so many pieces only the lean is tried that most marks of the page took: a hand keeps it."""

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
        most: So many pieces may be judged.

    Attributes:
        spent: Whether a mark was left whole for there were too many cuts.
    """

    def __init__(self, most: int = MOST_JUDGED) -> None:
        self._left = most
        self._judged = 0
        self._leans: list[float] = []
        self.spent = False

    def turned(self) -> "Cuts":
        """Return what is left of the cuts, for the page turned: its lean is to be learned anew."""
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
            ways = self._ways(mark, cut[place]) if place in cut else []
            result += self._best_cut(ways, classifier) if ways else [mark]
        return result

    def _ways(self, mark: Mark, height: float) -> list["_Way"]:
        """Return the ways to cut a mark; none if that gives too many pieces."""
        leans = LEANS if self._judged < LEARNED_FROM else (max(LEANS, key=self._leans.count),)
        if FEWEST * len(leans) * mark.ink.shape[1] / height <= self._left:
            mark, height = _reduced(mark, height)
            ways = [_Way(mark, height, lean) for lean in leans]
            judged = sum(len(way.spans) for way in ways)
            if judged <= self._left:
                self._left -= judged
                self._judged += judged
                return ways
        self.spent = True
        return []

    def _best_cut(self, ways: list["_Way"], classifier: Classifier) -> list[Mark]:
        canvases = [canvas for way in ways for canvas in way.canvases()]
        sure = iter(classifier.digit_score(np.stack(canvases)))
        _, pieces, lean = max((way.best(sure) for way in ways), key=lambda best: best[0])
        self._leans.append(lean)
        return pieces


def _reduced(mark: Mark, height: float) -> tuple[Mark, float]:
    """Return a mark no higher than CUT_HEIGHT, and the height of its line to the same scale."""
    if (scale := CUT_HEIGHT / mark.ink.shape[0]) >= 1:
        return mark, height
    size = (max(1, round(mark.ink.shape[1] * scale)), CUT_HEIGHT)
    return Mark(cv2.resize(mark.ink, size, interpolation=cv2.INTER_AREA), mark.box), height * scale


class _Way:
    """All pieces that cuts of one lean may leave of a mark."""

    def __init__(self, mark: Mark, height: float, lean: float) -> None:
        self._mark, self._height, self._lean = mark, height, lean
        self._columns = _upright_columns(mark.ink, lean)
        self._edges = edges = _edges(mark.ink, self._columns, height)
        self.spans = [
            (a, b)
            for a, b in combinations(range(len(edges)), 2)
            if NARROWEST * height <= edges[b] - edges[a] <= WIDEST_PIECE * height
            or (a, b) == (0, len(edges) - 1)  # the mark as it is
        ]
        self._pieces: dict[tuple[int, int], Mark] = {}

    def canvases(self) -> list[Gray]:
        """Cut the pieces, and return them as the network is to see them."""
        for a, b in self.spans:
            piece = _piece(self._mark, self._columns, self._edges[a], self._edges[b])
            if piece is not None:
                self._pieces[a, b] = piece
        return [mark_to_canvas(piece.ink) for piece in self._pieces.values()]

    def best(self, sure: Iterator[float]) -> tuple[float, list[Mark], float]:
        """Return the value of the best pieces, these, and the lean.

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
            return -math.inf, [self._mark], self._lean
        total, chosen = best[last]
        pieces = [self._pieces[span] for span in chosen]
        return total / edges[-1] - UPRIGHT * self._lean, pieces, self._lean


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
