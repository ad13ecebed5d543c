"""`tenfold show`."""

import argparse
import sys
from pathlib import Path
from typing import Any

_EPILOG = """\
examples:
  tenfold show standard                       a page in show-standard: open index.html
  tenfold show tiny --picture photo.jpg       with your own digits on their way through the network
  tenfold show runs/standard-seed0-20260101-120000 --out look

Images grown for the filters need pip install 'tenfold[train]'; without it they are left out.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "show",
        parents=[common],
        help="what a network learned: filters, feature maps, hardest digits",
        description="Look inside a network: filters, what each layer makes of a digit, what "
        "excites a filter most, the test images as it tells them apart, its hardest digits. "
        "Leaves a page, and each figure as PNG and SVG.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="MODEL", help="a shipped name or a bundle folder")
    parser.add_argument(
        "--picture", metavar="FILE", help="a picture with digits; the first test image if left out"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write; show-MODEL if left out"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Look inside, write the page, and return what was written as JSON-ready values and as text."""
    from tenfold.explaining.show import show
    from tenfold.reporting.saving import check_folder

    out = options.out or Path(f"show-{Path(options.model).resolve().name}")
    if options.picture:
        check_folder(out, options.picture)
    look = show(
        options.model,
        picture=options.picture,
        data_dir=options.data_dir,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    page, *beside = look.save(out)
    result = {
        "model": str(options.model),
        "accuracy": look.evaluation.accuracy,
        "page": str(page),
        "figures": [str(path) for path in beside],
        "notes": list(look.notes),
    }
    return result, str(page)
