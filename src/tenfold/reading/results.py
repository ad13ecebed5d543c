"""The result of reading a picture: lines of digits, each with a confidence, or rejected."""

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import DIGITS, SIDE, Gray
from tenfold.errors import PictureError, whole_number
from tenfold.reading.lattice import NUMBER_SIGNS, Lattice

if TYPE_CHECKING:
    from PIL.Image import Image

    from tenfold.imaging.decoding import PictureSource
    from tenfold.imaging.picture import Picture
    from tenfold.reading.field_decoding import FieldReading

Box: TypeAlias = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

REJECTED = "?"
"""Character for a rejected digit in `text`."""

MOST_ALTERNATIVES = 1_000_000
"""Most alternatives that may be asked for; a line with a share to speak of has far fewer."""


@dataclass(frozen=True)
class Digit:
    """One digit that was read.

    Attributes:
        digit: The best guess, 0 to 9, even if rejected.
        confidence: Probability of the best guess, 0 to 1.
        box: x, y, width, height in pixels of the upright picture.
        rejected: Whether the best guess is too uncertain to be accepted.
        canvas: uint8 (28, 28), white ink on black: the image that the network saw.
        probabilities: float32 (10,): the probability of each digit.
    """

    digit: int
    confidence: float
    box: Box
    rejected: bool
    canvas: Gray = field(
        default_factory=lambda: np.zeros((SIDE, SIDE), np.uint8), compare=False, repr=False
    )
    probabilities: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(len(DIGITS), np.float32), compare=False, repr=False
    )

    def alternatives(self, count: int) -> list[tuple[int, float]]:
        """Return the likeliest digits in this place, at most `count`, with their probabilities.

        Raises:
            UsageError: `count` is no whole number from 0 to 1,000,000.
        """
        count = whole_number("count", count, 0, MOST_ALTERNATIVES)
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(one), float(self.probabilities[one])) for one in order]

    @property
    def text(self) -> str:
        """The digit as a character, or "?" if rejected."""
        return REJECTED if self.rejected else str(self.digit)

    def to_dict(self, alternatives: int = 0) -> dict[str, Any]:
        """Return the digit's entry in `tenfold read --json`.

        Args:
            alternatives: Most alternatives; 0 leaves them out.
        """
        found = {
            "digit": self.digit,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
            "rejected": self.rejected,
        }
        if alternatives:
            found["alternatives"] = [
                {"digit": digit, "probability": round(probability, 4)}
                for digit, probability in self.alternatives(alternatives)
            ]
        return found


@dataclass(frozen=True)
class Sign:
    """A sign between digits or beside them.

    Attributes:
        character: One of . , - / : ( ) + $ = x.
        confidence: Probability of this sign in its place, 0 to 1.
        box: x, y, width, height in pixels of the upright picture.
    """

    character: str
    confidence: float
    box: Box

    @property
    def text(self) -> str:
        """The sign."""
        return self.character

    def to_dict(self) -> dict[str, Any]:
        """Return the sign's entry in `tenfold read --json`."""
        return {
            "character": self.character,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
        }


@dataclass(frozen=True)
class Line:
    """Digits that stand in a row, left to right, and the signs between and beside them.

    Attributes:
        digits: The digits.
        signs: The signs.
        lattice: All rows of characters that may stand here, with their probabilities.
        numbers: Whether signs and spaces are part of the text.
        spaces: The places in `characters` before which a space stands; none without `numbers`.
        field: What the line reads under the field that `Reader.read` was given, if any.
    """

    digits: tuple[Digit, ...]
    signs: tuple[Sign, ...] = ()
    lattice: Lattice = field(default=Lattice(()), compare=False, repr=False)
    numbers: bool = False
    spaces: tuple[int, ...] = ()
    field: "FieldReading | None" = None

    @property
    def text(self) -> str:
        """The characters, "?" for each rejected digit.

        Under a field, the text that satisfies the field, or a single "?" if it is not accepted.
        """
        if self.field is not None:
            return self.field.text if self.field.accepted else REJECTED
        return "".join(
            " " * (place in self.spaces) + one.text for place, one in enumerate(self.characters)
        )

    @property
    def characters(self) -> "tuple[Digit | Sign, ...]":
        """What `text` consists of, left to right: digits, with `numbers` signs too."""
        if not self.numbers:
            return self.digits
        signs = [sign for sign in self.signs if sign.character in NUMBER_SIGNS]
        every: list[Digit | Sign] = [*self.digits, *signs]
        return tuple(sorted(every, key=lambda one: one.box[0] + one.box[2] / 2))

    def alternatives(self, count: int) -> list[tuple[str, float]]:
        """Return the likeliest texts of the line, at most `count`, with their probabilities.

        The probabilities of all texts add up to 1. They weigh all digits at once: if no digit is
        rejected, the first text is that of the line, save where two readings are about as likely.

        Raises:
            UsageError: `count` is no whole number from 0 to 1,000,000.
        """
        from tenfold.reading.field_decoding import likeliest

        count = whole_number("count", count, 0, MOST_ALTERNATIVES)
        return likeliest(self.lattice, count, numbers=self.numbers)

    def to_dict(self, alternatives: int = 0) -> dict[str, Any]:
        """Return the line's entry in `tenfold read --json`.

        It has `characters` if signs are part of the text, and `field` under a field.

        Args:
            alternatives: Most alternatives of the line and of each digit; 0 leaves them out.
        """
        found: dict[str, Any] = {
            "text": self.text,
            "digits": [digit.to_dict(alternatives) for digit in self.digits],
            "signs": [sign.to_dict() for sign in self.signs],
        }
        if self.numbers:
            found["characters"] = [
                {
                    "character": one.text,
                    "confidence": round(one.confidence, 4),
                    "box": list(one.box),
                    "after_space": place in self.spaces,
                }
                for place, one in enumerate(self.characters)
            ]
        if self.field is not None:
            found["field"] = self.field.to_dict()
        if alternatives:
            found["alternatives"] = [
                {"text": text, "probability": round(probability, 4)}
                for text, probability in self.alternatives(alternatives)
            ]
        return found


@dataclass(frozen=True)
class Cell:
    """A cell of a comb, a table or a grid.

    Attributes:
        row: Row in the grid, from 0.
        column: Column in the grid, from 0.
        box: x, y, width and height inside its walls, in pixels of the upright picture.
        empty: Whether nothing is written in it.
        digits: The digits in it, left to right; none if it is empty or holds something else.
    """

    row: int
    column: int
    box: Box
    empty: bool
    digits: tuple[Digit, ...] = ()

    @property
    def text(self) -> str:
        """The digits as characters, "?" for each rejected one."""
        return "".join(digit.text for digit in self.digits)

    def to_dict(self) -> dict[str, Any]:
        """Return the cell's entry in `tenfold read --json`, without the number of its grid."""
        return {
            "row": self.row,
            "column": self.column,
            "text": self.text,
            "box": list(self.box),
            "empty": self.empty,
        }


@dataclass(frozen=True)
class Grid:
    """A comb, a table, a grid, a row of separate boxes or a box that was found on a page.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        cells: Row by row, left to right; there may be none in some places.
        box: x, y, width and height inside its outer walls, in pixels of the upright picture.
    """

    rows: int
    columns: int
    cells: tuple[Cell, ...]
    box: Box


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        lines: Top to bottom; none for a blank.
        width: Width of the upright picture, in pixels.
        height: Height of the upright picture, in pixels.
        orientation: Rotation of the stored pixels, degrees clockwise: 0, 90, 180 or 270.
        left_out: Marks that were taken for no digits, each as the digit it resembles most.
        grids: Combs, tables and grids, top to bottom. Their digits are in `lines`, too.
    """

    lines: tuple[Line, ...]
    width: int
    height: int
    orientation: int
    left_out: tuple[Digit, ...] = ()
    grids: tuple[Grid, ...] = ()

    @property
    def text(self) -> str:
        """The lines as text, one below the other."""
        return "\n".join(line.text for line in self.lines)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """The digits of all lines, in reading order."""
        return tuple(digit for line in self.lines for digit in line.digits)

    @property
    def _cell_boxes(self) -> list[Box]:
        return [cell.box for grid in self.grids for cell in grid.cells]

    def annotate(self, picture: "PictureSource | Picture") -> "Image":
        """Draw boxes and digits on the picture, and below it what the network saw.

        Args:
            picture: The picture that was read, as `Reader.read` takes it.

        Returns:
            An RGB Pillow image. Accepted digits are blue, rejected ones vermillion, marks that were
            left out gray, and cells sky blue.

        Raises:
            PictureError: The picture cannot be read, or has another size.
        """
        from tenfold.imaging.decoding import load_picture
        from tenfold.imaging.picture import Picture
        from tenfold.reading.annotate import annotate

        upright = picture if isinstance(picture, Picture) else load_picture(picture)
        if degrees := (self.orientation - upright.orientation) % 360:
            upright = upright.rotated(degrees)
        if (upright.width, upright.height) != (self.width, self.height):
            raise PictureError(
                f"the picture has {upright.width} x {upright.height} pixels, but what was read has "
                f"{self.width} x {self.height}: give the picture that was read"
            )
        return annotate(upright, self.digits, self.left_out, self._cell_boxes)

    def _repr_png_(self) -> bytes | None:
        """Let notebooks show the digits where they stood; nothing for a blank."""
        if not self.lines:
            return None
        from tenfold.reading.annotate import annotate, sketch

        page = sketch(self.width, self.height, self.digits)
        data = io.BytesIO()
        annotate(page, self.digits, cells=self._cell_boxes).save(data, "PNG")
        return data.getvalue()

    def to_dict(self, alternatives: int = 0) -> dict[str, Any]:
        """Return the picture's entry in `tenfold read --json`, without its path.

        It has `cells` if a grid was found, each with the number of its `grid`, from 0.

        Args:
            alternatives: Most alternatives of each line and digit; 0 leaves them out.
        """
        cells = [
            {"grid": number, **cell.to_dict()}
            for number, grid in enumerate(self.grids)
            for cell in grid.cells
        ]
        return {
            "width": self.width,
            "height": self.height,
            "orientation": self.orientation,
            "error": None,
            "lines": [line.to_dict(alternatives) for line in self.lines],
        } | ({"cells": cells} if cells else {})
