"""tenfold batch: digits in very many pictures, written as Parquet."""

import argparse
import logging
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import (
    add_engine,
    add_model_option,
    add_single,
    add_workers,
    chosen_engine,
    chosen_model,
    show_progress,
)
from tenfold.formatting import count, duration

if TYPE_CHECKING:
    from tenfold.batch.read_batch import BatchResult

HELP = "digits in very many pictures or images, as Parquet"
DESCRIPTION = "Read the digits in very many pictures or images, and write them as Parquet."
EPILOG = """\
examples:
  tenfold batch scans/ read/                  every picture below a folder, on all cores
  tenfold batch scans/ read/ --resume         continue after an interruption, or start
  tenfold batch digits.npy read/              uint8 (n, 28, 28), white on black, like MNIST
  tenfold batch train.parquet read/ --single  a column of encoded pictures, one digit each
  tenfold batch shards/ read/ --engine ray --ray-address auto   on a cluster

IN is a folder or one file: a picture, .npy, .npz, .parquet, .tar or .tar.gz. OUT becomes a folder
of Parquet files with the columns source, index, text, confidence, digits and error.
If a picture cannot be read, the others are read and the exit code is 1.
"""

_log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("source", metavar="IN", help="a folder, or a file of pictures")
    add("out", metavar="OUT", help="folder to write to")
    add_model_option(parser)
    add_single(parser)
    add("--column", metavar="NAME", help="the column of a Parquet file that holds the pictures")
    add("--resume", action="store_true", help="continue what OUT holds; start if OUT is empty")
    add_workers(parser, "chunks to read at the same time (default: all cores)")
    add_engine(parser, "chunks are read")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read all pictures, and return the counts as JSON-ready values and as text."""
    options.interrupted_hint = "; continue with the same command and --resume"
    from tenfold.execution.local import LocalEngine

    workers = options.workers
    with chosen_engine(options, lambda: LocalEngine(workers), workers) as engine:
        from tenfold.batch.read_batch import read_batch

        result = read_batch(
            options.source,
            options.out,
            model=chosen_model(options),
            single=options.single,
            column=options.column,
            resume=options.resume,
            engine=engine,
            progress=show_progress(options),
            report=lambda error: _log.error("%s", error),
        )
    options.partly_failed = result.errors > 0
    return {"engine": options.engine, **result.to_dict()}, _text(result)


def _text(result: "BatchResult") -> str:
    lines = [f"{count(result.pictures, 'picture')} in {result.out}"]
    if result.read_now:
        lines[0] += f": {count(result.read_now, 'picture')} read in {duration(result.seconds)}"
        if result.per_second and result.per_second >= 1:
            lines[0] += f", {result.per_second:,.0f} per second"
    else:
        lines[0] += ": all of them were read before"
    if result.errors:
        lines.append(f"{result.errors:,} could not be read; the column `error` says why")
    return "\n".join(lines)
