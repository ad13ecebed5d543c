"""`tenfold evaluate`."""

import argparse
import sys
from pathlib import Path
from typing import Any

_EPILOG = """\
examples:
  tenfold evaluate standard
  tenfold evaluate runs/standard-seed0-20260101-120000 --json
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "evaluate",
        parents=[common],
        help="test-set figures of a bundle or a shipped model",
        description="Read the 10,000 MNIST test images with a model and print how well it did.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="MODEL", help="a shipped name or a bundle folder")
    parser.add_argument(
        "--int8", action="store_true", help="the graph in int8; the small shipped models have one"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Evaluate, and return the figures as JSON-ready values and as text."""
    from tenfold.evaluation.evaluate import evaluate_model

    progress = not options.quiet and sys.stderr.isatty()
    figures = evaluate_model(options.model, options.data_dir, int8=options.int8, progress=progress)
    test = figures["test"]
    low, high = test["accuracy_interval"]
    lines = [
        f"{figures['recipe']}, seed {figures['seed']}, {figures['parameters']:,} parameters",
        f"test accuracy {test['accuracy']:.2%} of {test['n']:,} "
        f"(95% interval {low:.2%} to {high:.2%})",
        f"with 10 wrong labels set right and 5 doubtful ones left out: "
        f"{test['corrected']['accuracy']:.2%} of {test['corrected']['n']:,}",
        f"loss {test['loss']:.4f}, calibration error (ECE) {test['ece']:.2%}",
        "digit  precision  recall      F1  images",
    ]
    lines += [
        f"{score['label']:>5}  {score['precision']:>9.2%} {score['recall']:>7.2%} "
        f"{score['f1']:>7.2%} {score['support']:>7,}"
        for score in test["per_class"]
    ]
    return figures, "\n".join(lines)
