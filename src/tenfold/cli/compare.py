"""`tenfold compare`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tenfold.formatting import duration

_EPILOG = """\
examples:
  tenfold compare                                   ten classifiers on all 60,000: minutes
  tenfold compare --train-size 1000                 sooner, for the impatient
  tenfold compare --classifiers svm,forest,standard --train-size 10000 --out compared
  tenfold compare --classifiers svm,shipped:best,runs/mine --json

classifiers: svm, linear-svm, forest, extra-trees, knn, logistic, boosting, mlp; any recipe, which
is trained; any shipped model or a run's folder, as it is. Of a name that is both, all 60,000
images mean the shipped model, fewer the recipe; recipe:NAME and shipped:NAME say which.

What is done is kept in the cache, so that a call that was cut off goes on where it was.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "compare",
        parents=[common],
        help="networks, SVM, random forest and others on the same data, one table, one page",
        description="Fit classifiers on the same training images, read the same test images, and "
        "leave a page: accuracy, calibration, corrupted images, seconds, bytes, errors.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--classifiers", metavar="LIST",
        help="names, separated by commas (default: the eight, fast and recipe:standard)",
    )  # fmt: skip
    parser.add_argument(
        "--train-size", type=int, default=60_000, metavar="N",
        help="learn from the first N training images, 100 to 60,000 (default: 60,000)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("compared"), metavar="DIR",
        help="folder for the page, pictures and figures (default: compared)",
    )  # fmt: skip
    parser.add_argument(
        "--timings", action="store_true",
        help="measure again how fast each reads; let nothing run beside it",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Compare, and return the figures as JSON-ready values and as text."""
    from tenfold.comparing.compare import compare, write_comparison
    from tenfold.comparing.contenders import DEFAULT

    options.interrupted_hint = "; what is done is kept: the same command goes on"
    comparison = compare(
        DEFAULT if options.classifiers is None else options.classifiers,
        train_size=options.train_size,
        data_dir=options.data_dir,
        timings=options.timings,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    page = write_comparison(comparison, options.out)
    return comparison.result | {"page": str(page)}, f"{_text(comparison.result)}\n\n{page}"


def _text(result: dict[str, Any]) -> str:
    rows = result["classifiers"]
    width = max(len(row["name"]) for row in rows) + 2
    lines = [
        f"{'':{width}}{'accuracy':>9}{'95% interval':>18}{'ECE':>7}{'MNIST-C':>9}{'fit':>13}"
        f"{'one image':>11}{'images/s':>10}{'size':>11}"
    ]
    for row in rows:
        low, high = row["test"]["accuracy_interval"]
        lines.append(
            f"{row['name']:{width}}{row['test']['accuracy']:>9.2%}"
            f"{f'{low:.2%} to {high:.2%}':>18}{row['test']['ece']:>7.2%}"
            f"{row['mnist_c']['mean']:>9.1%}{duration(row['train_seconds']):>13}"
            f"{row['latency_ms']['median']:>8.3g} ms{row['images_per_second']:>10,}"
            f"{row['size_bytes'] / 1000:>8,.0f} kB"
        )
    return "\n".join(lines)
