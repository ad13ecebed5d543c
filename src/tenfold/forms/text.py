"""Digits and signs in a field: the rows that were read, made into one answer."""

from collections.abc import Sequence

import numpy as np

from tenfold.forms.answers import Answer
from tenfold.forms.blank import Place
from tenfold.reading.boxes.cells import PageGrid
from tenfold.reading.selection import Row

_Character = tuple[float, int, str, float, bool]
"""Row, column, the character, its confidence, and whether it is rejected."""


def read_text(rows: Sequence[Row], place: Place, grids: Sequence[PageGrid]) -> Answer:
    """Return the answer of a field of digits.

    Args:
        rows: What was read in it, top to bottom; nothing if nothing is written.
        place: The field.
        grids: The cells of a field of cells.
    """
    name = place.field.name
    if not rows:
        return Answer(name, "", 1.0, empty=True)
    found = sorted(_characters(rows), key=lambda one: one[:2])
    text = "".join(character for _, _, character, _, _ in found)
    confidence = float(np.prod([one[3] for one in found])) if found else 0.0
    review = _review(text, found, confidence, grids)
    return Answer(name, text, confidence, review=review, digits=_images(rows))


def _images(rows: Sequence[Row]) -> bytes:
    """Return the images of all digits as bytes, in reading order."""
    digits = [(row.middle, one.digit) for row in rows for part in row.parts for one in part.digits]
    digits.sort(key=lambda one: (one[0], one[1].box[0]))
    return b"".join(digit.canvas.tobytes() for _, digit in digits)


def _characters(rows: Sequence[Row]) -> list[_Character]:
    found: list[_Character] = []
    for row in rows:
        for part in row.parts:
            for digit, _ in part.digits:
                mark = (digit.box[0], str(digit.digit), digit.confidence, digit.rejected)
                found.append((row.middle, *mark))
            for sign in part.signs:
                found.append((row.middle, sign.box[0], sign.character, sign.confidence, False))
    return found


def _review(
    text: str, found: Sequence[_Character], confidence: float, grids: Sequence[PageGrid]
) -> str | None:
    """Return why somebody should look at a field, or None."""
    if not text:
        return "what is written is no number"
    if any(rejected for *_, rejected in found):
        return f"{confidence:.0%} sure"
    for grid in grids:
        if reason := _review_of_cells(grid):
            return reason
    return None


def _review_of_cells(grid: PageGrid) -> str | None:
    """Return what is strange about which cells are filled, or None."""
    filled = [bool(cell.marks) for cell in grid.cells]
    first, last = filled.index(True), len(filled) - filled[::-1].index(True)
    gaps = [place + 1 for place in range(first, last) if not filled[place]]
    if gaps:
        return f"cell {gaps[0]} is empty between filled ones"
    return None
