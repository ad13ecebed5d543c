"""One worker: reads a chunk of the input, and writes the part of the output that tells of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.batch.chunks import Chunk, Content, Encoded, Images, Place, Unread
from tenfold.batch.rows import PictureRows, image_rows, schema
from tenfold.classifiers.base import predict_scored
from tenfold.classifiers.bundle import graph_of, load_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import PictureError
from tenfold.files import atomic_path
from tenfold.imaging.decoding import load_pages, load_picture, picture_name
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading

LIGHT = 127
"""Mean of an image's outermost pixels above which it is dark ink on light: MNIST's are black."""

ROWS_AT_ONCE = 10_000
"""Rows that are written at once, as a row group."""


@dataclass(frozen=True)
class Job:
    """What a worker must know.

    Attributes:
        place: Where the input lies.
        out: Folder of the parts.
        model: Shipped name or bundle folder.
        single: Each picture shows one digit.
    """

    place: Place
    out: Path
    model: str
    single: bool


@dataclass(frozen=True)
class Done:
    """A part that was written.

    Attributes:
        number: Of the chunk, and in the part's name.
        size_bytes: Of the chunk.
        rows: In the part.
        errors: Rows with an error.
        first_error: The first of these; "" if there is none.
    """

    number: int
    size_bytes: int
    rows: int
    errors: int
    first_error: str


def part_name(number: int) -> str:
    """Return the file name of a part."""
    return f"part-{number:08}.parquet"


class Worker:
    """Reads chunks with one thread, by a network that is loaded once.

    Raises:
        BundleError: No such model, or it is damaged.
    """

    def __init__(self, job: Job) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._job = job
        self._reader = Reader(OnnxClassifier(graph_of(load_bundle(job.model)), threads=1))

    def work(self, number: int, chunk: Chunk) -> Done:
        """Read a chunk and write its part, whole or not at all.

        Raises:
            OSError: A file of many pictures is gone, or the part cannot be written.
        """
        import pyarrow.parquet as pq

        rows = errors = 0
        first_error = ""
        path = self._job.out / part_name(number)
        with (
            atomic_path(path) as temporary,
            pq.ParquetWriter(temporary, schema(), compression="zstd") as writer,
        ):
            for table in self._full_tables(chunk):
                writer.write_table(table)
                rows += len(table)
                bad = table.column("error").drop_null()
                errors += len(bad)
                first_error = first_error or (bad[0].as_py() if len(bad) else "")
        return Done(number, chunk.size_bytes, rows, errors, first_error)

    def _full_tables(self, chunk: Chunk) -> Iterator[Any]:
        """Give the rows in tables of some thousands each."""
        import pyarrow as pa

        waiting: list[Any] = []
        for table in self._tables(chunk):
            waiting.append(table)
            if sum(map(len, waiting)) >= ROWS_AT_ONCE:
                yield pa.concat_tables(waiting)
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting)

    def _tables(self, chunk: Chunk) -> Iterator[Any]:
        rows = PictureRows()
        for content in chunk.contents(self._job.place):
            if isinstance(content, Images):
                yield self._images(content)
            else:
                self._picture(content, rows)
            if len(rows) >= ROWS_AT_ONCE:
                yield rows.table()
        if len(rows):
            yield rows.table()

    def _images(self, content: Images) -> Any:
        import pyarrow as pa

        images = content.images
        scored = predict_scored(self._reader.classifier, images)
        table = image_rows(content.source, content.first, images, scored, self._reader.threshold)
        light = np.flatnonzero(_rim(images) > LIGHT)
        if not light.size:
            return table
        rows = PictureRows()
        for number in light:
            reading = self._reader.read(images[number], single=True)
            rows.add(content.source, content.first + int(number), reading)
        kept = np.delete(np.arange(len(images)), light)
        return pa.concat_tables([table.take(kept), rows.table()]).sort_by("index")

    def _picture(self, content: Content, rows: PictureRows) -> None:
        if isinstance(content, Unread):
            rows.add_error(content.source, content.index, content.error)
            return
        assert isinstance(content, Encoded)
        index = content.index
        try:
            for reading in self._readings(content):
                rows.add(content.source, index, reading)
                index += 1
        except PictureError as error:
            told = str(error)
            if isinstance(content.picture, Path):  # called as the user calls it
                told = told.replace(picture_name(content.picture), content.source)
            rows.add_error(content.source, index, told)
        except Exception as error:  # one picture must not stop the others, whatever it does
            told = " ".join(f"{type(error).__name__}: {error}".split())
            rows.add_error(content.source, index, f"the picture cannot be read: {told}")

    def _readings(self, content: Encoded) -> Iterator[Reading]:
        single = self._job.single
        if not content.pages:
            yield self._reader.read_picture(load_picture(content.picture), single=single)
            return
        for picture in load_pages(content.picture):
            yield self._reader.read_picture(picture, single=single)


def _rim(images: np.ndarray) -> Any:
    """Return the mean of the outermost pixels of each image, 0 to 255."""
    rows = images[:, [0, -1], :].mean(axis=(1, 2), dtype=np.float32)
    columns = images[:, :, [0, -1]].mean(axis=(1, 2), dtype=np.float32)
    return (rows + columns) / 2
