"""Compare classifiers and find doubtful labels, and write what docs/ shows of it.

    python benchmarks/compare.py              what is in the cache, and all that is missing
    python benchmarks/compare.py --timings    measure again how fast each reads: two minutes, and
                                              let nothing run beside

Writes results/compare.json, results/labels.json and their pictures in docs/images. Times of fits
are upper bounds if other work ran beside; seconds of processor time hardly depend on that.
"""

import argparse
import json
from pathlib import Path

from tenfold.comparing import figures
from tenfold.comparing.compare import compare
from tenfold.comparing.contenders import DEFAULT
from tenfold.comparing.label_errors import find_doubtful_labels
from tenfold.comparing.label_report import plot_doubtful
from tenfold.files import atomic_path, write_atomic

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
    arguments = parser.parse_args()
    compared = compare(CLASSIFIERS, timings=arguments.timings, progress=True)
    write("compare", {"protocol": PROTOCOL} | compared.result)
    drawn = {
        "compare-ranking": figures.plot_ranking(compared.result),
        "compare-curve": figures.plot_curve(compared.result),
        "compare-corruptions": figures.plot_corruptions(compared.result),
        "compare-errors": figures.plot_own_errors(compared.result, compared.images),
    }
    found = find_doubtful_labels(progress=True)
    write("labels", found.result)
    for split, images in found.images.items():
        drawn[f"labels-{split}"] = plot_doubtful(found.result, split, images)
    for name, figure in drawn.items():
        with atomic_path(ROOT / "docs" / "images" / f"{name}.png") as temporary:
            figure.savefig(temporary, format="png", dpi=100)


def write(name: str, document: dict[str, object]) -> None:
    write_atomic(ROOT / "results" / f"{name}.json", json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
