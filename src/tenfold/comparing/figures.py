"""Figures of a comparison and of doubtful labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.arrays import Images
from tenfold.reporting.drawing import EDGE, TEXT, TITLE, Drawing
from tenfold.reporting.drawing import MUTED as MUTED_ON_DARK
from tenfold.reporting.figures import (
    BLUE,
    GREEN,
    GRID,
    INK,
    MUTED,
    OCHER,
    PINK,
    PURPLE,
    VERMILLION,
    decade_ticks,
    label_ticks,
    new_chart,
    new_figure,
)
from tenfold.reporting.sheets import LETTER, Tile, draw_cell, draw_tiles, shade

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = Mapping[str, Any]
"""What `tenfold compare --json` or `tenfold labels --json` prints."""

Row = Mapping[str, Any]
"""One classifier of `tenfold compare --json`."""

SHOWN_ERRORS = 6
"""Number of errors shown for each classifier."""

SHOWN_LABELS = 50
"""Number of doubtful labels shown for the test images, and on each sheet."""

LEAST = 5e-5
"""Least value drawn on a logarithmic scale, which has no 0: 0.00005% or ms."""

LONG_NAME = 24
"""Characters of a classifier's name in figures; of a longer one, such as a path, the last ones."""

_COLORS = (VERMILLION, OCHER, GREEN, PINK, PURPLE, MUTED)
"""Colors of classifiers that are not networks."""

_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)))
"""Line styles of networks in turn, and of other classifiers once the colors are used up."""


@dataclass(frozen=True)
class _Panel:
    """One column of the ranking: its title and unit, the value of a row, and its label.

    Smaller values are drawn at the value `least` of their row.
    """

    title: str
    unit: str
    value: Callable[[Row], float | None]
    text: Callable[[float], str]
    unknown: str = "unknown"
    least: Callable[[Row], float] = lambda row: LEAST


def _half_an_error(row: Row) -> float:
    """Return where no error at all is drawn, in percent of the test images."""
    return float(50 / row["test"]["n"])


def _percent(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def _short(value: float) -> str:
    return f"{value:.2g}" if value < 9.95 else f"{value:,.0f}"


_PANELS = (
    _Panel(
        "Test errors",
        "%",
        lambda row: 100 * (1 - row["test"]["accuracy"]),
        _percent,
        least=_half_an_error,
    ),
    _Panel("Errors, MNIST-C", "%", lambda row: 100 * (1 - row["mnist_c"]["mean"]), _percent),
    _Panel("Calibration error", "%", lambda row: 100 * row["test"]["ece"], _percent),
    _Panel("Fit", "processor time (s)", lambda row: row["processor_seconds"], _short, "as it is"),
    _Panel("One image", "ms", lambda row: row["latency_ms"]["median"], _short),
    _Panel("Size", "MB", lambda row: row["size_bytes"] and row["size_bytes"] / 1e6, _short),
)


def plot_ranking(result: Result) -> "Figure":
    """Draw all panels of `plot_panels` as one figure, two in a row."""
    rows = result["classifiers"]
    figure = new_figure(5, 3 * (0.7 + 0.24 * len(rows)))
    every: Any = figure.subplots(len(_PANELS) // 2, 2)
    for axes, panel in zip(every.flat, _PANELS, strict=True):
        _draw_panel(axes, panel, rows)
        axes.label_outer()
    return figure


def plot_panels(result: Result) -> dict[str, "Figure"]:
    """Draw one figure of each classifier as dots below each other, the most accurate on top.

    All scales are logarithmic; further left is better. Bars on the test errors are Wilson's 95%
    intervals. Networks are blue.

    Returns:
        Charts by title.
    """
    rows = result["classifiers"]
    charts = {}
    for panel in _PANELS:
        charts[panel.title] = new_figure(4.2, 0.7 + 0.24 * len(rows))
        _draw_panel(charts[panel.title].add_subplot(), panel, rows)
    return charts


def _draw_panel(axes: Any, panel: _Panel, rows: Sequence[Row]) -> None:
    _dots(axes, panel, rows)
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=18)
    axes.text(0, 1.01, panel.unit, transform=axes.transAxes, fontsize=9, color=MUTED)
    if panel is _PANELS[0]:
        ends = 100 * (1 - np.array([row["test"]["accuracy_interval"] for row in rows]))
        for place, (row, (high, low)) in enumerate(zip(rows, ends, strict=True)):
            start = max(low, _half_an_error(row))
            axes.plot([start, high], [place] * 2, color=_hue(row), lw=2, alpha=0.35)
    axes.set_yticks(range(len(rows)), [_plain(_short_name(row["name"])) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set(color=INK, fontsize=9, fontweight="bold" if _is_network(row) else "normal")


def _dots(axes: Any, panel: _Panel, rows: Sequence[Row]) -> None:
    values = [panel.value(row) for row in rows]
    places = [None if value is None else max(value, panel.least(row))
              for value, row in zip(values, rows, strict=True)]  # fmt: skip
    known = [at for at in places if at is not None] or [1.0]
    axes.set_xscale("log")
    room = max(known) / min(known)
    axes.set_xlim(min(known) / max(1.6, room**0.1), max(known) * max(4, room**0.6))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    best = min(known)
    for place, (value, at, row) in enumerate(zip(values, places, rows, strict=True)):
        if value is None or at is None:
            axes.text(min(known), place, panel.unknown, va="center", fontsize=9, color=MUTED)
            continue
        axes.plot([at], [place], "o", color=_hue(row), markersize=6.5)
        axes.annotate(
            panel.text(value), (at, place), xytext=(8, 0), textcoords="offset points",
            va="center_baseline", fontsize=9, color=INK,
            fontweight="bold" if at == best else "normal",
        )  # fmt: skip


def plot_curve(result: Result) -> "Figure":
    """Draw the test errors of each classifier by its number of training images, on log scales.

    Classifiers with a single number of images, such as shipped models, are left out unless no
    others were compared.
    """
    curves = {name: points for name, points in result["curve"].items() if len(points) > 1}
    curves = curves or dict(result["curve"])
    rows = {row["name"]: row for row in result["classifiers"]}
    figure, axes = new_chart(
        "Errors by number of training images", "training images", "test images read wrong (%)",
        (5, 5),
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    styles = _styles([rows[name] for name in curves])
    ends = []
    for name, points in curves.items():
        learned = [point["train_size"] for point in points]
        errors = [100 * (1 - point["accuracy"]) for point in points]
        drawn = [max(error, _half_an_error(rows[name])) for error in errors]
        axes.plot(learned, drawn, "o", ms=4, **styles[name])
        words = f"{_plain(_short_name(name))}  {_percent(errors[-1])}"
        ends.append((drawn[-1], name, words))
    sizes = sorted({point["train_size"] for points in curves.values() for point in points})
    _label_ends(axes, sizes[-1], ends, styles)
    axes.grid(color=GRID, linewidth=0.8)
    label_ticks(axes.xaxis, _thousands, sizes)
    label_ticks(axes.yaxis, "{:g}".format, decade_ticks((1, 2, 5)))
    return figure


def _thousands(size: float) -> str:
    return f"{size / 1000:g}k" if size >= 1000 else f"{size:g}"


def _styles(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return the line style of each classifier: blue for networks, other colors for the others."""
    networks = [row["name"] for row in rows if _is_network(row)]
    others = [row["name"] for row in rows if not _is_network(row)]
    styles: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(networks):
        styles[name] = {"color": BLUE, "ls": _DASHES[place % 3], "lw": 2.2}
    for place, name in enumerate(others):
        repeat, color = divmod(place, len(_COLORS))
        styles[name] = {"color": _COLORS[color], "ls": _DASHES[repeat % 3], "lw": 1.5}
    return styles


def _label_ends(
    axes: Any,
    last: float,
    ends: Sequence[tuple[float, str, str]],
    styles: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write words beside the end of each line, moved apart so that none overlap.

    Args:
        axes: Both scales are logarithmic.
        last: Where the lines end.
        ends: The height of the end, the name and the words for each line.
        styles: Styles of lines by name.
    """
    low, high = axes.get_ylim()
    gap = (np.log(high) - np.log(low)) / 24
    place = -np.inf
    for error, name, words in sorted(ends):
        place = max(np.log(error), place + gap)
        axes.annotate(
            words, (last, error), xytext=(last * 1.18, np.exp(place)),
            textcoords="data", va="center", fontsize=9, color=styles[name]["color"],
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": styles[name]["color"], "lw": 0.6,
                        "alpha": 0.5, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip


def draw_corruptions(result: Result) -> Drawing:
    """Draw the accuracy of each classifier under each corruption, in percent; errors are colored.

    The first column is the mean.
    """
    rows = result["classifiers"]
    names = ["mean", *(name for name in rows[0]["mnist_c"] if name != "mean")]
    labels = [_short_name(row["name"]) for row in rows]
    room = round(LETTER * TEXT * max(map(len, labels))) + 10
    left, top, width, height = EDGE + room, 168, 28, 30
    size = left + width * len(names) + EDGE, top + height * len(rows) + EDGE
    drawing = Drawing(*size, "Accuracy on corrupted images")
    drawing.text(EDGE, 28, "Accuracy on corrupted images (%)", TITLE)
    for column, name in enumerate(names):
        words = name.replace("_", " ")
        drawing.upward_text(left + (column + 0.5) * width - 1, top - 8, words, color=MUTED_ON_DARK)
    for place, row in enumerate(rows):
        y = top + place * height
        drawing.text(EDGE, y + height / 2, labels[place])
        for column, name in enumerate(names):
            accuracy = row["mnist_c"][name]
            words = f"{100 * accuracy:.0f}"
            draw_cell(drawing, left + column * width, y, width, height, shade(1 - accuracy), words)
    return drawing


def draw_own_errors(result: Result, images: Images) -> Drawing:
    """Draw the errors of each classifier on images that most others read correctly.

    Args:
        result: The comparison.
        images: uint8 (n, 28, 28), all test images.
    """
    others, classes = len(result["classifiers"]) - 1, result["classes"]
    groups = {
        row["name"]: [
            Tile(
                images[error["index"]],
                f"{classes[error['label']]} read as {classes[error['predicted']]}",
                f"{error['others_right']} of {others}" if others else "",
            )
            for error in result["errors"][row["name"]][:SHOWN_ERRORS]
        ]
        for row in result["classifiers"]
    }
    note = "Below each: what it is, what was read, and how many of the others are right."
    return draw_tiles("Errors that other classifiers avoid", groups, note if others else "")


def draw_doubtful(result: Result, split: str, images: Images) -> Drawing:
    """Draw the most doubtful labels of a split, the most doubtful first.

    On the test images, a frame marks labels that people found wrong.

    Args:
        result: What `tenfold labels --json` prints.
        split: "train" or "test".
        images: uint8 (n, 28, 28), all images of the split.
    """
    ranking = result[split]["ranking"][:SHOWN_LABELS]
    validated = result["test"].get("validated") if split == "test" else None
    framed, classes = (validated or {}).get("places", {}), result["classes"]
    tiles = [
        Tile(
            images[row["index"]],
            f"{classes[row['given']]}, or {classes[row['suspected']]}?",
            f"no. {row['name']}" if row["name"].isdigit() else row["name"],
            framed=str(row["index"]) in framed,
        )
        for row in ranking
    ]
    name = {"train": "training", "test": "test"}[split]
    title = f"The {len(tiles)} most doubtful labels of the {name} images"
    return draw_tiles(title, {"": tiles}, "Framed: found wrong by people." if framed else "")


def _short_name(name: str) -> str:
    """Return a classifier's name as figures show it, at most `LONG_NAME` characters."""
    return name if len(name) <= LONG_NAME else f"…{name[1 - LONG_NAME :]}"


def _plain(text: str) -> str:
    """Return text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _is_network(row: Row) -> bool:
    return row["kind"] in ("recipe", "shipped")


def _hue(row: Row) -> str:
    return BLUE if _is_network(row) else VERMILLION
