"""A picture -> lines of digits with their confidence, or refused."""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.canvas import Mark, find_mark, mark_to_canvas
from tenfold.classifiers import Classifier
from tenfold.errors import UsageError
from tenfold.page import take_apart
from tenfold.pictures import Picture, PictureSource, load_picture
from tenfold.splitting import split

DEFAULT_MODEL = "reader"
"""The shipped model that reads pictures."""

DEFAULT_THRESHOLD = 0.92
"""Digit score below which a digit is rejected: of 5,000 MNIST images kept from training 99% reach
it with the recipe `reader`, and 3% of made-up marks that are no digits (results/temperature.json).
"""

LEFT_OUT = 0.2
"""Digit score below which a mark on a page is no digit at all, and left out. Ten digits alike
give 0.1; of MNIST's validation images less than one in a thousand falls below."""

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
    """

    lines: tuple[Line, ...]
    width: int
    height: int
    orientation: int

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

    def read_picture(self, picture: Picture, *, single: bool = False) -> Reading:
        """Read the digits in a picture that is decoded already; see `read`."""
        lines = self._single_line(picture) if single else self._lines(picture)
        return Reading(lines, picture.width, picture.height, picture.orientation)

    def _single_line(self, picture: Picture) -> tuple[Line, ...]:
        mark = find_mark(picture.grey)
        if mark is None:
            return ()
        return (Line(tuple(self._name([mark], picture, least=0.0))),)

    def _lines(self, picture: Picture) -> tuple[Line, ...]:
        lines = []
        for marks in take_apart(picture.grey):
            pieces = split(marks, self.classifier)
            digits = self._name(pieces, picture, least=LEFT_OUT)
            called = sum(not digit.rejected for digit in digits)
            # A line of which most is refused was writing of another kind, or print.
            if called * 2 > len(pieces):
                lines.append(Line(tuple(digits)))
        return tuple(lines)

    def _name(self, marks: list[Mark], picture: Picture, *, least: float) -> list[Digit]:
        """Return the digit of each mark whose score is at least so much."""
        images = np.stack([mark_to_canvas(mark.ink) for mark in marks])
        probabilities = self.classifier.predict_proba(images)
        scores = self.classifier.digit_score(images)
        return [
            Digit(
                int(row.argmax()),
                float(row.max()),
                _whole_box(mark.box, picture),
                bool(score < self.threshold),
                image,
            )
            for mark, row, score, image in zip(marks, probabilities, scores, images, strict=True)
            if score >= least
        ]


def _whole_box(box: tuple[int, int, int, int], picture: Picture) -> tuple[int, int, int, int]:
    """Return a box in `picture.grey` as one in pixels of the whole picture."""
    rows, columns = picture.grey.shape
    across, down = picture.width / columns, picture.height / rows
    x, y, width, height = box
    left, top = round(x * across), round(y * down)
    return left, top, round((x + width) * across) - left, round((y + height) * down) - top
