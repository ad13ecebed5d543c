"""`tenfold robustness`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

_EPILOG = """\
examples:
  tenfold robustness                          the shipped reader under 15 corruptions
  tenfold robustness standard --images 1000   sooner, and rougher
  tenfold robustness reader --external sets/ --out seen   other hands' digits too; with a picture

The corruptions are MNIST-C's (arXiv 1906.02337), re-made: not the published arrays.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "robustness",
        parents=[common],
        help="corrupted and foreign digits",
        description="Read the MNIST test images under 15 corruptions, and digits of other hands.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "model", nargs="?", default="reader", metavar="MODEL",
        help="a shipped name or a bundle folder; reader if left out",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=int, default=10_000, metavar="N", help="the first N test images; 10,000"
    )
    parser.add_argument(
        "--external", type=Path, metavar="DIR",
        help=".npz files (x, y), folders with labels.csv (file, label) or .json (file, lines)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write robustness.json and robustness.png"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Measure, and return the figures as JSON-ready values and as text."""
    from tenfold.scoring.robustness import corruption_sheet, measure_robustness

    result = measure_robustness(
        options.model,
        images=options.images,
        external=options.external,
        data_dir=options.data_dir,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    if options.out:
        from tenfold.files import atomic_path, make_folder, write_atomic

        make_folder(options.out)
        write_atomic(options.out / "robustness.json", json.dumps(result, indent=2) + "\n")
        with atomic_path(options.out / "robustness.png") as temporary:
            corruption_sheet(result, options.data_dir).save(temporary, "PNG")
    return result, _text(result)


def _text(result: dict[str, Any]) -> str:
    lines = [f"{'corruption':14}{'network':>9}{'as picture':>12}"]
    lines += [
        f"{row['corruption'].replace('_', ' '):14}{row['network']:>9.1%}{row['read']:>12.1%}"
        for row in result["corruptions"]
    ]
    mean = result["mean"]
    lines += [f"{'mean':14}{mean['network']:>9.1%}{mean['read']:>12.1%}"]
    if result["external"]:
        lines += ["", f"{'set':22}{'n':>6}{'right':>8}{'accepted':>10}{'wrong of these':>16}"]
    for row in result["external"]:
        right, wrong = (
            "-" if row[figure] is None else f"{row[figure]:.1%}"
            for figure in ("accuracy", "accepted_error")
        )
        lines.append(f"{row['set']:22}{row['n']:>6}{right:>8}{row['accepted']:>10.1%}{wrong:>16}")
    return "\n".join(lines)
