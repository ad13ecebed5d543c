"""Batch: reads very many pictures or images, on one machine or many; can be resumed."""

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tenfold.batch.chunks import Input
from tenfold.batch.folders import list_files
from tenfold.batch.parquet import PARQUET_SUFFIX
from tenfold.batch.planning import plan
from tenfold.batch.run import Run, run_batch
from tenfold.batch.worker import Job, read_chunk, reader_fingerprint
from tenfold.classifiers.model_file import Model, as_model_file, shipped_models
from tenfold.errors import MissingExtraError, UsageError
from tenfold.execution.engine import Engine
from tenfold.files import real_path
from tenfold.reading.shipped import DEFAULT_MODEL


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
        DataError: The input does not exist.
        UsageError: It holds nothing that can be read, `column` is given without Parquet files, or
            `out` holds something else.
        PictureError: The input is one file, which cannot be read.
        TenfoldError: The model is missing, a worker failed, or the input changed meanwhile.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("reading batches", "batch")
    given, folder = Input(real_path(source), str(source)), Path(out)
    if given.root.is_dir() and real_path(folder).is_relative_to(given.root):
        raise UsageError(f"{folder} is inside {source}; give a folder outside it")
    model = absolute_model(model)
    facts = _facts(model, single=single, column=column)
    job = partial(Job, model=model, reader_sha256=facts["reader_sha256"], single=single)
    run = Run([given], lambda one: plan(one.root, column), facts)
    found = (given.path(file.name) for file in list_files(given.root, (PARQUET_SUFFIX,)))
    if column is not None and not any(path.suffix.lower() == PARQUET_SUFFIX for path in found):
        raise UsageError(f"{source} holds no {PARQUET_SUFFIX} file: leave out --column")
    counts = run_batch(
        run,
        folder,
        lambda out: partial(read_chunk, job(out)),
        resume=resume,
        engine=engine,
        progress=progress,
        report=report,
    )
    return BatchResult(folder, str(model), **counts)


def absolute_model(model: Model) -> Model:
    """Return a model by an absolute path: a worker may have another current folder."""
    if file := as_model_file(model):
        return file.absolute()
    return model if model in shipped_models() else str(real_path(str(model)))


def _facts(model: Model, *, single: bool, column: str | None) -> dict[str, Any]:
    return {
        "model": str(model),
        "reader_sha256": reader_fingerprint(model),
        "single": single,
        "column": column,
    }
