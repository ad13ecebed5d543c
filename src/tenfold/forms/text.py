"""Digits and signs in a field: the rows that were read, made into one answer."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from tenfold.arrays import DIGITS, Ink
from tenfold.formatting import percent
from tenfold.forms.answers import Alternative, Answer
from tenfold.forms.blank import Place
from tenfold.imaging.ink import INK_SHARE
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

UNREAD = 0.02
"""Ink of a field in which nothing was read, as a share of the square of its height, from which the
field is more likely filled than empty. On made faxes empty fields have up to 0.0065 in specks, and
faint digits 0.05 or more."""

UNREAD_SPREAD = 0.25
"""Change of that share, as its natural logarithm, that changes the odds by a factor of e."""

NEAR_PRINT = 4
"""So near to print, in pixels, ink may be print that the scan moved or widened."""

NOTHING = 1e-4
"""The share is taken to be at least this, so that its logarithm is finite."""


def read_text(
    rows: Sequence[Row],
    place: Place,
    page: Page | None,
    ink: Ink | None,
    settings: ReaderSettings,
) -> Answer:
    """Return the answer of a field of digits.

    Args:
        rows: What was read in it, top to bottom; nothing if nothing is written.
        place: The field.
        page: Its writing as marks; None if nothing is written on the whole sheet.
        ink: float32 (h, w), the ink of the whole sheet; None if nothing is written on it.
        settings: The settings of reading.
    """
    name, field = place.field.name, place.field.field
    strange = _strange(page) if page else None
    if not rows:
        if strange:
            return Answer(name, "", MISFIT, empty=True, review=strange)
        return _without_text(place, ink, settings)
    lattice = _lattice(rows, settings)
    if not place.field.cells:
        lattice = _with_lost_points(lattice)
    if field is None:
        found = likeliest(lattice, ALTERNATIVES, numbers=True)
        text, confidence = found[0] if found else ("", 0.0)
        review = None if text else "what is written is no number"
        if text and (confidence < settings.field_confidence or _is_rejected(rows)):
            review = f"{percent(confidence)} sure"
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


def _without_text(place: Place, ink: Ink | None, settings: ReaderSettings) -> Answer:
    """Return the answer of a field in which nothing was read: empty, or too faint to be read."""
    share = 0.0 if ink is None else _unread(ink, place)
    odds = (np.log(UNREAD) - np.log(max(share, NOTHING))) / UNREAD_SPREAD
    empty = float(1 / (1 + np.exp(-odds)))
    doubtful = empty < settings.field_confidence
    review = "there is ink, but nothing was read: empty or not?" if doubtful else None
    return Answer(place.field.name, "", empty, empty=empty >= 0.5, review=review)


def _unread(ink: Ink, place: Place) -> float:
    """Return the ink in a field away from print, as a share of the square of its height."""
    x, y, width, height = place.box
    side = 2 * NEAR_PRINT + 1
    far = cv2.dilate(place.print, np.ones((side, side), np.uint8)) == 0
    box = np.s_[max(0, y) : y + height, max(0, x) : x + width]
    inked = (ink[place.part] >= INK_SHARE) & far
    return float(np.count_nonzero(inked[box])) / height**2


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
