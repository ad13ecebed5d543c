"""Sets of labeled pictures: loaded from a folder, read, and scored."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.errors import DataError, PictureError
from tenfold.files import parse_json
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading

COVERAGES = (0.8, 0.95)
"""Coverages at which the error rate is reported: shares of the most confident readings."""


@dataclass(frozen=True)
class LabeledPicture:
    """A picture and its label.

    Attributes:
        picture: What `Reader.read` takes.
        lines: Its lines of digits, top to bottom; [] for a blank. None if the picture shows
            something that must be rejected.
        single: The picture shows one digit.
        kind: Name of a subset; "" if there are none.
        joined: The digits of all lines count as one number, as on a check.
    """

    picture: Any
    lines: list[str] | None
    single: bool
    kind: str = ""
    joined: bool = False


@dataclass(frozen=True)
class Outcome:
    """How the reading of one picture compares with its label.

    Attributes:
        correct: All best guesses are right, rejected ones included.
        accepted: There are digits, and none was rejected.
        confidence: Of the least confident digit; 0 if there is none.
    """

    correct: bool
    accepted: bool
    confidence: float


def load_picture_sets(folder: Path) -> dict[str, list[LabeledPicture]]:
    """Load all sets of labeled pictures in a folder, by name.

    Args:
        folder: Holds any of: `NAME.npz` with images x and labels y; `not_digits_NAME.npz` with
            images x and y of any value, all to be rejected; `NAME/labels.csv` with the columns
            file, label and optionally kind, one digit a picture; `NAME/labels.json`, a list of
            objects with file and lines (or text, the digits of all lines as one number); lines is
            null if there is no digit.

    Raises:
        DataError: There is no such set, or one is damaged.
    """
    sets: dict[str, list[LabeledPicture]] = {}
    try:
        for path in sorted(folder.iterdir()):
            pictures = list(_pictures(path))
            if pictures:
                sets[path.stem] = pictures
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"cannot read the picture sets in {folder}: {error}") from error
    if not sets:
        raise DataError(
            f"{folder} holds no picture sets: give .npz files, or folders with labels.csv or"
            " labels.json"
        )
    return sets


def _pictures(path: Path) -> Iterator[LabeledPicture]:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            rejected = path.stem.startswith("not_digits")
            for image, label in zip(arrays["x"], arrays["y"], strict=True):
                yield LabeledPicture(image, None if rejected else [str(label)], single=True)
    elif (path / "labels.csv").is_file():
        with (path / "labels.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield LabeledPicture(path / row["file"], [row["label"]], True, row.get("kind", ""))
    elif (path / "labels.json").is_file():
        for entry in parse_json((path / "labels.json").read_text(encoding="utf-8")):
            joined = "text" in entry
            lines = [entry["text"]] if joined else entry["lines"] or []
            digits = [line.replace(" ", "") for line in lines]
            yield LabeledPicture(path / entry["file"], digits, single=False, joined=joined)


def read_pictures(reader: Reader, pictures: list[LabeledPicture]) -> list[Outcome]:
    """Read pictures, several at once; one that cannot be read is wrong and rejected."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda picture: _read(reader, picture), pictures))


def _read(reader: Reader, labeled: LabeledPicture) -> Outcome:
    try:
        reading = reader.read(labeled.picture, single=labeled.single)
    except PictureError:
        return Outcome(False, False, 0.0)
    digits = [digit for line in reading.lines for digit in line.digits]
    return Outcome(
        labeled.lines is not None and _best_guess(reading, labeled.joined) == labeled.lines,
        bool(digits) and not any(digit.rejected for digit in digits),
        min((digit.confidence for digit in digits), default=0.0),
    )


def _best_guess(reading: Reading, joined: bool) -> list[str]:
    lines = ["".join(str(digit.digit) for digit in line.digits) for line in reading.lines]
    return ["".join(lines)] if joined else lines


def summarize_set(name: str, outcomes: list[Outcome], *, no_digits: bool = False) -> dict[str, Any]:
    """Return a set's accuracy, coverage and error rates, as fractions.

    Args:
        name: Of the set.
        outcomes: One for each picture.
        no_digits: Nothing in the set is a digit, so that only the coverage has a meaning.

    Returns:
        `set`, `n`, `accuracy`, `accepted` (coverage), `accepted_error` (error rate among the
        accepted), and for each of `COVERAGES` the error rate among the most confident readings,
        as `error_at_80%`. A figure without a meaning is None.
    """
    accepted = [one.correct for one in outcomes if one.accepted]
    by_confidence = [one.correct for one in sorted(outcomes, key=lambda one: -one.confidence)]
    row: dict[str, Any] = {
        "set": name,
        "n": len(outcomes),
        "accuracy": round(sum(by_confidence) / len(outcomes), 4),
        "accepted": round(len(accepted) / len(outcomes), 4),
        "accepted_error": round(1 - sum(accepted) / len(accepted), 4) if accepted else None,
    }
    for coverage in COVERAGES:
        covered = by_confidence[: max(1, round(coverage * len(outcomes)))]
        row[f"error_at_{coverage:.0%}"] = round(1 - sum(covered) / len(covered), 4)
    if no_digits:
        for figure in row.keys() - {"set", "n", "accepted"}:
            row[figure] = None
    return row
