"""Figures of a comparison: the ranking, accuracy by training size, corruptions, own errors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tenfold.reporting.figures import BLUE, GRID, INK, MUTED, VERMILLION

Result = Mapping[str, Any]
"""What `tenfold compare --json` prints."""

SHOWN_ERRORS = 8
"""Errors of each classifier on the sheet."""

LEAST_ERROR = 0.005
"""Per cent: where no error at all is drawn, half of one in 10,000."""

# Okabe and Ito 2008, for those that are no networks; in turn with solid and dashed lines.
_OTHERS = ("#d55e00", "#e69f00", "#009e73", "#cc79a7", "#7a5195", "#595959")


@dataclass(frozen=True)
class _Panel:
    title: str
    unit: str
    value: Callable[[Mapping[str, Any]], float | None]
    text: Callable[[float], str]


def _per_cent(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def _plain(value: float) -> str:
    return f"{value:.2g}" if value < 9.95 else f"{value:,.0f}"


_PANELS = (
    _Panel("Test errors", "%", lambda row: 100 * (1 - row["test"]["accuracy"]), _per_cent),
    _Panel("Errors, MNIST-C", "%", lambda row: 100 * (1 - row["mnist_c"]["mean"]), _per_cent),
    _Panel("Calibration error", "%", lambda row: 100 * row["test"]["ece"], _per_cent),
    _Panel("Fit", "s of processor", lambda row: row["processor_seconds"], _plain),
    _Panel("One image", "ms", lambda row: row["latency_ms"]["median"], _plain),
    _Panel("Size", "MB", lambda row: row["size_bytes"] / 1e6, _plain),
)


def plot_ranking(result: Result) -> Figure:
    """Draw every figure of the table, a row for each classifier, the most accurate on top.

    All scales are logarithmic and further left is better throughout. Bars on the test errors are
    Wilson's 95% intervals. Networks are blue.
    """
    rows = result["classifiers"]
    figure = Figure(figsize=(12.4, 1.5 + 0.36 * len(rows)), layout="constrained")
    every: Any = figure.subplots(1, len(_PANELS), sharey=True, width_ratios=(1.35, 1, 1, 1, 1, 1))
    places = np.arange(len(rows))
    for axes, panel in zip(every, _PANELS, strict=True):
        _dots(axes, panel, rows)
        axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=18)
        axes.text(0, 1.01, panel.unit, transform=axes.transAxes, fontsize=8.5, color=MUTED)
    first = every[0]
    ends = 100 * (1 - np.array([row["test"]["accuracy_interval"] for row in rows]))
    for place, row, (high, low) in zip(places, rows, ends, strict=True):
        first.plot([max(low, LEAST_ERROR), high], [place] * 2, color=_hue(row), lw=2, alpha=0.35)
    first.set_yticks(places, [row["name"] for row in rows])
    first.set_ylim(len(rows) - 0.4, -0.6)
    for label, row in zip(first.get_yticklabels(), rows, strict=True):
        label.set(color=INK, fontsize=10, fontweight="bold" if _is_network(row) else "normal")
    return figure


def _dots(axes: Any, panel: _Panel, rows: Sequence[Mapping[str, Any]]) -> None:
    values = [panel.value(row) for row in rows]
    known = [max(value, LEAST_ERROR / 100) for value in values if value is not None] or [1.0]
    axes.set_xscale("log")
    room = max(known) / min(known)
    axes.set_xlim(min(known) / max(1.6, room**0.1), max(known) * max(4, room**0.5))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.xaxis.set_major_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    best = min(known)
    for place, (value, row) in enumerate(zip(values, rows, strict=True)):
        if value is None:
            axes.text(min(known), place, "as shipped", va="center", fontsize=8.5, color=MUTED)
            continue
        at = max(value, LEAST_ERROR / 100)
        axes.plot([at], [place], "o", color=_hue(row), markersize=6.5)
        axes.annotate(
            panel.text(value), (at, place), xytext=(8, 0), textcoords="offset points",
            va="center_baseline", fontsize=9, color=INK,
            fontweight="bold" if at == best else "normal",
        )  # fmt: skip


def plot_curve(result: Result) -> Figure:
    """Draw the test errors of each classifier against the images it learned from, both as logs.

    Classifiers with one size alone, such as shipped models, are left out unless all are so.
    """
    curves = {name: points for name, points in result["curve"].items() if len(points) > 1}
    curves = curves or dict(result["curve"])
    rows = {row["name"]: row for row in result["classifiers"]}
    figure = Figure(figsize=(8.6, 5.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    styles = _styles([rows[name] for name in curves])
    ends = []
    for name, points in curves.items():
        learned = [point["train_size"] for point in points]
        errors = [max(100 * (1 - point["accuracy"]), LEAST_ERROR) for point in points]
        axes.plot(learned, errors, "o", ms=4, **styles[name])
        ends.append((errors[-1], name))
    sizes = sorted({point["train_size"] for points in curves.values() for point in points})
    _label_ends(axes, sizes[-1], ends, styles)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#b8bec8")
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ticks = [step * 10.0**power for power in range(-3, 3) for step in (1, 2, 5)]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("training images", color=MUTED)
    axes.set_ylabel("test images read wrong (%)", color=MUTED)
    axes.set_title(
        "Errors against training images", loc="left", fontsize=11, fontweight="bold", color=INK,
        pad=12,
    )  # fmt: skip
    return figure


def _styles(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    styles: dict[str, dict[str, Any]] = {}
    networks = others = 0
    for row in rows:
        if _is_network(row):
            dash = ("-", (0, (4, 1.5)), (0, (1, 1)))[networks % 3]
            styles[row["name"]] = {"color": BLUE, "ls": dash, "lw": 2.2}
            networks += 1
        else:
            dash = "-" if others < len(_OTHERS) else (0, (4, 1.5))
            styles[row["name"]] = {"color": _OTHERS[others % len(_OTHERS)], "ls": dash, "lw": 1.5}
            others += 1
    return styles


def _label_ends(
    axes: Any,
    last: float,
    ends: Sequence[tuple[float, str]],
    styles: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write each name beside the end of its line, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (np.log(high) - np.log(low)) / 24
    place = -np.inf
    for error, name in sorted(ends):
        place = max(np.log(error), place + gap)
        axes.annotate(
            f"{name}  {_per_cent(error)}", (last, error), xytext=(last * 1.18, np.exp(place)),
            textcoords="data", va="center", fontsize=9, color=styles[name]["color"],
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": styles[name]["color"], "lw": 0.6,
                        "alpha": 0.5, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip


def plot_corruptions(result: Result) -> Figure:
    """Draw how many corrupted images each classifier reads right, per cent, color for errors."""
    rows = result["classifiers"]
    names = [name for name in rows[0]["mnist_c"] if name != "mean"]
    values = np.array([[row["mnist_c"][name] for name in ("mean", *names)] for row in rows])
    figure = Figure(figsize=(12.4, 1.7 + 0.36 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    colors = LinearSegmentedColormap.from_list("errors", ["#ffffff", "#f9c9a4", VERMILLION])
    axes.imshow(1 - values, cmap=colors, vmin=0, vmax=0.9, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        axes.text(
            x, y, f"{100 * value:.0f}", ha="center", va="center_baseline", fontsize=9,
            color="white" if value < 0.28 else INK, fontweight="bold" if x == 0 else "normal",
        )  # fmt: skip
    axes.axvline(0.5, color="white", lw=5)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    shown = ["mean", *(name.replace("_", " ") for name in names)]
    axes.set_xticks(range(len(shown)), shown, rotation=35, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.tick_params(length=0, colors=INK, labelsize=9.5)
    axes.spines[:].set_visible(False)
    return figure


def plot_own_errors(result: Result, images: np.ndarray) -> Figure:
    """Draw what each classifier reads wrong that most others read right.

    Args:
        result: The comparison.
        images: uint8 (n, 28, 28), all test images.
    """
    rows = result["classifiers"]
    figure = Figure(figsize=(12.4, 1.62 * len(rows)), layout="constrained")
    every: Any = figure.subplots(len(rows), SHOWN_ERRORS + 1, squeeze=False)
    for row, line in zip(rows, every, strict=True):
        errors = result["errors"][row["name"]]
        line[0].text(0, 0.5, row["name"], fontsize=11, fontweight="bold", color=INK, va="center")
        for axes in line:
            axes.set_axis_off()
        for axes, error in zip(line[1:], errors, strict=False):
            axes.imshow(images[error["index"]], cmap="gray", vmin=0, vmax=255)
            axes.set_title(
                f"{error['label']}, read as {error['predicted']}\n"
                f"{error['others_right']} of {len(rows) - 1} others right",
                fontsize=8, color=INK, pad=4,
            )  # fmt: skip
    return figure


def _is_network(row: Mapping[str, Any]) -> bool:
    return str(row["kind"]) != "baseline"


def _hue(row: Mapping[str, Any]) -> str:
    return BLUE if _is_network(row) else VERMILLION
