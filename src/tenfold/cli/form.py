"""tenfold form: the fields of very many pages of a form, as one table."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import (
    add_engine,
    add_model_option,
    add_workers,
    chosen_engine,
    chosen_model,
    show_progress,
)
from tenfold.formatting import count, duration

if TYPE_CHECKING:
    from tenfold.forms.read_forms import FormsResult

HELP = "the fields of many scanned forms, as a table"
DESCRIPTION = "Read the fields of scanned or photographed pages of one form, as one table."
EPILOG = """\
examples:
  tenfold form form.json scans/ --out answers.csv              every page below a folder
  tenfold form form.json a.jpg b.pdf --out answers.xlsx        photos and PDFs, too
  tenfold form form.json scans/ --out answers.csv --resume     continue after an interruption
  tenfold form form.json scans/ --out answers.parquet --engine ray --ray-address auto

`tenfold template` makes form.json. The table has a row for each page: of each field its value and
NAME_confidence; `review` says which fields to look at and why; `error` says why a page was not
read: another form, a blank page, a damaged file. Then the exit code is 1.
The folder answers.csv.pages keeps the answers with a crop of each field.
"""

_log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("template", type=Path, metavar="TEMPLATE", help="the .json that `tenfold template` wrote")
    add("scans", nargs="+", metavar="SCAN", help="pictures, PDFs, or folders of them")
    help = "the table to write: .csv, .parquet or .xlsx"
    add("--out", type=Path, required=True, metavar="FILE", help=help)
    add_model_option(parser)
    add("--resume", action="store_true", help="continue this table; start if there is none")
    add_workers(parser, "chunks to read at the same time (default: all cores)")
    add_engine(parser, "pages are read")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read all pages, and return the counts as JSON-ready values and as text."""
    options.interrupted_hint = "; continue with the same command and --resume"
    from tenfold.execution.local import LocalEngine

    workers = options.workers
    with chosen_engine(options, lambda: LocalEngine(workers), workers) as engine:
        from tenfold.forms.read_forms import read_forms

        result = read_forms(
            options.template,
            options.scans,
            options.out,
            model=chosen_model(options),
            resume=options.resume,
            engine=engine,
            progress=show_progress(options),
            report=lambda error: _log.error("%s", error),
        )
    options.partly_failed = result.errors > 0
    return {"engine": options.engine, **result.to_dict()}, _text(result)


def _text(result: "FormsResult") -> str:
    lines = [f"{count(result.pages, 'page')} in {result.table}"]
    if result.per_second:
        lines[0] += f": {result.read_now:,} read in {duration(result.seconds)}"
    else:
        lines[0] += ": all of them were read before"
    lines.append(f"{count(result.fields, 'field')}, {result.review:,} to review")
    if result.errors:
        lines.append(f"{count(result.errors, 'page')} not read; the column `error` says why")
    return "\n".join(lines)
