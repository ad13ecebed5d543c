"""tenfold robustness: accuracy on corrupted digits and on other people's digits."""

import argparse
from pathlib import Path
from typing import Any

from tenfold.cli.options import (
    DEFAULT_MODEL,
    add_data_dir,
    add_model_argument,
    add_out,
    chosen_model,
    show_progress,
)

HELP = "accuracy on corrupted digits and on digits from elsewhere"
DESCRIPTION = (
    "Evaluate a model on the MNIST test images under 15 corruptions, and on your own labeled "
    "pictures."
)
EPILOG = """\
examples:
  tenfold robustness                          the shipped reader under 15 corruptions
  tenfold robustness standard --images 1000   faster and less exact
  tenfold robustness reader --external sets/ --out seen   pictures of your own too; with a figure

The corruptions are those of MNIST-C (arXiv 1906.02337), re-implemented: not the published arrays.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add_model_argument(parser, DEFAULT_MODEL)
    help = "use only the first N test images (default: all 10,000)"
    add("--images", type=int, default=10_000, metavar="N", help=help)
    help = ".npz files (x, y), folders with labels.csv (file, label) or labels.json (file, lines)"
    add("--external", type=Path, metavar="DIR", help=help)
    add_out(parser, "robustness.json and robustness.png")
    add_data_dir(parser)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Measure, and return the figures as JSON-ready values and as text."""
    from tenfold.scoring.robustness import corruption_sheet, measure_robustness

    result = measure_robustness(
        chosen_model(options),
        images=options.images,
        external=options.external,
        data_dir=options.data_dir,
        progress=show_progress(options),
    )
    if options.out:
        from tenfold.files import atomic_path, make_folder, write_json

        make_folder(options.out)
        write_json(options.out / "robustness.json", result)
        with atomic_path(options.out / "robustness.png") as temporary:
            corruption_sheet(result, options.data_dir).save(temporary, "PNG")
    return result, _text(result)


def _text(result: dict[str, Any]) -> str:
    lines = [f"{'accuracy':14}{'network':>9}{'as picture':>12}"]
    rows = [*result["corruptions"], {"corruption": "mean", **result["mean"]}]
    for row in rows:
        name = row["corruption"].replace("_", " ")
        lines.append(f"{name:14}{row['network']:>9.1%}{row['read']:>12.1%}")
    if result["external"]:
        lines += [
            "",
            f"{'set':22}{'n':>6}{'accuracy':>10}{'accepted':>10}{'errors among them':>19}",
        ]
    for row in result["external"]:
        accuracy, error = (
            "-" if row[figure] is None else f"{row[figure]:.1%}"
            for figure in ("accuracy", "accepted_error")
        )
        lines.append(
            f"{row['set']:22}{row['n']:>6}{accuracy:>10}{row['accepted']:>10.1%}{error:>19}"
        )
    return "\n".join(lines)
