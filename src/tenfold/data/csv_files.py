"""Data sets in CSV files: a label and the pixels of an image in each line, as Kaggle has them."""

import gzip
import io
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tenfold.data.idx import GZIP_MAGIC
from tenfold.data.parts import (
    MAX_IMAGES,
    MAX_PIXELS_IN_ALL,
    Layout,
    Part,
    check_sizes,
    label_array,
    one_line_errors,
)
from tenfold.errors import DataError

LABEL_COLUMNS = ("label", "class", "target", "digit", "y")
"""Names of the column of labels, in any case; without a header it is the first column."""

MAX_LINE = 1 << 16
"""Longest line, in characters: 784 pixels take about 4,000."""

LINES_AT_ONCE = 500
"""Lines that are parsed together."""


def csv_layout(path: Path) -> Layout:
    """Return the parts of a CSV file, which are one, or of a folder with train.csv and test.csv.

    Args:
        path: A file, plain or .gz, or a folder. Each line has a label and the pixels of an image,
            row by row, separated by commas, semicolons or tabs; the number of pixels is a square,
            such as 784. A header is optional.
    """
    if path.is_file():
        return {"train": partial(_read, path)}
    files = {part: csv_in(path, part) for part in ("train", "test")}
    return {part: partial(_read, file) for part, file in files.items() if file}


def csv_in(folder: Path, part: str) -> Path | None:
    """Return the CSV file of a part in a folder, such as train.csv or mnist_train.csv.gz."""
    names = (f"{part}.csv", f"mnist_{part}.csv", f"fashion-mnist_{part}.csv")
    paths = (folder / (name + end) for name in names for end in ("", ".gz"))
    return next((path for path in paths if path.is_file()), None)


def _read(path: Path) -> Part:
    with one_line_errors(str(path)), path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if packed else file
        with io.TextIOWrapper(stream, encoding="utf-8-sig") as text:
            return _parse(_lines(text), str(path))


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise ValueError(f"a line has more than {MAX_LINE:,} characters")
        if line.strip():
            yield line.rstrip("\r\n")


def _parse(lines: Iterator[str], name: str) -> Part:
    first = next(lines, None)
    if first is None:
        raise DataError(f"{name} is empty: give lines of a label and 784 pixels")
    other = next((one for one in ";\t" if one in first and "," not in first), None)
    if other:
        first, lines = first.replace(other, ","), (line.replace(other, ",") for line in lines)
    cells = [cell.strip(' "') for cell in first.split(",")]
    has_header = not _is_number(cells[-1]) or not _is_number(cells[len(cells) // 2])
    place = 0
    if has_header:
        known = [column.lower() in LABEL_COLUMNS for column in cells]
        if not any(known):
            raise DataError(
                f"{name} has no column of labels: name one of its columns label "
                f"(its header begins {first[:40]!r})"
            )
        place = known.index(True)
    columns = len(cells)
    side = math.isqrt(columns - 1)
    if side < 2 or side * side != columns - 1:
        raise DataError(
            f"{name} has {columns} columns: give a label and 784 pixels, or another square"
        )
    most = min(MAX_IMAGES, MAX_PIXELS_IN_ALL // (columns - 1))
    blocks: list[np.ndarray] = []
    labels: list[str] = []
    waiting = [] if has_header else [first]
    number = 0
    for number, line in enumerate(lines, len(waiting) + 1):
        if line.count(",") != columns - 1:
            raise DataError(
                f"{name}: picture {number} has {line.count(',') + 1} columns, not {columns}"
            )
        waiting.append(line)
        if len(waiting) == LINES_AT_ONCE:
            blocks.append(_pixels(waiting, place, name, len(labels)))
            labels += _labels(waiting, place)
            waiting = []
        if number > most:
            raise DataError(f"{name} has more than {most:,} pictures: give fewer")
    if waiting:
        blocks.append(_pixels(waiting, place, name, len(labels)))
        labels += _labels(waiting, place)
    check_sizes(len(labels), len(labels), name)
    if not has_header and len(set(labels)) == 1:  # the pixel in a corner is black everywhere
        raise DataError(
            f"{name} has no header, and {labels[0]} as the label in the first column of "
            "every line: put the labels there, or name their column label in a header"
        )
    pixels = np.concatenate(blocks).reshape(-1, side, side)
    return Part(pixels, label_array(labels, name))


def _labels(lines: list[str], place: int) -> list[str]:
    return [line.split(",", place + 1)[place].strip(' "') for line in lines]


def _pixels(lines: list[str], place: int, name: str, done: int) -> np.ndarray:
    columns = [column for column in range(lines[0].count(",") + 1) if column != place]
    try:
        values = np.loadtxt(
            lines, np.float32, delimiter=",", quotechar='"', usecols=columns, ndmin=2, comments=None
        )
    except ValueError as error:
        where = f"pictures {done + 1:,} to {done + len(lines):,}"
        raise DataError(f"{name}: a pixel of {where} is no number: {error}") from error
    if not ((values >= 0) & (values <= 255)).all():
        raise DataError(f"{name}: pixels lie between {values.min():g} and {values.max():g}: "
                        "give 0 to 255")  # fmt: skip
    return np.rint(values).astype(np.uint8)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
