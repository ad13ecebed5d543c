"""The reference of the recipes, as Markdown, from the catalog; docs/conf.py puts it in place."""

from markdown import plain, table

from tenfold.recipes.catalog import RECIPES
from tenfold.recipes.layers import KINDS
from tenfold.recipes.recipe import Recipe, count_operations, count_parameters, describe
from tenfold.recipes.serialization import flat_settings, recipe_to_dict

SHOWN_ELSEWHERE = ("name", "summary", "layers", "classes")
"""Settings that the text and the table of layers show, or that the data decides."""


def recipes() -> str:
    """Return every recipe: what it is for, its layers, and the settings that are not defaults."""
    return "\n\n".join(_section(recipe) for recipe in RECIPES)


def layers() -> str:
    """Return a section for every kind of layer, made of its docstring."""
    return "\n\n".join(
        f"### {kind}\n\n```{{eval-rst}}\n.. autoclass:: {layer.__module__}.{layer.__name__}\n```"
        for kind, layer in KINDS.items()
    )


def _section(recipe: Recipe) -> str:
    parts = [f"## {recipe.name}", plain(recipe.summary)]
    if recipe.members > 1:
        parts.append(f"An ensemble of {recipe.members} such networks: probabilities are averaged.")
    rows = [
        [
            f"`{row.name}`",
            plain(row.purpose),
            "x".join(map(str, row.output_shape)),
            f"{row.parameters:,}",
        ]
        for row in describe(recipe)
    ]
    rows.append(["total", "", "", f"{count_parameters(recipe):,}"])
    millions = f"{count_operations(recipe) / 1e6:.2f} million"
    usual = _settings(_bare(recipe))
    changed = [
        f"`{name}={value}`" for name, value in _settings(recipe).items() if value != usual[name]
    ]
    return "\n\n".join(
        [
            *parts,
            table("layer | purpose | output | parameters", rows).rstrip(),
            f"Operations per image: {millions}.",
            f"Settings: {', '.join(changed)}.",
        ]
    )


def _bare(recipe: Recipe) -> Recipe:
    """Return a recipe with the same required settings, and defaults else."""
    optimizer = type(recipe.optimizer)()
    return Recipe(recipe.name, recipe.summary, recipe.layers, optimizer, 0, 0)


def _settings(recipe: Recipe) -> dict[str, object]:
    settings = {
        key: value for key, value in recipe_to_dict(recipe).items() if key not in SHOWN_ELSEWHERE
    }
    return {
        name: inner for key, value in settings.items() for name, inner in flat_settings(value, key)
    }
