"""Train the recipes side by side, and write down how good they get and how long it takes.

    python benchmarks/train_speed.py                         all, as README's table has it
    python benchmarks/train_speed.py --more --plan article=5 standard=10    go on to so many seeds

Every training is a whole `tenfold train` in a process of its own, one after the other, the
recipes in turn, so that a slow spell of the machine falls on all. Let nothing run beside it.
results/train_speed.json is written after each training, src/tenfold/measured.json at the end. With
--more the rows that are there stay, and only seeds without one are trained. The last line on stdout
is the summary as JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tenfold.bundle import load_bundle
from tenfold.evaluation import summarize
from tenfold.files import write_atomic

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "train_speed.json"
MEASURED = ROOT / "src" / "tenfold" / "measured.json"

PLAN = {"article": 3, "standard": 5, "softmax": 3, "mlp": 3, "conv": 3, "article-today": 1}


def main() -> None:
    arguments = parse()
    plan = dict(entry.split("=") for entry in arguments.plan) if arguments.plan else PLAN
    counts = {recipe: int(count) for recipe, count in plan.items()}
    before = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.more else {}
    rows: list[dict[str, Any]] = before.get("rows", [])
    machine: dict[str, Any] = before.get("machine", {})
    done = {(row["recipe"], row["seed"]) for row in rows}
    for number in range(max(counts.values())):
        for recipe in [name for name, count in counts.items() if number < count]:
            if (recipe, number) in done:
                continue
            row, facts = train(recipe, number)
            rows.append(row)
            machine = facts
            print(row, file=sys.stderr, flush=True)
            write(arguments.out, rows, machine)
    document = write(arguments.out, rows, machine)
    if arguments.out == RESULTS:
        shown = {"machine": name_of(machine), "recipes": document["recipes"]}
        write_atomic(MEASURED, json.dumps(shown, indent=2) + "\n")
    print(json.dumps({"recipes": document["recipes"], "ratio": document["ratio"]}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", nargs="+", metavar="RECIPE=SEEDS", help="instead of the usual")
    parser.add_argument("--more", action="store_true", help="keep the rows that are there")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    return parser.parse_args()


def train(recipe: str, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "tenfold", "train", "--recipe", recipe]
        command += ["--seed", str(seed), "--out", str(out), "--json", "--quiet"]
        start = time.perf_counter()
        # Ends this script with the command's own message if it fails.
        finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
        figures = json.loads(finished.stdout)
        meta = load_bundle(out).meta
    row = {
        "recipe": recipe,
        "seed": seed,
        "parameters": figures["parameters"],
        "epochs": figures["epochs"],
        "accuracy": figures["test"]["accuracy"],
        "loss": round(figures["test"]["loss"], 5),
        "ece": round(figures["test"]["ece"], 5),
        "train_seconds": figures["train_seconds"],
        "command_seconds": round(seconds, 2),
        "command": meta["command"],
    }
    return row, {**meta["machine"], "versions": meta["versions"], "date": meta["created"][:10]}


def write(path: Path, rows: list[dict[str, Any]], machine: dict[str, Any]) -> dict[str, Any]:
    recipes = {name: summary(rows, name) for name in dict.fromkeys(r["recipe"] for r in rows)}
    document = {
        "protocol": "test accuracy of the last epoch; seeds 0 to n-1; the test images are opened "
        "once, after training; recipes in turn, one process at a time; train_seconds is the wall "
        "time of fit with tracing and augmentation, command_seconds that of the whole command "
        "with imports, evaluation, bundle and report, MNIST cached",
        "machine": machine,
        "recipes": recipes,
        "ratio": ratio(recipes),
        "rows": rows,
    }
    write_atomic(path, json.dumps(document, indent=2) + "\n")
    return document


def summary(rows: list[dict[str, Any]], recipe: str) -> dict[str, Any]:
    own = [row for row in rows if row["recipe"] == recipe]
    spread = vars(summarize([row["accuracy"] for row in own]))
    result: dict[str, Any] = {"accuracy": {name: rounded(value) for name, value in spread.items()}}
    for name in ("train_seconds", "command_seconds"):
        values = [row[name] for row in own]
        middle = round(statistics.median(values), 2)
        result[name] = {"median": middle, "min": min(values), "max": max(values)}
    return result


def ratio(recipes: dict[str, Any]) -> dict[str, Any] | None:
    """How many times sooner `standard` is done than `article`, by medians."""
    if not {"article", "standard"} <= set(recipes):
        return None
    return {
        name: round(recipes["article"][name]["median"] / recipes["standard"][name]["median"], 2)
        for name in ("train_seconds", "command_seconds")
    }


def rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def name_of(machine: dict[str, Any]) -> str:
    return f"{machine['cores']} cores of {machine['processor']}"


if __name__ == "__main__":
    main()
