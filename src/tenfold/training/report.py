"""The report of one training as an HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tenfold.arrays import DIGITS, Images
from tenfold.evaluation.metrics import Evaluation, Prediction
from tenfold.formatting import count
from tenfold.recipes.layers import LayerRow
from tenfold.recipes.recipe import Optimizer, Recipe
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.reporting.figures import (
    History,
    plot_accuracy,
    plot_learning_rate,
    plot_loss,
    plot_reliability,
)
from tenfold.reporting.html import render
from tenfold.reporting.sheets import draw_confusion

FACTS = {"machine": "Machine", "versions": "Versions", "data": "Data"}
"""Mappings of the metadata that the report shows as folded tables, with their headings."""


def render_report(
    *,
    meta: Mapping[str, Any],
    layers: Sequence[LayerRow],
    history: History,
    evaluation: Evaluation,
    hardest: Sequence[Prediction],
    hardest_images: Images,
) -> str:
    """Return the report as one HTML page that needs no other file, address or script.

    Args:
        meta: The metadata of the bundle, see docs/how-to/training.md.
        layers: Rows of the layer table, the input first.
        history: One row per epoch. A single row has no curves.
        evaluation: Figures on the test images, or on the validation images if there are any.
        hardest: The images read worst, the worst first; may be empty.
        hardest_images: uint8 (k, 28, 28), the images that `hardest` names.

    Raises:
        TenfoldError: The history is empty.
    """
    classes = meta.get("classes", DIGITS)
    curves = {
        "loss": plot_loss(history),
        "accuracy": plot_accuracy(history),
        "learning-rate": plot_learning_rate(history),
    }
    settings, defaults = _settings(meta)
    return render(
        "training/report.html",
        meta=meta,
        created=str(meta["created"]).replace("T", " ").replace("+00:00", " UTC"),
        curves=curves if len(history) > 1 else {},
        validated=any("val_loss" in row for row in history),
        confusion=draw_confusion(evaluation.confusion, classes),
        classes=classes,
        part="validation" if "validation" in meta else "test",
        data=meta["data"].get("title", "MNIST"),
        evaluation=evaluation,
        hardest=hardest,
        hardest_images=hardest_images,
        hardest_text=_hardest_text(evaluation.errors, hardest),
        reliability=plot_reliability(evaluation.reliability),
        layers=layers,
        settings=settings,
        defaults=defaults,
        facts={heading: list(_flat(meta[key])) for key, heading in FACTS.items()},
    )


def _hardest_text(errors: int, hardest: Sequence[Prediction]) -> str:
    shown = sum(hard.label != hard.predicted for hard in hardest)
    if shown == 0:
        return "All images were read correctly; these were read with the lowest confidence."
    if shown < errors:
        return f"The {shown} of {count(errors, 'error')} with the highest confidence."
    text = "The only error" if errors == 1 else f"All {errors} errors, the highest confidence first"
    if len(hardest) > shown:
        text += ", then the correct answers with the lowest confidence"
    return f"{text}."


def _settings(meta: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """Return the settings of the recipe, those that differ from the default and the others."""
    # The first sentence of the page shows name and summary; layers have a table of their own.
    recipe = {k: v for k, v in meta["recipe"].items() if k not in ("name", "summary", "layers")}
    bare = recipe_to_dict(Recipe("", "", (), Optimizer(), batch_size=0, epochs=0))
    defaults = dict(_flat(bare))
    del defaults["optimizer.name"]  # each recipe names its optimizer
    rows = [*_flat(recipe), ("seed", meta["seed"])]
    same = [row for row in rows if row[0] in defaults and row[1] == defaults[row[0]]]
    return [row for row in rows if row not in same], same


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested facts as pairs of dotted name and value, as in ("optimizer.name", "adam")."""
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
