"""`tenfold batch`."""

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tenfold.cli.engine import add_engine_options, check_engine_options, ray_engine
from tenfold.errors import UsageError
from tenfold.formatting import count, duration

_EPILOG = """\
examples:
  tenfold batch scans/ read/                  every picture below a folder, on all cores
  tenfold batch scans/ read/ --resume         go on after a kill, or begin
  tenfold batch digits.npy read/              uint8 (n, 28, 28), white on black, as MNIST
  tenfold batch train.parquet read/ --single  a column of encoded pictures, one digit each
  tenfold batch shards/ read/ --engine ray --ray-address auto   on a cluster

IN is a folder, or one file: pictures, .npy, .npz, .parquet, .tar, .tar.gz. OUT becomes a folder of
Parquet files with the columns source, index, text, confidence, digits, error.
The exit code is 1 if a picture could not be read; the others are read.
"""

_log = logging.getLogger(__name__)


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "batch",
        parents=[common],
        help="very many pictures or images",
        description="Read digits in very many pictures or images, and write them as Parquet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("source", metavar="IN", help="a folder, or a file of pictures")
    parser.add_argument("out", metavar="OUT", help="folder to write to")
    parser.add_argument(
        "--model", default="reader", metavar="MODEL", help="shipped name or bundle folder"
    )
    parser.add_argument("--single", action="store_true", help="each picture shows one digit")
    parser.add_argument(
        "--column", metavar="NAME", help="the column of a Parquet file that holds pictures"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with what OUT holds, or begin if it is empty"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="chunks that are read at once (default: all cores)"
    )
    add_engine_options(parser, "chunks are read")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read, and return what there is to say as JSON-ready values and as text."""
    check_engine_options(options)
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"--workers is {options.workers}; it must be at least 1")
    from tenfold.batch.read_batch import read_batch

    options.interrupted_hint = "; go on with the same command and --resume"
    with _engine(options) as engine:
        result = read_batch(
            options.source,
            options.out,
            model=options.model,
            single=options.single,
            column=options.column,
            workers=options.workers,
            resume=options.resume,
            engine=engine,
            progress=not options.quiet and sys.stderr.isatty(),
            tell=lambda error: _log.error("tenfold: %s", error),
        )
    options.partly_failed = result["errors"] > 0
    return {"engine": options.engine, **result}, _text(result)


@contextmanager
def _engine(options: argparse.Namespace) -> Iterator[Any]:
    """Give what reads chunks, with Ray running if it takes that."""
    if options.engine == "local":
        from tenfold.batch.local import run_here

        yield run_here
        return
    with ray_engine(options):
        from tenfold.batch.ray import run_on_ray

        yield run_on_ray


def _text(result: dict[str, Any]) -> str:
    lines = [f"{count(result['pictures'], 'picture')} in {result['out']}"]
    if result["read_now"]:
        lines[0] += (
            f": {count(result['read_now'], 'picture')} read in {duration(result['seconds'])},"
            f" {result['per_second']:,.0f} a second"
        )
    else:
        lines[0] += ": all of them were there"
    if result["errors"]:
        lines.append(f"{result['errors']:,} could not be read; the column `error` says why")
    return "\n".join(lines)
