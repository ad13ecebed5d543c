"""Digits and signs in a field: the rows that were read, made into one answer."""

from collections.abc import Sequence
from itertools import islice

from tenfold.forms.answers import Alternative, Answer
from tenfold.forms.blank import Place
from tenfold.reading.boxes.cells import PageGrid
from tenfold.reading.fields import Field, decode, likeliest
from tenfold.reading.kinds import value_text
from tenfold.reading.lattice import Lattice
from tenfold.reading.row_search import RowSearch
from tenfold.reading.selection import Row, lattice_of_digits
from tenfold.reading.settings import ReaderSettings

ALTERNATIVES = 5
"""Readings that are kept of a field."""

LEAST_SHARE = 1e-4
"""Less likely readings are not kept."""


def read_text(
    rows: Sequence[Row], place: Place, grids: Sequence[PageGrid], settings: ReaderSettings
) -> Answer:
    """Return the answer of a field of digits.

    Args:
        rows: What was read in it, top to bottom; nothing if nothing is written.
        place: The field.
        grids: The cells of a field of cells.
        settings: The settings of reading.
    """
    name, field = place.field.name, place.field.field
    if not rows:
        return Answer(name, "", 1.0, empty=True)
    lattice = _lattice(rows, settings)
    found = _alternatives(lattice, field)
    if field is None:
        text, confidence = (found[0].text, found[0].probability) if found else ("", 0.0)
        review = None if text else "what is written is no number"
        if text and (confidence < settings.field_confidence or _is_rejected(rows)):
            review = f"{confidence:.0%} sure"
    else:
        reading = decode(lattice, field, settings)
        value, confidence, review = reading.value, reading.confidence, reading.reason
        text = reading.text or reading.unconstrained
        if value is not None:
            text = value_text(value)
    review = review or _review_of_cells(grids)
    images = _images(rows)
    return Answer(name, text, confidence, False, review, found, digits=images)


def _lattice(rows: Sequence[Row], settings: ReaderSettings) -> Lattice:
    """Return what may stand in a field: its rows one after the other."""
    lines = [
        Lattice.joined(
            part.lattice or lattice_of_digits(part.digits, settings) for part in row.parts
        )
        for row in rows
    ]
    return Lattice(tuple(segment for line in lines for segment in line.segments))


def _alternatives(lattice: Lattice, field: Field | None) -> tuple[Alternative, ...]:
    """Return the likeliest readings that satisfy the field, with their probabilities."""
    if field is None:
        pairs = likeliest(lattice, ALTERNATIVES, numbers=True)
    else:
        search = RowSearch(lattice, field.automaton, field.silent)
        valid = (row for row in islice(search.rows(), 10 * ALTERNATIVES)
                 if field.satisfied_by_check(row.text))  # fmt: skip
        pairs = [(field.written(row.text), row.share) for row in islice(valid, ALTERNATIVES)]
    return tuple(Alternative(*pair) for pair in pairs if pair[1] >= LEAST_SHARE)


def _is_rejected(rows: Sequence[Row]) -> bool:
    return any(one.digit.rejected for row in rows for part in row.parts for one in part.digits)


def _images(rows: Sequence[Row]) -> bytes:
    """Return the images of all digits as bytes, in reading order."""
    digits = [(row.middle, one.digit) for row in rows for part in row.parts for one in part.digits]
    digits.sort(key=lambda one: (one[0], one[1].box[0]))
    return b"".join(digit.canvas.tobytes() for _, digit in digits)


def _review_of_cells(grids: Sequence[PageGrid]) -> str | None:
    """Return what is strange about which cells are filled, or None."""
    for grid in grids:
        filled = [bool(cell.marks) for cell in grid.cells]
        first, last = filled.index(True), len(filled) - filled[::-1].index(True)
        if not all(filled[first:last]):
            return f"cell {filled.index(False, first) + 1} is empty between filled ones"
    return None
