"""Reviewed fields as a data set of single digits, to adapt a model to the hands on the forms."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tenfold.arrays import SIDE, Images, Labels
from tenfold.errors import DataError, UsageError
from tenfold.files import atomic_path
from tenfold.forms.answers import Answers
from tenfold.forms.corrections import Corrections


@dataclass(frozen=True, eq=False)
class LabeledDigits:
    """Digits with the labels that people gave.

    Attributes:
        images: uint8 (n, 28, 28), white ink on black, as the network saw them.
        labels: uint8 (n,), 0 to 9.
        fields: Number of fields that they are from.
        left_out: Number of reviewed fields in which other than the right number of digits was
            found, so that nobody knows which image shows which.
    """

    images: Images
    labels: Labels
    fields: int
    left_out: int


def labeled_digits(answers: Answers, corrections: Corrections) -> LabeledDigits:
    """Return the digits of all reviewed fields that hold a value, accepted or corrected.

    A field counts if as many images of digits were found in it as the value has digits. Signs are
    left out. Ticks, empty fields and those that cannot be read hold none.

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
            digits = [int(character) for character in said.value if character in "0123456789"]
            found = np.frombuffer(answer.digits, np.uint8)
            if found.size != len(digits) * SIDE * SIDE:
                left_out += 1
            elif digits:
                images.append(found.reshape(-1, SIDE, SIDE))
                labels += digits
    whole = np.concatenate([np.zeros((0, SIDE, SIDE), np.uint8), *images])
    return LabeledDigits(whole, np.array(labels, np.uint8), len(images), left_out)


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
            else f"in all {digits.left_out} reviewed fields the number of digits found differs from"
            " the value: there is nothing to learn from"
        )
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, images=digits.images, labels=digits.labels)
