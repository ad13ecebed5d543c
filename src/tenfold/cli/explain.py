"""`tenfold explain`."""

import argparse
import sys
from pathlib import Path
from typing import Any

_EPILOG = """\
examples:
  tenfold explain photo.jpg                      a page in explain-photo: open index.html
  tenfold explain --single digit.png --model standard
  tenfold explain digit.png --method occlusion --out why
  tenfold explain digit.png --method change --to 9   what would make a 9 of it

methods: occlusion, change (both work on any model), integrated-gradients, grad-cam (these two
need pip install 'tenfold[train]'). All that can be had, if --method is left out.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "explain",
        parents=[common],
        help="why it read what it read",
        description="Tell why the digits of a picture were read as they were, and what would have "
        "to change. Leaves a page, and each figure as PNG and SVG.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("picture", metavar="PICTURE", help="a file, or - for stdin")
    parser.add_argument(
        "--model", default="reader", metavar="MODEL", help="shipped name or bundle folder; reader"
    )
    parser.add_argument(
        "--method", action="append", default=[], metavar="NAME", dest="methods",
        help="one of the methods below; may be given several times",
    )  # fmt: skip
    parser.add_argument("--single", action="store_true", help="the picture shows one digit")
    parser.add_argument(
        "--to", type=int, metavar="DIGIT", help="turn the answers to this digit; the runner-up"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write; explain-PICTURE if left out"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Explain, write the page, and return what was found as JSON-ready values and as text."""
    from tenfold.cli.read import stdin_bytes
    from tenfold.explaining.explain import explain
    from tenfold.reporting.saving import check_folder

    piped = options.picture == "-"
    out = options.out or Path(f"explain-{'stdin' if piped else Path(options.picture).stem}")
    if not piped:
        check_folder(out, options.picture)
    explanation = explain(
        stdin_bytes() if piped else options.picture,
        options.model,
        methods=options.methods,
        single=options.single,
        target=options.to,
        progress=not options.quiet and sys.stderr.isatty(),
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
    return result, "\n".join([*_text(explanation), str(page)])


def _text(explanation: Any) -> list[str]:
    from tenfold.formatting import percent

    lines = []
    for one in explanation.digits:
        digit, change = one.digit, one.change
        words = f"{digit.digit}{'?' if digit.rejected else ''} ({percent(digit.confidence)})"
        if change is not None and change.turned:
            words += f": {_strokes(change.strokes)} would make it a {change.after}"
        elif change is not None:
            words += f": no few strokes were found that make it a {change.after}"
        lines.append(words)
    return lines


def _strokes(strokes: Any) -> str:
    added = sum(stroke.added for stroke in strokes)
    counts = ((added, "added"), (len(strokes) - added, "rubbed out"))
    parts = [f"{n} stroke{'s' if n > 1 else ''} {verb}" for n, verb in counts if n]
    return " and ".join(parts)
