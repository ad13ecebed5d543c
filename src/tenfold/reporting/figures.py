"""Figures drawn from results: training curves, confusions, calibration, hardest digits."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tenfold.arrays import CLASSES
from tenfold.errors import MissingExtraError, TenfoldError
from tenfold.evaluation.metrics import Prediction, ReliabilityBin
from tenfold.evaluation.significance import wilson_interval

try:
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
except ModuleNotFoundError as error:
    raise MissingExtraError("drawing figures", "train") from error

# Two hues that color-blind readers tell apart (Okabe and Ito 2008), and grays.
BLUE = "#0072b2"
VERMILLION = "#d55e00"
INK = "#1d2129"
MUTED = "#667085"
GRID = "#e6e8ec"

LEAST_ERROR_RATE = 1e-5
"""Where an epoch without errors is drawn: below one error in the 60,000 images."""

History = Sequence[Mapping[str, float]]
"""One row per epoch: epoch, loss, accuracy, learning_rate, perhaps val_loss, val_accuracy."""


def plot_loss(history: History) -> Figure:
    """Draw the loss of each epoch, on a logarithmic scale if it falls far.

    Raises:
        TenfoldError: The history has no rows.
    """
    figure, axes = _chart("Loss", "cross-entropy (nats)")
    values = _draw_history(axes, history, "loss")
    scale_axes(axes, values, "{:g}".format)
    return figure


def plot_accuracy(history: History) -> Figure:
    """Draw the accuracy of each epoch, spread out toward 100%; see `accuracy_axis`.

    Raises:
        TenfoldError: The history has no rows.
    """
    figure, axes = _chart("Accuracy", "images read correctly (%)")
    accuracy_axis(axes, _draw_history(axes, history, "accuracy", error_rates))
    return figure


def error_rates(accuracies: np.ndarray) -> np.ndarray:
    """Return where accuracies stand on an `accuracy_axis`."""
    return np.asarray(np.maximum(1 - accuracies, LEAST_ERROR_RATE))


def accuracy_axis(axes: Any, errors: np.ndarray) -> None:
    """Turn an axis of error rates into one of accuracies, spread out toward 100%.

    If they rise far, the scale is the logarithm of the error rate turned upside down: 99% to
    99.9% takes as much room as 90% to 99%. No errors are drawn at `LEAST_ERROR_RATE`.

    Args:
        axes: With error rates drawn, from `error_rates`.
        errors: All that are drawn; may be empty.
    """

    def label(error_rate: float) -> str:
        return "100" if error_rate <= LEAST_ERROR_RATE else f"{100 * (1 - error_rate):.7g}"

    scale_axes(axes, errors, label)
    axes.invert_yaxis()


def plot_learning_rate(history: History) -> Figure:
    """Draw the learning rate of each epoch.

    Raises:
        TenfoldError: The history has no rows.
    """
    figure, axes = _chart("Learning rate", "learning rate")
    _draw_history(axes, history, "learning_rate")
    axes.set_ylim(bottom=0)
    return figure


def plot_confusion(confusion: np.ndarray) -> Figure:
    """Draw the confusion matrix, counts in the cells and zeros blank.

    Color tells the errors apart, so the diagonal, hundreds of times larger, has none.

    Args:
        confusion: Integers (10, 10), rows true digits, columns predicted ones.

    Raises:
        TenfoldError: The matrix has another shape.
    """
    if confusion.shape != (CLASSES, CLASSES):
        raise TenfoldError(f"the confusion matrix has shape {confusion.shape}, not (10, 10)")
    diagonal = np.eye(CLASSES, dtype=bool)
    errors = np.where(diagonal, 0, confusion)
    most = max(int(errors.max()), 1)
    figure = Figure(figsize=(4.8, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for spine in axes.spines.values():
        spine.set_visible(False)
    colors = LinearSegmentedColormap.from_list("errors", ["#ffffff", "#f9c9a4", VERMILLION])
    shades = colors(errors / most)
    shades[diagonal] = matplotlib.colors.to_rgba("#eef1f5")
    for true, predicted in np.ndindex(CLASSES, CLASSES):
        corner = (predicted - 0.5, true - 0.5)
        axes.add_patch(
            matplotlib.patches.Rectangle(
                corner, 1, 1, facecolor=shades[true, predicted], edgecolor=GRID, linewidth=0.6
            )
        )
        count = int(confusion[true, predicted])
        if count:
            strong = errors[true, predicted] > 0.75 * most
            axes.text(
                predicted,
                true,
                str(count),
                ha="center",
                va="center_baseline",
                fontsize=9,
                color="white" if strong else MUTED if true == predicted else INK,
                fontweight="bold" if strong else "normal",
            )
    axes.set_xlim(-0.5, CLASSES - 0.5)
    axes.set_ylim(CLASSES - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(CLASSES))
    axes.set_yticks(range(CLASSES))
    axes.set_xlabel("read as (digit)", color=MUTED)
    axes.set_ylabel("true digit", color=MUTED)
    axes.tick_params(length=0, colors=INK, labelsize=10)
    title_axes(axes, "Confusion matrix (images)")
    return figure


def plot_reliability(bins: Sequence[ReliabilityBin]) -> Figure:
    """Draw accuracy against confidence, and below it how many images each bin holds.

    Empty bins are left out. The bars of the upper part are Wilson's 95% intervals; the counts
    of the lower part are on a logarithmic scale, because most images are read with near certainty.
    """
    filled = [b for b in bins if b.count]
    confidence = np.array([b.confidence for b in filled], float) * 100
    accuracy = np.array([b.accuracy for b in filled], float) * 100
    counts = np.array([b.count for b in filled])
    intervals = [wilson_interval(round(b.count * float(b.accuracy or 0)), b.count) for b in filled]
    ends = np.array(intervals).T * 100

    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    style_axes(upper, "Calibration", "images read correctly (%)")
    line = {"color": MUTED, "linewidth": 1, "linestyle": (0, (4, 3))}
    upper.plot([0, 100], [0, 100], label="perfectly calibrated", **line)
    upper.vlines(confidence, ends[0], ends[1], color=BLUE, linewidth=1.6, alpha=0.55)
    upper.plot(confidence, accuracy, "o", color=BLUE, markersize=6)
    upper.legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower right")
    upper.set_ylim(-3, 103)

    style_axes(lower, "", "images (log scale)")
    centers = [50 * (b.lower + b.upper) for b in filled]
    lower.bar(centers, counts, width=88 / len(bins), color=BLUE, alpha=0.85)
    for center, count in zip(centers, counts, strict=True):
        lower.annotate(
            f"{count}",
            (center, count),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=INK,
        )
    _log_ticks(lower, (1,), "{:.0f}".format)
    lower.set_ylim(0.5, counts.max() * 6)
    lower.set_xlim(0, 102)
    lower.set_xlabel("confidence (%)", color=MUTED)
    return figure


def plot_hardest(images: np.ndarray, hardest: Sequence[Prediction], columns: int = 6) -> Figure:
    """Draw a sheet of digits, each with what it is and what it was read as.

    Args:
        images: uint8 (k, 28, 28), white ink on black, one for each entry of `hardest`, k >= 1.
        hardest: What is said beneath the images.
        columns: Digits in a row.

    Raises:
        TenfoldError: The images do not fit the list.
    """
    check_hardest(images, hardest)
    if not hardest:
        raise TenfoldError("there is no image to draw: ask for at least one")
    rows = -(-len(hardest) // columns)
    figure = Figure(figsize=(1.9 * columns, 2.2 * rows), layout="constrained")
    for place, (image, hard) in enumerate(zip(images, hardest, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(caption(hard), fontsize=8, color=INK)
    return figure


def caption(hard: Prediction) -> str:
    """Return "true 4, read as 9 (98%)"; nothing is rounded up to 100%."""
    percent = f"{hard.confidence:.0%}" if hard.confidence < 0.995 else "over 99%"
    return f"true {hard.label}, read as {hard.predicted} ({percent})"


def check_hardest(images: np.ndarray, hardest: Sequence[Prediction]) -> None:
    """Refuse images that are not uint8 (k, 28, 28) for the k entries of `hardest`.

    Raises:
        TenfoldError: They are not.
    """
    if images.shape != (len(hardest), 28, 28) or images.dtype != np.uint8:
        raise TenfoldError(
            f"hardest images are {images.dtype} of shape {images.shape}: "
            f"give uint8 ({len(hardest)}, 28, 28), one per entry"
        )


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element to stand inside an HTML page.

    Text stays text, every id begins with `name`, and the same figure gives the same text.
    Without XML header, metadata and namespaces: HTML needs none of them.

    Args:
        figure: The figure; it is not changed.
        name: Unique on the page; letters, digits and hyphens.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    # Its style sheet would speak to the whole page; the root's attributes say the same.
    svg = re.sub(r"\s*<(metadata|style)\b.*?</\1>|\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    root = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', re.DOTALL)
    svg = root.sub(
        r'<svg viewBox="\1" stroke-linejoin="round" stroke-linecap="butt">', svg, count=1
    )
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", svg)


def _chart(title: str, y_label: str) -> tuple[Figure, Any]:
    """Return a figure of one chart over epochs, and its axes."""
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.add_subplot()
    style_axes(axes, title, y_label)
    axes.set_xlabel("epoch", color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    return figure, axes


def style_axes(axes: Any, title: str, y_label: str) -> None:
    """Give axes the look that all charts here have."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#b8bec8")
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.set_ylabel(y_label, color=MUTED)
    if title:
        title_axes(axes, title)


def title_axes(axes: Any, title: str) -> None:
    """Write a title above the left end of axes."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=12)


def _draw_history(
    axes: Any,
    history: History,
    key: str,
    transform: Callable[[np.ndarray], np.ndarray] = lambda values: values,
) -> np.ndarray:
    """Draw one quantity, and its validation twin where there is one; return all values drawn."""
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
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    return np.concatenate(drawn) if drawn else np.array([])


def scale_axes(axes: Any, values: np.ndarray, label: Callable[[float], str]) -> None:
    """Label the y axis plainly; logarithmic where the values spread enough to need it."""
    if values.size and values.min() > 0 and values.max() / values.min() >= 5:
        decades = np.log10(values.max() / values.min())
        _log_ticks(axes, (1, 2, 5) if decades < 3 else (1,), label)
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: label(value)))


def _log_ticks(axes: Any, steps: Sequence[int], label: Callable[[float], str]) -> None:
    """Make the y axis logarithmic, with plain numbers at steps times powers of ten."""
    axes.set_yscale("log")
    ticks = [step * 10.0**power for power in range(-9, 7) for step in steps]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: label(value)))
