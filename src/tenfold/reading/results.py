"""What was read in a picture: digits in lines, each with a confidence, or refused."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

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
    box: Box
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
