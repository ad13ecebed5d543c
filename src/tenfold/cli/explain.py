"""tenfold explain: why digits were read as they were, and what would change the answer."""

import argparse
from pathlib import Path
from typing import Any

from tenfold.cli.options import (
    add_model_option,
    add_out,
    add_single,
    chosen_model,
    chosen_out,
    show_progress,
)
from tenfold.formatting import count, percent

HELP = "why a picture was read as it was"
DESCRIPTION = (
    "Show which pixels decided how the digits of a picture were read, and which change would "
    "give another digit. Leaves a page, and each figure as PNG and SVG."
)
EPILOG = """\
examples:
  tenfold explain photo.jpg                      a page in explain-photo: open index.html
  tenfold explain --single digit.png --model standard
  tenfold explain digit.png --method occlusion --out why
  tenfold explain digit.png --method counterfactual --to 9   the change to a 9

Methods: occlusion and counterfactual work on any model; integrated-gradients and grad-cam need
pip install "tenfold[train]". Without --method, all that are available run.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("picture", metavar="PICTURE", help="a file, or - for stdin")
    add_model_option(parser)
    add(
        "--method",
        action="append",
        default=[],
        metavar="NAME",
        dest="methods",
        help="one of the methods below; may be given several times (default: all)",
    )
    add_single(parser)
    help = "the digit that counterfactuals aim at (default: the second most probable)"
    add("--to", type=int, metavar="DIGIT", help=help)
    add_out(parser, "the page and figures", shown="explain-PICTURE")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Explain, write the page, and return the findings as JSON-ready values and as text."""
    from tenfold.cli.read import stdin_bytes
    from tenfold.explaining.explain import explain
    from tenfold.reporting.saving import check_folder

    piped = options.picture == "-"
    out = chosen_out(options, f"explain-{'stdin' if piped else Path(options.picture).stem}")
    if not piped:
        check_folder(out, options.picture)
    explanation = explain(
        stdin_bytes() if piped else options.picture,
        chosen_model(options),
        methods=options.methods,
        single=options.single,
        target=options.to,
        progress=show_progress(options),
    )
    page, *beside = explanation.save(out)
    result = {
        "picture": options.picture,
        "model": options.model,
        "text": explanation.reading.text,
        "digits": [digit.to_dict() for digit in explanation.digits],
        "page": str(page),
        "figures": [str(path) for path in beside],
        "notes": list(explanation.notes),
    }
    return result, "\n".join([*map(_line, explanation.digits), str(page)])


def _line(explained: Any) -> str:
    """Return what was found about one digit."""
    digit, change = explained.digit, explained.counterfactual
    text = f"{digit.digit}{'?' if digit.rejected else ''} ({percent(digit.confidence)})"
    if explained.alone != digit.digit:
        text += f", {explained.alone} if read alone"
    if change is None:
        return text
    if not change.found:
        return f"{text}: no small change was found that makes it {_digit(change.target)}"
    added = sum(stroke.added for stroke in change.strokes)
    counts = ((added, "added"), (len(change.strokes) - added, "erased"))
    strokes = " and ".join(f"{count(n, 'stroke')} {verb}" for n, verb in counts if n)
    return f"{text}: {strokes} would make it {_digit(change.target)}"


def _digit(digit: int) -> str:
    """Return a digit with its article."""
    return f"{'an' if digit == 8 else 'a'} {digit}"
