"""Train `standard` on data sets that are not MNIST's, as a user gives them.

    python benchmarks/own_data.py [NAME...]

A NAME is that of a set below or the path of a data set; by default all sets below. Each is trained
with the recipe as it comes, for seeds 0 to 2, and evaluated once on its test part. Adds the figures
to results/own_data.json.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tenfold.data.mnist import load_mnist
from tenfold.evaluation.significance import summarize
from tenfold.files import parse_json, write_json
from tenfold.machine import machine_facts
from tenfold.training.train import train

RESULTS = Path(__file__).parent.parent / "results" / "own_data.json"
SEEDS = range(3)


def npz(folder: Path) -> Path:
    """Write the last 20,000 of MNIST's training images as a .npz without a test part."""
    images, labels = load_mnist("train")
    np.savez(folder / "digits.npz", images=images[-20_000:], labels=labels[-20_000:])
    return folder / "digits.npz"


def eight_by_eight(folder: Path) -> Path:
    """Write scikit-learn's 1,797 digits of 8x8 pixels (UCI, from NIST forms of 43 people)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)
    np.savez(folder / "uci.npz", images=pixels, labels=found.target)
    return folder / "uci.npz"


SETS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "npz": ("20,000 of MNIST's training images, .npz", npz),
    "8x8": ("scikit-learn's digits of 8x8 pixels, .npz", eight_by_eight),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SETS), metavar="NAME")
    names = parser.parse_args().names
    try:
        document = parse_json(RESULTS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = {"recipe": "standard", "sets": {}}
    for name in names:
        with TemporaryDirectory() as folder:
            title, write = SETS.get(name, (name, lambda _, name=name: Path(name)))
            document["sets"][name] = {"title": title} | measure(write(Path(folder)), Path(folder))
        document["machine"] = machine_facts()
        write_json(RESULTS, document)


def measure(source: Path, folder: Path) -> dict[str, Any]:
    """Train on a source once for each seed, and return the figures."""
    runs = []
    for seed in SEEDS:
        meta = train("standard", seed=seed, data=source, out=folder / f"seed{seed}").meta
        runs.append(
            {
                "seed": seed,
                "accuracy": meta["test"]["accuracy"],
                "ece": meta["test"]["ece"],
                "train_seconds": meta["train_seconds"],
            }
        )
        print(source.name, runs[-1], flush=True)
    spread = summarize([run["accuracy"] for run in runs])
    return {
        "train_images": meta["train_images"],
        "test_images": meta["test"]["n"],
        "accuracy": {key: getattr(spread, key) for key in ("mean", "sd", "min", "max", "n")},
        "runs": runs,
    }


if __name__ == "__main__":
    main()
