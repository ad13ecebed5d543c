"""Data sets as folders of pictures: a folder for each class, or a labels.csv."""

import csv
from functools import partial
from pathlib import Path

import numpy as np

from tenfold.data.parts import Layout, Part, check_sizes, one_line_errors
from tenfold.errors import DataError
from tenfold.files import MAC_METADATA, is_special
from tenfold.imaging.decoding import SUFFIXES

LABELS = "labels.csv"
PARTS = {"train": ("train", "training"), "test": ("test", "testing")}
"""Folders of the parts, above the folders of the classes."""


def folder_layout(folder: Path) -> Layout:
    """Return the parts of a folder of pictures.

    Args:
        folder: Holds a folder for each class, named as the class; or `labels.csv` with the columns
            file and label; or the folders train and test, each of either kind.

    Raises:
        DataError: It holds neither.
    """
    found: Layout = {}
    for part, names in PARTS.items():
        below = next((folder / name for name in names if (folder / name).is_dir()), None)
        if below and not (folder / LABELS).is_file():
            found[part] = partial(_read, below)
    return found if "train" in found else {"train": partial(_read, folder)}


def _read(folder: Path) -> Part:
    if (folder / LABELS).is_file():
        return _from_table(folder)
    paths: list[Path] = []
    labels: list[str] = []
    classes = [one for one in sorted(folder.iterdir()) if one.is_dir() and one.name[0] not in "._"]
    for one in classes:
        pictures = [path for path in sorted(one.rglob("*")) if _is_picture(path)]
        if not pictures:
            raise DataError(f"{one} holds no pictures: remove it, or give {', '.join(SUFFIXES)}")
        paths += pictures
        labels += [one.name] * len(pictures)
    if not paths:
        raise DataError(
            f"{folder} holds no data set: give a folder of pictures for each class, or pictures "
            f"with a {LABELS} of the columns file and label"
        )
    return _part(folder, paths, labels)


def _from_table(folder: Path) -> Part:
    table = folder / LABELS
    paths, labels = [], []
    with one_line_errors(str(table)), table.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"file", "label"} - set(rows.fieldnames or ())
        if missing:
            raise DataError(f"{table} lacks the column {min(missing)}: give file and label")
        for row in rows:
            if not row["file"] or not row["label"]:
                raise DataError(f"{table}: line {rows.line_num} lacks a file or a label")
            paths.append(folder / row["file"])
            labels.append(row["label"].strip())
    absent = next((path for path in paths if not path.is_file()), None)
    if absent:
        raise DataError(f"{table} names {absent}, which does not exist")
    return _part(folder, paths, labels)


def _part(folder: Path, paths: list[Path], labels: list[str]) -> Part:
    check_sizes(len(paths), len(labels), str(folder))
    return Part(paths, np.array(labels), [str(path.relative_to(folder)) for path in paths])


def _is_picture(path: Path) -> bool:
    named = path.suffix.lower() in SUFFIXES and not path.name.startswith(MAC_METADATA)
    return named and path.is_file() and not is_special(path)
