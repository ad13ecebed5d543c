"""Reads one chunk of the input, and writes the part of the output that belongs to it."""

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tenfold import __version__
from tenfold.batch.chunks import (
    Chunk,
    Content,
    ImageBlock,
    Input,
    PictureItem,
    Unreadable,
    one_line,
)
from tenfold.batch.output import part_name
from tenfold.batch.output_table import PictureRows, image_rows, schema
from tenfold.classifiers.base import predict_scored
from tenfold.classifiers.bundle import LINE, fingerprint, load_bundle, load_classifier
from tenfold.classifiers.model_file import Model
from tenfold.errors import BundleError, PictureError, UsageError
from tenfold.files import atomic_path, sha256
from tenfold.imaging.decoding import load_pages
from tenfold.imaging.gray import have_light_borders
from tenfold.imaging.picture import Picture
from tenfold.reading.reader import Reader
from tenfold.reading.shipped import DEFAULT_MODEL

ROWS_PER_GROUP = 10_000
"""Rows that are written at once, as one row group."""


@dataclass(frozen=True)
class Job:
    """Output and settings of a batch, as a worker needs them.

    Attributes:
        out: Folder of the parts.
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        reader_sha256: Of `reader_fingerprint`: a worker may have another model of this name.
        single: Each picture shows one digit.
    """

    out: Path
    model: Model
    reader_sha256: str
    single: bool


@dataclass(frozen=True)
class PartSummary:
    """A part that was written.

    Attributes:
        size_bytes: Size of the chunk.
        rows: Number of rows in the part.
        errors: Number of rows with an error.
        first_error: The first error; "" if there is none.
    """

    size_bytes: int
    rows: int
    errors: int
    first_error: str


def read_chunk(job: Job, number: int, given: Input, chunk: Chunk) -> PartSummary:
    """Read a chunk with one thread, and write its part, whole or not at all.

    The network is loaded once in each process.

    Raises:
        BundleError: The model is damaged, or not the one that the batch was begun with.
        OSError: A file of many pictures is gone, or the part cannot be written.
    """
    # Arrow's own allocator reserves 1 GB of addresses, which would hide what reading takes.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    import pyarrow.parquet as pq

    reader = worker_reader(job.model, job.reader_sha256)
    rows = errors = 0
    first_error = ""
    with (
        # `open_output` cleans up, once: the folder may hold very many parts.
        atomic_path(job.out / part_name(number), clean_up=False) as temporary,
        pq.ParquetWriter(temporary, schema(), compression="zstd") as writer,
    ):
        for table in _row_groups(_tables(job, reader, chunk.contents(given))):
            writer.write_table(table)
            rows += len(table)
            found = table.column("error").drop_null()
            errors += len(found)
            first_error = first_error or (found[0].as_py() if len(found) else "")
    return PartSummary(chunk.size_bytes, rows, errors, first_error)


def reader_fingerprint(model: Model) -> str:
    """Return a SHA-256 that changes with the model, the line network and the version of tenfold.

    Raises:
        BundleError: The model's file cannot be read.
        UsageError: There is no such model.
    """
    line = load_bundle(DEFAULT_MODEL).meta["files"].get(LINE)
    return sha256(f"{__version__} {line} {fingerprint(model)}".encode())


@lru_cache(maxsize=1)
def worker_reader(model: Model, expected_sha256: str) -> Reader:
    """Return a reader of one thread, as several processes share the cores.

    It is loaded once for each fingerprint.

    Raises:
        BundleError: The model is damaged, or the reader has another fingerprint.
    """
    import cv2

    cv2.setNumThreads(1)
    reader = Reader(load_classifier(model, threads=1), threads=1)
    if reader_fingerprint(model) != expected_sha256:
        raise BundleError(
            f"{socket.gethostname()} has another model {model}, or another version of tenfold,"
            " than the machine that divides the work: install the same on both"
        )
    return reader


def _row_groups(tables: Iterator[Any]) -> Iterator[Any]:
    """Join small tables to row groups of some thousand rows."""
    import pyarrow as pa

    waiting: list[Any] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= ROWS_PER_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _tables(job: Job, reader: Reader, contents: Iterator[Content]) -> Iterator[Any]:
    rows = PictureRows()

    def read(source: str, index: int, page: Picture) -> None:
        rows.add(source, index, reader.read_picture(page, single=job.single))

    for content in contents:
        if isinstance(content, ImageBlock):
            yield _read_images(reader, content)
        else:
            read_pages(content, read, rows.add_error)
        if len(rows) >= ROWS_PER_GROUP:
            yield rows.pop_table()
    if len(rows):
        yield rows.pop_table()


def _read_images(reader: Reader, block: ImageBlock) -> Any:
    """Read a block of images; dark ink on light is read as a picture of one digit."""
    import pyarrow as pa

    images = block.images
    try:
        scored = predict_scored(reader.classifier, images)
    except UsageError as error:  # the largest value is 1: white may be 1 and not 255
        rows = PictureRows()
        for index in range(block.first, block.first + len(images)):
            rows.add_error(block.source, index, f"{block.source}: {one_line(error)}")
        return rows.pop_table()
    table = image_rows(block.source, block.first, images, scored, reader.threshold)
    light = np.flatnonzero(have_light_borders(images))
    if not light.size:
        return table
    rows = PictureRows()
    for number in light:
        reading = reader.read(images[number], single=True)
        rows.add(block.source, block.first + int(number), reading)
    kept = np.delete(np.arange(len(images)), light)
    return pa.concat_tables([table.take(kept), rows.pop_table()]).sort_by("index")


def read_pages(
    content: PictureItem | Unreadable,
    read: Callable[[str, int, Picture], None],
    failed: Callable[[str, int, str], None],
) -> None:
    """Read a picture, or each page of a PDF or TIFF; one picture must not stop the others.

    Args:
        content: The picture.
        read: Reads a page: its source, its index and its pixels.
        failed: Is told why a page cannot be read: its source, its index and the error.

    Raises:
        BundleError: The model's fault, not the picture's.
        UsageError: A setting's fault.
    """
    if isinstance(content, Unreadable):
        failed(content.source, content.index, content.error)
        return
    name, source, first = content.name, content.source, content.index
    pages = _decoded(content)
    page = next(pages)
    for place in itertools.count():
        following = next(pages, None)  # before the page is read: are there several?
        if following and not (place or content.is_file):
            source, first = f"{source}/{first}", 0
        try:
            if isinstance(page, Exception):
                raise page
            read(source, first + place, page)
        except (BundleError, UsageError):
            raise
        except Exception as error:
            why = str(error)
            if not isinstance(error, PictureError):
                why = f"cannot be read: {type(error).__name__}: {one_line(error)}"
            where = f"page {place + 1} of {name}" if place else name
            failed(source, first + place, why if name in why else f"{where}: {why}")
        if following is None:
            return
        page = following


def _decoded(content: PictureItem) -> Iterator[Picture | Exception]:
    """Yield the pages of a picture; if one cannot be decoded, its error and no more pages."""
    try:
        yield from load_pages(content.picture, name=content.name)
    except Exception as error:
        yield error
