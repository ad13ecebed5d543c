"""Digits and signs in a field: the rows that were read, made into one answer."""

from collections.abc import Sequence

import numpy as np

from tenfold.forms.answers import Answer
from tenfold.forms.blank import Place
from tenfold.reading.selection import Row


def read_text(rows: Sequence[Row], place: Place, marks: int) -> Answer:
    """Return the answer of a field of digits.

    Args:
        rows: What was read in it, top to bottom.
        place: The field.
        marks: Number of marks in it.
    """
    name = place.field.name
    if not marks:
        return Answer(name, "", 1.0, empty=True)
    found = []
    for row in rows:
        for part in row.parts:
            found += [
                (
                    row.middle,
                    one.digit.box[0],
                    str(one.digit.digit),
                    one.digit.confidence,
                    one.digit.rejected,
                )
                for one in part.digits
            ]
            found += [
                (row.middle, one.box[0], one.character, one.confidence, False) for one in part.signs
            ]
    found.sort(key=lambda one: (one[0], one[1]))
    text = "".join(one[2] for one in found)
    confidence = float(np.prod([one[3] for one in found])) if found else 0.0
    review = None
    if not text:
        review = "what is written is no number"
    elif any(one[4] for one in found):
        review = f"{confidence:.0%} sure"
    return Answer(name, text, confidence, review=review)
