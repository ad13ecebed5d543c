"""What was measured of each recipe, shipped with the package."""

import json
from importlib.resources import files
from typing import Any


def measured() -> dict[str, Any]:
    """Return the figures that benchmarks/train_speed.py wrote: machine, and per recipe
    accuracy (mean, sd, min, max, n) and train_seconds (median, min, max).
    """  # noqa: D205
    figures: dict[str, Any] = json.loads(
        files("tenfold").joinpath("measured.json").read_text(encoding="utf-8")
    )
    return figures
