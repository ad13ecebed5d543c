"""tenfold robustness: accuracy on corrupted digits and on other people's digits."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import (
    DEFAULT_MODEL,
    add_data_dir,
    add_model_argument,
    add_out,
    chosen_model,
    show_progress,
)
from tenfold.cli.tables import Column, table

if TYPE_CHECKING:
    from tenfold.scoring.robustness import Robustness

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
    from tenfold.scoring.robustness import corruption_sheet, robustness

    result = robustness(
        chosen_model(options),
        images=options.images,
        external=options.external,
        data_dir=options.data_dir,
        progress=show_progress(options),
    )
    if options.out:
        from tenfold.files import make_folder, write_json
        from tenfold.reporting.saving import save_figure

        make_folder(options.out)
        write_json(options.out / "robustness.json", result.to_dict())
        save_figure(corruption_sheet(result, options.data_dir), options.out / "robustness.png")
    return result.to_dict(), _text(result)


def _text(result: "Robustness") -> str:
    rows = [(row.corruption, row.network, row.read) for row in result.corruptions]
    rows.append(("mean", result.mean_network, result.mean_read))
    corruptions = table(
        (Column("corruption", text=True), Column("accuracy"), Column("accuracy as picture")),
        [(name.replace("_", " "), f"{network:.1%}", f"{read:.1%}") for name, network, read in rows],
    )
    if not result.external:
        return corruptions
    columns = (
        Column("set", text=True, wraps=True),
        Column("n", rank=1),
        Column("accuracy"),
        Column("accepted"),
        Column("errors among accepted"),
    )
    sets = [
        (row["set"], f"{row['n']:,}", _percent(row["accuracy"]), _percent(row["accepted"]),
         _percent(row["accepted_error"]))
        for row in result.external
    ]  # fmt: skip
    return f"{corruptions}\n\n{table(columns, sets)}"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.1%}"
