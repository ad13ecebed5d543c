"""Reviewed fields as a data set of single digits, to adapt a model to the hands on the forms."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tenfold.arrays import DIGITS, SIDE, Images, Labels
from tenfold.errors import DataError, UsageError
from tenfold.files import atomic_path
from tenfold.forms.answers import Answer, Answers
from tenfold.forms.corrections import Corrections
from tenfold.forms.typed import typed_value
from tenfold.reading.fields import Field


@dataclass(frozen=True, eq=False)
class LabeledDigits:
    """Digits with the labels that people gave.

    Attributes:
        images: uint8 (n, 28, 28), white ink on black, as the network saw them.
        labels: uint8 (n,), 0 to 9.
        fields: Number of fields that they are from.
        left_out: Number of reviewed fields whose value does not tell which image shows which
            digit: another number of digits was found, or no reading has the date.
    """

    images: Images
    labels: Labels
    fields: int
    left_out: int


def labeled_digits(answers: Answers, corrections: Corrections) -> LabeledDigits:
    """Return the digits of all reviewed fields that hold a value, accepted or corrected.

    A field counts if as many images of digits were found in it as its text on the paper has. This
    text is the likeliest reading with the field's value, such as 28/11/2026 for 2026-11-28 in the
    table. Without such a reading it is the value, except of dates. Signs are left out. Ticks, empty
    fields and those that cannot be read hold none.

    Raises:
        DataError: A part of the answers is damaged.
    """
    images: list[Images] = []
    labels: list[int] = []
    left_out = 0
    for page in answers.pages(digits=True):
        for answer in page.answers:
            said = corrections.get((page.source, page.page, answer.name))
            if said is None or said.state != "value":
                continue
            found = np.frombuffer(answer.digits, np.uint8).reshape(-1, SIDE, SIDE)
            texts = _possible_texts(answer, said.value, answers.template[answer.name].field)
            digits = (tuple(int(one) for one in text if one in DIGITS) for text in texts)
            fitting = next((one for one in digits if len(one) == len(found)), None)
            if fitting is None:
                left_out += 1
            elif fitting:
                images.append(found)
                labels += fitting
    whole = np.concatenate([np.zeros((0, SIDE, SIDE), np.uint8), *images])
    return LabeledDigits(whole, np.array(labels, np.uint8), len(images), left_out)


def _possible_texts(answer: Answer, value: str, field: Field | None) -> Iterator[str]:
    """Yield what may be written in a field of this value, the likeliest first."""
    for one in answer.alternatives:
        if typed_value(one.text, field, value) == value:
            yield one.text
    if field is None or not isinstance(field.value_of(value), datetime.date):
        yield value


def write_labeled_digits(path: Path, digits: LabeledDigits) -> None:
    """Write digits as a .npz that `tenfold adapt --data` takes, whole or not at all.

    Raises:
        UsageError: The path does not end in .npz.
        DataError: There are no digits.
        WriteError: The file cannot be written.
    """
    if path.suffix.lower() != ".npz":
        raise UsageError(f"{path} does not end in .npz; give the name of a .npz file to write")
    if not digits.labels.size:
        raise DataError(
            "no reviewed field holds digits that can be told apart: review some first"
            if not digits.left_out
            else f"in all {digits.left_out} reviewed fields the digits found do not fit the value:"
            " there is nothing to learn from"
        )
    # To a name that does not end in .npz, such as own.NPZ, NumPy would add .npz.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, images=digits.images, labels=digits.labels)
