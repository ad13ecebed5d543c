"""`tenfold batch` in this process and as a command, and the rows it wrote."""

import logging
import sys
from pathlib import Path

import pyarrow.parquet as pq

from tenfold.batch.read_batch import read_batch

ORDER = [("source", "ascending"), ("index", "ascending")]


class InlineEngine:
    """Runs tasks in this process, for tests of anything but engines."""

    workers = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def share(self, value):
        return value

    def start(self, function, *arguments):
        levels = {name: logging.getLogger(name).level for name in ("tenfold", "tensorflow")}
        try:
            return InlineTask(function(*arguments))
        finally:
            for name, level in levels.items():  # the tasks of tune silence their process
                logging.getLogger(name).setLevel(level)

    def wait(self, tasks, timeout):
        return list(tasks)


class InlineTask:
    def __init__(self, value) -> None:
        self.value = value

    def result(self):
        return self.value


def batch(source: Path, out: Path, **options) -> dict:
    options.setdefault("engine", InlineEngine())
    options.setdefault("model", "standard")
    return read_batch(source, out, **options).to_dict()


def rows_of(out: Path) -> list[dict]:
    """All rows by source and index, the sources without their folder."""
    rows = pq.read_table(out).sort_by(ORDER).to_pylist()
    return [row | {"source": Path(row["source"]).name} for row in rows]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tenfold", "batch", *map(str, arguments)]
