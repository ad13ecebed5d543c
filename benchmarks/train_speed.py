"""Measure accuracy and training time of the recipes, side by side.

    python benchmarks/train_speed.py                         all recipes of README's table
    python benchmarks/train_speed.py --more --plan article=5 standard=10    add seeds up to these
    python benchmarks/train_speed.py --more --plan best=10 --out results/accuracy.json --keep runs

Writes results/train_speed.json. Rows of recipes that are trained for accuracy alone go into
results/accuracy.json: they may come from another machine, and their times cannot be compared.

Every training is a whole command in its own process, one after another. The recipes take turns, so
that a slow spell of the machine affects all. Besides tenfold's recipes, the benchmark trains those
of keras.io and tuomaso (benchmarks/recipes/) and the article in plain Keras. Nothing else should
run on the machine. The file is written after each training. tools/measured_recipes.py,
tools/tables.py and tools/speed_plot.py then bring the figures into the package and the docs.

--more keeps the rows in the file and trains only seeds without one. --keep DIR keeps the bundles
as DIR/<recipe>-seed<N>, and takes bundles that are there. The last line on stdout is the summary as
JSON.
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

from tenfold.arrays import TRAIN_IMAGES
from tenfold.classifiers.bundle import META, load_bundle
from tenfold.evaluation.significance import summarize
from tenfold.files import write_json
from tenfold.recipes.recipe import Recipe, count_training_operations
from tenfold.recipes.recipe_file import load_recipe

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "train_speed.json"
ACCURACY = ROOT / "results" / "accuracy.json"
PLAIN_KERAS = "plain-keras"
OTHERS = {
    "keras-io": ["--recipe", "benchmarks/recipes/keras-io.json", "--train-size", "54000"],
    "tuomaso": ["--recipe", "benchmarks/recipes/tuomaso.json"],
}
PLAN = {"article": 3, PLAIN_KERAS: 1, "keras-io": 3, "tuomaso": 5, "standard": 10, "fast": 20,
        "softmax": 3, "mlp": 3, "conv": 3, "article-today": 1}  # fmt: skip
PROTOCOL = (
    "test accuracy of the last epoch; seeds 0 to n-1; the test images are opened once, after "
    "training; corrected is the accuracy with 10 wrong test labels corrected and 5 doubtful ones "
    "left out; the recipes take turns, one process at a time; train_seconds is the wall time of "
    "fit with tracing and augmentation; command_seconds is that of the whole command with imports, "
    "evaluation, bundle and report, with MNIST in the cache; ratio is the article's median divided "
    "by the recipe's; ceiling is the speed of a large matrix product, in billions of additions and "
    "multiplications a second; fraction is the share of it, at the recipe's precision, that the "
    "convolutions and dense layers reach over the whole of fit"
)
ACCURACY_PROTOCOL = (
    "test accuracy of the last epoch; seeds 0 to n-1; the test images are opened once, after "
    "training; for tiny twice: without test-time augmentation, then with it, which validation had "
    "favored; for nano after five seeds, and again after five more; earlier recipes named nano and "
    "reader were measured on them, too; corrected is the accuracy with 10 wrong test labels "
    "corrected and 5 doubtful ones left out; other work ran beside, so the seconds are upper "
    "bounds; best from seed 5 on was paused now and then, and has none"
)


def main() -> None:
    arguments = parse()
    plan = dict(entry.split("=") for entry in arguments.plan) if arguments.plan else PLAN
    counts = {name: int(count) for name, count in plan.items()}
    known = arguments.more and arguments.out.is_file()
    document = json.loads(arguments.out.read_text(encoding="utf-8")) if known else {}
    rows: list[dict[str, Any]] = document.get("rows", [])
    machine: dict[str, Any] = document.get("machine", {})
    ceiling = document.get("ceiling")
    if arguments.out == RESULTS and not ceiling:
        ceiling = measured_ceiling()
    done = {(row["recipe"], row["seed"]) for row in rows}
    for number in range(max(counts.values())):
        for name in [name for name, count in counts.items() if number < count]:
            if (name, number) in done:
                continue
            kept = arguments.keep / f"{name}-seed{number}" if arguments.keep else None
            row, facts = plain_keras(number) if name == PLAIN_KERAS else train(name, number, kept)
            rows.append(row)
            machine = machine or facts or {}
            print(row, file=sys.stderr, flush=True)
            document = write(arguments.out, rows, machine, ceiling)
    document = write(arguments.out, rows, machine, ceiling)
    print(json.dumps({"recipes": document["recipes"]}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", nargs="+", metavar="RECIPE=SEEDS", help="what to train")
    parser.add_argument("--more", action="store_true", help="keep the rows in the file")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the bundles in this folder")
    return parser.parse_args()


def train(name: str, seed: int, kept: Path | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        out = kept or Path(folder) / "run"
        spent = {}
        if not (out / META).is_file():
            words = ["-m", "tenfold", "train", *OTHERS.get(name, ["--recipe", name])]
            words += ["--seed", str(seed), "--out", str(out), "--json", "--quiet"]
            spent = {"command_seconds": round(timed(words)[1], 2)}
        meta = load_bundle(out).meta
    test = meta["test"]
    row = {
        "recipe": name,
        "seed": seed,
        "parameters": meta["parameters"],
        "epochs": meta["epochs"],
        "accuracy": test["accuracy"],
        "corrected": round(test["corrected"]["accuracy"], 6),
        "loss": round(test["loss"], 5),
        "ece": round(test["ece"], 5),
        "train_seconds": meta["train_seconds"],
        **spent,
        "processor": meta["machine"]["processor"],
        "command": meta["command"],
    }
    return row, {**meta["machine"], "versions": meta["versions"], "date": meta["created"][:10]}


def plain_keras(seed: int) -> tuple[dict[str, Any], None]:
    words = ["benchmarks/example.py", "--seed", str(seed)]
    said, seconds = timed(words)
    found = json.loads(said)
    row = {
        "recipe": PLAIN_KERAS,
        "seed": seed,
        **{name: found[name] for name in ("accuracy", "train_seconds")},
        "command_seconds": round(seconds - found["fast_seconds"], 2),
        "command": "python " + " ".join(words),
    }
    return row, None


def timed(words: list[str]) -> tuple[str, float]:
    """Run Python with these arguments; return the last line on stdout, and the seconds it took."""
    start = time.perf_counter()
    # If the command fails, this script ends with the command's message.
    finished = subprocess.run(
        [sys.executable, *words], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    return finished.stdout.splitlines()[-1], time.perf_counter() - start


def measured_ceiling() -> dict[str, float]:
    said, _ = timed(["benchmarks/ceiling.py"])
    return dict(json.loads(said))


def write(
    path: Path,
    rows: list[dict[str, Any]],
    machine: dict[str, Any],
    ceiling: dict[str, float] | None,
) -> dict[str, Any]:
    names = dict.fromkeys(row["recipe"] for row in rows)
    recipes = {name: summary(rows, name, ceiling) for name in names}
    document = {
        "protocol": PROTOCOL if path == RESULTS else ACCURACY_PROTOCOL,
        "machine": machine,
        "ceiling": ceiling,
        "recipes": recipes,
        "rows": rows,
    }
    write_json(path, document)
    return document


def summary(
    rows: list[dict[str, Any]], name: str, ceiling: dict[str, float] | None
) -> dict[str, Any]:
    own = [row for row in rows if row["recipe"] == name]
    spread = vars(summarize([row["accuracy"] for row in own]))
    result: dict[str, Any] = {"accuracy": {name: rounded(value) for name, value in spread.items()}}
    corrected = [row["corrected"] for row in own if "corrected" in row]
    if corrected:
        result["corrected"] = {"mean": rounded(statistics.mean(corrected)), "n": len(corrected)}
    for key in ("train_seconds", "command_seconds"):
        values = [row[key] for row in own if key in row]
        if not values:  # an ensemble made of finished runs has no command of its own
            continue
        middle = median(rows, name, key)
        result[key] = {"median": middle, "min": min(values), "max": max(values)}
        article = median(rows, "article", key)
        if article:
            result[key]["ratio"] = round(article / middle, 2)
    if ceiling and name != PLAIN_KERAS:
        recipe = load_recipe(ROOT / OTHERS[name][1] if name in OTHERS else name)
        speed = operations(recipe, name) / result["train_seconds"]["median"] / 1e9
        result["fraction"] = round(speed / ceiling[recipe.precision], 3)
    return result


def median(rows: list[dict[str, Any]], name: str, key: str) -> float:
    values = [row[key] for row in rows if row["recipe"] == name and key in row]
    return round(statistics.median(values), 2) if values else 0.0


def operations(recipe: Recipe, name: str) -> float:
    """Return the number of additions and multiplications of a whole training."""
    held_back = 6000 if name == "keras-io" else 0
    images = min(recipe.epoch_images, TRAIN_IMAGES - held_back)
    return float(recipe.epochs * images * count_training_operations(recipe))


def rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
