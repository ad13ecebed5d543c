"""Batch: digits read from very many pictures or images, in chunks, on one machine or many."""

import importlib.util
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

from tenfold.batch.chunks import Damaged, Place
from tenfold.batch.local import Numbered, run_here
from tenfold.batch.parts import Output, output
from tenfold.batch.planning import PLAN, look_over, plan
from tenfold.batch.working import Done, Job
from tenfold.classifiers.bundle import graph_of, load_bundle, shipped_models
from tenfold.errors import MissingExtraError, PictureError, TenfoldError, UsageError
from tenfold.files import sha256
from tenfold.reading.shipped import DEFAULT_MODEL

Engine: TypeAlias = Callable[[Job, Iterator[Numbered], int | None], Generator[Done]]
"""Where chunks are read: takes what to do, the chunks and a number of workers."""

TOLD = 5
"""So many errors are told as they come; all are in the column `error`."""


def read_batch(
    source: str | Path,
    out: str | Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    single: bool = False,
    column: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    engine: Engine = run_here,
    progress: bool = False,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Read all pictures of an input, and write a row for each to a folder of Parquet files.

    Every chunk of the input gives one part of the output, written whole or not at all. A batch that
    was stopped, however that was, goes on with `resume` and loses no more than the chunks in work.

    Args:
        source: A folder of pictures, .npy, .npz, .parquet and tar files, or one such file.
        out: Folder to write to; made if missing, must be empty otherwise.
        model: Shipped name or bundle folder.
        single: Each picture shows one digit.
        column: Of Parquet files, the one that holds the pictures; None finds it.
        workers: How many chunks are read at once; None takes a worker for each core.
        resume: Go on with what `out` holds; with nothing there, begin.
        engine: Where chunks are read.
        progress: Draw a progress bar on stderr.
        tell: Is called with the first few errors.

    Returns:
        `out`, `model`, `pictures` and `errors` in all parts, `parts`, and of this call `read_now`
        (pictures), `seconds` and `per_second`.

    Raises:
        UsageError: No such input, or `out` holds something else.
        PictureError: The input is one file, and cannot be read at all.
        TenfoldError: The model is missing, a worker failed, or the input changed meanwhile.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("reading batches", "batch")
    if workers is not None and workers < 1:
        raise UsageError(f"workers is {workers}; it must be at least 1")
    place, folder = Place(Path(source).resolve(), str(source)), Path(out)
    if place.root.is_dir() and folder.resolve().is_relative_to(place.root):
        raise UsageError(f"{folder} lies within {source}; give a folder outside it")
    if model not in shipped_models():
        model = Path(model).resolve()  # other machines have other current folders
    manifest = _manifest(place, str(model), single=single, column=column)
    _check_first(place, column)
    with output(folder, manifest, resume=resume) as found:
        # An input that was moved meanwhile is called what it was called at first.
        place = Place(place.root, found.manifest["input"])
        job = Job(place, found.folder.resolve(), str(model), single)
        tally = _Tally(found.manifest["bytes"], progress=progress, tell=tell)
        with (
            tally.bar,
            closing(engine(job, _missing(found, place, column, tally), workers)) as read,
        ):
            for done in read:
                tally.add(done)
        if look_over(place.root).fingerprint != manifest["fingerprint"]:
            raise TenfoldError(f"{source} changed while it was read: some rows may be wrong")
        if not found.finished:
            found.finish(tally.counts())
    return {"out": str(folder), "model": str(model), **tally.counts(), **tally.speed()}


def _manifest(place: Place, model: str, *, single: bool, column: str | None) -> dict[str, Any]:
    survey = look_over(place.root)
    return {
        "format": PLAN,
        "input": place.shown,
        "files": survey.files,
        "bytes": survey.size_bytes,
        "fingerprint": survey.fingerprint,
        "model": model,
        "model_sha256": sha256(graph_of(load_bundle(model))),
        "single": single,
        "column": column,
    }


def _check_first(place: Place, column: str | None) -> None:
    """Refuse an input that cannot be read from its first chunk on, before anything is written."""
    first = next(plan(place.root, column), None)
    if first is None:
        raise UsageError(f"{place.shown} holds no pictures")
    if isinstance(first, Damaged):
        if first.usage:
            raise UsageError(first.error)
        if not place.root.is_dir() and first.index == 0:
            raise PictureError(first.error)


def _missing(
    found: Output, place: Place, column: str | None, tally: "_Tally"
) -> Iterator[Numbered]:
    """Give every chunk that has no part yet, and count the others."""
    for number, chunk in enumerate(plan(place.root, column)):
        counts = found.counts(number) if number in found.parts else None
        if counts is None:
            yield number, chunk
        else:
            tally.add_found(chunk.size_bytes, *counts)


class _Tally:
    """Counts parts, draws the bar, and tells of the first errors."""

    def __init__(
        self, size_bytes: int, *, progress: bool, tell: Callable[[str], None] | None
    ) -> None:
        from tqdm import tqdm

        shape = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}<{remaining}]"
        self.bar = tqdm(
            total=size_bytes, disable=not progress, bar_format=shape, dynamic_ncols=True
        )
        self._tell = tell
        self._told = 0
        self._pictures = self._errors = self._parts = self._read_now = 0
        self._start = time.perf_counter()
        self._seconds = 0.0

    def add_found(self, size_bytes: int, pictures: int, errors: int) -> None:
        """Count a part that was there."""
        self._pictures += pictures
        self._errors += errors
        self._parts += 1
        if not self.bar.disable:  # it says nothing about the speed
            self.bar.initial += size_bytes
            self.bar.update(size_bytes)

    def add(self, done: Done) -> None:
        """Count a part that was read now."""
        self._pictures += done.rows
        self._errors += done.errors
        self._parts += 1
        self._read_now += done.rows
        self._seconds = time.perf_counter() - self._start
        speed = self._read_now / self._seconds
        self.bar.set_description_str(f"{self._pictures:,} pictures, {speed:,.0f}/s", refresh=False)
        self.bar.update(done.size_bytes)
        if done.errors and self._tell and self._told < TOLD:
            self._told += 1
            more = f" (and {done.errors - 1:,} like it)" if done.errors > 1 else ""
            self._tell(done.first_error + more)

    def counts(self) -> dict[str, int]:
        """Return what all parts hold."""
        return {"pictures": self._pictures, "errors": self._errors, "parts": self._parts}

    def speed(self) -> dict[str, float | None]:
        """Return what was read now, in how many seconds."""
        speed = round(self._read_now / self._seconds, 1) if self._read_now else None
        return {
            "read_now": self._read_now, "seconds": round(self._seconds, 2), "per_second": speed,
        }  # fmt: skip
