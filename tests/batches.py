"""`tenfold batch` without processes and as a command, and what it wrote."""

import sys
from pathlib import Path

import pyarrow.parquet as pq

from tenfold.batch.read_batch import read_batch
from tenfold.batch.working import Worker

ORDER = [("source", "ascending"), ("index", "ascending")]


def run_inline(job, chunks, workers):
    """An engine without processes, for tests of anything else."""
    worker = Worker(job)
    for chunk in chunks:
        yield worker.work(*chunk)


def batch(source: Path, out: Path, **options) -> dict:
    options.setdefault("engine", run_inline)
    options.setdefault("model", "tiny")
    return read_batch(source, out, **options)


def rows_of(out: Path) -> list[dict]:
    """All rows by source and index, the sources without their folder."""
    rows = pq.read_table(out).sort_by(ORDER).to_pylist()
    return [row | {"source": Path(row["source"]).name} for row in rows]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tenfold", "batch", *map(str, arguments)]
