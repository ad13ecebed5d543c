"""The input cut into chunks, the same ones each time."""

from collections.abc import Iterator
from pathlib import Path

from tenfold.batch.arrays import array_chunks
from tenfold.batch.chunks import Chunk
from tenfold.batch.folders import File, Gathering, Survey, files_of, survey
from tenfold.batch.parquet import parquet_chunks
from tenfold.batch.tars import PACKED, PLAIN, tar_chunks
from tenfold.errors import UsageError
from tenfold.imaging.decoding import SUFFIXES

TARS = (PLAIN, *PACKED)
ARRAYS = (".npy", ".npz")
PARQUET = (".parquet",)
ALL = (*SUFFIXES, *ARRAYS, *PARQUET, *TARS)

PLAN = 1
"""Raised when the same input would be cut otherwise: a batch begun before is not gone on with."""


def look_over(root: Path) -> Survey:
    """Return what an input comes to.

    Raises:
        UsageError: There is no such file or folder, or nothing in it that could be read.
        PictureError: A folder in it cannot be read.
    """
    if not root.exists():
        raise UsageError(f"{root} does not exist")
    if not root.is_dir() and not root.name.lower().endswith(ALL):
        raise UsageError(f"{root} is none of: {', '.join(ALL)}, or a folder of these")
    found = survey(files_of(root, ALL))
    if not found.files:
        raise UsageError(f"the folder {root} holds none of: {', '.join(ALL)}")
    return found


def plan(root: Path, column: str | None = None) -> Iterator[Chunk]:
    """Cut an input into chunks, in an order that depends on nothing but the files.

    Args:
        root: A file or a folder that `look_over` took.
        column: Of Parquet files, the one that holds the pictures; None finds it.
    """
    pictures = Gathering()
    for file in files_of(root, ALL):
        path = root / file.name if file.name else root
        if path.name.lower().endswith(SUFFIXES):
            yield from pictures.add(file)
            continue
        yield from pictures.rest()
        yield from _inside(path, file, column)
    yield from pictures.rest()


def _inside(path: Path, file: File, column: str | None) -> Iterator[Chunk]:
    name = path.name.lower()
    if name.endswith(ARRAYS):
        yield from array_chunks(path, file)
    elif name.endswith(PARQUET):
        yield from parquet_chunks(path, file, column)
    else:
        yield from tar_chunks(path, file)
