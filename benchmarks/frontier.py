"""Measure the accuracy that a training time buys: `tenfold train --seconds S`, beside its peers.

    python benchmarks/frontier.py                        all points and peers
    python benchmarks/frontier.py --plan 300=5           add seeds of one point, up to five
    python benchmarks/frontier.py --plan plain-keras=1 --peer-epochs 1    time one epoch

Writes results/frontier.json. Every training is a whole command in its own process, one after
another; points and peers take turns. The file is written after each training, and a run that is
started again goes on where the last one ended. A file from another machine or other versions is
refused: figures of one file are comparable. tools/tables.py and tools/frontier_plot.py bring the
figures into the docs.

--peer-epochs N trains the peers for N epochs only, extrapolates their time, and takes their
accuracy from results/train_speed.json: where a peer's whole training takes too long.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from train_speed import OTHERS, PLAIN_KERAS, ROOT, timed
from train_speed import RESULTS as TRAIN_SPEED

from tenfold.arrays import TRAIN_IMAGES
from tenfold.classifiers.bundle import load_bundle
from tenfold.evaluation.significance import summarize
from tenfold.files import write_json
from tenfold.machine import machine_facts
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe_file import load_recipe

RESULTS = ROOT / "results" / "frontier.json"
PLAN = {"1": 5, "5": 5, "20": 5, "60": 5, "300": 5, "tuomaso": 5, "keras-io": 3, PLAIN_KERAS: 1}
PROTOCOL = (
    "a point is `tenfold train --seconds S`, which measures this machine and chooses a recipe of "
    "the ladder in src/tenfold/training/budget.py; test accuracy of the last epoch; seeds 0 to "
    "n-1; the test images are opened once, after training; points and peers take turns, one "
    "process at a time; train_seconds is the wall time of fit with tracing and augmentation, "
    "without imports and without measuring the speed; command_seconds is that of the whole "
    "command; corrected is the accuracy with 10 wrong test labels corrected and 5 doubtful ones "
    "left out; a peer with timed_epochs trained for these alone: its train_seconds are "
    "extrapolated to all epochs, and its accuracy is that of results/train_speed.json"
)


def main() -> None:
    arguments = parse()
    plan = dict(entry.split("=") for entry in arguments.plan) if arguments.plan else PLAN
    counts = {name: int(count) for name, count in plan.items()}
    machine = machine_facts() | ({"note": arguments.note} if arguments.note else {})
    known = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    check_same_machine(known, machine, arguments.out)
    rows: list[dict[str, Any]] = known.get("rows", [])
    done = {(row["name"], row["seed"]) for row in rows}
    for number in range(max(counts.values())):
        for name in [name for name, count in counts.items() if number < count]:
            if (name, number) in done:
                continue
            rows.append(measured(name, number, arguments.peer_epochs))
            print(rows[-1], file=sys.stderr, flush=True)
            write_json(arguments.out, document(rows, known.get("machine", machine)))
    print(json.dumps(document(rows, machine)["points"]))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--plan", nargs="+", metavar="NAME=SEEDS", help="seconds or peers, and seeds of each"
    )
    parser.add_argument("--peer-epochs", type=int, metavar="N", help="epochs to time of a peer")
    parser.add_argument("--note", metavar="TEXT", help="what else to say of the machine")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    return parser.parse_args()


def check_same_machine(known: dict[str, Any], machine: dict[str, Any], path: Path) -> None:
    """End the script if the file's rows cannot be compared with new ones."""
    for key in ("processor", "cores", "versions"):
        if known and known["machine"][key] != machine[key]:
            sys.exit(f"{path} was measured with other {key}: remove it, or give another --out")


def measured(name: str, seed: int, peer_epochs: int | None) -> dict[str, Any]:
    """Train one point or peer with one seed, and return its row."""
    if name == PLAIN_KERAS:
        return {"name": name, "seed": seed} | plain_keras(seed, peer_epochs)
    if name not in OTHERS:
        return {"name": name, "seed": seed} | trained(["--seconds", name], seed)
    recipe = load_recipe(ROOT / OTHERS[name][1])
    if not peer_epochs:
        return {"name": name, "seed": seed} | trained(OTHERS[name], seed)
    row = trained([*OTHERS[name], "--epochs", str(peer_epochs)], seed)
    return {"name": name, "seed": seed} | extrapolated(row, peer_epochs, recipe.epochs)


def trained(words: list[str], seed: int) -> dict[str, Any]:
    """Run `tenfold train` and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        options = ["--seed", str(seed), "--out", str(out), "--json", "--quiet"]
        _, seconds = timed(["-m", "tenfold", "train", *words, *options])
        meta = load_bundle(out).meta
    test, recipe = meta["test"], meta["recipe"]
    return {
        "recipe": recipe["name"],
        "parameters": meta["parameters"],
        "epochs": meta["epochs"],
        "epoch_images": min(recipe["epoch_images"], meta["train_images"]),
        "accuracy": test["accuracy"],
        "corrected": round(test["corrected"]["accuracy"], 6),
        "loss": round(test["loss"], 5),
        "ece": round(test["ece"], 5),
        "train_seconds": meta["train_seconds"],
        "command_seconds": round(seconds, 2),
        "command": meta["command"],
    }


def plain_keras(seed: int, epochs: int | None) -> dict[str, Any]:
    """Run the article in plain Keras and return its figures."""
    words = ["benchmarks/example.py", "--seed", str(seed)]
    words += ["--epochs", str(epochs)] if epochs else []
    start = time.perf_counter()
    found = json.loads(timed(words)[0])
    row = {
        "accuracy": found["accuracy"],
        "train_seconds": found["train_seconds"],
        "command_seconds": round(time.perf_counter() - start - found["fast_seconds"], 2),
        "command": "python " + " ".join(words),
    }
    return extrapolated(row, epochs, recipe_named("article").epochs) if epochs else row


def extrapolated(row: dict[str, Any], epochs: int, of_epochs: int) -> dict[str, Any]:
    """Return the row of a peer whose time stands for all epochs; it has no accuracy of its own."""
    kept = {name: row[name] for name in ("recipe", "parameters", "command") if name in row}
    seconds = round(row["train_seconds"] * of_epochs / epochs, 2)
    return kept | {"timed_epochs": epochs, "epochs": of_epochs, "train_seconds": seconds}


def document(rows: list[dict[str, Any]], machine: dict[str, Any]) -> dict[str, Any]:
    """Return the file: figures of points and peers, and the rows they come from."""
    names = dict.fromkeys(row["name"] for row in rows)
    figures = {name: summary([row for row in rows if row["name"] == name]) for name in names}
    points = sorted((name for name in names if not is_peer(name)), key=float)
    return {
        "protocol": PROTOCOL,
        "machine": machine,
        "points": {name: figures[name] for name in points},
        "peers": {name: figures[name] for name in names if is_peer(name)},
        "rows": rows,
    }


def is_peer(name: str) -> bool:
    return name in (*OTHERS, PLAIN_KERAS)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one point or peer over its seeds."""
    own = [row["accuracy"] for row in rows if "accuracy" in row]
    seconds = [row["train_seconds"] for row in rows]
    result: dict[str, Any] = {}
    if own:
        result["accuracy"] = rounded(vars(summarize(own)))
    else:
        known = json.loads(TRAIN_SPEED.read_text(encoding="utf-8"))["recipes"]
        result["accuracy"] = known[rows[0]["name"]]["accuracy"]
        result["timed_epochs"] = rows[0]["timed_epochs"]
    corrected = [row["corrected"] for row in rows if "corrected" in row]
    if corrected:
        result["corrected"] = {"mean": round(statistics.mean(corrected), 6), "n": len(corrected)}
    result["train_seconds"] = {
        "median": round(statistics.median(seconds), 2),
        "min": min(seconds),
        "max": max(seconds),
        "n": len(seconds),
    }
    recipes = dict.fromkeys(row["recipe"] for row in rows if "recipe" in row)
    images = [row["epochs"] * row["epoch_images"] for row in rows if "epoch_images" in row]
    if recipes and images:
        result |= {"recipe": " or ".join(recipes), "images": round(statistics.median(images))}
        result["epochs"] = round(result["images"] / TRAIN_IMAGES, 2)
    return result


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in values.items()
    }


if __name__ == "__main__":
    main()
