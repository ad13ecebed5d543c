"""A picture -> lines of digits with their confidence, or refused."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.canvas import find_mark, mark_to_canvas
from tenfold.classifiers import Classifier
from tenfold.errors import UsageError
from tenfold.pictures import Picture, PictureSource, load_picture

DEFAULT_THRESHOLD = 0.5
"""Digit score below which a digit is rejected. Chosen by hand, not calibrated: at 0.5 the best
guess is at least likelier than all others together. It promises no error rate."""

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
    """

    digit: int
    confidence: float
    box: tuple[int, int, int, int]
    rejected: bool

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
        classifier: What names the digits. None takes the shipped model "standard", loaded at the
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

                self._classifier = load_classifier("standard")
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
            UsageError: `single` is False.
        """
        if not single:
            raise UsageError("reading several digits is not there yet: use single=True")
        picture = load_picture(source)
        lines = self._single_line(picture)
        return Reading(lines, picture.width, picture.height, picture.orientation)

    def _single_line(self, picture: Picture) -> tuple[Line, ...]:
        mark = find_mark(picture.grey)
        if mark is None:
            return ()
        images = mark_to_canvas(mark.ink)[np.newaxis]
        probabilities = self.classifier.predict_proba(images)[0]
        score = float(self.classifier.digit_score(images)[0])
        best = int(probabilities.argmax())
        box = _whole_box(mark.box, picture)
        return (Line((Digit(best, float(probabilities[best]), box, score < self.threshold),)),)


def _whole_box(box: tuple[int, int, int, int], picture: Picture) -> tuple[int, int, int, int]:
    """Return a box in `picture.grey` as one in pixels of the whole picture."""
    rows, columns = picture.grey.shape
    across, down = picture.width / columns, picture.height / rows
    x, y, width, height = box
    left, top = round(x * across), round(y * down)
    return left, top, round((x + width) * across) - left, round((y + height) * down) - top
