"""Write the tables of README and docs from results/.

    python tools/tables.py

A table is between the lines `<!-- table: NAME -->` and `<!-- end -->`. A test checks that every
table is as this script writes it.
"""

import ast
import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import batch_tables
import frontier_tables
import inference_tables
import looking_tables
import reading_tables
import reliability_tables
import serving_tables
import tuning_tables
from markdown import table
from measured_recipes import machine_of
from measured_results import read

from tenfold.files import write_atomic
from tenfold.formatting import duration
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.recipe import count_operations, count_parameters, count_training_operations

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PLACE = re.compile(r"(<!-- table: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    for page in PAGES:
        write_atomic(page, filled(page.read_text(encoding="utf-8")))


def filled(text: str) -> str:
    """Return a page with its tables written from results/."""
    return PLACE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


SHOWN = {
    "plain-keras": "the article on plain Keras",
    "article": "`article`",
    "keras-io": "keras.io's convnet",
    "tuomaso": "tuomaso's, re-implemented",
    "standard": "`standard`",
    "fast": "`fast`",
}


def train_speed() -> str:
    results = read("train_speed")
    headings = (
        "recipe | test accuracy, mean over n seeds | sd, points | min to max, % | "
        "training time | time of the whole command | speed-up"
    )
    rows = []
    for name, shown in SHOWN.items():
        found = results["recipes"][name]
        accuracy, fit = found["accuracy"], found["train_seconds"]
        rows.append(
            [
                shown,
                f"{100 * accuracy['mean']:.2f}% (n = {accuracy['n']})",
                *spread(accuracy),
                duration(fit["median"]),
                duration(found["command_seconds"]["median"]),
                "" if name == "article" else f"{fit['ratio']:.3g} times",
            ]
        )
    machine = results["machine"]
    command = results["recipes"]["fast"]["command_seconds"]["ratio"]
    return table(
        headings,
        rows,
        "Times are medians. *Speed-up*: the training time of `article` divided by that of the "
        f"recipe. The whole command is {command:.3g} times as fast for `fast` as for `article`. "
        f"Measured on {machine['cores']} cores of {machine['processor']}, {machine['date']}.",
    )


def train_speed_short() -> str:
    """Return the table of README: the network of the article twice, and what tenfold offers."""
    results = read("train_speed")
    recipes, machine = results["recipes"], results["machine"]
    rows = []
    for name in ("plain-keras", "article", "standard", "fast"):
        accuracy, fit = recipes[name]["accuracy"], recipes[name]["train_seconds"]
        rows.append(
            [
                SHOWN[name],
                f"{100 * accuracy['mean']:.2f}% (n = {accuracy['n']})",
                duration(fit["median"]),
                f"{fit['ratio']:.3g} times",
            ]
        )
    return table(
        "network | test accuracy, mean | training time, median | speed-up",
        rows,
        f"Measured side by side on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['date']}. *Speed-up*: the training time of `article` divided by that of the "
        "network.",
    )


def article_example() -> str:
    results = read("article")
    rows = [
        [
            shown,
            f"{100 * results[accuracy]['mean']:.2f}%",
            f"{results[seconds]['mean']:.1f}",
            str(results[accuracy]["n"]),
        ]
        for shown, accuracy, seconds in (
            ("the article in plain Keras", "accuracy", "train_seconds"),
            ('`tenfold.train("fast")`', "fast_accuracy", "fast_seconds"),
        )
    ]
    return table("program | test accuracy, mean | seconds, mean | n", rows)


def ceiling() -> str:
    results = read("train_speed")
    peak = results["ceiling"]
    rows = []
    for name in ("article", "standard", "fast"):
        recipe = recipe_named(name)
        share = results["recipes"][name]["fraction"]
        rows.append(
            [
                f"`{name}`",
                f"{count_training_operations(recipe) / 1e6:.1f} million",
                f"{share * peak[recipe.precision]:.0f} GFLOP/s, {recipe.precision}",
                f"{share:.0%}",
            ]
        )
    return table(
        "recipe | operations per training image | speed during training | share of peak speed",
        rows,
        "Peak speed is that of multiplying two 4096x4096 matrices: "
        f"{peak['float32']:.0f} GFLOP/s in float32, {peak['bfloat16']:.0f} in bfloat16.",
    )


def step_profile() -> str:
    found = read("step_profile")
    groups = dict.fromkeys(group for one in found.values() for group in one["share"])
    rows = [
        [group, *(f"{one['share'].get(group, 0):.0%}" for one in found.values())]
        for group in groups
    ]
    for key, shown in (("step_ms", "time of a step, ms"), ("tracing_seconds", "tracing time, s")):
        rows.append([shown, *(f"{one[key]:g}" for one in found.values())])
    return table(" | ".join(["operation", *(f"`{name}`" for name in found)]), rows)


def ladder() -> str:
    rows = []
    for recipe in RECIPES:
        found = trained_recipes()[recipe.name]
        rows.append(
            [
                f"`{recipe.name}`",
                f"{100 * found['accuracy']['mean']:.2f}%",
                str(found["accuracy"]["n"]),
                duration(found["train_seconds"]["median"]) + found["mark"],
                f"{count_parameters(recipe):,}",
                recipe.summary,
            ]
        )
    headings = "recipe | test accuracy, mean | n | training time | parameters | description"
    return table(headings, rows, machines())


def leaderboard() -> str:
    trained, sizes = trained_recipes(), read("latency")
    headings = (
        "recipe | test accuracy, mean | sd, points | min to max, % | n | "
        "accuracy, labels corrected | training time | latency | size | parameters | "
        "operations per image"
    )
    rows = []
    for recipe in sorted(RECIPES, key=lambda one: -trained[one.name]["accuracy"]["mean"]):
        found, size = trained[recipe.name], sizes[recipe.name]
        accuracy, corrected = found["accuracy"], found["corrected"]
        fewer = "" if corrected["n"] == accuracy["n"] else f" (n = {corrected['n']})"
        rows.append(
            [
                f"`{recipe.name}`",
                f"{100 * accuracy['mean']:.3f}%",
                *spread(accuracy),
                str(accuracy["n"]),
                f"{100 * corrected['mean']:.3f}%{fewer}",
                duration(found["train_seconds"]["median"]) + found["mark"],
                f"{size['latency_us']['median']:,.0f} us",
                f"{size['size_bytes'] / 1000:,.0f} kB",
                f"{count_parameters(recipe):,}",
                millions(count_operations(recipe)),
            ]
        )
    return table(headings, rows, machines())


def millions(count: int) -> str:
    """Return a count in millions, with three digits or more."""
    value = count / 1e6
    return f"{value:,.0f} million" if value >= 1000 else f"{value:.3g} million"


def spread(accuracy: dict[str, Any]) -> tuple[str, str]:
    """Return standard deviation and range of an accuracy over seeds."""
    sd = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}"
    return sd, f"{100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f}"


def trained_recipes() -> dict[str, Any]:
    """Return the figures of every recipe, with a mark on those from another machine."""
    marked = {name: {**found, "mark": "*"} for name, found in read("accuracy")["recipes"].items()}
    plain = {name: {**found, "mark": ""} for name, found in read("train_speed")["recipes"].items()}
    return marked | plain


def machines() -> str:
    """Return the note on the machines that measured the training times."""
    first, other = (
        machine_of(found["rows"], found["machine"])
        for found in (read("train_speed"), read("accuracy"))
    )
    return (
        f"Training times are medians on {first}; those with * were measured on {other} with "
        "other work running, and are upper bounds."
    )


ROOMS = (
    "arrays", "errors", "formatting", "machine", "plugins", "files", "data", "imaging", "recipes",
    "augmentation", "networks", "classifiers", "exporting", "evaluation", "reporting",
    "execution", "reading",
    "training", "adapting", "tuning", "comparing", "explaining", "scoring", "batch",
    "forms", "serving", "cli",
)  # fmt: skip
"""The parts of the package, in the order in which data passes through them."""


def tree() -> str:
    """Return the parts of the package with the first line of each docstring."""
    source = ROOT / "src" / "tenfold"
    found = {path.stem: path for path in source.glob("[a-z]*.py")}
    found |= {path.parent.name: path for path in source.glob("*/__init__.py")}
    lines = ["```", "src/tenfold/"]
    for room in sorted(found, key=ROOMS.index):
        name = f"{room}/" if found[room].stem == "__init__" else f"{room}.py"
        about = ast.get_docstring(ast.parse(found[room].read_text(encoding="utf-8"))) or ""
        lines.append(f"  {name:14} {about.splitlines()[0].rstrip('.')}")
    lines += ["  weights/       The shipped networks, each with its card", "```"]
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[], str]] = {
    "tree": tree,
    "train_speed": train_speed,
    "train_speed_short": train_speed_short,
    "article_example": article_example,
    "ceiling": ceiling,
    "step_profile": step_profile,
    "ladder": ladder,
    "leaderboard": leaderboard,
    "frontier": frontier_tables.frontier,
    "inference": inference_tables.inference,
    "keras_factors": inference_tables.keras_factors,
    "runtimes": inference_tables.runtimes,
    "drawing": inference_tables.drawing,
    "exports": inference_tables.exports,
    "javascript": inference_tables.javascript,
    "startup": inference_tables.startup,
    "reading": reading_tables.reading,
    "forms": reading_tables.forms,
    "peers": reading_tables.peers,
    "newest_peer": reading_tables.newest_peer,
    "second_opinion": reading_tables.second_opinion,
    "robustness": reading_tables.robustness,
    "adapting": reading_tables.adapting,
    "compare": looking_tables.compare,
    "compare_neighbors": looking_tables.compare_neighbors,
    "compare_settings": looking_tables.compare_settings,
    "labels": looking_tables.labels,
    "own_data": looking_tables.own_data,
    "batch": batch_tables.throughput,
    "batch_engines": batch_tables.engines,
    "batch_pictures": batch_tables.pictures,
    "batch_billion": batch_tables.billion,
    "batch_storage": batch_tables.storage,
    "choices": tuning_tables.choices,
    "tune_search": tuning_tables.search,
    "tune_workers": tuning_tables.workers,
    "tune_overhead": tuning_tables.overhead,
    "tune_paper": tuning_tables.paper,
    "explaining": looking_tables.explaining,
    "serving": serving_tables.throughput,
    "line": reading_tables.line,
    "words": reading_tables.words,
    "fields": reading_tables.fields,
    "faults": reading_tables.faults,
    "constraints": reading_tables.constraints,
    "reading_speed": reading_tables.reading_speed,
    "threshold": reading_tables.threshold,
    "reliability": reliability_tables.reliability,
}

if __name__ == "__main__":
    main()
