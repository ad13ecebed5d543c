"""Write src/tenfold/recipes/measured.json, the figures that `tenfold recipes` shows.

    python tools/measured_recipes.py

The figures come from results/train_speed.json and results/accuracy.json.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from measured_results import read

from tenfold.files import write_json
from tenfold.recipes.catalog import RECIPES

MEASURED = Path(__file__).parent.parent / "src" / "tenfold" / "recipes" / "measured.json"


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    write_json(MEASURED, measured())


def measured() -> dict[str, Any]:
    """Return the figures of tenfold's recipes by name, each with the machine that gave them."""
    found: dict[str, Any] = {}
    for name, note in (("train_speed", ""), ("accuracy", " with other work beside")):
        document = read(name)
        for recipe, figures in document["recipes"].items():
            rows = [row for row in document["rows"] if row["recipe"] == recipe]
            found[recipe] = {"machine": machine_of(rows, document["machine"]) + note} | figures
    return {recipe.name: found[recipe.name] for recipe in RECIPES if recipe.name in found}


def machine_of(rows: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """Name the machines that rows come from.

    Args:
        rows: Rows of a file in results/. A row without a `processor` comes from `machine`.
        machine: The machine of the whole file.

    Returns:
        The number of cores and the processors.
    """
    names = dict.fromkeys(row.get("processor", machine["processor"]) for row in rows)
    return f"{machine['cores']} cores of {' or '.join(names)}"


if __name__ == "__main__":
    main()
