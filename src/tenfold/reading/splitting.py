"""Segmentation of marks that may be several touching digits: cuts are tried, a network judges."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.classifiers.base import Classifier
from tenfold.imaging.canvas import Mark, mark_to_canvas
from tenfold.imaging.ink import INK_SHARE, median
from tenfold.reading.settings import ReaderSettings

_Columns = NDArray[np.int64]


class Splitter:
    """Splits the marks of one page, row by row, until the page's budget of pieces is spent.

    Args:
        classifier: Classifies the pieces; the cuts whose pieces have the highest scores win.
        settings: The settings of reading.

    Attributes:
        exhausted: Whether a mark stayed whole because the budget was spent.
    """

    def __init__(self, classifier: Classifier, settings: ReaderSettings) -> None:
        self._classifier = classifier
        self._settings = settings
        self._left = settings.most_pieces
        self._judged = 0
        self._slants: list[float] = []
        self.exhausted = False

    def for_another_page(self) -> "Splitter":
        """Return a splitter with what is left of the budget; it learns the page's slant anew."""
        other = Splitter(self._classifier, replace(self._settings, most_pieces=self._left))
        other.exhausted = self.exhausted
        return other

    def split(
        self, marks: Sequence[Mark], scores: Sequence[float], sure: Collection[Mark] = ()
    ) -> list[Mark]:
        """Return the marks of a row with those that are several digits split.

        Args:
            marks: Left to right.
            scores: The digit score of each mark.
            sure: Marks that are one digit for certain, however wide.

        Returns:
            Marks and pieces of marks, left to right.
        """
        settings = self._settings
        height = median([mark.ink.shape[0] for mark in marks])
        wide: dict[int, float] = {}
        for place, (mark, score) in enumerate(zip(marks, scores, strict=True)):
            tall = max(height, mark.ink.shape[0] * 0.8)
            width = mark.ink.shape[1] / tall
            unsure = width > settings.wide_mark and score < settings.sure_digit_score
            if (width > settings.widest_digit or unsure) and mark not in sure:
                wide[place] = tall
        if len(wide) > settings.most_wide_marks:
            return list(marks)
        result: list[Mark] = []
        for place, mark in enumerate(marks):
            lattices = self._lattices(mark, wide[place]) if place in wide else []
            pieces = self._best_pieces(lattices) if lattices else []
            result += pieces if len(pieces) > 1 else [mark]
        return result

    def _lattices(self, mark: Mark, height: float) -> list["_Lattice"]:
        """Return the lattice of pieces for each slant; none if that is more than the budget."""
        settings = self._settings
        slants = settings.slants
        if self._judged >= settings.slant_known_pieces:
            slants = (max(slants, key=self._slants.count),)
        least = settings.fewest_pieces * len(slants) * mark.ink.shape[1] / height
        if least <= self._left:
            mark, height = _reduced(mark, height, settings.highest_cut_mark)
            lattices = [_Lattice(mark, height, slant, settings) for slant in slants]
            judged = sum(len(lattice.spans) for lattice in lattices)
            if judged <= self._left:
                self._left -= judged
                self._judged += judged
                return lattices
        self.exhausted = True
        return []

    def _best_pieces(self, lattices: list["_Lattice"]) -> list[Mark]:
        canvases = [canvas for lattice in lattices for canvas in lattice.canvases()]
        scores = iter(self._classifier.digit_score(np.stack(canvases)))
        found = [lattice.best_path(scores) for lattice in lattices]
        _, pieces, slant = max(found, key=lambda path: path[0])
        self._slants.append(slant)
        return pieces


def _reduced(mark: Mark, height: float, highest: int) -> tuple[Mark, float]:
    """Return a mark no higher than `highest` pixels, and its row's height at the same scale."""
    if (scale := highest / mark.ink.shape[0]) >= 1:
        return mark, height
    size = (max(1, round(mark.ink.shape[1] * scale)), highest)
    return Mark(cv2.resize(mark.ink, size, interpolation=cv2.INTER_AREA), mark.box), height * scale


class _Lattice:
    """All pieces that cuts of one slant may leave of a mark: an over-segmentation."""

    def __init__(self, mark: Mark, height: float, slant: float, settings: ReaderSettings) -> None:
        self._mark, self._height, self._slant, self._settings = mark, height, slant, settings
        self._columns = _upright_columns(mark.ink, slant)
        self._edges = edges = _edges(mark.ink, self._columns, height, settings)
        narrowest, widest = settings.narrowest_piece * height, settings.widest_piece * height
        self.spans = [
            (a, b)
            for a, b in combinations(range(len(edges)), 2)
            if narrowest <= edges[b] - edges[a] <= widest
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

    def best_path(self, scores: Iterator[float]) -> tuple[float, list[Mark], float]:
        """Return the value of the best pieces, the pieces, and the slant.

        Args:
            scores: Digit scores, of which one for each piece is taken.
        """
        settings = self._settings
        edges, last = self._edges, len(self._edges) - 1
        crossed = [_strokes_crossed(self._mark.ink, self._columns, edge) for edge in edges]
        value = {}
        for a, b in self._pieces:
            likelihood = float(np.log(max(next(scores), 1e-6)))
            likelihood += _width_score((edges[b] - edges[a]) / self._height, settings)
            value[a, b] = likelihood - settings.crossing_penalty * (crossed[a] + crossed[b]) / 2
        # best[b]: the highest value over all ways to cover the columns up to edge b. A piece's
        # log likelihood is weighted by its width, so that many small pieces cost no more than one.
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
            return -math.inf, [self._mark], self._slant
        total, chosen = best[last]
        pieces = [self._pieces[span] for span in chosen]
        return total / edges[-1] - settings.slant_penalty * self._slant, pieces, self._slant


def _upright_columns(ink: Ink, slant: float) -> _Columns:
    """Return the column in which each pixel would lie if slanted writing stood upright.

    Args:
        ink: float32 (h, w), not all 0.
        slant: Pixels to the right for each pixel up.

    Returns:
        int64 (h, w); the first column with ink is 0.
    """
    rows, columns = np.indices(ink.shape)
    upright = columns + np.rint(slant * rows).astype(np.int64)
    moved: _Columns = upright - upright[ink > 0].min()
    return moved


def _strokes_crossed(ink: Ink, columns: _Columns, edge: int) -> int:
    """Return the number of strokes that a cut before a column crosses."""
    before, after = (np.where(columns == at, ink, 0).max(axis=1) for at in (edge - 1, edge))
    through = np.minimum(before, after) >= INK_SHARE
    return int(np.count_nonzero(np.diff(through.astype(np.int8), prepend=0) == 1))


def _width_score(width: float, settings: ReaderSettings) -> float:
    """Return the log likelihood of a piece's width, in heights: 0 at best."""
    if width <= settings.digit_width:  # a one may be as narrow as it likes
        return 0.0
    return -0.5 * ((width - settings.digit_width) / settings.digit_width_spread) ** 2


def _edges(ink: Ink, columns: _Columns, height: float, settings: ReaderSettings) -> list[int]:
    """Return the columns of the cuts, and both ends: columns with little ink, some way apart."""
    inked = ink > 0
    # Where two bowls touch there is more ink than through the middle of a loop, but less height.
    amount = np.bincount(columns[inked], weights=ink[inked])
    rows, at = np.nonzero(ink >= INK_SHARE)[0], columns[ink >= INK_SHARE]
    first, end = np.full(amount.size, ink.shape[0]), np.zeros(amount.size, np.int64)
    np.minimum.at(first, at, rows)
    np.maximum.at(end, at, rows + 1)
    amount += np.maximum(0, end - first)
    smooth = np.convolve(amount, np.ones(3) / 3, mode="same")
    apart = max(2, round(0.12 * height))
    margin = round(settings.narrowest_piece * height)
    order = [c for c in np.argsort(smooth, kind="stable") if margin <= c < amount.size - margin]
    most = settings.cuts_per_height
    most += math.ceil(settings.cuts_per_height * amount.size / height)
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
    side = max(0, start + moved - most)  # the piece lies between this column and its end
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
