"""Recipes in JSON files: whole, or as changes to another recipe."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.errors import UsageError
from tenfold.files import parse_json
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override, recipe_from_dict, recipe_to_dict

BASE = "from"
"""Setting of a file that names the recipe, or another file, whose settings it changes."""

MOST_FILES = 10
"""Most files that may follow from one another: more are a circle."""


def load_recipe(source: str | Path | Recipe, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Return a recipe by name, or from a JSON file if the name ends in .json.

    A file holds the settings that `recipe_text` writes. With `"from": "article"`, or the path of
    another file, from its own folder, it names only what differs: settings by their names, or by
    dotted names as in `override`. An object of settings changes those it names; a list, such as
    `layers`, replaces the other.

    Args:
        source: The name, or the file; or a recipe, whose values are then checked.
        settings: Settings to change, by dotted name, such as ``{"epochs": 2,
            "optimizer.learning_rate": 0.01, "layers.3.rate": 0.4}``; layers count from 0.

    Raises:
        UsageError: No such recipe, file or setting, or the file does not describe a recipe.
    """
    if isinstance(source, Recipe):
        return override(source, settings or {})
    recipe = _load(str(source), 0)
    return override(recipe, settings) if settings else recipe


def _load(source: str, depth: int) -> Recipe:
    if not source.endswith(".json"):
        return recipe_named(source)
    if depth == MOST_FILES:
        raise UsageError(f"{source} is the {depth}th recipe that follows from another: a circle?")
    try:
        data = parse_json(Path(source).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the recipe {source}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"the recipe {source} is not JSON: {error}") from error
    if not isinstance(data, dict) or BASE not in data:
        return _checked(source, recipe_from_dict, data)
    base = data.pop(BASE)
    if not isinstance(base, str):
        raise UsageError(f"{source}: {BASE} is {base!r}; it must be the name of a recipe or a file")
    if base.endswith(".json"):
        base = str(Path(source).parent / base)
    original = _load(base, depth + 1)
    return _checked(source, lambda changes: override(original, _dotted(changes)), data)


def _checked(source: str, make: Any, data: Any) -> Recipe:
    try:
        recipe: Recipe = make(data)
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error
    return recipe


def _dotted(changes: dict[str, Any]) -> dict[str, Any]:
    """Return nested changes by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in changes.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": one for inner, one in _dotted(value).items()}
        else:
            flat[name] = value
    return flat


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as a file to edit: indented JSON, with a line for each layer."""
    data = recipe_to_dict(recipe)
    layers = data["layers"]
    data["layers"] = []
    lines = ",\n".join("    " + json.dumps(layer) for layer in layers)
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return text.replace('"layers": []', f'"layers": [\n{lines}\n  ]', 1) + "\n"
