"""Measure ensembles made of finished runs of their members.

    python benchmarks/train_speed.py --more --plan best=5 --out results/accuracy.json --keep runs
    python benchmarks/ensemble.py --runs runs

The ensemble with seed 0 consists of the networks with seeds 0 to 4: the same that
`tenfold train --recipe ensemble --seed 0` trains; with seed 1 of those with seeds 5 to 9. Writes a
row to results/accuracy.json for each ensemble whose members are all there, and keeps the rows of
others; the seconds are the sum of the members'.
tools/measured_recipes.py and tools/tables.py then bring the figures into the package and the docs.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from train_speed import ACCURACY, write

from tenfold.arrays import TRAIN_IMAGES
from tenfold.classifiers.bundle import META, Bundle, load_bundle, load_classifier
from tenfold.data.mnist import load_mnist
from tenfold.evaluation.evaluate import all_figures
from tenfold.evaluation.metrics import evaluate
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Recipe, count_parameters, member_seeds
from tenfold.recipes.serialization import recipe_from_dict


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="ensemble")
    parser.add_argument(
        "--runs", type=Path, required=True, metavar="DIR", help="folder of the bundles"
    )
    arguments = parser.parse_args()
    recipe = recipe_named(arguments.recipe)
    document = json.loads(ACCURACY.read_text(encoding="utf-8"))
    runs = {run.meta["seed"]: run for run in finished(arguments.runs) if is_member(recipe, run)}
    whole = {seed // recipe.members for seed in runs}
    whole = {one for one in whole if set(member_seeds(recipe, one)) <= set(runs)}
    if not whole:
        parser.error(
            f"{arguments.runs} holds no whole ensemble, such as seeds 0 to {recipe.members - 1}"
        )
    rows = [
        row for row in document["rows"] if row["recipe"] != recipe.name or row["seed"] not in whole
    ]
    for seed in sorted(whole):
        rows.append(row_of(recipe, seed, [runs[own] for own in member_seeds(recipe, seed)]))
        print(rows[-1], flush=True)
    write(ACCURACY, rows, document["machine"], None)


def finished(folder: Path) -> list[Bundle]:
    """Return the bundles below a folder."""
    return [load_bundle(path.parent) for path in sorted(folder.glob(f"*/{META}"))]


def row_of(recipe: Recipe, seed: int, members: list[Bundle]) -> dict[str, Any]:
    """Return the row of one ensemble, in the form of benchmarks/train_speed.py."""
    images, labels = load_mnist("test")
    answers = [load_classifier(member.folder).predict_proba(images) for member in members]
    probabilities = np.mean(answers, axis=0)
    test = all_figures(evaluate(labels, probabilities), labels, probabilities)
    seconds = sum(member.meta["train_seconds"] for member in members)
    return {
        "recipe": recipe.name,
        "seed": seed,
        "parameters": count_parameters(recipe),
        "epochs": recipe.epochs,
        "accuracy": test["accuracy"],
        "corrected": round(test["corrected"]["accuracy"], 6),
        "loss": round(test["loss"], 5),
        "ece": round(test["ece"], 5),
        "train_seconds": round(seconds, 2),
        "command": f"tenfold train --recipe {recipe.name} --seed {seed}",
        "made_of": f"{members[0].meta['recipe']['name']}, seeds "
        f"{members[0].meta['seed']} to {members[-1].meta['seed']}",
    }


def is_member(recipe: Recipe, run: Bundle) -> bool:
    """Return whether a run trained a member of the ensemble."""
    trained = recipe_from_dict(run.meta["recipe"])
    same = replace(trained, name=recipe.name, summary=recipe.summary, members=recipe.members)
    return same == recipe and run.meta["train_images"] == TRAIN_IMAGES


if __name__ == "__main__":
    main()
