"""Charts of a search: trials, settings, learning curves, and the effect of each choice."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.reporting.figures import (
    BLUE,
    FAINT,
    GRID,
    INK,
    MUTED,
    PAPER,
    VERMILLION,
    accuracy_axis,
    add_legend,
    decade_ticks,
    error_rates,
    label_ticks,
    new_chart,
    whole_ticks,
)
from tenfold.tuning.changes import format_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
"""One trial, as `tenfold.tuning.results.TrialRow` has it."""

Space = Mapping[str, Any]
"""By dimension a list of choices, or a range with low, high and log."""

POINTS = (-80, -40, -20, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5)
"""Ticks of differences, in percentage points; the scale is linear within half a point."""


def reached(row: Row) -> float | None:
    """Return the accuracy of a trial after its last epoch, complete or stopped early."""
    if row["accuracy"] is not None:
        return float(row["accuracy"])
    return float(row["curve"][-1]) if row["curve"] else None


def plot_search(rows: Sequence[Row]) -> "Figure":
    """Draw the accuracy of every trial, and the best accuracy so far."""
    figure, axes = new_chart(
        "Accuracy of each trial", "trial", "validation images read correctly (%)"
    )
    whole_ticks(axes.xaxis)
    drawn = _draw_trials(axes, [(row, row["number"]) for row in rows])
    complete = sorted((row for row in rows if row["accuracy"]), key=lambda row: int(row["number"]))
    if complete:
        best = error_rates(np.maximum.accumulate([row["accuracy"] for row in complete]))
        numbers = [row["number"] for row in complete]
        axes.step(numbers, best, where="post", color=VERMILLION, lw=1.6, label="best so far")
    add_legend(axes)
    accuracy_axis(axes, drawn)
    return figure


def plot_importances(shares: Mapping[str, float]) -> "Figure":
    """Draw the importance of each setting as a bar, the largest on top."""
    items = sorted(shares.items(), key=lambda item: item[1])
    figure, axes = new_chart("Importance of each setting", "", "", (4.2, 0.6 + 0.3 * len(items)))
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    names, values = [name for name, _ in items], [value for _, value in items]
    axes.barh(names, values, color=BLUE, alpha=0.85, height=0.62)
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:.0%}", (value, place), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=9, color=INK,
        )  # fmt: skip
    axes.set_xlim(0, 1.12 * max(values, default=1))
    return figure


def plot_slice(name: str, rows: Sequence[Row], values: Any, best: int | None) -> "Figure":
    """Draw the accuracy of trials by one setting; the best trial has a ring.

    Args:
        name: The dimension.
        rows: All trials.
        values: The choices of the dimension, or its range.
        best: Number of the best trial.
    """
    figure, axes = new_chart(name, "", "", (4.2, 2.9))
    choices = values if isinstance(values, list) else None
    rng = np.random.default_rng(0)  # spreads dots of one choice sideways

    def place(value: Any) -> float:
        if choices is None:
            return float(value)
        return choices.index(value) + float(rng.uniform(-0.15, 0.15))

    placed = [(row, place(row["settings"][name])) for row in rows if name in row["settings"]]
    drawn = _draw_trials(axes, placed)
    for row, x in placed:
        if row["number"] == best:
            y = error_rates(np.array(reached(row)))
            axes.plot(x, y, "o", ms=11, mfc="none", mec=VERMILLION, mew=1.6)
    if choices is not None:
        axes.set_xticks(range(len(choices)), [format_value(choice) for choice in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
        if len(choices) > 4:
            axes.tick_params(axis="x", labelsize=9, labelrotation=20)
    elif values["log"]:
        axes.set_xscale("log")
        label_ticks(axes.xaxis, "{:g}".format, decade_ticks((1, 3)))
    accuracy_axis(axes, drawn)
    return figure


def plot_parallel(rows: Sequence[Row], space: Space, best: int | None) -> "Figure":
    """Draw every complete trial as a line through its settings; the best quarter is colored."""
    complete = sorted(
        (row for row in rows if row["accuracy"] is not None),
        key=lambda row: float(row["accuracy"]),
    )
    good = len(complete) - max(1, len(complete) // 4)
    title = "Every complete trial; orange the best"
    if good < len(complete) - 1:  # the best quarter is more than the best trial
        title += ", blue the best quarter"
    figure, axes = new_chart(title, "", "", (max(5.4, 1.15 * len(space) + 1.2), 4.2))
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    names = list(space)
    for rank, row in enumerate(complete):
        style: dict[str, Any] = {"color": FAINT, "lw": 1.2, "alpha": 0.55, "zorder": 1}
        if row["number"] == best:
            style = {"color": VERMILLION, "lw": 2.2, "zorder": 3}
        elif rank >= good:
            style = {"color": BLUE, "lw": 1.2, "zorder": 2}
        heights = [_height(row["settings"][name], space[name]) for name in names]
        axes.plot(range(len(names)), heights, **style)
    for place, name in enumerate(names):
        axes.axvline(place, color=GRID, lw=1, zorder=0)
        for height, text in _marks(space[name]):
            axes.text(
                place + 0.04, height, text, fontsize=9, color=INK, va="center", zorder=4,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.75},
            )  # fmt: skip
    labels = [name.replace(".", ".\n").replace("_", "_\n") for name in names]
    axes.set_xticks(range(len(names)), labels, fontsize=9)
    axes.set_yticks([])
    axes.set_ylim(-0.06, 1.06)
    axes.set_xlim(-0.2, len(names) - 0.55)
    return figure


def plot_curves(rows: Sequence[Row], best: int | None) -> "Figure":
    """Draw the accuracy of every trial after each epoch."""
    figure, axes = new_chart(
        "Accuracy after each epoch", "epoch", "validation images read correctly (%)"
    )
    whole_ticks(axes.xaxis)
    drawn: list[float] = []
    labeled: set[str] = set()
    for row in rows:
        if not row["curve"]:
            continue
        kind, style = _curve_style(row, best)
        errors = error_rates(np.array(row["curve"], float))
        label = None if kind in labeled else kind
        labeled.add(kind)
        axes.plot(range(1, len(errors) + 1), errors, label=label, ms=3, **style)
        drawn += errors.tolist()
    add_legend(axes)
    accuracy_axis(axes, np.array(drawn))
    return figure


def _curve_style(row: Row, best: int | None) -> tuple[str, dict[str, Any]]:
    if row["number"] == best:
        return "best trial", {"color": VERMILLION, "lw": 2.2, "marker": "o", "zorder": 4}
    if row["number"] == 0:
        return "unchanged recipe", {"color": INK, "lw": 1.8, "marker": "o", "zorder": 3}
    if row["accuracy"] is not None:
        # A trial of one epoch is a point.
        return "complete", {"color": BLUE, "lw": 1.1, "alpha": 0.6, "marker": "o", "zorder": 2}
    return "stopped early", {"color": FAINT, "lw": 1, "marker": "x", "zorder": 1}


def plot_choices(choices: Mapping[str, Any]) -> "Figure":
    """Draw the effect of each choice: its difference from the unchanged recipe, in points.

    Args:
        choices: From `tenfold.tuning.results.choice_gains`.
    """
    dimensions = choices["dimensions"]
    count = sum(len(rows) + 1 for rows in dimensions.values())
    figure, axes = new_chart(
        "", "difference from the unchanged recipe (percentage points)", "",
        (5, 0.7 + 0.21 * count),
    )  # fmt: skip
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.axvline(0, color=MUTED, lw=1)
    height, ticks, labels, ends = 0.0, [], [], [0.0]
    for name, rows in dimensions.items():
        axes.text(
            -0.01, height, name, transform=axes.get_yaxis_transform(), ha="right", va="center",
            fontsize=9, fontweight="bold", color=INK,
        )  # fmt: skip
        for row in rows:
            height += 1
            ticks.append(height)
            labels.append(format_value(row["value"]))
            if row["gain"] is None:
                continue
            mean = 100 * row["gain"]["mean"]
            error = 100 * (row["gain"]["sd"] or 0) / max(row["gain"]["n"], 1) ** 0.5
            color = INK if row["own"] else BLUE if mean >= 0 else VERMILLION
            axes.hlines(height, mean - error, mean + error, color=color, lw=1.6, alpha=0.55)
            axes.plot(mean, height, "D" if row["own"] else "o", color=color, ms=5)
            axes.annotate(
                f"{100 * row['accuracy']['mean']:.2f}%", (1.0, height), va="center", ha="left",
                xycoords=axes.get_yaxis_transform(), xytext=(4, 0), textcoords="offset points",
                fontsize=9, color=MUTED,
            )  # fmt: skip
            ends += [mean - error, mean + error]
        height += 1.4
    axes.set_yticks(ticks, labels)
    axes.set_ylim(height - 0.6, -0.8)
    low, high = min(1.15 * min(ends), -0.3), max(1.15 * max(ends), 0.3)
    axes.set_xscale("symlog", linthresh=0.5, linscale=1.0)
    axes.set_xlim(low, high)
    points = [point for point in POINTS if low <= point <= high]
    label_ticks(axes.xaxis, lambda value: f"{value:+g}" if value else "0", points)
    return figure


def _draw_trials(axes: Any, placed: Sequence[tuple[Row, float]]) -> np.ndarray:
    """Draw the accuracy of trials, each at its x, and return the error rates drawn."""
    drawn: list[float] = []
    for complete, label, style in (
        (False, "stopped early", {"marker": "x", "color": FAINT, "ms": 5}),
        (True, "complete", {"marker": "o", "color": BLUE, "ms": 5, "alpha": 0.8}),
    ):
        some = [
            (x, accuracy)
            for row, x in placed
            if (row["accuracy"] is not None) == complete and (accuracy := reached(row)) is not None
        ]
        if some:
            errors = error_rates(np.array([accuracy for _, accuracy in some]))
            axes.plot([x for x, _ in some], errors, ls="", label=label, **style)
            drawn += errors.tolist()
    return np.array(drawn)


def _height(value: Any, values: Any) -> float:
    """Return where a value stands between 0 and 1 on its axis."""
    if isinstance(values, list):
        return float(values.index(value) / max(len(values) - 1, 1))
    low, high = values["low"], values["high"]
    if values["log"]:
        return float(np.log(value / low) / np.log(high / low))
    return float((value - low) / (high - low))


def _marks(values: Any) -> list[tuple[float, str]]:
    """Return the labels of one axis with their heights."""
    if isinstance(values, list):
        return [(_height(value, values), format_value(value)) for value in values]
    return [(0.0, format_value(values["low"])), (1.0, format_value(values["high"]))]
