"""Figures of a search, drawn from its rows: plain values, as trials.json has them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tenfold.errors import MissingExtraError
from tenfold.reporting.figures import (
    BLUE,
    GRID,
    INK,
    MUTED,
    VERMILLION,
    accuracy_axis,
    error_rates,
    style_axes,
    title_axes,
)

try:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
except ModuleNotFoundError as error:
    raise MissingExtraError("drawing figures", "tune") from error

Row = Mapping[str, Any]
"""One trial, as `tenfold.tuning.results.TrialRow` has it."""

Space = Mapping[str, Any]
"""By dimension a list of choices, or a range with low, high and log."""

POINTS = (-80, -40, -20, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5)
"""Ticks of differences, in percentage points; within half a point the scale is linear."""


def reached(row: Row) -> float | None:
    """Return the accuracy that a trial came to: of its last epoch, whole or cut short."""
    if row["accuracy"] is not None:
        return float(row["accuracy"])
    return float(row["curve"][-1]) if row["curve"] else None


def plot_search(rows: Sequence[Row]) -> Figure:
    """Draw where every trial ended, and the best so far."""
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, "Trial by trial", "validation images read correctly (%)")
    axes.set_xlabel("trial", color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawn = _dots(axes, rows, lambda row: row["number"])
    complete = sorted((row for row in rows if row["accuracy"]), key=lambda row: int(row["number"]))
    if complete:
        best = np.maximum.accumulate([row["accuracy"] for row in complete])
        numbers = [row["number"] for row in complete]
        axes.step(
            numbers, error_rates(best), where="post", color=VERMILLION, lw=1.6, label="best so far"
        )
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower right")
    accuracy_axis(axes, drawn)
    return figure


def plot_importances(shares: Mapping[str, float]) -> Figure:
    """Draw the share of each setting in what sets the better trials apart, the largest on top."""
    items = sorted(shares.items(), key=lambda item: item[1])
    figure = Figure(figsize=(5.2, 0.6 + 0.3 * len(items)), layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, "Share of each setting", "")
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


def plot_slice(name: str, rows: Sequence[Row], values: Any, best: int | None) -> Figure:
    """Draw where trials ended against one setting; the best one has a ring.

    Args:
        name: The dimension.
        rows: All trials.
        values: Its choices, or its range.
        best: Number of the best trial.
    """
    figure = Figure(figsize=(3.4, 2.7), layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, name, "")
    choices = values if isinstance(values, list) else None
    rng = np.random.default_rng(0)  # spreads dots of one choice sideways

    def place(row: Row) -> float:
        value = row["settings"][name]
        if choices is None:
            return float(value)
        return choices.index(value) + float(rng.uniform(-0.15, 0.15))

    known = [row for row in rows if name in row["settings"]]
    places = {row["number"]: place(row) for row in known}
    drawn = _dots(axes, known, lambda row: places[row["number"]])
    chosen = [row for row in known if row["number"] == best]
    for row in chosen:
        axes.plot(
            places[row["number"]], error_rates(np.array(reached(row))), "o", ms=11, mfc="none",
            mec=VERMILLION, mew=1.6,
        )  # fmt: skip
    if choices is not None:
        axes.set_xticks(range(len(choices)), [_neat(choice) for choice in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
        if len(choices) > 4:
            axes.tick_params(axis="x", labelsize=7.5)
    elif values["log"]:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    accuracy_axis(axes, drawn)
    return figure


def plot_parallel(rows: Sequence[Row], space: Space, best: int | None) -> Figure:
    """Draw every complete trial as a line through its settings; the best quarter is colored."""
    complete = sorted(
        (row for row in rows if row["accuracy"] is not None),
        key=lambda row: float(row["accuracy"]),
    )
    figure = Figure(figsize=(1.15 * len(space) + 1.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for spine in axes.spines.values():
        spine.set_visible(False)
    names = list(space)
    good = len(complete) - max(1, len(complete) // 4)
    for rank, row in enumerate(complete):
        heights = [_height(row["settings"][name], space[name]) for name in names]
        first, of_the_best = row["number"] == best, rank >= good
        axes.plot(
            range(len(names)), heights, color=VERMILLION if first else BLUE if of_the_best else
            "#c3c8d0", lw=2.2 if first else 1.2, alpha=1 if of_the_best else 0.55,
            zorder=3 if first else 2 if of_the_best else 1,
        )  # fmt: skip
    for place, name in enumerate(names):
        axes.axvline(place, color=GRID, lw=1, zorder=0)
        for height, text in _marks(space[name]):
            axes.text(
                place + 0.04, height, text, fontsize=7.5, color=INK, va="center", zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.75},
            )  # fmt: skip
    axes.set_xticks(range(len(names)), [name.replace(".", ".\n").replace("_", "_\n")
                                        for name in names])  # fmt: skip
    axes.tick_params(length=0, colors=INK, labelsize=8.5)
    axes.set_yticks([])
    axes.set_ylim(-0.06, 1.06)
    axes.set_xlim(-0.2, len(names) - 0.55)
    title_axes(axes, "Every complete trial; blue the best quarter, orange the best")
    return figure


def plot_curves(rows: Sequence[Row], best: int | None) -> Figure:
    """Draw the accuracy of every trial after each epoch."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, "Epoch by epoch", "validation images read correctly (%)")
    axes.set_xlabel("epoch", color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
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
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower right")
    accuracy_axis(axes, np.array(drawn))
    return figure


def _curve_style(row: Row, best: int | None) -> tuple[str, dict[str, Any]]:
    if row["number"] == best:
        return "the best", {"color": VERMILLION, "lw": 2.2, "marker": "o", "zorder": 4}
    if row["number"] == 0:
        return "the recipe as it is", {"color": INK, "lw": 1.8, "marker": "o", "zorder": 3}
    if row["accuracy"] is not None:
        return "complete", {"color": BLUE, "lw": 1.1, "alpha": 0.6, "zorder": 2}
    return "stopped early", {"color": "#aab1bc", "lw": 1, "marker": "x", "zorder": 1}


def plot_choices(choices: Mapping[str, Any]) -> Figure:
    """Draw what each choice is worth: the difference to the recipe as it is, in points.

    Args:
        choices: From `tenfold.tuning.results.choice_gains`.
    """
    dimensions = choices["dimensions"]
    count = sum(len(rows) + 1 for rows in dimensions.values())
    figure = Figure(figsize=(8.4, 0.7 + 0.21 * count), layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, "", "")
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
            labels.append(_neat(row["value"]))
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
                fontsize=8, color=MUTED,
            )  # fmt: skip
            ends += [mean - error, mean + error]
        height += 1.4
    axes.set_yticks(ticks, labels)
    axes.set_ylim(height - 0.6, -0.8)
    _points_axis(axes, min(ends), max(ends))
    return figure


def _points_axis(axes: Any, low: float, high: float) -> None:
    axes.set_xscale("symlog", linthresh=0.5, linscale=1.0)
    low, high = min(low * 1.15, -0.3), max(high * 1.15, 0.3)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([point for point in POINTS if low <= point <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    axes.set_xlabel("percentage points more, or fewer, than the recipe as it is", color=MUTED)


def _dots(axes: Any, rows: Sequence[Row], place: Any) -> np.ndarray:
    """Draw where trials ended, and return the error rates drawn."""
    drawn: list[float] = []
    for complete, label, style in (
        (False, "stopped early", {"marker": "x", "color": "#aab1bc", "ms": 5}),
        (True, "complete", {"marker": "o", "color": BLUE, "ms": 5, "alpha": 0.8}),
    ):
        some = [
            (place(row), value)
            for row in rows
            if (row["accuracy"] is not None) == complete and (value := reached(row)) is not None
        ]
        if some:
            errors = error_rates(np.array([value for _, value in some]))
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
    if isinstance(values, list):
        return [(_height(value, values), _neat(value)) for value in values]
    return [(0.0, _neat(values["low"])), (1.0, _neat(values["high"]))]


def _neat(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
