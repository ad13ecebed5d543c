"""A picture -> lines of digits with their confidence, or refused."""

from dataclasses import replace
from itertools import islice

import numpy as np

from tenfold.classifiers.base import Classifier, predict_scored
from tenfold.errors import UsageError
from tenfold.imaging.canvas import CANVAS_SIDE, Mark, find_mark
from tenfold.imaging.decoding import Picture, PictureSource, load_picture
from tenfold.imaging.ink import is_ink_dark
from tenfold.reading.layout import take_apart
from tenfold.reading.line_reader import LineReader
from tenfold.reading.orientation import likely_turns
from tenfold.reading.results import Digit, Line, Reading
from tenfold.reading.rows import Row, RowReader
from tenfold.reading.shipped import Models
from tenfold.reading.splitting import Cuts, split

DEFAULT_THRESHOLD = 0.96
"""Digit score below which a digit is rejected: of 5,000 MNIST images kept from training 98.6%
reach it with the recipe `reader`, and 4% of made-up marks that are none (results/temperature.json).
"""

LEFT_OUT = 0.2
"""Digit score below which a mark on a page is no digit at all, and left out. Ten digits alike
give 0.1; of MNIST's validation images less than one in a thousand falls below."""

AMONG_NEIGHBORS = 0.92
"""Share of right answers where one digit was sought and found among parts of others: 369 of 399
crops from lines made of MNIST training images. It takes so much from the confidence."""

FEW_MARKS = 12
"""A page of no more marks is hardly print: a line stays if a third of it is called. On others it
takes half, and where most of the page is refused, nine in ten."""

UPRIGHT = 0.9
"""Mean digit score of a page's marks from which it is taken to stand upright."""

PLAINLY = 0.2
"""By so much the mean score must be better another way round for a page to be turned,"""

WELL = 0.85
"""so good it must be (print gives a little better another way round, now and then), and"""

ENOUGH = 3
"""so many marks there must be: of one or two digits some read well upside down."""

WHOLE = 0.98
"""A picture of one line is read as a whole, too, if its marks' mean score is lower than this."""


class Reader:
    """Reads digits in pictures; one reader may serve many threads.

    Args:
        classifier: What names the digits. None takes the shipped model "reader", loaded at the
            first digit.
        threshold: A digit whose score falls below it is rejected, 0 to 1; 0 rejects nothing.
        whole_lines: Lines that are read badly digit by digit are read as a whole, too
            (`tenfold.reading.line_reader`).

    Raises:
        UsageError: The threshold is not between 0 and 1.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        *,
        threshold: float = DEFAULT_THRESHOLD,
        whole_lines: bool = True,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise UsageError(f"threshold is {threshold}: give a number from 0 to 1")
        self.threshold = threshold
        self.whole_lines = whole_lines
        self._models = Models(classifier)

    @property
    def classifier(self) -> Classifier:
        """The classifier in use; the shipped one is loaded when first asked for.

        Raises:
            BundleError: The shipped model is missing or altered.
        """
        return self._models.classifier

    @property
    def line_reader(self) -> LineReader:
        """What reads lines as a whole; loaded when first asked for."""
        return self._models.line_reader

    def lent(self, classifier: Classifier) -> "Reader":
        """Return a reader like this one with another classifier; what reads lines is shared."""
        other = Reader(classifier, threshold=self.threshold, whole_lines=self.whole_lines)
        other._models = Models(classifier, self.line_reader)
        return other

    def read(self, source: PictureSource, *, single: bool = False) -> Reading:
        """Read the digits in a picture.

        Args:
            source: Path, encoded bytes, binary file, Pillow image, or uint8 array of shape (h, w),
                (h, w, 3) as RGB or (h, w, 4) as RGBA. Any size, either polarity.
            single: The picture holds one digit: give one line with exactly one, or no line for a
                blank.

        Raises:
            PictureError: The picture cannot be read.
        """
        return self.read_picture(load_picture(source), single=single)

    def read_picture(
        self, picture: Picture, *, single: bool = False, drawn: bool = False
    ) -> Reading:
        """Read the digits in a picture that is decoded already; see `read`.

        `drawn` says that it was drawn on a clean sheet: it stands upright and has no rules.
        """
        if single:
            return _reading(picture, self._single_line(picture))
        cuts = Cuts()
        found = take_apart(picture.gray, drawn=drawn)
        best, score = self._page(picture, found, cuts, drawn)
        if 0 < score < UPRIGHT and not drawn and is_ink_dark(picture.gray) is None:
            # Half of it lies in shadow, and what looked like ink may be what lies between strokes.
            cuts, against = cuts.turned(), take_apart(picture.gray, against=True)
            other, better = self._page(picture, against, cuts)
            if better > max(score + PLAINLY, WELL):
                best, score, found = other, better, against
        for degrees in self._turns(found) if 0 < score < UPRIGHT and not drawn else ():
            cuts, turned = cuts.turned(), picture.turned(degrees)
            other, better = self._page(turned, take_apart(turned.gray), cuts)
            enough = sum(len(line.digits) for line in other.lines) >= ENOUGH
            if better > max(score + PLAINLY, WELL) and enough:
                best, score = other, better - PLAINLY
        if cuts.spent and best.orientation != picture.orientation:
            # As it lay it took the cuts that it needs as it stands.
            turned = picture.turned((best.orientation - picture.orientation) % 360)
            best, _ = self._page(turned, take_apart(turned.gray), Cuts())
        return best

    def _turns(self, found: list[list[Mark]]) -> tuple[int, ...]:
        # Half as good as a whole look must find it: marks that touch are not cut here.
        ask = {"better_by": PLAINLY / 2, "least": WELL - PLAINLY}
        return likely_turns(found, self.classifier, **ask)

    def _single_line(self, picture: Picture) -> tuple[Line, ...]:
        mark = find_mark(picture.gray)
        if mark is None:
            return ()
        ((digit, _),) = self._rows(picture).name([mark])
        if picture.gray.shape == (CANVAS_SIDE, CANVAS_SIDE):
            digit = self._as_it_is(digit, picture)
        elif digit.rejected:
            digit = self._among_neighbors(mark, picture) or digit
        return (Line((digit,)),)

    def _as_it_is(self, cut_out: Digit, picture: Picture) -> Digit:
        """Return the digit in a picture of 28x28: perhaps MNIST has it so, on noise or patches.

        Light on dark, as MNIST is, it counts twice beside the digit cut out and put in place; dark
        on light, the surer of the two counts.
        """
        dark = is_ink_dark(picture.gray)
        images = [cut_out.canvas, 255 - picture.gray if dark else picture.gray]
        probabilities, scores = predict_scored(self.classifier, np.stack(images))
        weights = np.eye(2)[scores.argmax()] if dark else np.array([1, 2]) / 3
        mixed = weights @ probabilities
        alike = len(set(probabilities.argmax(axis=1))) == 1
        score = scores.max() if alike else weights @ scores
        rejected = round(float(score), 6) < self.threshold
        return replace(cut_out, digit=int(mixed.argmax()), confidence=float(mixed.max()),
                       canvas=images[int(weights.argmax())], rejected=rejected)  # fmt: skip

    def _among_neighbors(self, mark: Mark, picture: Picture) -> Digit | None:
        """Return the digit nearest the middle, if a mark is a digit among parts of others.

        It stays refused: which of several digits was meant is a guess.
        """
        pieces = split([mark], self.classifier)
        called = [digit for digit, _ in self._rows(picture).name(pieces) if not digit.rejected]
        if len(pieces) == 1 or not called:
            return None
        nearest = min(called, key=lambda d: abs(d.box[0] + d.box[2] / 2 - picture.width / 2))
        confidence = AMONG_NEIGHBORS * nearest.confidence
        return replace(nearest, confidence=confidence, rejected=True)

    def _page(
        self, picture: Picture, found: list[list[Mark]], cuts: Cuts, drawn: bool = False
    ) -> tuple[Reading, float]:
        """Read a page as it stands; return the mean score of all marks there are, too."""
        reader = self._rows(picture)
        named = iter(reader.name([mark for marks in found for mark in marks]))
        rows = [reader.read(marks, list(islice(named, len(marks))), cuts) for marks in found]
        # How well it stands is told by its marks alone: a whole line may look well upside down.
        standing = [score for parts in rows for row in parts for score in row.alone]
        scores = [score for parts in rows for row in parts for _, score in row.digits]
        # Words beside a number do not make it doubtful.
        numbers = [row for parts in rows for row in parts if row.stays is not False]
        judged = [score for row in numbers for _, score in row.digits] or scores
        badly = not judged or np.mean(judged) < WHOLE
        if self.whole_lines and not drawn and badly and (whole := reader.one_line(judged)):
            rows, scores = [[Row(whole, [], stays=True)]], [score for _, score in whole]
        if not scores:
            return _reading(picture, ()), 0.0
        # A line of which most is refused was writing of another kind, or print.
        if len(scores) <= FEW_MARKS:
            least = 1 / 3
        else:
            least = 1 / 2 if np.mean(np.array(scores) >= self.threshold) > 1 / 2 else 9 / 10
        lines, left_out = [], []
        for number, parts in enumerate(rows):
            kept = []
            for row in parts:
                called = sum(not digit.rejected for digit, _ in row.digits)
                stays = called > least * len(row.digits)
                if drawn and len(row.digits) > len(found[number]):
                    stays = called == len(row.digits)  # cut apart, a scribble gives digits, too
                elif not drawn and row.stays is not None:
                    stays = row.stays
                kept += [digit for digit, score in row.digits if stays and score >= LEFT_OUT]
                left_out += [digit for digit, score in row.digits if not stays or score < LEFT_OUT]
            if kept:
                lines.append(Line(tuple(kept)))
        return _reading(picture, tuple(lines), tuple(left_out)), float(np.mean(standing or scores))

    def _rows(self, picture: Picture) -> RowReader:
        return RowReader(
            self._models, picture, threshold=self.threshold, whole_lines=self.whole_lines
        )


def _reading(
    picture: Picture, lines: tuple[Line, ...], left_out: tuple[Digit, ...] = ()
) -> Reading:
    return Reading(lines, picture.width, picture.height, picture.orientation, left_out)
