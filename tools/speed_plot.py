"""Draw docs/images/train_speed.png: accuracy by training time, from results/train_speed.json.

python tools/speed_plot.py
"""

import json
import statistics
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tenfold.reporting.saving import save_small

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "train_speed.json"
PICTURE = ROOT / "docs" / "images" / "train_speed.png"

OURS, THEIRS = "#1b6ca8", "#b4541a"  # distinct for color-blind readers; the markers differ too
# Label of each recipe, and its offset from the marker in points.
LABELS = {
    "fast": ("fast", (12, -2)),
    "standard": ("standard", (12, -10)),
    "conv": ("conv", (20, -10)),
    "mlp": ("mlp", (12, -10)),
    "tuomaso": ("tuomaso's, re-implemented", (10, -20)),
    "keras-io": ("keras.io's convnet", (4, 18)),
    "article": ("the article", (8, -42)),
    "plain-keras": ("the article on plain Keras", (8, 44)),
}
THEIR_NAMES = ("tuomaso", "keras-io", "article", "plain-keras")


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    save_small(draw(json.loads(RESULTS.read_text(encoding="utf-8"))), PICTURE)


def draw(document: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(5, 5.2), layout="constrained")
    axes = figure.subplots()
    for name, (label, offset) in LABELS.items():
        rows = [row for row in document["rows"] if row["recipe"] == name]
        if rows:
            _draw_recipe(axes, rows, label, offset, theirs=name in THEIR_NAMES)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.1f}%"))
    label_axes(axes, document["machine"])
    axes.set_title(
        "Large markers: mean accuracy and median time.\nSmall markers: single runs.",
        fontsize=10,
        loc="left",
    )
    return figure


def label_axes(axes: Any, machine: dict[str, Any]) -> None:
    """Make the axis of training time logarithmic, and say what both axes show."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g} s"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"training time, on {machine['cores']} cores of {machine['processor']}")
    axes.set_ylabel("MNIST test accuracy, last epoch")


def _draw_recipe(
    axes: Any, rows: list[dict[str, Any]], label: str, offset: tuple[int, int], *, theirs: bool
) -> None:
    color, marker = (THEIRS, "s") if theirs else (OURS, "o")
    times = [row["train_seconds"] for row in rows]
    accuracies = [100 * row["accuracy"] for row in rows]
    middle, mean = statistics.median(times), statistics.mean(accuracies)
    axes.plot(times, accuracies, marker, color=color, markersize=4, alpha=0.35, linewidth=0)
    axes.plot(middle, mean, marker, color=color, markersize=10)
    axes.annotate(
        f"{label}\n{mean:.2f}%, {middle:.3g} s",
        (middle, mean), offset, textcoords="offset points", color=color, fontsize=9,
        ha="right" if theirs and middle > 10 else "left", fontweight="normal" if theirs else "bold",
    )  # fmt: skip


if __name__ == "__main__":
    main()
