"""Measured accuracy and training time of each recipe, shipped with the package."""

import json
from importlib.resources import files
from typing import Any


def measured() -> dict[str, Any]:
    """Return the figures that tools/measured_recipes.py wrote.

    Returns:
        By recipe: `machine`, a text, `accuracy` (mean, sd, min, max as fractions, n), and
        `train_seconds` (median, min, max) and, but for ensembles made of finished runs,
        `command_seconds`.
    """
    figures: dict[str, Any] = json.loads(
        files("tenfold.recipes").joinpath("measured.json").read_text(encoding="utf-8")
    )
    return figures
