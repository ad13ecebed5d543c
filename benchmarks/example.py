"""Measure examples/article.py: plain Keras, and the recipe fast right after it.

    python benchmarks/example.py --seeds 3      writes results/article.json
    python benchmarks/example.py --seed 0       prints one line of JSON

Every seed has a process of its own. benchmarks/train_speed.py takes the row of plain Keras from
the second form.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

from tenfold.evaluation.significance import summarize
from tenfold.files import write_json
from tenfold.machine import hardware, versions

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "article.py"
RESULTS = ROOT / "results" / "article.json"
PROTOCOL = (
    "examples/article.py with its own settings, seeds 0 to n-1, each in a process of its own; "
    "accuracy and loss on the 10,000 test images after the last epoch; train_seconds is the wall "
    "time of Keras's fit; fast_seconds is that of tenfold.train('fast') in the same process, with "
    "its evaluation, exports and report; times_faster is train_seconds / fast_seconds"
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the article's example.")
    parser.add_argument("--seeds", type=int, metavar="N", help="measure N seeds, write results/")
    parser.add_argument("--seed", type=int, default=0, help="measure one seed, print it")
    parser.add_argument("--epochs", type=int, default=12, metavar="N", help="epochs, with --seed")
    arguments = parser.parse_args()
    if not arguments.seeds:
        print(json.dumps(measure(arguments.seed, arguments.epochs)))
        return
    rows = []
    for seed in range(arguments.seeds):
        words = [sys.executable, __file__, "--seed", str(seed)]
        finished = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        rows.append({"seed": seed, **json.loads(finished.stdout.splitlines()[-1])})
        print(rows[-1], file=sys.stderr, flush=True)
    write_json(RESULTS, document(rows))


def measure(seed: int, epochs: int = 12) -> dict[str, Any]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    text = EXAMPLE.read_text(encoding="utf-8").replace("12, 500, 0", f"{epochs}, 500, {seed}")
    code = compile(text, EXAMPLE, "exec")
    found: dict[str, Any] = {"__name__": "__main__"}
    # The example leaves a run in the current folder.
    with tempfile.TemporaryDirectory() as folder, chdir(folder), redirect_stdout(sys.stderr):
        exec(code, found)
    if (found["SEED"], found["EPOCHS"]) != (seed, epochs):
        sys.exit(f"{EXAMPLE} sets its seed and epochs in another way")
    return {
        "accuracy": round(found["accuracy"], 6),
        "loss": round(found["loss"], 5),
        "train_seconds": round(found["seconds"], 2),
        "fast_accuracy": found["result"].accuracy,
        "fast_seconds": round(found["fast_seconds"], 2),
        "times_faster": round(found["seconds"] / found["fast_seconds"], 1),
    }


def document(rows: list[dict[str, Any]]) -> dict[str, Any]:
    figures = ("accuracy", "train_seconds", "fast_accuracy", "fast_seconds", "times_faster")
    spreads = {name: vars(summarize([row[name] for row in rows])) for name in figures}
    machine = hardware() | {"backend": "tensorflow", "versions": versions()}
    return {"protocol": PROTOCOL, "machine": machine, **spreads, "rows": rows}


if __name__ == "__main__":
    main()
