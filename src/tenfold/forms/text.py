"""Digits and signs in a field: the rows that were read, made into one answer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tenfold.arrays import DIGITS
from tenfold.forms.answers import Alternative, Answer
from tenfold.forms.blank import Place
from tenfold.reading.field_decoding import decode, likeliest
from tenfold.reading.kinds import value_text
from tenfold.reading.lattice import Lattice, character_step
from tenfold.reading.layout import Page
from tenfold.reading.selection import Row, lattice_of_digits
from tenfold.reading.settings import ReaderSettings

ALTERNATIVES = 5
"""Readings that are kept of a field."""

LOST_POINT = 1e-3
"""Probability that a point stands where none is seen: in a fax a rule swallows it. Only a field
that needs a point is read with one."""

MISFIT = 0.9
"""A reading that the field forces on other ink, or from a field that is filled strangely, is right
less often by this factor. Of 450 made fields (tests/form_scenes.py), 8 were read so with 80 to 90%
and 2 of these wrong; of those that fit, 1 of 13."""


def read_text(
    rows: Sequence[Row], place: Place, page: Page | None, settings: ReaderSettings
) -> Answer:
    """Return the answer of a field of digits.

    Args:
        rows: What was read in it, top to bottom; nothing if nothing is written.
        place: The field.
        page: Its writing as marks; None if nothing is written on the whole sheet.
        settings: The settings of reading.
    """
    name, field = place.field.name, place.field.field
    strange = _strange(page) if page else None
    if not rows:
        return Answer(name, "", MISFIT if strange else 1.0, empty=True, review=strange)
    lattice = _lattice(rows, settings)
    if not place.field.cells:
        lattice = _with_lost_points(lattice)
    if field is None:
        found = likeliest(lattice, ALTERNATIVES, numbers=True)
        text, confidence = found[0] if found else ("", 0.0)
        review = None if text else "what is written is no number"
        if text and (confidence < settings.field_confidence or _is_rejected(rows)):
            review = f"{confidence:.0%} sure"
    else:
        reading = decode(lattice, field, settings, count=ALTERNATIVES)
        found, confidence, review = list(reading.alternatives), reading.confidence, reading.reason
        text = reading.text or reading.unconstrained
        if reading.value is not None:
            text = value_text(reading.value)
        if reading.fit < settings.field_fit_likelihood:
            confidence *= MISFIT
    if strange:
        review, confidence = review or strange, MISFIT * confidence
    others = tuple(Alternative(*pair) for pair in found)
    return Answer(name, text, confidence, False, review, others, digits=_images(rows))


def _lattice(rows: Sequence[Row], settings: ReaderSettings) -> Lattice:
    """Return what may stand in a field: its rows one after the other."""
    lines = [
        Lattice.joined(
            part.lattice or lattice_of_digits(part.digits, settings) for part in row.parts
        )
        for row in rows
    ]
    return Lattice(tuple(segment for line in lines for segment in line.segments))


def _with_lost_points(lattice: Lattice) -> Lattice:
    """Return a lattice in which a point may stand, unseen, between what stands apart."""
    gap = character_step(".", LOST_POINT, np.zeros(len(DIGITS), np.float32))
    first, others = lattice.segments[:1], lattice.segments[1:]
    wider = (
        replace(one, views=tuple(np.concatenate([gap, view]) for view in one.views))
        for one in others
    )
    return Lattice((*first, *wider))


def _is_rejected(rows: Sequence[Row]) -> bool:
    return any(one.digit.rejected for row in rows for part in row.parts for one in part.digits)


def _images(rows: Sequence[Row]) -> bytes:
    """Return the images of all digits as bytes, in reading order."""
    digits = [(row.middle, one.digit) for row in rows for part in row.parts for one in part.digits]
    digits.sort(key=lambda one: (one[0], one[1].box[0]))
    return b"".join(digit.canvas.tobytes() for _, digit in digits)


def _strange(page: Page) -> str | None:
    """Return what is strange about how a field is filled, or None."""
    if page.struck:
        return "something is struck out"
    for grid in page.grids:
        filled = [bool(cell.marks) for cell in grid.cells]
        if not any(filled):
            continue
        first, last = filled.index(True), len(filled) - filled[::-1].index(True)
        if not all(filled[first:last]):
            return f"cell {filled.index(False, first) + 1} is empty between filled ones"
    return None
