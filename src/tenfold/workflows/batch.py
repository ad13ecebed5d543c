"""Batch: digits read from very many pictures or images, in chunks, on one machine or many."""

import importlib.util
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

from tenfold.batch.chunks import Chunk, Damaged, Place
from tenfold.batch.local import Numbered, run_here
from tenfold.batch.parts import Output, output
from tenfold.batch.planning import PLAN, look_over, plan
from tenfold.batch.working import Done, Job
from tenfold.bundle import graph_of, load_bundle, shipped_models
from tenfold.errors import MissingExtraError, PictureError, UsageError
from tenfold.files import sha256
from tenfold.reading import DEFAULT_MODEL

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
        totals = dict.fromkeys(("pictures", "errors", "parts", "read_now"), 0)
        start = time.perf_counter()
        _read_all(
            found,
            job,
            plan(place.root, column),
            totals,
            engine,
            workers,
            progress=progress,
            tell=tell,
        )
        seconds = time.perf_counter() - start
        if look_over(place.root).fingerprint != manifest["fingerprint"]:
            raise PictureError(f"{source} changed while it was read: some rows may be wrong")
        if not found.finished:
            found.finish({name: totals[name] for name in ("pictures", "errors", "parts")})
    speed = round(totals["read_now"] / seconds, 1) if totals["read_now"] else None
    return {
        "out": str(folder), "model": str(model), **totals,
        "seconds": round(seconds, 2), "per_second": speed,
    }  # fmt: skip


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


def _read_all(
    found: Output,
    job: Job,
    chunks: Iterator[Chunk],
    totals: dict[str, int],
    engine: Engine,
    workers: int | None,
    *,
    progress: bool,
    tell: Callable[[str], None] | None,
) -> None:
    """Have every chunk read that has no part yet, and count rows, errors and parts."""
    from tqdm import tqdm

    told = 0
    shape = "{percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
    with tqdm(
        total=found.manifest["bytes"], disable=not progress, bar_format=shape, dynamic_ncols=True
    ) as bar:

        def missing() -> Iterator[Numbered]:
            for number, chunk in enumerate(chunks):
                counts = found.counts(number) if number in found.parts else None
                if counts is None:
                    yield number, chunk
                    continue
                totals["pictures"] += counts[0]
                totals["errors"] += counts[1]
                totals["parts"] += 1
                if progress:  # what was there already says nothing about the speed
                    bar.initial += chunk.size_bytes
                    bar.update(chunk.size_bytes)

        with closing(engine(job, missing(), workers)) as coming:
            start = time.perf_counter()
            for done in coming:
                totals["pictures"] += done.rows
                totals["read_now"] += done.rows
                totals["errors"] += done.errors
                totals["parts"] += 1
                speed = totals["read_now"] / (time.perf_counter() - start)
                bar.set_postfix_str(
                    f"{totals['pictures']:,} pictures, {speed:,.0f}/s", refresh=False
                )
                bar.update(done.size_bytes)
                if done.errors and tell and told < TOLD:
                    told += 1
                    more = f" (and {done.errors - 1:,} like it)" if done.errors > 1 else ""
                    tell(done.first_error + more)
