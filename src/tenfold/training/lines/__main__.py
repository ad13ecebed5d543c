"""The command that trains line.onnx: `python -m tenfold.training.lines FILE`."""

import argparse
import logging
from functools import partial
from pathlib import Path

from tenfold.files import write_atomic
from tenfold.training.lines.train import train_line_network


def main() -> None:
    """Train the line network and write it as an ONNX graph."""
    parser = argparse.ArgumentParser(
        prog="python -m tenfold.training.lines",
        description="Train the network that reads a line of digits without cuts, on strips made "
        "of MNIST's training images and handwriting fonts. About an hour on two cores.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="write the ONNX graph here")
    parser.add_argument("--steps", type=int, default=12_000, metavar="N", help="default: 12,000")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--start", type=Path, metavar="FILE", help="start from this graph")
    parser.add_argument(
        "--freeze", type=int, default=0, metavar="N",
        help="keep the weights of the first N convolutions (default: 0)",
    )  # fmt: skip
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start = options.start.read_bytes() if options.start else None
    save = partial(write_atomic, options.file)
    save(train_line_network(options.steps, options.seed, start, save, options.freeze))


if __name__ == "__main__":
    main()
