"""Rows of marks read: digit by digit, as a whole line, and as numbers and words side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import ink_of, median
from tenfold.reading.boxes.cells import PageCell
from tenfold.reading.close_crop import counts_as_line, is_close_crop, mark_height
from tenfold.reading.ctc import OTHER
from tenfold.reading.lattice import Lattice, lattice_of
from tenfold.reading.layout import Page
from tenfold.reading.line_reader import LineCharacter, SeenLine
from tenfold.reading.marks import ScoredDigit, classify, in_whole_picture, is_dot
from tenfold.reading.order import reading_order
from tenfold.reading.results import Sign
from tenfold.reading.selection import Part, Row, lattice_of_digits, mean_log
from tenfold.reading.separators import CellRow, rows_of_cells
from tenfold.reading.shipped import Models
from tenfold.reading.signs import (
    Entry,
    agreed,
    checked,
    digits_and_signs,
    entry_place,
    sign_marks,
    sign_place,
    sure_marks,
    with_traces,
    without_slashes,
)
from tenfold.reading.splitting import Splitter
from tenfold.reading.strikes import with_struck
from tenfold.reading.words import (
    is_number_beside_word,
    is_word,
    may_hold_words,
    text_of,
    words_and_numbers,
)


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
                len(marks),
                self._read_marks(marks, [alone[mark] for mark in marks], low),
                [mark.box for mark in marks],
            )
            for marks, low in zip(page.rows, page.low_marks, strict=True)
        ]
        if page.struck:
            struck = zip(page.struck, self._classify(page.struck), strict=True)
            rows = with_struck(rows, page.rows, list(struck), self._settings)
        in_cells = rows_of_cells(page.grids, page.slashes, self._settings)
        rows += [self._read_cells(row, alone) for row in in_cells]
        rows = [rows[one] for one in reading_order([row.boxes for row in rows], self._settings)]
        parts = [part for row in rows for part in row.parts]
        line = self._read_picture_of_line(parts)
        return [Row(0, [line], whole=True)] if line else rows

    def _read_cells(self, row: CellRow, alone: Mapping[Mark, ScoredDigit]) -> Row:
        """Read the cells of a row, each by itself."""
        cells = row.cells
        parts = [self._read_cell(cell, [alone[mark] for mark in cell.marks]) for cell in cells]
        marks = [mark for cell in cells for mark in cell.marks]
        digits = [one for part in parts for one in part.digits]
        if len(marks) == len(parts) == len(digits) > 1 and any(
            one.digit.rejected for one in digits
        ):
            line = self._read_as_number(marks, digits)
            parts = [Part([one], part.mark_scores) for one, part in zip(line, parts, strict=True)]
        parts = [
            part if slash is None else self._with_slash(part, slash)
            for part, slash in zip(parts, row.separators, strict=True)
        ]
        return Row(len(marks), parts, [cell.box for cell in cells], cells)

    def _with_slash(self, part: Part, slash: Mark) -> Part:
        """Return what stands in a cell, with the slash behind it."""
        sign = Sign("/", 1.0, in_whole_picture(slash.box, self._page.picture))
        lattices = [
            part.lattice or lattice_of_digits(part.digits, self._settings),
            lattice_of([sign_place(sign)], (), (), self._settings),
        ]
        return replace(part, signs=[*part.signs, sign], lattice=Lattice.joined(lattices))

    def _read_cell(self, cell: PageCell, alone: Sequence[ScoredDigit]) -> Part:
        """Read the marks in a cell.

        One mark is one digit, unless it is wide, or all its pieces are accepted.
        """
        whole = Part(alone, [score for _, score in alone])
        if len(alone) == 1 and (cell.single or not alone[0].digit.rejected):
            return whole
        parts = self._read_marks(cell.marks, alone, ())
        digits = [one for part in parts for one in part.digits]
        words = all(part.is_number is False for part in parts)
        _, _, width, height = cell.marks[0].box
        joined = width > self._settings.joined_digits * height
        if len(alone) == 1 and not joined and any(one.digit.rejected for one in digits):
            return replace(whole, is_number=None if words else True)
        scores = [score for part in parts for score in part.mark_scores]
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
        line = self._models.line_reader.read_marks(packed).characters
        read = self._if_confident(line, [score for _, score in digits])
        found = [one for one in read if isinstance(one, ScoredDigit)]
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

    def _read_marks(
        self, marks: Sequence[Mark], alone: Sequence[ScoredDigit], low: Sequence[Mark]
    ) -> list[Part]:
        """Read marks that stand in a row: one part, or several if words stand in the row.

        Args:
            marks: Left to right.
            alone: The digit that each mark is by itself.
            low: Dots, commas and dashes in the row.
        """
        settings = self._settings
        if len(marks) == 1 and is_dot(marks[0].ink):  # looks alike whichever side is up
            return [Part(alone, [], is_number=False)]
        seen = SeenLine()
        if settings.whole_lines:
            seen = self._models.line_reader.read_marks(marks, low)
        line = list(seen.characters)
        if len(marks) == 1 and not alone[0].digit.rejected:
            # No neighbor tells it from a sign, but signs may stand beside it.
            over = range(marks[0].box[0], marks[0].box[0] + marks[0].box[2])
            line = [one for one in line if one.is_digit or int(one.column) not in over]
        signs = sign_marks(marks, alone, line, settings)
        known = dict(zip(marks, alone, strict=True))
        rest = [mark for mark in marks if mark not in signs]
        sure = sure_marks(rest, [known[mark] for mark in rest], line, settings)
        scores = [known[mark].score for mark in rest]
        pieces = self._splitter.split(rest, scores, sure) if rest else []
        new = iter(self._classify([piece for piece in pieces if piece not in known]))
        digits = [known.get(piece) or next(new) for piece in pieces]
        digits = without_slashes(pieces, digits, line, settings)
        scores = [score for _, score in digits]
        if not settings.whole_lines:
            return [Part(digits, scores)]
        read = sum(one.is_digit for one in line)
        # Signs are no doubtful digits. But digits that lie on their side look like signs, too.
        mark_scores = scores + [
            known[mark].score
            for mark in signs
            if read < len(signs) or signs[mark].character == OTHER
        ]
        count = len(pieces) + len(signs)
        if may_hold_words(count, text_of(line), settings):
            groups = words_and_numbers(known, line, self._models.line_reader, settings)
            if len(groups) > 1:
                return [
                    part
                    for group, words in groups
                    for part in self._read_group(
                        group, [known[mark] for mark in group], _beside(group, low), words
                    )
                ]
        if is_word(count, text_of(line), settings):
            return [Part(alone, mark_scores, is_number=False)]
        entries = checked(pieces, digits, line, signs, known, settings)
        accepted = sum(score >= settings.threshold for score in scores)
        # Two digits may look like one, but not one like two.
        whole = len(pieces) == len(rest) and read <= accepted
        clear = whole and (accepted == len(scores) or read < accepted)
        if accepted < settings.line_accepted_share * len(scores) or clear:
            return [self._part(entries, mark_scores, seen)]
        confident = with_traces(self._if_confident(line, scores), line)
        is_number = True if confident else None
        entries = agreed(confident, digits) if confident else entries
        return [self._part(entries, mark_scores, seen, is_number=is_number)]

    def _part(
        self,
        entries: Sequence[Entry],
        scores: Sequence[float],
        seen: SeenLine,
        *,
        is_number: bool | None = None,
    ) -> Part:
        picture, settings = self._page.picture, self._settings
        digits, signs = digits_and_signs(entries, picture)
        places = [entry_place(one, picture, settings) for one in entries]
        columns = [columns * picture.width / picture.gray.shape[1] for columns in seen.columns]
        lattice = lattice_of(places, seen.views, columns, settings, seen.weights)
        return Part(digits, scores, is_number, signs, lattice)

    def _read_group(
        self, marks: list[Mark], alone: list[ScoredDigit], low: Sequence[Mark], words: bool
    ) -> list[Part]:
        """Read a group of marks in a row that holds words."""
        if not words:
            line = self._models.line_reader.read_marks(marks, low).characters
            confidences = [one.confidence for one in line if one.is_digit]
            if is_number_beside_word(len(marks), text_of(line), confidences, self._settings):
                return self._read_marks(marks, alone, low)
        return [Part(alone, [score for _, score in alone], is_number=False)]

    def _read_picture_of_line(self, parts: list[Part]) -> Part | None:
        """Read the picture as one line; None if it shows none, or its marks read well enough."""
        settings, page = self._settings, self._page
        # Words beside a number do not make it doubtful.
        numbers = [part for part in parts if part.is_number is not False]
        scores = [score for part in numbers for _, score in part.digits]
        well = bool(scores) and bool(np.mean(scores) >= settings.whole_picture_score)
        if not settings.whole_lines or not is_close_crop(page, settings) or (well and page.grids):
            return None
        ink = ink_of(page.picture.gray)
        # The noise of paper that a dense pattern is printed on seems stronger than ink.
        ink = ink_of(page.picture.gray, noise_sigmas=0) if ink is None else ink
        if ink is None:
            return None
        height = mark_height(page, settings)
        seen = self._models.line_reader.read_picture_of_line(ink, height)
        line, read = seen.characters, len(scores)
        scores = scores or [score for part in parts for _, score in part.digits]
        if not counts_as_line(line, page, len(scores), read if well else 0, settings):
            return None
        mark_scores = [score for part in parts for score in part.mark_scores]
        confident = self._if_confident(line, scores)
        return self._part(confident, mark_scores, seen, is_number=True) if confident else None

    def _if_confident(self, line: Sequence[LineCharacter], scores: Sequence[float]) -> list[Entry]:
        """Return what a line holds if the line network is confident, compared with the scores.

        A sign that may be a digit is a rejected digit, and so is all of a number that seems struck
        out, unless it reads as well as if it were not.
        """
        settings = self._settings
        confidences = [one.confidence for one in line if one.is_digit]
        struck = bool(self._page.struck) and not self._page.marks
        struck = struck and min(confidences, default=0.0) < settings.threshold
        if mean_log(confidences) <= mean_log(scores) - settings.line_score_margin:
            return []
        may_be_digits = [
            one.is_digit or one.digit_probability >= settings.sign_digit_probability for one in line
        ]
        seen = iter(
            self._classify([one.mark for one, may in zip(line, may_be_digits, strict=True) if may])
        )
        return [
            ScoredDigit(
                replace(
                    next(seen).digit,
                    digit=one.digit,
                    confidence=one.digit_probability,
                    rejected=struck or not one.is_digit or one.confidence < settings.threshold,
                    probabilities=one.digits,
                ),
                one.digit_probability,
            )
            if may
            else one
            for one, may in zip(line, may_be_digits, strict=True)
        ]


def _beside(marks: Sequence[Mark], low: Sequence[Mark]) -> list[Mark]:
    """Return the low marks that stand between the first and the last of a group of marks."""
    first, last = marks[0].box[0], marks[-1].box[0] + marks[-1].box[2]
    return [mark for mark in low if first <= mark.box[0] + mark.box[2] / 2 < last]
