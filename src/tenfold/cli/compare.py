"""tenfold compare: networks, SVM, random forest and others on the same images."""

import argparse
from typing import TYPE_CHECKING, Any

from tenfold.arrays import TRAIN_IMAGES
from tenfold.cli.options import (
    add_data,
    add_model_file_options,
    add_out,
    add_train_size,
    chosen_data,
    chosen_model,
    show_progress,
)
from tenfold.cli.tables import Column, table
from tenfold.errors import MissingExtraError, UsageError
from tenfold.formatting import duration

if TYPE_CHECKING:
    from tenfold.classifiers.model_file import Model

HELP = "networks, SVM, random forest and others on the same data: one table, one page"
DESCRIPTION = (
    "Train classifiers on the same training images, evaluate them on the same test images, and "
    "leave a page: accuracy, calibration, corrupted images, training time, speed, size, errors."
)
EPILOG = """\
examples:
  tenfold compare                                   ten classifiers on all 60,000 images: minutes
  tenfold compare --train-size 1000                 faster, with fewer training images
  tenfold compare --classifiers svm,forest,standard --train-size 10000 --out compared
  tenfold compare --classifiers svm,shipped:best,runs/mine --json
  tenfold compare --classifiers svm,knn,standard --data my-digits/
  tenfold compare --classifiers svm,mine.keras --scale 1/255      a network of your own beside it
  tenfold compare --classifiers svm,mymodel:make --train-size 1000     make() in mymodel.py

Classifiers: svm, linear-svm, forest, extra-trees, knn, logistic, boosting, mlp; any recipe, which
is trained; any shipped model, bundle folder, or .keras or .onnx file, which is used as it is. A
name that is both a recipe and a shipped model means the shipped model with all 60,000 images, and
the recipe with fewer or other images; recipe:NAME and shipped:NAME say which.

MODULE:NAME is an object of your own in a Python module of this folder or an installed package, or
a function or class that makes it: a scikit-learn estimator, which is fitted unless it is already,
or any object with predict_proba(images) or predict(images), images uint8 (n, 28, 28).

Finished classifiers are kept in the cache: after an interruption, the same command continues. Those
of MODULE:NAME are computed anew each time, because their code may have changed.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--classifiers",
        metavar="LIST",
        help="names, separated by commas (default: the eight below, fast and recipe:standard)",
    )
    add_train_size(parser)
    add_out(parser, "the page, figures and tables", "compared")
    parser.add_argument(
        "--timings",
        action="store_true",
        help="measure the reading speed again; run nothing else on this machine meanwhile",
    )
    add_data(parser)
    add_model_file_options(parser)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Compare, and return the figures as JSON-ready values and as text."""
    options.interrupted_hint = "; the same command continues"
    from tenfold.comparing.compare import compare
    from tenfold.comparing.finding import DEFAULT, find_contenders

    names = DEFAULT if options.classifiers is None else options.classifiers
    classifiers = _with_files(names.split(","), options)
    try:
        from tenfold.comparing.report import write_comparison
    except MissingExtraError:  # matplotlib: said before the work, and after what else is missing
        find_contenders(classifiers, options.train_size or TRAIN_IMAGES)
        raise MissingExtraError("drawing the comparison", "compare") from None
    comparison = compare(
        classifiers,
        train_size=options.train_size,
        data=chosen_data(options),
        timings=options.timings,
        progress=show_progress(options),
    )
    page = write_comparison(comparison, options.out)
    return comparison.result | {"page": str(page)}, f"{_text(comparison.result)}\n\n{page}"


def _with_files(names: list[str], options: argparse.Namespace) -> "list[Model]":
    """Return the names; files of one's own with what the options say of them.

    Raises:
        UsageError: The options say something, and no name is a file.
    """
    from tenfold.classifiers.model_file import as_model_file

    files = [name for name in names if as_model_file(name.strip())]
    if not files and (options.scale is not None or options.offset or options.classes):
        raise UsageError(
            "--scale, --offset and --classes are for .keras and .onnx files: name one with "
            "--classifiers, or leave them out"
        )
    return [chosen_model(options, name.strip()) if name in files else name for name in names]


def _text(result: dict[str, Any]) -> str:
    rows = result["classifiers"]
    columns = (
        Column("classifier", text=True, wraps=True),
        Column("accuracy"),
        Column("95% interval", rank=1),
        Column("ECE", rank=2),
        Column("MNIST-C"),
        Column("training"),
        Column("one image", rank=3),
        Column("images/s", rank=4),
        Column("size", rank=5),
    )
    cells = []
    for row in rows:
        low, high = row["test"]["accuracy_interval"]
        cells.append((
            row["name"],
            f"{row['test']['accuracy']:.2%}",
            f"{low:.2%} to {high:.2%}",
            f"{row['test']['ece']:.2%}",
            f"{row['mnist_c']['mean']:.1%}",
            "as it is" if row["processor_seconds"] is None else duration(row["train_seconds"]),
            f"{row['latency_ms']['median']:.3g} ms",
            f"{row['images_per_second']:,}",
            "unknown" if row["size_bytes"] is None else f"{row['size_bytes'] / 1000:,.0f} kB",
        ))  # fmt: skip
    return table(columns, cells, more="the page")
