"""A picture -> lines of digits with their confidence, or refused."""

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.canvas import Mark, find_mark, mark_to_canvas
from tenfold.classifiers import Classifier, predict_scored
from tenfold.errors import UsageError
from tenfold.page import take_apart
from tenfold.pictures import Picture, PictureSource, load_picture
from tenfold.splitting import split

DEFAULT_MODEL = "reader"
"""The shipped model that reads pictures."""

DEFAULT_THRESHOLD = 0.93
"""Digit score below which a digit is rejected: of 5,000 MNIST images kept from training 99% reach
it with the recipe `reader`, and 3% of made-up marks that are no digits (results/temperature.json).
"""

LEFT_OUT = 0.2
"""Digit score below which a mark on a page is no digit at all, and left out. Ten digits alike
give 0.1; of MNIST's validation images less than one in a thousand falls below."""

AMONG_NEIGHBOURS = 0.92
"""Share of right answers where one digit was sought and found among parts of others: 369 of 399
crops from lines made of MNIST training images. It takes so much from the confidence."""

FEW_MARKS = 12
"""A page of no more marks is hardly print: a line stays if a third of it is called. On others it
takes half, and where most of the page is refused, three quarters."""

UPRIGHT = 0.9
"""Mean digit score of a page's marks from which it is taken to stand upright."""

PLAINLY = 0.2
"""By so much the mean score must be better another way round for a page to be turned,"""

WELL = 0.85
"""so good it must be (print gives a little better another way round, now and then), and"""

ENOUGH = 3
"""so many marks there must be: of one or two digits some read well upside down."""

REJECTED = "?"
"""What stands in `text` for a rejected digit."""


@dataclass(frozen=True)
class Digit:
    """One digit that was read.

    Attributes:
        digit: The best guess, 0 to 9, also if rejected.
        confidence: Probability of that guess, 0 to 1.
        box: x, y, width, height in pixels of the upright picture.
        rejected: Whether it is too uncertain to call.
        canvas: uint8 (28, 28), white ink on black: what the network saw.
    """

    digit: int
    confidence: float
    box: tuple[int, int, int, int]
    rejected: bool
    canvas: NDArray[np.uint8] = field(
        default_factory=lambda: np.zeros((28, 28), np.uint8), compare=False, repr=False
    )

    @property
    def text(self) -> str:
        """The digit as a character, or "?" if rejected."""
        return REJECTED if self.rejected else str(self.digit)

    def to_dict(self) -> dict[str, Any]:
        """Return what `tenfold read --json` tells of a digit."""
        return {
            "digit": self.digit,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
            "rejected": self.rejected,
        }


@dataclass(frozen=True)
class Line:
    """Digits that stand in a row, left to right."""

    digits: tuple[Digit, ...]

    @property
    def text(self) -> str:
        """The digits as characters, "?" for each rejected one."""
        return "".join(digit.text for digit in self.digits)

    def to_dict(self) -> dict[str, Any]:
        """Return what `tenfold read --json` tells of a line."""
        return {"text": self.text, "digits": [digit.to_dict() for digit in self.digits]}


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        lines: Top to bottom; none for a blank.
        width: Width of the upright picture, in pixels.
        height: Height of the upright picture, in pixels.
        orientation: Turn applied to the stored pixels, degrees clockwise: 0, 90, 180 or 270.
        left_out: Marks that were taken for no digits, and the digits they resemble most.
    """

    lines: tuple[Line, ...]
    width: int
    height: int
    orientation: int
    left_out: tuple[Digit, ...] = ()

    @property
    def text(self) -> str:
        """The lines as text, one below the other."""
        return "\n".join(line.text for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the picture's entry in `tenfold read --json`, without its path."""
        return {
            "width": self.width,
            "height": self.height,
            "orientation": self.orientation,
            "error": None,
            "lines": [line.to_dict() for line in self.lines],
        }


class Reader:
    """Reads digits in pictures; one reader may serve many threads.

    Args:
        classifier: What names the digits. None takes the shipped model "reader", loaded at the
            first digit.
        threshold: A digit whose score falls below it is rejected, 0 to 1; 0 rejects nothing.

    Raises:
        UsageError: The threshold is not between 0 and 1.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        *,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise UsageError(f"threshold is {threshold}: give a number from 0 to 1")
        self.threshold = threshold
        self._classifier = classifier
        self._loading = threading.Lock()

    @property
    def classifier(self) -> Classifier:
        """The classifier in use; the shipped one is loaded when first asked for.

        Raises:
            BundleError: The shipped model is missing or altered.
        """
        with self._loading:
            if self._classifier is None:
                from tenfold.bundle import load_classifier

                self._classifier = load_classifier(DEFAULT_MODEL)
            return self._classifier

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
        best, score = self._page(picture, drawn)
        for degrees in (90, 270, 180) if 0 < score < UPRIGHT and not drawn else ():
            other, better = self._page(picture.turned(degrees))
            enough = sum(len(line.digits) for line in other.lines) >= ENOUGH
            if better > max(score + PLAINLY, WELL) and enough:
                best, score = other, better - PLAINLY
        return best

    def _single_line(self, picture: Picture) -> tuple[Line, ...]:
        mark = find_mark(picture.grey)
        if mark is None:
            return ()
        ((digit, _),) = self._name([mark], picture)
        if digit.rejected:
            digit = self._among_neighbours(mark, picture) or digit
        return (Line((digit,)),)

    def _among_neighbours(self, mark: Mark, picture: Picture) -> Digit | None:
        """Return the digit nearest the middle, if a mark is a digit among parts of others."""
        pieces = split([mark], self.classifier)
        called = [digit for digit, _ in self._name(pieces, picture) if not digit.rejected]
        if len(pieces) == 1 or not called:
            return None
        nearest = min(called, key=lambda d: abs(d.box[0] + d.box[2] / 2 - picture.width / 2))
        confidence = AMONG_NEIGHBOURS * nearest.confidence
        return replace(nearest, confidence=confidence, rejected=confidence < self.threshold)

    def _page(self, picture: Picture, drawn: bool = False) -> tuple[Reading, float]:
        """Read a page as it stands; return the mean score of all marks there are, too."""
        rows = [
            self._name(split(marks, self.classifier), picture)
            for marks in take_apart(picture.grey, drawn=drawn)
        ]
        scores = [score for row in rows for _, score in row]
        if not scores:
            return _reading(picture, ()), 0.0
        # A line of which most is refused was writing of another kind, or print.
        if len(scores) <= FEW_MARKS:
            least = 1 / 3
        else:
            least = 1 / 2 if np.mean(np.array(scores) >= self.threshold) > 1 / 2 else 3 / 4
        lines, left_out = [], []
        for row in rows:
            stays = sum(not digit.rejected for digit, _ in row) > least * len(row)
            kept = [stays and score >= LEFT_OUT for _, score in row]
            left_out += [digit for (digit, _), keep in zip(row, kept, strict=True) if not keep]
            if stays:
                chosen = (digit for (digit, _), keep in zip(row, kept, strict=True) if keep)
                lines.append(Line(tuple(chosen)))
        return _reading(picture, tuple(lines), tuple(left_out)), float(np.mean(scores))

    def _name(self, marks: list[Mark], picture: Picture) -> list[tuple[Digit, float]]:
        """Return the digit that each mark is, with its digit score."""
        images = np.stack([mark_to_canvas(mark.ink) for mark in marks])
        probabilities, scores = predict_scored(self.classifier, images)
        return [
            (
                Digit(
                    int(row.argmax()),
                    float(row.max()),
                    _whole_box(mark.box, picture),
                    bool(score < self.threshold),
                    image,
                ),
                float(score),
            )
            for mark, row, score, image in zip(marks, probabilities, scores, images, strict=True)
        ]


def _reading(
    picture: Picture, lines: tuple[Line, ...], left_out: tuple[Digit, ...] = ()
) -> Reading:
    return Reading(lines, picture.width, picture.height, picture.orientation, left_out)


def _whole_box(box: tuple[int, int, int, int], picture: Picture) -> tuple[int, int, int, int]:
    """Return a box in `picture.grey` as one in pixels of the whole picture."""
    rows, columns = picture.grey.shape
    across, down = picture.width / columns, picture.height / rows
    x, y, width, height = box
    left, top = round(x * across), round(y * down)
    return left, top, round((x + width) * across) - left, round((y + height) * down) - top
