"""Labeled pictures, loaded from a folder, and sets of them."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.arrays import DIGITS
from tenfold.data.array_files import read_npz
from tenfold.data.parts import one_line_errors
from tenfold.errors import DataError
from tenfold.files import MAC_METADATA, parse_json
from tenfold.imaging.decoding import SUFFIXES

NO_DIGITS = " .,-/:"
"""Characters in a label that are left out, as the reader leaves these marks out."""

_FORMS = (
    "give folders named by their label, a labels.csv (file, label), a labels.json (file, lines or "
    "text) or an .npz file (x, y)"
)


@dataclass(frozen=True)
class LabeledPicture:
    """A picture and its label.

    Attributes:
        name: File below the set's folder, or the number of a row of an array.
        picture: What `Reader.read` takes.
        lines: Its lines of digits, top to bottom; [] for a blank. None if the picture shows
            something that must be rejected.
        single: The picture shows one digit.
        kind: Name of a subset; "" if there are none.
        joined: The digits of all lines count as one number, as on a check.
    """

    name: str
    picture: Any
    lines: list[str] | None
    single: bool
    kind: str = ""
    joined: bool = False


def load_pictures(source: Path) -> list[LabeledPicture]:
    """Load labeled pictures, in the order of their names or labels.

    Args:
        source: One of: a folder with `labels.csv`, which has the columns file, label and
            optionally kind; a folder with `labels.json`, a list of objects with file and lines (or
            text, the digits of all lines as one number), where lines is null if there is no digit;
            a folder of folders named by the label of the pictures in them; an .npz file with
            images x and labels y. If each label of a CSV or each folder's name is one digit, the
            pictures show single digits, else numbers. The images of an .npz file whose name begins
            with `not_digits` are all to be rejected.

    Raises:
        DataError: There are no labeled pictures, a label is not made of digits, or a file that
            has a label is missing.
    """
    if not source.exists():
        raise DataError(f"{source} does not exist: {_FORMS}")
    with one_line_errors(str(source)):
        pictures = list(_pictures(source))
    if not pictures:
        raise DataError(f"{source} holds no labeled pictures: {_FORMS}")
    return pictures


def load_picture_sets(folder: Path) -> dict[str, list[LabeledPicture]]:
    """Load all sets of labeled pictures in a folder, by name; .npz files without their suffix.

    Args:
        folder: Holds what `load_pictures` takes; anything else in it is left out.

    Raises:
        DataError: There is no such set, or one is damaged.
    """
    sets: dict[str, list[LabeledPicture]] = {}
    with one_line_errors(str(folder)):
        paths = sorted(folder.iterdir())
    for path in paths:
        with one_line_errors(str(path)):
            pictures = list(_pictures(path))
        if pictures:  # a folder digits stands beside digits.npz
            is_named = path.suffix == ".npz" and path.stem not in sets
            sets[path.stem if is_named else path.name] = pictures
    if not sets:
        raise DataError(f"{folder} holds no sets of labeled pictures: {_FORMS}")
    return sets


def _pictures(path: Path) -> Iterator[LabeledPicture]:
    """Yield the labeled pictures in a folder or file; none if it holds none."""
    if path.suffix == ".npz":
        yield from _from_arrays(path)
    elif (path / "labels.csv").is_file():
        yield from _from_labels(path, _rows_of(path / "labels.csv"))
    elif (path / "labels.json").is_file():
        yield from _from_json(path)
    elif path.is_dir():
        yield from _from_labels(path, _named_folders(path))


def _from_arrays(path: Path) -> Iterator[LabeledPicture]:
    part = read_npz(path, "x", "y")
    rejected = path.stem.startswith("not_digits")
    for number, (image, label) in enumerate(zip(part.pictures, part.labels, strict=True)):
        if not (rejected or str(label) in DIGITS):
            raise DataError(f"{path}: the label {label} of image {number} is not a digit, 0 to 9")
        yield LabeledPicture(str(number), image, None if rejected else [str(label)], single=True)


def _rows_of(path: Path) -> list[tuple[str, str, str]]:
    """Return file, label and kind of each row of a labels.csv."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if missing := {"file", "label"} - set(rows.fieldnames or ()):
            raise DataError(
                f"{path} lacks the column {' and '.join(sorted(missing))}: "
                "begin it with the line file,label"
            )
        return [(row["file"] or "", row["label"] or "", row.get("kind") or "") for row in rows]


def _named_folders(path: Path) -> list[tuple[str, str, str]]:
    """Return file, label and kind of each picture in folders that are named by their label."""
    folders = [one for one in sorted(path.iterdir()) if one.is_dir() and one.name[0] != "."]
    if not any(one.name.isdecimal() for one in folders):
        return []
    return [
        (f"{one.name}/{file.name}", one.name, "")
        for one in folders
        for file in sorted(one.iterdir())
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(MAC_METADATA)
    ]


def _from_labels(folder: Path, rows: Sequence[tuple[str, str, str]]) -> Iterator[LabeledPicture]:
    lines = [[_digits(line, folder) for line in label.splitlines()] for _, label, _ in rows]
    single = all(len("".join(one)) == 1 for one in lines)
    negative = next((label for _, label, _ in rows if label.startswith("-")), None)
    if single and negative:  # not the sign of a number: a picture that has no digit
        raise DataError(f"{folder}: the label {negative!r} is not a digit, 0 to 9")
    for (name, _, kind), one in zip(rows, lines, strict=True):
        digits = [line for line in one if line]
        path = _existing(folder, name)
        yield LabeledPicture(name, path, digits, single, kind, joined=len(digits) == 1)


def _from_json(folder: Path) -> Iterator[LabeledPicture]:
    path = folder / "labels.json"
    try:
        entries = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise DataError(f"{path} must be a list of objects with file, and lines or text")
    for number, entry in enumerate(entries):
        known = entry.keys() & {"file", "text", "lines"} if isinstance(entry, dict) else set()
        if not {"file"} < known:
            raise DataError(f"{path}: entry {number} must have file, and lines or text")
        joined = "text" in entry
        if not joined and not isinstance(entry["lines"], list | None):
            raise DataError(f"{path}: entry {number} must have a list of lines, or null")
        lines = [entry["text"]] if joined else entry["lines"] or []
        digits = [_digits(str(line), folder) for line in lines]
        picture = _existing(folder, str(entry["file"]))
        yield LabeledPicture(str(entry["file"]), picture, digits, single=False, joined=joined)


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise DataError(f"{path} has a label, but there is no such file")
    return path


def _digits(label: str, source: Path) -> str:
    """Return the digits of a label; spaces and punctuation are left out."""
    digits = "".join(character for character in label if character not in NO_DIGITS)
    if digits and not (digits.isascii() and digits.isdecimal()):
        raise DataError(f"{source}: the label {label!r} is not made of the digits 0 to 9")
    return digits
