"""tenfold recipes: what can be trained: accuracy, parameters, training time, layers."""

import argparse
import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tenfold.cli.tables import Column, paragraph, table
from tenfold.errors import UsageError

if TYPE_CHECKING:
    from tenfold.recipes.recipe import Recipe

HELP = "what can be trained: accuracy, parameters, training time, layers"
DESCRIPTION = "List the recipes, or explain one layer by layer."
EPILOG = """\
examples:
  tenfold recipes               from simple to complex, with measured accuracy and time
  tenfold recipes standard      its layers, with shapes, parameters and what each does
  tenfold recipes article > mine.json    a recipe to edit, for train --recipe mine.json

Into a file, and with --file, one recipe is written as JSON to edit. A file may name only what
differs from another recipe: {"from": "article", "epochs": 5, "layers.3.rate": 0.25}
"""

_log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe, or a .json file of one")
    help = "print the recipe as JSON to edit, as is done when stdout is a file"
    parser.add_argument("--file", action="store_true", help=help)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Return the list, or one recipe, as JSON-ready values and as text."""
    if not options.name:
        if options.file:
            raise UsageError("--file needs the NAME of a recipe")
        return _list()
    if options.file or (_stdout_is_a_file() and not options.json):
        from tenfold.recipes.recipe_file import load_recipe, recipe_text

        text = recipe_text(load_recipe(options.name))
        _log.info("tenfold: this is the recipe as JSON; train it with --recipe FILE")
        return json.loads(text), text.rstrip()
    return _one(options.name)


def _stdout_is_a_file() -> bool:
    """Return whether stdout is a file, as after `> mine.json`; a pipe or a terminal is none."""
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):  # closed, or replaced by an object
        return False


def _list() -> tuple[Any, str]:
    from tenfold.formatting import duration
    from tenfold.recipes.catalog import RECIPES
    from tenfold.recipes.measured import measured
    from tenfold.recipes.recipe import count_parameters

    figures = measured()
    machines = list(dict.fromkeys(found["machine"] for found in figures.values()))
    rows, cells = [], []
    for recipe, package in [*((recipe, None) for recipe in RECIPES), *_of_packages()]:
        parameters = count_parameters(recipe)
        found = None if package else figures.get(recipe.name)
        rows.append(
            {"name": recipe.name, "summary": recipe.summary, "parameters": parameters,
             "measured": found, "package": package}
        )  # fmt: skip
        accuracy, seconds = "not measured", ""
        if found:
            spread = found["accuracy"]
            accuracy = f"{spread['mean']:.2%} (n={spread['n']})"
            mark = "*" * machines.index(found["machine"])
            seconds = duration(found["train_seconds"]["median"]) + mark
        what = f"{recipe.summary} (of {package})" if package else recipe.summary
        cells.append((recipe.name, f"{parameters:,}", accuracy, seconds, what))
    columns = (
        Column("recipe", text=True),
        Column("parameters", rank=2),
        Column("test accuracy"),
        Column("training", rank=1),
        Column("what it is", text=True, wraps=True),
    )
    where = [f"{'*' * number} {machine}".strip() for number, machine in enumerate(machines)]
    note = f"mean accuracy over n seeds; median training time on {', '.join(where)}"
    return {"recipes": rows}, f"{table(columns, cells)}\n\n{paragraph(note)}"


def _of_packages() -> "Iterator[tuple[Recipe, str | None]]":
    """Yield the recipes of other packages; what fails is a warning."""
    from tenfold.errors import TenfoldError
    from tenfold.plugins import RECIPES, package_of, plugins
    from tenfold.recipes.catalog import recipe_of_plugin

    for plugin in plugins(RECIPES):
        try:
            yield recipe_of_plugin(plugin), package_of(plugin)
        except TenfoldError as error:
            _log.warning("tenfold: %s", error)


def _one(name: str) -> tuple[Any, str]:
    from tenfold.formatting import count
    from tenfold.recipes.recipe import count_operations, count_parameters, describe
    from tenfold.recipes.recipe_file import load_recipe
    from tenfold.recipes.serialization import flat_settings, recipe_to_dict

    recipe = load_recipe(name)
    columns = (
        Column("layer", text=True),
        Column("kind", text=True, rank=1),
        Column("output"),
        Column("parameters"),
        Column("what it does", text=True, wraps=True),
    )
    cells = [
        (row.name, row.kind, "x".join(map(str, row.output_shape)), f"{row.parameters:,}",
         row.purpose)
        for row in describe(recipe)
    ]  # fmt: skip
    cells.append(("total", "", "", f"{count_parameters(recipe):,}", ""))
    lines = []
    if recipe.members > 1:
        lines.append(f"an ensemble of {recipe.members} such networks: probabilities are averaged")
    if recipe.tta_shifts:
        shifts = count(recipe.tta_shifts, "pixel")
        lines.append(
            f"test-time augmentation: reads each image shifted by up to {shifts}, and averages"
        )
    lines.append(f"operations per image: {count_operations(recipe) / 1e6:.2f} million")
    settings = recipe_to_dict(recipe)
    for key in ("name", "summary", "layers", "classes"):  # shown above, or fixed by the data
        del settings[key]
    lines += ["", "settings, which `tenfold train --set NAME=VALUE` changes:"]
    for key, value in settings.items():
        lines.append(", ".join(f"{name}={_shown(one)}" for name, one in flat_settings(value, key)))
    head = [paragraph(f"{recipe.name}: {recipe.summary}"), "", table(columns, cells), ""]
    return recipe_to_dict(recipe), "\n".join([*head, *map(paragraph, lines)])


def _shown(value: Any) -> str:
    """Return a value as `--set` takes it."""
    return value if isinstance(value, str) else json.dumps(value)
