"""tenfold score: accuracy on your own labeled pictures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import add_model_option, add_out, chosen_model, show_progress
from tenfold.formatting import count, percent

if TYPE_CHECKING:
    from tenfold.scoring.score import Score

HELP = "accuracy on your own labeled pictures"
DESCRIPTION = (
    "Read labeled pictures of digits or numbers, and count the errors: accuracy with its interval, "
    "and the error rate at each coverage."
)
EPILOG = """\
examples:
  tenfold score my_digits/                 folders 0 to 9 of pictures of one digit
  tenfold score receipts/ --out scored     with labels.csv; scored/index.html shows the failures
  tenfold score my_digits/ --model mine/ --json

labels.csv has the columns file and label. A label of several digits is a number.
"""

LISTED = 10
"""Failures in the text; the page and `--json` have all."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    help = "folders named by label, or a folder with labels.csv or labels.json, or an .npz (x, y)"
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=help)
    add_model_option(parser)
    add_out(parser, "a page with the failures")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Score, and return the figures as JSON-ready values and as text."""
    from tenfold.reporting.saving import check_folder
    from tenfold.scoring.score import score

    if options.out:
        check_folder(options.out, options.folder / "labels.csv")
        from tenfold.scoring.report import write_score  # imports matplotlib, which may be missing
    found = score(options.folder, chosen_model(options), progress=show_progress(options))
    document, text = found.to_dict(), _text(found)
    if options.out:
        page = write_score(found, options.out)
        document["page"] = str(page)
        text += f"\n\n{page}"
    return document, text


def _text(found: "Score") -> str:
    low, high = found.accuracy_interval
    own = found.accepted
    lines = [
        f"accuracy {found.accuracy:.1%} of {count(found.n, 'picture')} "
        f"(95% interval {low:.1%} to {high:.1%})",
        f"accepted at the model's threshold: {own.coverage:.1%}"
        + ("" if own.error_rate is None else f"; {own.error_rate:.1%} of these are wrong"),
        "",
        "coverage  accepted  errors  error rate     95% interval",
    ]
    lines += [
        f"{row.coverage:>8.1%}  {row.n:>8,}  {row.errors:>6,}  {row.error_rate:>10.2%}  "
        f"{row.interval[0]:.2%} to {row.interval[1]:.2%}"
        for row in found.coverages
        if row.interval is not None
    ]
    for name, rows in (("digit", found.labels), ("kind", found.kinds)):
        if rows:
            width = max(len(name), *(len(row.label) for row in rows))
            lines += ["", f"{name:>{width}}  pictures  errors"]
            lines += [f"{row.label:>{width}}  {row.n:>8,}  {row.errors:>6,}" for row in rows]
    if found.failures:
        lines += ["", "read wrong, accepted ones first:"]
    for failure in found.failures[:LISTED]:
        read = failure.error or f"{failure.read or 'nothing'} ({percent(failure.confidence)})"
        label = failure.label.replace("\n", " / ") or "blank"
        lines.append(f"  {failure.file}: {label} read as {read.replace(chr(10), ' / ')}")
    if len(found.failures) > LISTED:
        lines.append(f"  and {len(found.failures) - LISTED} more")
    return "\n".join(lines)
