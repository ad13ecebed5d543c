"""Charts by matplotlib: one style for all, training curves, and calibration."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tenfold.errors import MissingExtraError, TenfoldError
from tenfold.evaluation.metrics import ReliabilityBin
from tenfold.evaluation.significance import wilson_interval

try:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
except ModuleNotFoundError as error:
    raise MissingExtraError("drawing figures", "train") from error

# Hues that color-blind readers tell apart (Okabe and Ito 2008), dark enough for text on white, and
# grays.
BLUE = "#0072b2"
VERMILLION = "#c25200"
OCHER, GREEN, PINK, PURPLE = "#8a6100", "#00795a", "#a8447a", "#7a5195"
INK = "#1d2129"
MUTED = "#596273"
FAINT = "#8b93a1"
AXIS = "#b8bec8"
GRID = "#e3e6eb"
PAPER = "#ffffff"

DARK = {
    BLUE: "#56b4e9",
    VERMILLION: "#ff9d57",
    OCHER: "#f0c24b",
    GREEN: "#4cc9a0",
    PINK: "#e79fc5",
    PURPLE: "#b99ad6",
    INK: "#eceef2",
    "#000000": "#eceef2",
    MUTED: "#a3abb9",
    FAINT: "#747c8a",
    AXIS: "#5a616e",
    GRID: "#31353d",
    PAPER: "#14161a",
}
"""The color that stands for each color of a chart on dark pages. Text has a contrast of 4.5 or more
in both, as WCAG 2 asks (AA), and `FAINT` lines have 3 or more."""

LEAST_ERROR_RATE = 1e-5
"""Where an epoch without errors is drawn: below one error in the 60,000 images."""

LOG_RATIO = 5
"""Values get a logarithmic scale if the largest is at least this many times the smallest."""

History = Sequence[Mapping[str, float]]
"""One row per epoch: epoch, loss, accuracy, learning_rate, perhaps val_loss, val_accuracy."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure; width and height are in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def new_chart(
    title: str, x_label: str, y_label: str, size: tuple[float, float] = (4.2, 3.2)
) -> tuple[Figure, Any]:
    """Return a figure of one chart, and its axes; the size is in inches."""
    figure = new_figure(*size)
    axes = figure.add_subplot()
    style_axes(axes, title, y_label)
    axes.set_xlabel(x_label, color=MUTED)
    return figure, axes


def style_axes(axes: Any, title: str, y_label: str) -> None:
    """Give axes the style of all charts, with a title above their left end."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(AXIS)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.set_ylabel(y_label, color=MUTED)
    if title:
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=12)


def add_legend(axes: Any, place: str = "best") -> None:
    """Add a legend without a frame."""
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc=place)


def whole_ticks(axis: Any) -> None:
    """Put ticks at whole numbers only, such as epochs or trials."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))


def label_ticks(
    axis: Any, label: Callable[[float], str], ticks: Sequence[float] | None = None
) -> None:
    """Label the ticks of an axis by a function, and put them at given places if any are given."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: label(value)))
    if ticks is not None:
        axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())


def decade_ticks(steps: Sequence[int]) -> list[float]:
    """Return ticks for a logarithmic axis: steps times powers of ten from 1e-9 to 1e6."""
    return [step * 10.0**power for power in range(-9, 7) for step in steps]


def scale_axes(axes: Any, values: np.ndarray, label: Callable[[float], str]) -> None:
    """Label the y axis; make it logarithmic if the values differ by `LOG_RATIO` or more."""
    if values.size and values.min() > 0 and values.max() / values.min() >= LOG_RATIO:
        axes.set_yscale("log")
        long = values.max() / values.min() >= 1000
        label_ticks(axes.yaxis, label, decade_ticks((1,) if long else (1, 2, 5)))
    else:
        label_ticks(axes.yaxis, label)


def error_rates(accuracies: np.ndarray) -> np.ndarray:
    """Return where accuracies stand on an `accuracy_axis`."""
    return np.asarray(np.maximum(1 - accuracies, LEAST_ERROR_RATE))


def accuracy_axis(axes: Any, errors: np.ndarray) -> None:
    """Turn a y axis of error rates into one of accuracies.

    If the error rates differ by much, the scale is the logarithm of the error rate, upside down:
    99% to 99.9% takes as much room as 90% to 99%.

    Args:
        axes: Axes with error rates drawn, from `error_rates`.
        errors: All error rates drawn; may be empty.
    """

    def label(error_rate: float) -> str:
        return "100" if error_rate <= LEAST_ERROR_RATE else f"{100 * (1 - error_rate):.7g}"

    scale_axes(axes, errors, label)
    axes.invert_yaxis()


def plot_loss(history: History) -> Figure:
    """Draw the loss of each epoch, on a logarithmic scale if it falls far.

    Raises:
        TenfoldError: The history has no rows.
    """
    figure, axes = _epoch_chart("Loss", "cross-entropy (nats)")
    scale_axes(axes, _draw_history(axes, history, "loss"), "{:g}".format)
    return figure


def plot_accuracy(history: History) -> Figure:
    """Draw the accuracy of each epoch, on the scale of `accuracy_axis`.

    Raises:
        TenfoldError: The history has no rows.
    """
    figure, axes = _epoch_chart("Accuracy", "images read correctly (%)")
    accuracy_axis(axes, _draw_history(axes, history, "accuracy", error_rates))
    return figure


def plot_learning_rate(history: History) -> Figure:
    """Draw the learning rate of each epoch.

    Raises:
        TenfoldError: The history has no rows.
    """
    figure, axes = _epoch_chart("Learning rate", "learning rate")
    _draw_history(axes, history, "learning_rate")
    axes.set_ylim(bottom=0)
    return figure


def _epoch_chart(title: str, y_label: str) -> tuple[Figure, Any]:
    figure, axes = new_chart(title, "epoch", y_label)
    whole_ticks(axes.xaxis)
    return figure, axes


def _draw_history(
    axes: Any,
    history: History,
    key: str,
    transform: Callable[[np.ndarray], np.ndarray] = lambda values: values,
) -> np.ndarray:
    """Draw one quantity of training, and of validation if there is one; return all values drawn."""
    if not history:
        raise TenfoldError("the history has no rows: there is no curve to draw")
    epochs = [row["epoch"] for row in history]
    drawn = []
    for name, label, color, style in (
        (key, "training", BLUE, "-"),
        (f"val_{key}", "validation", VERMILLION, (0, (4, 2))),
    ):
        values = np.array([row.get(name, np.nan) for row in history], float)
        if np.isfinite(values).any():
            values = transform(values)
            axes.plot(epochs, values, "o", ls=style, color=color, lw=1.8, ms=3.5, label=label)
            drawn.append(values[np.isfinite(values)])
    if len(drawn) > 1:
        add_legend(axes)
    return np.concatenate(drawn) if drawn else np.array([])


def plot_reliability(bins: Sequence[ReliabilityBin]) -> Figure:
    """Draw accuracy by confidence, and below it the number of images in each bin.

    Empty bins are left out. Vertical bars are Wilson's 95% intervals. The numbers of images are on
    a logarithmic scale, because most images are read with a confidence near 1.
    """
    filled = [b for b in bins if b.count]
    confidence = np.array([b.confidence for b in filled], float) * 100
    accuracy = np.array([b.accuracy for b in filled], float) * 100
    counts = np.array([b.count for b in filled])
    intervals = [wilson_interval(round(b.count * float(b.accuracy or 0)), b.count) for b in filled]
    ends = np.array(intervals).T * 100

    figure = new_figure(4.2, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    style_axes(upper, "Calibration", "images read correctly (%)")
    line = {"color": MUTED, "linewidth": 1, "linestyle": (0, (4, 3))}
    upper.plot([0, 100], [0, 100], label="perfectly calibrated", **line)
    upper.vlines(confidence, ends[0], ends[1], color=BLUE, linewidth=1.6, alpha=0.55)
    upper.plot(confidence, accuracy, "o", color=BLUE, markersize=6)
    add_legend(upper, "lower right")
    upper.set_ylim(-3, 103)

    style_axes(lower, "", "images (log scale)")
    centers = [50 * (b.lower + b.upper) for b in filled]
    lower.bar(centers, counts, width=88 / len(bins), color=BLUE, alpha=0.85)
    for center, count in zip(centers, counts, strict=True):
        lower.annotate(
            f"{count}", (center, count), xytext=(0, 2), textcoords="offset points", ha="center",
            fontsize=9, color=INK,
        )  # fmt: skip
    lower.set_yscale("log")
    label_ticks(lower.yaxis, "{:.0f}".format, decade_ticks((1,)))
    lower.set_ylim(0.5, counts.max() * 6)
    lower.set_xlim(0, 102)
    lower.set_xlabel("confidence (%)", color=MUTED)
    return figure


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element for an HTML page.

    Text stays text, every id begins with `name`, and the same figure gives the same text. Each
    color is a pair, of which browsers take the one for the page's color scheme. XML header,
    metadata and namespaces are left out, because HTML needs none of them.

    Args:
        figure: The figure; it is not changed.
        name: Unique on the page; letters, digits and hyphens.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    # Its style sheet would apply to the whole page; attributes of the root say the same.
    svg = re.sub(r"\s*<(metadata|style)\b.*?</\1>|\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    root = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)
    svg = root.sub(
        r'<svg viewBox="\1" stroke-linejoin="round" stroke-linecap="butt">', svg, count=1
    )
    svg = re.sub(r'(?<= style=")[^"]*', lambda style: _in_both_schemes(style[0]), svg)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", svg)


def _in_both_schemes(style: str) -> str:
    """Return the CSS of an element with each color as a pair for light and dark pages."""
    return re.sub(
        r"#[0-9a-f]{6}", lambda hit: f"light-dark({hit[0]}, {DARK.get(hit[0], hit[0])})", style
    )
