"""Rows of marks read: digit by digit, as a whole line, and as numbers and words side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np

from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import ink_of, median
from tenfold.reading.cells import PageCell, PageGrid
from tenfold.reading.layout import Page
from tenfold.reading.line_reader import LineDigit, typical_height
from tenfold.reading.marks import ScoredDigit, classify
from tenfold.reading.selection import (
    Part,
    Row,
    is_number_beside_word,
    is_word,
    may_hold_words,
    mean_log,
)
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.shipped import Models
from tenfold.reading.splitting import Splitter


class RowReader:
    """Reads the rows of one page.

    Args:
        page: The page.
        models: The classifier, the line network and the settings of reading.
        splitter: Splits marks that are several digits.
    """

    def __init__(self, page: Page, models: Models, splitter: Splitter) -> None:
        self._page = page
        self._models = models
        self._settings = models.settings
        self._splitter = splitter

    def read_rows(self) -> list[Row]:
        """Return what each row of the page holds, or one row if the picture shows a single line."""
        page = self._page
        alone = dict(zip(page.marks, self._classify(page.marks), strict=True))
        rows = [
            Row(
                len(marks), self._read_marks(marks, [alone[mark] for mark in marks]), _middle(marks)
            )
            for marks in page.rows
        ]
        if page.grids:
            rows += [self._read_cells(cells, alone) for cells in _rows_of_cells(page.grids)]
            return sorted(rows, key=lambda row: row.middle)
        parts = [part for row in rows for part in row.parts]
        line = self._read_picture_of_line(parts)
        return [Row(0, [line])] if line else rows

    def _read_cells(self, cells: Sequence[PageCell], alone: Mapping[Mark, ScoredDigit]) -> Row:
        """Read the cells of a grid's row, each by itself."""
        parts = [self._read_cell(cell, [alone[mark] for mark in cell.marks]) for cell in cells]
        marks = [mark for cell in cells for mark in cell.marks]
        digits = [one for part in parts for one in part.digits]
        if len(marks) == len(parts) == len(digits) > 1 and any(
            one.digit.rejected for one in digits
        ):
            line = self._read_as_number(marks, digits)
            parts = [Part([one], part.mark_scores) for one, part in zip(line, parts, strict=True)]
        return Row(len(marks), parts, _middle(marks), cells)

    def _read_cell(self, cell: PageCell, alone: Sequence[ScoredDigit]) -> Part:
        """Read the marks in a cell; one mark is one digit, unless all its pieces are accepted."""
        whole = Part(alone, [score for _, score in alone])
        if len(alone) == 1 and not alone[0].digit.rejected:
            return whole
        parts = self._read_marks(cell.marks, alone)
        digits = [one for part in parts for one in part.digits]
        if len(alone) == 1 and any(one.digit.rejected for one in digits):
            return whole
        scores = [score for part in parts for score in part.mark_scores]
        words = all(part.is_number is False for part in parts)
        return Part(digits, scores, is_number=False if words else None)

    def _read_as_number(
        self, marks: Sequence[Mark], digits: Sequence[ScoredDigit]
    ) -> Sequence[ScoredDigit]:
        """Read digits in cells of their own as if they stood close; return them, or better ones."""
        if not self._settings.whole_lines:
            return digits
        gap = self._settings.packed_gap * median([mark.box[3] for mark in marks])
        packed, left = [], 0.0
        for mark in marks:
            packed.append(Mark(mark.ink, (round(left), *mark.box[1:])))
            left += mark.box[2] + gap
        line = self._models.line_reader.read_marks(packed)
        found = self._if_confident(line, [score for _, score in digits])
        if len(found) != len(digits):
            return digits
        return [
            ScoredDigit(replace(new.digit, box=old.digit.box), new.score)
            if old.digit.rejected
            else old
            for new, old in zip(found, digits, strict=True)
        ]

    def _classify(self, marks: Sequence[Mark]) -> list[ScoredDigit]:
        models = self._models
        return classify(marks, self._page.picture, models.classifier, self._settings.threshold)

    def _read_marks(self, marks: Sequence[Mark], alone: Sequence[ScoredDigit]) -> list[Part]:
        """Read marks that stand in a row: one part, or several if words stand in the row.

        Args:
            marks: Left to right.
            alone: The digit that each mark is by itself.
        """
        settings = self._settings
        pieces = self._splitter.split(marks, [score for _, score in alone])
        known = dict(zip(marks, alone, strict=True))
        new = iter(self._classify([piece for piece in pieces if piece not in known]))
        digits = [known.get(piece) or next(new) for piece in pieces]
        scores = [score for _, score in digits]
        if not settings.whole_lines:
            return [Part(digits, scores)]
        line = self._models.line_reader.read_marks(marks)
        if may_hold_words(len(pieces), len(line), settings):
            groups = self._words_and_numbers(marks)
            if len(groups) > 1:
                return [
                    part
                    for group, words in groups
                    for part in self._read_group(group, [known[mark] for mark in group], words)
                ]
            if is_word(len(pieces), len(line), settings):
                return [Part(digits, scores, is_number=False)]
        accepted = sum(score >= settings.threshold for score in scores)
        clear = len(pieces) == len(marks) and accepted == len(scores)
        # Two digits may look like one, but not one like two.
        if accepted < settings.line_accepted_share * len(scores) or (
            clear and len(line) <= len(digits)
        ):
            return [Part(digits, scores)]
        confident = self._if_confident(line, scores)
        return [Part(confident or digits, scores, is_number=True if confident else None)]

    def _words_and_numbers(self, marks: Sequence[Mark]) -> list[tuple[list[Mark], bool]]:
        """Split a row where words begin and end; return each group and whether it is words."""
        judged = [
            (group, self._is_word(group)) for group in _split_at_spaces(marks, self._settings)
        ]
        return [
            ([mark for group, _ in equal for mark in group], words)
            for words, equal in groupby(judged, key=lambda one: one[1])
        ]

    def _is_word(self, marks: list[Mark]) -> bool:
        if len(marks) < self._settings.word_marks:
            return False
        digits = self._models.line_reader.read_marks(marks)
        return is_word(len(marks), len(digits), self._settings)

    def _read_group(self, marks: list[Mark], alone: list[ScoredDigit], words: bool) -> list[Part]:
        """Read a group of marks in a row that holds words."""
        if not words:
            line = self._models.line_reader.read_marks(marks)
            confidences = [one.confidence for one in line]
            if is_number_beside_word(len(marks), confidences, self._settings):
                return self._read_marks(marks, alone)
        return [Part(alone, [score for _, score in alone], is_number=False)]

    def _read_picture_of_line(self, parts: list[Part]) -> Part | None:
        """Read the picture as one line; None if it shows none, or its marks read well enough."""
        settings, gray = self._settings, self._page.picture.gray
        # Words beside a number do not make it doubtful.
        numbers = [part for part in parts if part.is_number is not False]
        scores = [score for part in numbers for _, score in part.digits]
        scores = scores or [score for part in parts for _, score in part.digits]
        height, width = gray.shape
        narrowest, widest = settings.line_aspects
        if (
            not settings.whole_lines
            or self._page.drawn
            or (scores and np.mean(scores) >= settings.whole_picture_score)
            or not narrowest <= width / height <= widest
        ):
            return None
        ink = ink_of(gray)
        if ink is None:
            return None
        line = self._models.line_reader.read_picture_of_line(ink)
        mark_scores = [score for part in parts for score in part.mark_scores]
        confident = self._if_confident(line, scores)
        return Part(confident, mark_scores, is_number=True) if confident else None

    def _if_confident(self, line: list[LineDigit], scores: Sequence[float]) -> list[ScoredDigit]:
        """Return a line's digits if the line network is confident, compared with the scores."""
        confidences = [one.confidence for one in line]
        margin = self._settings.line_score_margin
        if not line or mean_log(confidences) <= mean_log(scores) - margin:
            return []
        classified = self._classify([one.mark for one in line])
        return [
            ScoredDigit(
                replace(
                    seen.digit,
                    digit=one.digit,
                    confidence=one.confidence,
                    rejected=one.confidence < self._settings.threshold,
                ),
                one.confidence,
            )
            for seen, one in zip(classified, line, strict=True)
        ]


def _split_at_spaces(marks: Sequence[Mark], settings: ReaderSettings) -> list[list[Mark]]:
    """Split marks, left to right, into groups between spaces."""
    space = settings.space * typical_height(marks, settings.lowest_digit_share)
    groups = [list(marks[:1])]
    end = 0
    for before, mark in pairwise(marks):
        end = max(end, before.box[0] + before.box[2])
        if mark.box[0] - end > space:
            groups.append([])
        groups[-1].append(mark)
    return groups


def _middle(marks: Sequence[Mark]) -> float:
    return median([mark.box[1] + mark.box[3] / 2 for mark in marks])


def _rows_of_cells(grids: Sequence[PageGrid]) -> Iterator[list[PageCell]]:
    """Yield the cells of each grid's rows that hold marks."""
    for grid in grids:
        for _, row in groupby(grid.cells, key=lambda cell: cell.row):
            if cells := [cell for cell in row if cell.marks]:
                yield cells
