"""The reader: pixels -> page -> rows -> reading."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.classifiers.base import Classifier
from tenfold.errors import UsageError, whole_number
from tenfold.formatting import listed
from tenfold.imaging.decoding import PictureSource, load_picture
from tenfold.imaging.picture import Picture
from tenfold.reading.boxes.cells import PageGrid
from tenfold.reading.layout import Page, make_page
from tenfold.reading.line_reader import LineReader
from tenfold.reading.marks import in_whole_picture
from tenfold.reading.numbers import as_numbers
from tenfold.reading.orientation import (
    ROTATIONS,
    needed_score,
    rotated,
    rotated_sample,
    with_outlines_filled,
)
from tenfold.reading.results import Cell, Grid, Reading
from tenfold.reading.rows import RowReader
from tenfold.reading.selection import Row, Selection, mean_log, select
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.shipped import Models
from tenfold.reading.single import read_single, single_line
from tenfold.reading.splitting import Splitter

if TYPE_CHECKING:
    from tenfold.reading.fields import Field

CHARACTER_SETS = ("digits", "numbers")
"""What the text of a line may consist of."""

MOST_THREADS = 1024
"""Most threads for one call: more than any machine has cores."""


class Reader:
    """Reads digits in pictures; one reader may serve many threads, and can be pickled.

    Args:
        classifier: Classifies single digits. None takes the shipped model "reader", which is loaded
            at the first digit.
        threshold: Digit score, 0 to 1, below which a digit is rejected; 0 rejects nothing. None
            takes the classifier's own, or 0.96 if it has none.
        whole_lines: Whether lines that are read badly digit by digit are read as a whole too, and
            pictures of one digit, except those of 28x28 (`tenfold.reading.line_reader`).
        characters: "digits" for text of digits alone; "numbers" for text that keeps the signs
            `. , - / :` and spaces between numbers.
        second_opinion: Whether RapidOCR's recognizer reads each line too, so that a digit is
            accepted only if both say it (`tenfold.reading.second_opinion`; extra `ocr`). Such a
            reader takes no field.
        threads: Threads for one call of a shipped network; 0 means one for each core that the
            process may use. Several readers that share the cores take 1 each.

    Raises:
        MissingExtraError: `second_opinion` without the extra `ocr`.
        UsageError: The threshold is not between 0 and 1, characters is another word, or the
            classifier has no `predict_proba` or other classes than the ten digits.
        BundleError: The classifier was calibrated for another version of preprocessing.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        *,
        threshold: float | None = None,
        whole_lines: bool = True,
        characters: str = "digits",
        second_opinion: bool = False,
        threads: int = 0,
    ) -> None:
        if characters not in CHARACTER_SETS:
            raise UsageError(f"characters is {characters!r}: give {listed(CHARACTER_SETS)}")
        self._characters = characters
        changes: dict[str, Any] = {"whole_lines": whole_lines}
        if second_opinion is not False:
            changes["second_opinion"] = second_opinion
        if threshold is not None:
            changes["threshold"] = threshold
        ReaderSettings(**changes)  # raises before a model is loaded
        if second_opinion:
            from tenfold.reading.second_opinion import recognizer_file

            recognizer_file()  # raises if it is missing
        threads = whole_number("threads", threads, 0, MOST_THREADS)
        self._models = Models(classifier, changes, threads=threads)
        if classifier is not None:
            _ = self._models.settings

    def __repr__(self) -> str:
        return f"<Reader: {self._models}>"

    @property
    def classifier(self) -> Classifier:
        """The classifier in use; the shipped one is loaded when first needed.

        Raises:
            BundleError: The shipped model is missing or altered.
        """
        return self._models.classifier

    @property
    def settings(self) -> ReaderSettings:
        """The settings in use: the classifier's own, with the reader's threshold."""
        return self._models.settings

    @property
    def threshold(self) -> float:
        """Digit score, 0 to 1, below which a digit is rejected."""
        return self.settings.threshold

    @property
    def line_reader(self) -> LineReader:
        """The reader of whole lines; loaded when first needed."""
        return self._models.line_reader

    def with_classifier(self, classifier: Classifier) -> "Reader":
        """Return a reader with another classifier, but with these settings and line reader."""
        other = Reader(classifier, characters=self._characters)
        other._models = self._models.with_classifier(classifier)
        return other

    def read(
        self, source: PictureSource, *, single: bool = False, field: "Field | None" = None
    ) -> Reading:
        """Read the digits in a picture.

        Args:
            source: Path, encoded bytes, binary file, Pillow image, or uint8 array of shape (h, w),
                (h, w, 3) as RGB or (h, w, 4) as RGBA. Any size, either polarity.
            single: The picture holds one digit: return one line with exactly one digit, or no line
                for a blank.
            field: What every line of the picture is known to hold: `Line.field` is then the
                likeliest text that satisfies it. A field of more than digits keeps signs.

        Raises:
            PictureError: The picture cannot be read.
            UsageError: A field is given to a reader with a second opinion, or it is no field.
        """
        return self.read_picture(load_picture(source), single=single, field=field)

    def read_picture(
        self,
        picture: Picture,
        *,
        single: bool = False,
        drawn: bool = False,
        field: "Field | None" = None,
    ) -> Reading:
        """Read the digits in a picture that is decoded already.

        Args:
            picture: The picture.
            single: See `read`.
            drawn: The picture was drawn on a clean sheet, upright and without rules.
            field: See `read`.

        Raises:
            UsageError: See `read`.
        """
        if field is not None:
            _check_field(field)
        if field is not None and self.settings.second_opinion:
            raise UsageError(
                "a second opinion is on single digits, and a field on whole lines: give one of both"
            )
        reading = self._read(picture, single=single, drawn=drawn)
        if self._characters == "numbers" or (field is not None and not field.silent):
            reading = as_numbers(reading, self.settings)
        if field is not None:
            from tenfold.reading.field_decoding import decode

            lines = [
                replace(line, field=decode(line.lattice, field, self.settings))
                for line in reading.lines
            ]
            reading = replace(reading, lines=tuple(lines))
        return reading

    def _read(self, picture: Picture, *, single: bool, drawn: bool) -> Reading:
        if single:
            digit = read_single(picture, self._models)
            lines = () if digit is None else (single_line(digit),)
            reading = Reading(lines, picture.width, picture.height, picture.orientation)
            return self._confirmed(reading, picture)
        splitter = Splitter(self.classifier, self.settings)
        best = self._read_page(make_page(picture, self.settings, drawn=drawn), splitter)
        clear = max(best.score, best.line_confidence) >= self.settings.upright_score
        few = best.accepted < self.settings.outline_accepted_share * len(best.page.marks)
        solid = self._of_outlines(best) if few and not drawn else None
        if solid is not None:
            best = solid
        elif best.score and not (drawn or clear):
            best = self._best_of_rotations(best, splitter)
        return self._confirmed(best.reading, best.page.picture)

    def _of_outlines(self, plain: "_PageReading") -> "_PageReading | None":
        """Return the reading of a page whose digits are outlines; None if they are none."""
        page = with_outlines_filled(plain.page, self.settings)
        if page is None:
            return None
        solid = self._read_page(page, Splitter(self.classifier, self.settings))
        # Narrow zeros become ones, too.
        others = sum(not one.rejected and one.digit != 1 for one in solid.reading.digits)
        better = solid.score > plain.score and others > plain.accepted
        return solid if better else None

    def _best_of_rotations(self, best: "_PageReading", splitter: Splitter) -> "_PageReading":
        """Return the best reading of a page as it lies and rotated."""
        settings, page = self.settings, best.page
        needed = needed_score(best.score, settings)
        fewest = max(settings.orientation_digits, best.digits)
        height, width = page.picture.gray.shape
        # A picture of one line is wide as it lies, so it does not lie on its side.
        upright = best.line_confidence and width >= settings.narrow_aspect * height
        for degrees in (180,) if upright else ROTATIONS:
            sample = rotated_sample(page, degrees, settings)
            if sample is not None:
                splitter = splitter.for_another_page()
                score = self._read_page(sample, splitter).score
                if score < needed - settings.orientation_margin:
                    continue
            splitter = splitter.for_another_page()
            other = self._read_page(rotated(page, degrees, settings), splitter)
            # Marks that touch score low whichever side is up; read as one line, they tell more.
            worse = 0 < other.line_confidence < best.line_confidence
            if other.score > needed and other.digits >= fewest and not worse:
                best, needed = other, other.score
        if splitter.exhausted and best.page.rotation:
            # The pages tried before it spent its budget.
            best = self._read_page(best.page, Splitter(self.classifier, settings))
        return best

    def _confirmed(self, reading: Reading, picture: Picture) -> Reading:
        """Return a reading with a second opinion on its lines, if one is wanted."""
        if not (reading.lines and self.settings.second_opinion):
            return reading
        return self._models.second_reader.confirm(reading, picture)

    def _read_page(self, page: Page, splitter: Splitter) -> "_PageReading":
        rows = RowReader(page, self._models, splitter).read_rows()
        selected = select(rows, self.settings, drawn=page.drawn)
        picture = page.picture
        found = () if any(row.whole for row in rows) else page.grids
        grids = tuple(_grid(grid, selected, picture) for grid in found)
        reading = Reading(
            selected.lines,
            picture.width,
            picture.height,
            picture.orientation,
            selected.left_out,
            grids,
        )
        return _PageReading(page, reading, _mean_score(rows, self.settings), _line_confidence(rows))


def rows_of(reader: Reader, pages: Sequence[Page]) -> list[list[Row]]:
    """Return what the rows of pages hold, whether they are numbers or not.

    Args:
        reader: Its models read.
        pages: Parts of one sheet that were taken apart already, by one writer.
    """
    splitter = Splitter(reader.classifier, reader.settings)
    return [RowReader(page, reader._models, splitter).read_rows() for page in pages]


@dataclass(frozen=True)
class _PageReading:
    """What was read on a page.

    Attributes:
        page: The page.
        reading: What was read.
        score: Mean digit score of its marks; 0 without marks.
        line_confidence: Mean confidence of its digits if it was read as one line; else 0.
    """

    page: Page
    reading: Reading
    score: float
    line_confidence: float

    @property
    def digits(self) -> int:
        """Number of digits that were read."""
        return sum(len(line.digits) for line in self.reading.lines)

    @property
    def accepted(self) -> int:
        """Number of digits among them that were not rejected."""
        return sum(not digit.rejected for digit in self.reading.digits)


def _grid(grid: PageGrid, selected: Selection, picture: Picture) -> Grid:
    """Return a grid with the digits read in its cells."""
    cells = tuple(
        Cell(
            cell.row,
            cell.column,
            in_whole_picture(cell.box, picture),
            not cell.marks,
            selected.cells.get(cell, ()),
        )
        for cell in grid.cells
    )
    rows, columns = (
        1 + max(place) for place in zip(*((c.row, c.column) for c in cells), strict=True)
    )
    return Grid(rows, columns, cells, in_whole_picture(grid.box, picture))


def _mean_score(rows: list[Row], settings: ReaderSettings) -> float:
    """Return the mean digit score of marks read one by one.

    The scores of whole lines do not count, because a line may read well upside down. If there are
    grids with some marks, only these count, because print may stand around them.
    """
    in_cells = [row for row in rows if row.cells]
    if sum(row.marks for row in in_cells) >= settings.orientation_cells:
        rows = in_cells
    parts = [part for row in rows for part in row.parts]
    scores = [score for part in parts for score in part.mark_scores]
    scores = scores or [score for part in parts for _, score in part.digits]
    return float(np.mean(scores)) if scores else 0.0


def _line_confidence(rows: list[Row]) -> float:
    """Return the geometric mean of the digits' confidences in a picture read as one line, or 0."""
    digits = [one for row in rows if row.whole for part in row.parts for one in part.digits]
    return math.exp(mean_log([one.digit.confidence for one in digits]))


def _check_field(field: object) -> None:
    from tenfold.reading.fields import Field

    if not isinstance(field, Field):
        raise UsageError(f"field is {field!r}: give a tenfold.Field, such as Field(length=4)")
