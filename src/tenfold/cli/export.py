"""`tenfold export`."""

import argparse
import sys
from pathlib import Path
from typing import Any

FORMATS = ("onnx", "litert", "openvino")

_EPILOG = """\
examples:
  tenfold export standard                             exports/standard.onnx
  tenfold export standard --format openvino           needs pip install 'tenfold[export]'
  tenfold export tiny --format litert --quantize      in int8; 'tenfold[train,export]'
  tenfold export runs/standard-seed0-20260101-120000 --out phone --format litert --json

An export that does not read the MNIST test images as the original does is not written.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "export",
        parents=[common],
        help="the network as ONNX, LiteRT or OpenVINO, checked against the original",
        description="Write a model in another format, after its runtime read the 10,000 MNIST "
        "test images and agreed with the original.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="MODEL", help="a shipped name or a bundle folder")
    parser.add_argument(
        "--format", choices=FORMATS, default="onnx", metavar="NAME",
        help="onnx, litert or openvino (default: onnx)",
    )  # fmt: skip
    parser.add_argument(
        "--quantize", action="store_true", help="in int8: a quarter of the room, a little rounded"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("exports"), metavar="DIR",
        help="folder for the files (default: exports)",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Export, and return the figures as JSON-ready values and as text."""
    from tenfold.exporting.export import export_model

    result = export_model(
        options.model,
        options.format,
        quantize=options.quantize,
        out=options.out,
        data_dir=options.data_dir,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    return result, _text(result)


def _text(result: dict[str, Any]) -> str:
    found, accuracy = result["agreement"], result["accuracy"]
    how = "largest difference" if result["precision"] == "float32" else "mean difference"
    difference = found[how.replace(" ", "_")]
    lines = [f"{one['path']}  {one['size_bytes']:,} bytes" for one in result["files"]]
    lines += [
        f"the same digit as the original for {found['same_labels']:.2%} of "
        f"{found['images']:,} test images (at least {found['same_labels_at_least']:.2%})",
        f"{how} of probabilities {difference:.2g} (at most {found['tolerance']:g})",
        f"test accuracy {accuracy['export']:.2%}, the original's {accuracy['original']:.2%}",
    ]
    return "\n".join(lines)
