"""Digits that nobody here drew: folders and arrays of them, read and scored."""

import csv
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.errors import DataError, PictureError
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading

COVERAGES = (0.8, 0.95)
"""Error is told among the surest so many of all answers."""


@dataclass(frozen=True)
class Sample:
    """A picture and what it says: a digit, lines of digits, or nothing (an empty list).

    `lines` None means that the picture shows something to be refused. `joined` means that the
    digits of all lines count together, as on a cheque.
    """

    picture: Any
    lines: list[str] | None
    single: bool
    kind: str = ""
    joined: bool = False


@dataclass(frozen=True)
class Answer:
    """Whether a best guess was right, whether all of it was accepted, and the least sure digit."""

    right: bool
    accepted: bool
    confidence: float


def foreign_sets(folder: Path) -> dict[str, list[Sample]]:
    """Find the sets in a folder.

    Args:
        folder: Holds any of: `NAME.npz` with images x and labels y, `not_digits_NAME.npz` with
            images x to be refused, `NAME/labels.csv` with file, label and perhaps kind (one digit
            a picture), `NAME/labels.json`, a list of file and lines (or text, whose lines may
            stand apart); lines null means that there is no digit.

    Raises:
        DataError: There is no such set, or one is damaged.
    """
    sets: dict[str, list[Sample]] = {}
    try:
        for path in sorted(folder.iterdir()):
            samples = list(_samples(path))
            if samples:
                sets[path.stem] = samples
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"cannot read the sets in {folder}: {error}") from error
    if not sets:
        raise DataError(f"{folder} holds no sets: .npz files, or folders with labels.csv or .json")
    return sets


def _samples(path: Path) -> Iterator[Sample]:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            refused = path.stem.startswith("not_digits")
            for image, label in zip(arrays["x"], arrays["y"], strict=True):
                yield Sample(image, None if refused else [str(label)], single=True)
    elif (path / "labels.csv").is_file():
        with (path / "labels.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield Sample(path / row["file"], [row["label"]], True, row.get("kind", ""))
    elif (path / "labels.json").is_file():
        for entry in json.loads((path / "labels.json").read_text(encoding="utf-8")):
            joined = "text" in entry
            lines = [entry["text"]] if joined else entry["lines"] or []
            wanted = [line.replace(" ", "") for line in lines]
            yield Sample(path / entry["file"], wanted, single=False, joined=joined)


def answer(reader: Reader, sample: Sample) -> Answer:
    """Read a sample and tell how that went; what cannot be read is a wrong answer, refused."""
    try:
        reading = reader.read(sample.picture, single=sample.single)
    except PictureError:
        return Answer(False, False, 0.0)
    digits = [digit for line in reading.lines for digit in line.digits]
    return Answer(
        sample.lines is not None and _guess(reading, sample.joined) == sample.lines,
        bool(digits) and not any(digit.rejected for digit in digits),
        min((digit.confidence for digit in digits), default=0.0),
    )


def _guess(reading: Reading, joined: bool) -> list[str]:
    lines = ["".join(str(digit.digit) for digit in line.digits) for line in reading.lines]
    return ["".join(lines)] if joined else lines


def score(reader: Reader, samples: list[Sample]) -> list[Answer]:
    """Read samples, several at once."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda sample: answer(reader, sample), samples))


def summarize(name: str, answers: list[Answer], *, refused: bool = False) -> dict[str, Any]:
    """Return a set's figures: shares of all samples, errors among the accepted and the surest.

    Args:
        name: Of the set.
        answers: One for each sample.
        refused: Nothing in the set is a digit, so no answer is right.
    """
    accepted = [one.right for one in answers if one.accepted]
    sure = [one.right for one in sorted(answers, key=lambda one: -one.confidence)]
    row: dict[str, Any] = {
        "set": name,
        "n": len(answers),
        "accuracy": round(sum(sure) / len(sure), 4),
        "accepted": round(len(accepted) / len(answers), 4),
        "accepted_error": round(1 - sum(accepted) / len(accepted), 4) if accepted else None,
    }
    for coverage in COVERAGES:
        first = sure[: max(1, round(coverage * len(sure)))]
        row[f"error_at_{coverage:.0%}"] = round(1 - sum(first) / len(first), 4)
    if refused:
        for figure in row.keys() - {"set", "n", "accepted"}:
            row[figure] = None
    return row
