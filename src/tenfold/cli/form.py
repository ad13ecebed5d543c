"""tenfold form: the fields of very many pages of a form, as one table."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import (
    DEFAULT_MODEL,
    add_engine,
    add_model_option,
    add_workers,
    chosen_engine,
    chosen_model,
    show_progress,
)
from tenfold.errors import UsageError
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
  tenfold form --out answers.csv --report --error 0.5%         after a review of a random sample

`tenfold template` makes form.json. The table has a row for each page: of each field its value and
NAME_confidence; `review` says which fields to look at and why; `error` says why a page was not
read: another form, a blank page, a damaged file. Then the exit code is 1.
The folder answers.csv.pages keeps the answers with a crop of each field.
"""

READING_OPTIONS = {
    "model": DEFAULT_MODEL, "scale": None, "offset": 0.0, "classes": None, "resume": False,
    "workers": None, "engine": "local", "ray_address": None,
}  # fmt: skip
"""Options that say how pages are read, with their defaults."""

_log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    help = "the .json that `tenfold template` wrote"
    add("template", type=Path, nargs="?", metavar="TEMPLATE", help=help)
    add("scans", nargs="*", metavar="SCAN", help="pictures, PDFs, or folders of them")
    help = "the table to write: .csv, .parquet or .xlsx"
    add("--out", type=Path, required=True, metavar="FILE", help=help)
    add_model_option(parser)
    add("--resume", action="store_true", help="continue this table; start if there is none")
    add_workers(parser, "chunks to read at the same time (default: all cores)")
    add_engine(parser, "pages are read")
    report = parser.add_argument_group("after a review")
    help = "estimate the error of the fields that nobody reviewed; needs no TEMPLATE and SCAN"
    report.add_argument("--report", action="store_true", help=help)
    help = "with --report: how many fields to review for an error below this, such as 0.5%%"
    report.add_argument("--error", type=_share, metavar="X", help=help)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Read all pages, and return the counts as JSON-ready values and as text."""
    if options.error is not None and not options.report:
        raise UsageError("--error needs --report")
    if options.report and options.template is None:
        for name, default in READING_OPTIONS.items():
            if getattr(options, name) != default:
                raise UsageError(f"--{name.replace('_', '-')} needs TEMPLATE and SCAN")
        return _report(options)
    if not options.scans:
        missing = "SCAN is" if options.template else "TEMPLATE and SCAN are"
        raise UsageError(f"{missing} missing; see tenfold form --help")
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
    document, text = {"engine": options.engine, **result.to_dict()}, _text(result)
    if options.report:
        estimated, estimated_text = _report(options)
        document, text = {**document, "report": estimated}, f"{text}\n{estimated_text}"
    return document, text


def _report(options: argparse.Namespace) -> tuple[Any, str]:
    from tenfold.forms.answers import open_finished_answers
    from tenfold.forms.corrections import corrections_file, load_corrections
    from tenfold.forms.current_table import is_edited
    from tenfold.forms.estimate import report, report_text

    answers = open_finished_answers(options.out)
    corrections = load_corrections(corrections_file(answers.table))
    if is_edited(answers):
        _log.warning(
            "%s is not as tenfold wrote it; the report is on what was read and reviewed",
            answers.table.name,
        )
    found = report(answers.pages(), corrections, options.error)
    return found.to_dict(), report_text(found, str(options.out))


def _share(text: str) -> float:
    """Return a share written as 0.5% or 0.005: the type of an option."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share such as 0.5% or 0.005")
    return share


def _text(result: "FormsResult") -> str:
    lines = [f"{count(result.pages, 'page')} in {result.table}"]
    if result.read_now:
        lines[0] += f": {result.read_now:,} done in {duration(result.seconds)}"
    else:
        lines[0] += ": all of them were read before"
    lines.append(f"{count(result.fields, 'field')}, {result.review:,} to review")
    if result.errors:
        lines.append(f"{count(result.errors, 'page')} without answers: see the column `error`")
    return "\n".join(lines)
