"""tenfold labels: label errors in MNIST, found by confident learning."""

import argparse
from typing import Any

from tenfold.cli.options import (
    add_data,
    add_out,
    add_recipe,
    add_train_size,
    chosen_data,
    show_progress,
)
from tenfold.cli.tables import Column, paragraph, table

HELP = "probable label errors in the training and test images"
DESCRIPTION = (
    "Find probable label errors by confident learning: each image is judged by a network "
    "that was not trained on it. Leaves a page with the images."
)
EPILOG = """\
examples:
  tenfold labels                          four short trainings, then a page
  tenfold labels --out doubtful --json
  tenfold labels --recipe fast            faster and less exact
  tenfold labels --data my-digits/        of data of your own
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_recipe(parser, "standard with three epochs")
    parser.add_argument(
        "--folds",
        type=int,
        default=4,
        metavar="N",
        help="split the training images into N parts; each part is judged by a network trained on "
        "the others (default: 4)",
    )
    add_train_size(parser)
    add_out(parser, "the page, figures and tables", "doubtful-labels")
    add_data(parser)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Find label errors, and return them as JSON-ready values and as text."""
    options.interrupted_hint = "; the same command continues"
    from tenfold.comparing.label_errors import RECIPE, label_errors

    found = label_errors(
        options.recipe or RECIPE,
        folds=options.folds,
        train_size=options.train_size,
        data=chosen_data(options),
        progress=show_progress(options),
    )
    from tenfold.comparing.report import write_doubtful_labels  # imports matplotlib

    page = write_doubtful_labels(found, options.out)
    return found.result | {"page": str(page)}, f"{_text(found.result)}\n\n{page}"


def _text(result: dict[str, Any]) -> str:
    splits = [(split, result[split]) for split in ("train", "test")]
    known, classes = result["test"].get("validated"), result["classes"]
    lines = [
        f"{split}: {part['flagged']} of {part['n']:,} labels are probably wrong "
        f"(accuracy of the networks {part['accuracy']:.2%})"
        for split, part in splits
    ]
    if known:
        lines.append(
            f"of {known['n']} test labels that people found wrong, {known['found']} are among the "
            f"{known['at']} most doubtful"
        )
    lines = [*map(paragraph, lines)]
    for split, part in splits:
        columns = (Column(f"{split} image"), Column("label"), Column("suggested"))
        rows = [
            (row["name"], classes[row["given"]], classes[row["suspected"]])
            for row in part["ranking"][:10]
        ]
        lines += ["", table(columns, rows)]
    return "\n".join(lines)
