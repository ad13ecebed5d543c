"""Divides the input into chunks, always the same ones."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tenfold.batch.arrays import ARRAY_SUFFIXES, array_chunks
from tenfold.batch.chunks import Chunk, DamagedFile, Input, one_line
from tenfold.batch.folders import File, Survey, list_files, picture_chunks, survey
from tenfold.batch.parquet import PARQUET_SUFFIX, parquet_chunks
from tenfold.batch.tars import TAR_SUFFIXES, tar_chunks
from tenfold.errors import DataError, UsageError
from tenfold.files import is_special
from tenfold.imaging.decoding import SUFFIXES

ALL_SUFFIXES = (*SUFFIXES, *ARRAY_SUFFIXES, PARQUET_SUFFIX, *TAR_SUFFIXES)

PLAN_VERSION = 2
"""Raise it when an input is divided in another way: batches begun before cannot be resumed."""


def survey_input(given: Input) -> Survey:
    """Count and hash the files of an input.

    Raises:
        DataError: The file or folder does not exist.
        UsageError: It holds nothing that can be read.
        PictureError: A folder in it cannot be read.
    """
    root, shown = given.root, given.shown
    if not root.exists():
        raise DataError(f"{shown} does not exist")
    if is_special(root):
        raise UsageError(
            f"{shown} is a FIFO, a socket or a device; give a regular file or a folder"
        )
    known = ", ".join(ALL_SUFFIXES)
    if not root.is_dir() and not root.name.lower().endswith(ALL_SUFFIXES):
        raise UsageError(f"{shown} has none of the suffixes {known}, and is no folder")
    found = survey(list_files(root, ALL_SUFFIXES, shown))
    if not found.files:
        raise UsageError(f"the folder {shown} holds no files with one of the suffixes {known}")
    return found


def plan(root: Path, column: str | None = None, *, most: int | None = None) -> Iterator[Chunk]:
    """Divide an input into chunks, in an order that depends on nothing but the files.

    Args:
        root: A file or folder that `survey_input` accepts.
        column: The column of Parquet files that holds the pictures; None finds it.
        most: Most picture files in a chunk; see `groups`.
    """

    def path_of(file: File) -> Path:
        return root / file.name if file.name else root

    def is_picture(file: File) -> bool:
        return path_of(file).name.lower().endswith(SUFFIXES)

    for pictures, files in groupby(list_files(root, ALL_SUFFIXES), is_picture):
        if pictures:
            yield from picture_chunks(files, most)
            continue
        for file in files:
            yield from _chunks_or_damage(path_of(file), file, column)


def _chunks_or_damage(path: Path, file: File, column: str | None) -> Iterator[Chunk]:
    """Yield the chunks of a file of many pictures; one damaged file must not stop the others."""
    try:
        yield from _chunks_inside(path, file, column)
    except Exception as error:
        why = f"{path.name} cannot be read: {one_line(error)}"
        yield DamagedFile(file.name, why, size_bytes=file.size_bytes)


def _chunks_inside(path: Path, file: File, column: str | None) -> Iterator[Chunk]:
    name = path.name.lower()
    if name.endswith(ARRAY_SUFFIXES):
        return array_chunks(path, file)
    if name.endswith(PARQUET_SUFFIX):
        return parquet_chunks(path, file, column)
    return tar_chunks(path, file)
