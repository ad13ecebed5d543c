"""`tenfold labels`."""

import argparse
import sys
from pathlib import Path
from typing import Any

_EPILOG = """\
examples:
  tenfold labels                          four short trainings, then a page
  tenfold labels --out doubtful --json
  tenfold labels --recipe fast            sooner, and rougher
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "labels",
        parents=[common],
        help="doubtful labels of train and test",
        description="Find labels of MNIST that the images speak against, by confident learning on "
        "the answers of networks that did not learn them, and leave a page with pictures.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--recipe", metavar="NAME|FILE",
        help="a recipe or a .json file of one (default: standard, three epochs)",
    )  # fmt: skip
    parser.add_argument(
        "--folds", type=int, default=4, metavar="N",
        help="part the training images into N; each part is read by a network trained on the "
        "others (default: 4)",
    )  # fmt: skip
    parser.add_argument(
        "--train-size", type=int, default=60_000, metavar="N",
        help="take only the first N training images, 1,000 to 60,000",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("doubtful-labels"), metavar="DIR",
        help="folder for the page, pictures and figures (default: doubtful-labels)",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Find them, and return the figures as JSON-ready values and as text."""
    from tenfold.comparing.label_errors import RECIPE, find_doubtful_labels, write_doubtful_labels

    options.interrupted_hint = "; what is done is kept: the same command goes on"
    found = find_doubtful_labels(
        options.recipe or RECIPE,
        folds=options.folds,
        train_size=options.train_size,
        data_dir=options.data_dir,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    page = write_doubtful_labels(found, options.out)
    return found.result | {"page": str(page)}, f"{_text(found.result)}\n{page}"


def _text(result: dict[str, Any]) -> str:
    train, test = result["train"], result["test"]
    known = test["validated"]
    lines = [
        f"{split}: {part['flagged']} of {part['n']:,} labels look wrong "
        f"(networks read {part['accuracy']:.2%})"
        for split, part in (("train", train), ("test", test))
    ]
    lines += [
        f"of {known['n']} test labels that people found wrong, {known['found']} are among the "
        f"{known['at']} most doubtful"
    ]
    for split, part in (("train", train), ("test", test)):
        lines += ["", f"{split:>5} image  given  looks like"]
        lines += [
            f"{row['index']:>11}  {row['given']:>5}  {row['suspected']:>10}"
            for row in part["ranking"][:10]
        ]
    return "\n".join(lines) + "\n"
