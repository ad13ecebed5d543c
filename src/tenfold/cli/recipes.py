"""tenfold recipes: what can be trained: accuracy, parameters, training time, layers."""

import argparse
import textwrap
from typing import Any

HELP = "what can be trained: accuracy, parameters, training time, layers"
DESCRIPTION = "List the recipes, or explain one layer by layer."
EPILOG = """\
examples:
  tenfold recipes               from simple to complex, with measured accuracy and time
  tenfold recipes standard      its layers, with shapes, parameters and what each does
  tenfold recipes article --json > mine.json    a recipe to edit, for train --recipe mine.json
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe, or a .json file of one")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Return the list, or one recipe, as JSON-ready values and as text."""
    return _one(options.name) if options.name else _list()


def _list() -> tuple[Any, str]:
    from tenfold.formatting import duration
    from tenfold.recipes.catalog import RECIPES
    from tenfold.recipes.measured import measured
    from tenfold.recipes.recipe import count_parameters

    figures = measured()
    machines = list(dict.fromkeys(found["machine"] for found in figures.values()))
    rows = []
    lines = [
        f"{'recipe':<14} {'parameters':>10} {'test accuracy':>20} {'training':>12}  what it is"
    ]
    for recipe in RECIPES:
        parameters = count_parameters(recipe)
        found = figures.get(recipe.name)
        rows.append(
            {"name": recipe.name, "summary": recipe.summary, "parameters": parameters,
             "measured": found}
        )  # fmt: skip
        accuracy, seconds = "not measured", ""
        if found:
            spread = found["accuracy"]
            accuracy = f"{spread['mean']:.2%} (n={spread['n']})"
            mark = "*" * machines.index(found["machine"])
            seconds = duration(found["train_seconds"]["median"]) + mark
        first, *rest = textwrap.wrap(recipe.summary, 60)
        lines.append(f"{recipe.name:<14} {parameters:>10,} {accuracy:>20} {seconds:>12}  {first}")
        lines += [" " * 61 + line for line in rest]
    where = [f"{'*' * number} {machine}".strip() for number, machine in enumerate(machines)]
    lines.append(f"\nmean accuracy over n seeds; median training time on {', '.join(where)}")
    return {"recipes": rows}, "\n".join(lines)


def _one(name: str) -> tuple[Any, str]:
    from tenfold.formatting import count
    from tenfold.recipes.catalog import load_recipe
    from tenfold.recipes.recipe import count_operations, count_parameters, describe
    from tenfold.recipes.serialization import recipe_to_dict

    recipe = load_recipe(name)
    lines = [f"{recipe.name}: {recipe.summary}", ""]
    lines.append(f"{'layer':<14} {'kind':<12} {'output':>9} {'parameters':>10}  what it does")
    for row in describe(recipe):
        shape = "x".join(map(str, row.output_shape))
        first, *rest = textwrap.wrap(row.purpose, 60)
        lines.append(f"{row.name:<14} {row.kind:<12} {shape:>9} {row.parameters:>10,}  {first}")
        lines += [" " * 50 + line for line in rest]
    if recipe.members > 1:
        lines.append(f"an ensemble of {recipe.members} such networks: probabilities are averaged")
    if recipe.tta_shifts:
        shifts = count(recipe.tta_shifts, "pixel")
        lines.append(
            f"test-time augmentation: reads each image shifted by up to {shifts}, and averages"
        )
    lines.append(f"{'total':<14} {'':<12} {'':>9} {count_parameters(recipe):>10,}")
    lines += ["", f"operations per image: {count_operations(recipe) / 1e6:.2f} million"]
    settings = recipe_to_dict(recipe)
    for key in ("name", "summary", "layers"):
        del settings[key]
    for key, value in settings.items():
        inner = value.items() if isinstance(value, dict) else None
        shown = ", ".join(f"{k} {v}" for k, v in inner) if inner else str(value)
        lines.append(f"{key.replace('_', ' ')}: {shown or 'none'}")
    return recipe_to_dict(recipe), "\n".join(lines)
