"""Batch: reads very many pictures or images, on one machine or many; can be resumed."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tenfold.batch.chunks import Chunk, DamagedFile, Input
from tenfold.batch.output import Output, open_output
from tenfold.batch.planning import PLAN_VERSION, plan, survey_input
from tenfold.batch.worker import Job, PartSummary, read_chunk
from tenfold.classifiers.bundle import fingerprint, shipped_models
from tenfold.classifiers.model_file import Model, as_model_file
from tenfold.errors import MissingExtraError, PictureError, TenfoldError, UsageError
from tenfold.execution.engine import Engine, run_all
from tenfold.execution.local import LocalEngine
from tenfold.reading.shipped import DEFAULT_MODEL

TRIES = 2
"""A chunk whose worker is killed is given to one other worker."""

SHOWN_ERRORS = 5
"""Number of errors that are reported as they come; all are in the column `error`."""


@dataclass(frozen=True)
class BatchResult:
    """What a batch has read.

    Attributes:
        out: The folder of Parquet files.
        model: Shipped name, bundle folder or file.
        pictures: Number of pictures in all parts.
        errors: Number of them that could not be read.
        parts: Number of files.
        read_now: Number of pictures read by this call; others were read before it was resumed.
        seconds: Time of this call.
        per_second: Pictures read per second; None if none were read.
    """

    out: Path
    model: str
    pictures: int
    errors: int
    parts: int
    read_now: int
    seconds: float
    per_second: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as `tenfold batch --json` prints them."""
        return asdict(self) | {"out": str(self.out)}


def read_batch(
    source: str | Path,
    out: str | Path,
    *,
    model: Model = DEFAULT_MODEL,
    single: bool = False,
    column: str | None = None,
    resume: bool = False,
    engine: Engine | None = None,
    progress: bool = False,
    report: Callable[[str], None] | None = None,
) -> BatchResult:
    """Read all pictures of an input, and write a row for each to a folder of Parquet files.

    Every chunk of the input gives one part of the output, written whole or not at all. A batch
    that was interrupted, even by a kill, can be resumed; only the chunks in work are lost.

    Args:
        source: A folder of pictures, .npy, .npz, .parquet and tar files, or one such file.
        out: Folder to write to; made if missing, must be empty otherwise.
        model: Shipped name, bundle folder, or a .keras or .onnx file.
        single: Each picture shows one digit.
        column: The column of Parquet files that holds the pictures; None finds it.
        resume: Resume the batch in `out`, or begin if there is none.
        engine: Where chunks are read, one by each worker. All its machines must see `source` and
            `out` under the same paths. None takes a process for each core of this machine.
        progress: Draw a progress bar on stderr.
        report: Is called with the first few errors.

    Raises:
        UsageError: The input does not exist, or `out` holds something else.
        PictureError: The input is one file, which cannot be read.
        TenfoldError: The model is missing, a worker failed, or the input changed meanwhile.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("reading batches", "batch")
    given, folder = Input(Path(source).resolve(), str(source)), Path(out)
    if given.root.is_dir() and folder.resolve().is_relative_to(given.root):
        raise UsageError(f"{folder} is inside {source}; give a folder outside it")
    # A worker may have another current folder.
    if file := as_model_file(model):
        model = replace(file, path=str(Path(file.path).resolve()))
    elif model not in shipped_models():
        model = str(Path(str(model)).resolve())
    manifest = _manifest(given, model, single=single, column=column)
    _check_first_chunk(given, column)
    with open_output(folder, manifest, resume=resume) as found:
        # If the input was moved since the start, `source` keeps its first path.
        given = Input(given.root, found.manifest["input"])
        job = Job(given, found.folder.resolve(), model, single)
        tally = _Tally(found.manifest["bytes"], progress=progress, report=report)
        missing = _missing(found, given, column, tally)
        with (
            tally.bar,
            nullcontext(engine) if engine else LocalEngine() as where,
            closing(run_all(where, partial(read_chunk, job), missing, tries=TRIES)) as parts,
        ):
            for part in parts:
                tally.add(part)
        if survey_input(given.root).fingerprint != manifest["fingerprint"]:
            raise TenfoldError(f"{source} changed while it was read: some rows may be wrong")
        if not found.finished:
            found.finish(tally.counts())
    return BatchResult(folder, str(model), **tally.counts(), **tally.speed())


def _manifest(given: Input, model: Model, *, single: bool, column: str | None) -> dict[str, Any]:
    survey = survey_input(given.root)
    return {
        "format": PLAN_VERSION,
        "input": given.shown,
        "files": survey.files,
        "bytes": survey.size_bytes,
        "fingerprint": survey.fingerprint,
        "model": str(model),
        "model_sha256": fingerprint(model),
        "single": single,
        "column": column,
    }


def _check_first_chunk(given: Input, column: str | None) -> None:
    """Refuse an input whose first chunk cannot be read, before anything is written."""
    first = next(plan(given.root, column), None)
    if first is None:
        raise UsageError(f"{given.shown} holds no pictures")
    if isinstance(first, DamagedFile):
        if first.needs_option:
            raise UsageError(first.error)
        if not given.root.is_dir() and first.index == 0:
            raise PictureError(first.error)


def _missing(
    found: Output, given: Input, column: str | None, tally: "_Tally"
) -> Iterator[tuple[int, Chunk]]:
    """Yield the number and chunk of every part that does not exist yet; count the others."""
    for number, chunk in enumerate(plan(given.root, column)):
        counts = found.counts(number) if number in found.parts else None
        if counts is None:
            yield number, chunk
        else:
            tally.add_existing(chunk.size_bytes, *counts)


class _Tally:
    """Counts parts, draws the progress bar, and reports the first errors."""

    def __init__(
        self, size_bytes: int, *, progress: bool, report: Callable[[str], None] | None
    ) -> None:
        from tqdm import tqdm

        shape = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}<{remaining}]"
        self.bar = tqdm(
            total=size_bytes, disable=not progress, bar_format=shape, dynamic_ncols=True
        )
        self._report = report
        self._reported = 0
        self._pictures = self._errors = self._parts = self._read_now = 0
        self._start = time.perf_counter()
        self._seconds = 0.0

    def add_existing(self, size_bytes: int, pictures: int, errors: int) -> None:
        """Count a part that exists already."""
        self._pictures += pictures
        self._errors += errors
        self._parts += 1
        if not self.bar.disable:  # it must not count toward the speed
            self.bar.initial += size_bytes
            self.bar.update(size_bytes)

    def add(self, part: PartSummary) -> None:
        """Count a part that was read now."""
        self._pictures += part.rows
        self._errors += part.errors
        self._parts += 1
        self._read_now += part.rows
        self._seconds = time.perf_counter() - self._start
        speed = self._read_now / self._seconds
        self.bar.set_description_str(f"{self._pictures:,} pictures, {speed:,.0f}/s", refresh=False)
        self.bar.update(part.size_bytes)
        if part.errors and self._report and self._reported < SHOWN_ERRORS:
            self._reported += 1
            more = f" (and {part.errors - 1:,} more in this part)" if part.errors > 1 else ""
            self._report(part.first_error + more)

    def counts(self) -> dict[str, int]:
        """Return the totals of all parts."""
        return {"pictures": self._pictures, "errors": self._errors, "parts": self._parts}

    def speed(self) -> dict[str, Any]:
        """Return the number of pictures read by this call, and its time."""
        speed = round(self._read_now / self._seconds, 1) if self._read_now else None
        return {
            "read_now": self._read_now, "seconds": round(self._seconds, 2), "per_second": speed,
        }  # fmt: skip
