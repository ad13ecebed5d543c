"""Draw docs/images/frontier.png: accuracy by training time, from results/frontier.json.

python tools/frontier_plot.py
"""

import json
import statistics
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from speed_plot import OURS, THEIRS, label_axes

from tenfold.formatting import duration
from tenfold.reporting.saving import save_small

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "frontier.json"
PICTURE = ROOT / "docs" / "images" / "frontier.png"

# Label of each peer, and how far below its marker its top is, in points; less than 0 is above.
PEERS = {
    "tuomaso": ("tuomaso's, re-implemented", 14),
    "keras-io": ("keras.io's convnet", -38),
    "plain-keras": ("the article on plain Keras", 48),
}
ACCURACIES = (80, 90, 95, 98, 99, 99.5, 99.7, 99.8, 99.9)
"""Accuracies in percent that the axis names, where the points reach them."""


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    save_small(draw(json.loads(RESULTS.read_text(encoding="utf-8"))), PICTURE)


def draw(document: dict[str, Any]) -> Figure:
    """Return the figure: error rate and time are both on logarithmic axes, accuracy is named."""
    figure = Figure(figsize=(5, 5.2), layout="constrained")
    axes = figure.subplots()
    points = document["points"].values()
    axes.plot(
        [one["train_seconds"]["median"] for one in points],
        [_error_rate(one["accuracy"]["mean"]) for one in points],
        color=OURS, linewidth=1.5, zorder=1,
    )  # fmt: skip
    for number, (name, found) in enumerate(document["points"].items()):
        rows = [row for row in document["rows"] if row["name"] == name]
        point = _draw_markers(axes, found, rows, OURS, "o")
        below = number % 2  # neighbors may be close: labels take turns
        axes.annotate(
            f"{float(name):g} s: {100 * found['accuracy']['mean']:.2f}%",
            point, (9, -6) if below else (-10, 6), textcoords="offset points", color=OURS,
            fontsize=9, ha="left" if below else "right", va="top" if below else "bottom",
            fontweight="bold",
        )  # fmt: skip
    for name, found in document["peers"].items():
        rows = [row for row in document["rows"] if row["name"] == name]
        point = _draw_markers(axes, found, rows, THEIRS, "s")
        label, below = PEERS[name]
        axes.annotate(
            f"{label}\n{100 * found['accuracy']['mean']:.2f}%, {duration(point[0])}",
            point, (0, -below), textcoords="offset points", color=THEIRS, fontsize=9,
            ha="left" if name == "tuomaso" else "right", va="top",
            arrowprops={"arrowstyle": "-", "color": THEIRS, "linewidth": 0.8},
        )  # fmt: skip
    label_axes(axes, document["machine"])
    axes.set_yscale("log")
    _set_limits(axes, document)
    axes.yaxis.set_major_locator(FixedLocator([_error_rate(one / 100) for one in ACCURACIES]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 - y:.4g}%"))
    axes.set_title(
        "Blue: tenfold train --seconds S. Brown: others.\nSmall markers: single runs.",
        fontsize=10,
        loc="left",
    )
    return figure


def _error_rate(accuracy: float) -> float:
    return 100 * (1 - accuracy)


def _draw_markers(
    axes: Any, found: dict[str, Any], rows: list[dict[str, Any]], color: str, marker: str
) -> tuple[float, float]:
    """Draw single runs and their middle, and return where the middle is."""
    own = [row for row in rows if "accuracy" in row]
    axes.plot(
        [row["train_seconds"] for row in own],
        [_error_rate(row["accuracy"]) for row in own],
        marker, color=color, markersize=4, alpha=0.35, linewidth=0,
    )  # fmt: skip
    middle = statistics.median(row["train_seconds"] for row in rows)
    mean = _error_rate(found["accuracy"]["mean"])
    axes.plot(middle, mean, marker, color=color, markersize=9)
    return middle, mean


def _set_limits(axes: Any, document: dict[str, Any]) -> None:
    """Leave room for labels; more accurate is up."""
    every = [*document["points"].values(), *document["peers"].values()]
    times = [one["train_seconds"]["median"] for one in every]
    rates = [_error_rate(one["accuracy"]["mean"]) for one in every]
    axes.set_xlim(min(times) / 7, max(times) * 1.6)
    axes.set_ylim(max(rates) * 1.8, min(rates) / 1.8)


if __name__ == "__main__":
    main()
