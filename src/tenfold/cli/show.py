"""tenfold show: what a network learned, as a page of pictures."""

import argparse
from typing import Any

from tenfold.cli.options import (
    add_data,
    add_model_argument,
    add_out,
    chosen_model,
    chosen_out,
    show_progress,
)

HELP = "what a network learned: filters, feature maps, hardest digits"
DESCRIPTION = (
    "Look inside a network: its filters, the feature maps of a digit, the image patches that "
    "activate each filter most, a map of the test images, the hardest digits. Leaves a page, and "
    "each figure as PNG and SVG."
)
EPILOG = """\
examples:
  tenfold show standard                       a page in show-standard: open index.html
  tenfold show tiny --picture photo.jpg       the feature maps of your own digits
  tenfold show runs/standard-seed0-20260101-120000 --out look

Images synthesized for the filters need pip install "tenfold[train]", and the map of the test images
"tenfold[compare]"; without these packages they are omitted.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_model_argument(parser, what="a shipped model, a bundle folder, or a .keras file")
    help = "a picture with digits (default: the first test image)"
    parser.add_argument("--picture", metavar="FILE", help=help)
    add_out(parser, "the page and figures", shown="show-MODEL")
    add_data(parser, "what the model was trained on")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Look inside, write the page, and return its files as JSON-ready values and as text."""
    from tenfold.explaining.show import show
    from tenfold.files import real_path
    from tenfold.reporting.saving import check_folder

    out = chosen_out(options, f"show-{real_path(options.model).name}")
    if options.picture:
        check_folder(out, options.picture)
    look = show(
        chosen_model(options),
        picture=options.picture,
        data=options.data,
        as_=options.as_,
        data_dir=options.data_dir,
        progress=show_progress(options),
    )
    page, *beside = look.save(out)
    result = {
        "model": options.model,
        "accuracy": look.evaluation.accuracy,
        "page": str(page),
        "figures": [str(path) for path in beside],
        "notes": list(look.notes),
    }
    return result, str(page)
