"""Measure the gain of each choice: one setting changed at a time, all else equal.

    python benchmarks/choices.py --folder runs/choices

The article asks which activation, optimizer, learning rate, batch size, dropout and weight decay
are best. This runs `tenfold tune --choices` for the recipe `conv` on fewer images, judged by 5,000
validation images, or resumes it. Writes results/choices.json and docs/images/choices.png. It may
run beside other work.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tenfold.files import write_json
from tenfold.machine import machine_facts
from tenfold.reporting.saving import save_small
from tenfold.tuning.figures import plot_choices

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "choices.json"
PICTURE = ROOT / "docs" / "images" / "choices.png"
SEEDS = 3
WORDS = ["--recipe", "conv", "--train-size", "10000", "--epochs", "3", "--choices", str(SEEDS)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    begun = (folder / "search.json").is_file()
    words = ["--resume", str(folder)] if begun else [*WORDS, "--out", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "tenfold", "tune", *words, "--workers", str(arguments.workers)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    write(json.loads((folder / "trials.json").read_text(encoding="utf-8")))


def write(found: dict[str, Any]) -> None:
    """Write the figures and the picture."""
    plan = found["plan"]
    document = {
        "protocol": "the recipe as it is and one setting changed at a time, the same seeds each; "
        "accuracy on the last validation images of the 60,000 after the last epoch; gain is the "
        "mean difference to the recipe as it is, seed by seed; the test images were not opened",
        "command": "tenfold tune " + " ".join(WORDS),
        "recipe": plan["recipe"]["name"],
        "train_size": plan["train_size"],
        "val_size": plan["val_size"],
        "epochs": plan["recipe"]["epochs"],
        "machine": machine_facts("optuna"),
        **found["choices"],
    }
    write_json(RESULTS, document)
    save_small(plot_choices(document), PICTURE)


if __name__ == "__main__":
    main()
