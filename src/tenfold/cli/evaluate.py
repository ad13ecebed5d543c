"""tenfold evaluate: a model's figures on the test images of a data set."""

import argparse
from typing import Any

from tenfold.cli.options import (
    add_data,
    add_model_argument,
    chosen_model,
    show_progress,
)
from tenfold.cli.tables import Column, paragraph, table

HELP = "test-set figures of a model"
DESCRIPTION = "Evaluate a model on test images: those of the data it was trained on, or of others."
EPILOG = """\
examples:
  tenfold evaluate standard                     a shipped model
  tenfold evaluate runs/standard-seed0-20260101-120000 --json    what a training left
  tenfold evaluate standard --data my-digits/   a model on digits of your own
  tenfold evaluate mine.keras --scale 1/255     a network of your own, trained on pixels / 255
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_model_argument(parser)
    help = "evaluate the int8 graph, which the small shipped models have"
    parser.add_argument("--int8", action="store_true", help=help)
    add_data(parser, "what the model was trained on")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Evaluate, and return the figures as JSON-ready values and as text."""
    from tenfold.evaluation.evaluate import evaluate_model

    figures = evaluate_model(
        chosen_model(options),
        options.data_dir,
        data=options.data,
        as_=options.as_,
        int8=options.int8,
        progress=show_progress(options),
    )
    test = figures["test"]
    low, high = test["accuracy_interval"]
    names = figures["classes"]
    of_data = "" if figures["data"] == "MNIST" else f"of {figures['data']} "
    title = options.model
    if figures["recipe"]:
        title = f"{figures['recipe']}, seed {figures['seed']}, {figures['parameters']:,} parameters"
    lines = [
        title,
        f"test accuracy {test['accuracy']:.2%} of {test['n']:,} images "
        f"{of_data}(95% interval {low:.2%} to {high:.2%})",
    ]
    if corrected := test.get("corrected"):
        lines.append(
            f"with 10 wrong labels corrected and 5 ambiguous images removed: "
            f"{corrected['accuracy']:.2%} of {corrected['n']:,} images"
        )
    lines.append(f"loss {test['loss']:.4f}, calibration error (ECE) {test['ece']:.2%}")
    kind = "digit" if names == list("0123456789") else "class"
    columns = [Column(name) for name in (kind, "precision", "recall", "F1", "images")]
    rows = [
        (names[score["label"]], f"{score['precision']:.2%}", f"{score['recall']:.2%}",
         f"{score['f1']:.2%}", f"{score['support']:,}")
        for score in test["per_class"]
    ]  # fmt: skip
    return figures, "\n".join([*map(paragraph, lines), "", table(columns, rows)])
