"""Write the tables in README and docs anew from results/.

    python tools/tables.py

A table stands between the lines `<!-- table: NAME -->` and `<!-- end -->`. A test checks that
every table is what this script would write.
"""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import batch_tables
import inference_tables
import looking_tables
import reading_tables
import serving_tables
import tuning_tables
from measured_recipes import machine_of
from measured_results import read

from tenfold.files import write_atomic
from tenfold.formatting import duration
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.recipe import count_operations, count_parameters, count_training_operations

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLACE = re.compile(r"(<!-- table: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for page in PAGES:
        write_atomic(page, filled(page.read_text(encoding="utf-8")))


def filled(text: str) -> str:
    """Return a page with its tables as results/ has them now."""
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
    lines = [
        "| recipe | test accuracy, mean over n seeds | sd, points | min to max, % | training time "
        "| time of the whole command | speed-up |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, shown in SHOWN.items():
        found = results["recipes"][name]
        accuracy, fit, command = (
            found[key] for key in ("accuracy", "train_seconds", "command_seconds")
        )
        sd = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}"
        speed_up = "" if name == "article" else f"{fit['ratio']:.3g} times"
        lines.append(
            f"| {shown} | {100 * accuracy['mean']:.2f}% (n = {accuracy['n']}) | {sd} "
            f"| {100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f} "
            f"| {duration(fit['median'])} | {duration(command['median'])} "
            f"| {speed_up} |"
        )
    machine = results["machine"]
    command = results["recipes"]["fast"]["command_seconds"]["ratio"]
    lines += [
        "",
        "Times are medians. *Speed-up*: the training time of `article` divided by that of the "
        f"recipe. The whole command is {command:.3g} times as fast for `fast` as for `article`. "
        f"Measured on {machine['cores']} cores of {machine['processor']}, {machine['date']}.",
    ]
    return "\n".join(lines) + "\n"


def ceiling() -> str:
    results = read("train_speed")
    most = results["ceiling"]
    lines = [
        "| recipe | operations per training image | speed during training | share of peak speed |",
        "|---|---|---|---|",
    ]
    for name in ("article", "standard", "fast"):
        recipe = recipe_named(name)
        operations = count_training_operations(recipe)
        rate = results["recipes"][name]["fraction"] * most[recipe.precision]
        lines.append(
            f"| `{name}` | {operations / 1e6:.1f} million | {rate:.0f} GFLOP/s, "
            f"{recipe.precision} | {results['recipes'][name]['fraction']:.0%} |"
        )
    lines += [
        "",
        "Peak speed is that of multiplying two 4096x4096 matrices: "
        f"{most['float32']:.0f} GFLOP/s in float32, {most['bfloat16']:.0f} in bfloat16.",
    ]
    return "\n".join(lines) + "\n"


def step_profile() -> str:
    found = read("step_profile")
    groups = dict.fromkeys(group for one in found.values() for group in one["share"])
    names = list(found)
    lines = [
        "| operation | " + " | ".join(f"`{name}`" for name in names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for group in groups:
        shares = [f"{found[name]['share'].get(group, 0):.0%}" for name in names]
        lines.append(f"| {group} | " + " | ".join(shares) + " |")
    for key, shown in (("step_ms", "time of a step, ms"), ("tracing_seconds", "tracing time, s")):
        lines.append(f"| {shown} | " + " | ".join(f"{found[name][key]:g}" for name in names) + " |")
    return "\n".join(lines) + "\n"


def ladder() -> str:
    trained = trained_recipes()
    lines = ["| recipe | parameters | test accuracy, mean | n | training time | description |"]
    lines.append("|---|---|---|---|---|---|")
    for recipe in RECIPES:
        found = trained[recipe.name]
        lines.append(
            f"| `{recipe.name}` | {count_parameters(recipe):,} "
            f"| {100 * found['accuracy']['mean']:.2f}% | {found['accuracy']['n']} "
            f"| {duration(found['train_seconds']['median'])}{found['mark']} | {recipe.summary} |"
        )
    return "\n".join(lines) + "\n" + machines()


def leaderboard() -> str:
    trained, sizes = trained_recipes(), read("latency")
    lines = [
        "| recipe | parameters | operations per image | test accuracy, mean | sd, points "
        "| min to max, % | n | accuracy, labels corrected | training time | size | latency |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    ranked = sorted(RECIPES, key=lambda recipe: -trained[recipe.name]["accuracy"]["mean"])
    for recipe in ranked:
        found, size = trained[recipe.name], sizes[recipe.name]
        accuracy, corrected = found["accuracy"], found["corrected"]
        few = "" if corrected["n"] == accuracy["n"] else f" (n = {corrected['n']})"
        sd = "" if accuracy["sd"] is None else f"{100 * accuracy['sd']:.3f}"
        lines.append(
            f"| `{recipe.name}` | {count_parameters(recipe):,} "
            f"| {count_operations(recipe) / 1e6:.3g} million "
            f"| {100 * accuracy['mean']:.3f}% | {sd} "
            f"| {100 * accuracy['min']:.2f} to {100 * accuracy['max']:.2f} | {accuracy['n']} "
            f"| {100 * corrected['mean']:.3f}%{few} "
            f"| {duration(found['train_seconds']['median'])}{found['mark']} "
            f"| {size['size_bytes'] / 1000:,.0f} kB | {size['latency_us']['median']:.0f} us |"
        )
    return "\n".join(lines) + "\n" + machines()


def trained_recipes() -> dict[str, Any]:
    """Return the figures of every recipe, with a mark where the fit ran on another machine."""
    marked = {name: {**found, "mark": "*"} for name, found in read("accuracy")["recipes"].items()}
    plain = {name: {**found, "mark": ""} for name, found in read("train_speed")["recipes"].items()}
    return marked | plain


def machines() -> str:
    """Return the line that says where a fit ran."""
    first, other = (
        machine_of(found["rows"], found["machine"])
        for found in (read("train_speed"), read("accuracy"))
    )
    return (
        f"\nTraining times are medians on {first}; those with * were measured on {other} with "
        "other work running, and are upper bounds.\n"
    )


ROOMS = (
    "arrays", "errors", "formatting", "machine", "files", "data", "imaging", "recipes",
    "augmentation", "networks", "classifiers", "exporting", "evaluation", "reporting",
    "execution", "reading",
    "training", "tuning", "comparing", "explaining", "scoring", "batch", "serving", "cli",
)  # fmt: skip
"""The parts of the package, in the order in which data passes through them."""


def tree() -> str:
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
    "ceiling": ceiling,
    "step_profile": step_profile,
    "ladder": ladder,
    "leaderboard": leaderboard,
    "inference": inference_tables.inference,
    "runtimes": inference_tables.runtimes,
    "drawing": inference_tables.drawing,
    "exports": inference_tables.exports,
    "startup": inference_tables.startup,
    "reading": reading_tables.reading,
    "peers": reading_tables.peers,
    "robustness": reading_tables.robustness,
    "compare": looking_tables.compare,
    "compare_neighbors": looking_tables.compare_neighbors,
    "compare_settings": looking_tables.compare_settings,
    "labels": looking_tables.labels,
    "batch": batch_tables.throughput,
    "batch_engines": batch_tables.engines,
    "batch_pictures": batch_tables.pictures,
    "batch_billion": batch_tables.billion,
    "choices": tuning_tables.choices,
    "tune_search": tuning_tables.search,
    "tune_workers": tuning_tables.workers,
    "tune_overhead": tuning_tables.overhead,
    "tune_paper": tuning_tables.paper,
    "explaining": looking_tables.explaining,
    "serving": serving_tables.throughput,
    "line": reading_tables.line,
    "words": reading_tables.words,
}

if __name__ == "__main__":
    main()
