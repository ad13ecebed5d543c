"""tenfold export: a network as ONNX, LiteRT or OpenVINO, checked against the original."""

import argparse
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import (
    add_data,
    add_model_argument,
    add_out,
    chosen_model,
    show_progress,
)
from tenfold.exporting.formats import FORMATS

if TYPE_CHECKING:
    from tenfold.exporting.export import ExportResult

HELP = "the network as ONNX, LiteRT or OpenVINO, checked against the original"
DESCRIPTION = (
    "Write a model in another format. The runtime of that format first reads the test "
    "images and must agree with the original."
)
EPILOG = """\
examples:
  tenfold export standard                             exports/standard.onnx
  tenfold export standard --format openvino           needs pip install "tenfold[export]"
  tenfold export tiny --format litert --quantize      int8; needs "tenfold[train,export]"
  tenfold export runs/standard-seed0-20260101-120000 --out phone --format litert --json

An export that disagrees with the original on the test images is not written.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add_model_argument(parser)
    help = "onnx, litert or openvino (default: onnx)"
    add("--format", choices=FORMATS, default="onnx", metavar="NAME", help=help)
    add("--quantize", action="store_true", help="write int8: a quarter of the size, rounded")
    add_out(parser, "the files", "exports")
    add_data(parser, "what the model was trained on")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Export, and return the figures as JSON-ready values and as text."""
    from tenfold.exporting.export import export

    result = export(
        chosen_model(options),
        options.format,
        quantize=options.quantize,
        out=options.out,
        data=options.data,
        as_=options.as_,
        data_dir=options.data_dir,
        progress=show_progress(options),
    )
    return result.to_dict(), _text(result)


def _text(result: "ExportResult") -> str:
    found = result.agreement
    how = "largest difference" if result.precision == "float32" else "mean difference"
    difference = getattr(found, how.replace(" ", "_"))
    lines = [f"{one.path}  {one.size_bytes:,} bytes" for one in result.files]
    lines += [
        f"same label as the original for {found.same_labels:.2%} of "
        f"{found.images:,} test images (required: {found.same_labels_at_least:.2%})",
        f"{how} of probabilities {difference:.2g} (allowed: {found.tolerance:g})",
        f"test accuracy {result.export_accuracy:.2%}, of the original {result.accuracy:.2%}",
    ]
    return "\n".join(lines)
