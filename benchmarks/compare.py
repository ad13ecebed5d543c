"""Compare classifiers and find doubtful labels, and write what docs/ shows of them.

    python benchmarks/compare.py              take what is in the cache, measure what is missing
    python benchmarks/compare.py --timings    measure again how fast each reads: two minutes, and
                                              let nothing else run
    python benchmarks/compare.py --draw       only draw docs/images again, from results/

Writes results/compare.json, results/labels.json and their figures in docs/images. Wall times of
fits are upper bounds if other work ran at the same time; processor times hardly depend on it.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from tenfold.comparing.compare import compare
from tenfold.comparing.figures import (
    draw_corruptions,
    draw_doubtful,
    draw_own_errors,
    plot_curve,
    plot_ranking,
)
from tenfold.comparing.finding import DEFAULT
from tenfold.comparing.label_errors import label_errors
from tenfold.data.mnist import load_mnist
from tenfold.files import write_atomic
from tenfold.reporting.saving import save_small

ROOT = Path(__file__).parent.parent
CLASSIFIERS = f"{DEFAULT},shipped:best,shipped:reader,shipped:tiny"
PROTOCOL = (
    "seed 0, one fit each on the first train_size training images; the 10,000 test images read "
    "once; mnist_c on the first 1,000 test images; processor_seconds of the fit on all cores "
    "together, without calibrating; latency and images a second in one process"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--timings", action="store_true")
    parser.add_argument("--draw", action="store_true")
    arguments = parser.parse_args()
    if not arguments.draw:
        compared = compare(CLASSIFIERS, timings=arguments.timings, progress=True)
        write("compare", {"protocol": PROTOCOL} | compared.result)
        write("labels", label_errors(progress=True).result)
    draw()


def draw() -> None:
    compared, labels = read("compare"), read("labels")
    test, train = load_mnist("test")[0], load_mnist("train")[0]
    figures: dict[str, Any] = {
        "compare-ranking": plot_ranking(compared),
        "compare-curve": plot_curve(compared),
        "compare-corruptions": draw_corruptions(compared),
        "compare-errors": draw_own_errors(compared, test),
        "labels-train": draw_doubtful(labels, "train", train),
        "labels-test": draw_doubtful(labels, "test", test),
    }
    for name, figure in figures.items():
        save_small(figure, ROOT / "docs" / "images" / f"{name}.png")


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "results" / f"{name}.json").read_text())
    return document


def write(name: str, document: dict[str, object]) -> None:
    write_atomic(ROOT / "results" / f"{name}.json", json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
