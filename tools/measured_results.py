"""The results of the benchmarks, from results/."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "results"


def read(name: str) -> dict[str, Any]:
    """Return results/NAME.json."""
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document
