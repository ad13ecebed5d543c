"""The pages of `tenfold compare` and `tenfold labels`, and their figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.arrays import Images
from tenfold.comparing.compare import Comparison
from tenfold.comparing.figures import (
    LONG_NAME,
    SHOWN_ERRORS,
    SHOWN_LABELS,
    Result,
    Row,
    draw_corruptions,
    draw_doubtful,
    draw_own_errors,
    plot_curve,
    plot_panels,
    plot_ranking,
)
from tenfold.comparing.label_errors import DoubtfulLabels
from tenfold.files import make_folder, write_json
from tenfold.formatting import duration
from tenfold.reporting.html import render
from tenfold.reporting.saving import save_page


@dataclass(frozen=True)
class _Column:
    """One column of the table: its heading, its text, and the value whose best is bold."""

    heading: str
    text: Callable[[Row], str]
    value: Callable[[Row], float | None] = lambda row: None
    choose: Callable[..., float] = max


_COLUMNS = (
    _Column("Accuracy", lambda r: f"{r['test']['accuracy']:.2%}", lambda r: r["test"]["accuracy"]),
    _Column("95% interval (%)", lambda row: _interval(*row["test"]["accuracy_interval"])),
    _Column("ECE", lambda row: f"{row['test']['ece']:.2%}", lambda row: row["test"]["ece"], min),
    _Column("MNIST-C", lambda r: f"{r['mnist_c']['mean']:.1%}", lambda r: r["mnist_c"]["mean"]),
    _Column("Fit, wall time", lambda row: _fit(row, "train_seconds")),
    _Column(
        "Fit, processor time",
        lambda row: _fit(row, "processor_seconds"),
        lambda row: row["processor_seconds"],
        min,
    ),
    _Column(
        "One image",
        lambda row: f"{row['latency_ms']['median']:.3g} ms",
        lambda row: row["latency_ms"]["median"],
        min,
    ),
    _Column(
        "Images per second",
        lambda row: f"{row['images_per_second']:,}",
        lambda row: row["images_per_second"],
    ),
    _Column("Size", lambda row: _bytes(row["size_bytes"]), lambda row: row["size_bytes"], min),
)


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write compare.html, compare.json, and the figures as PNG and SVG into a folder.

    Returns:
        The page; files of the same names are replaced.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    result, images = comparison.result, comparison.images
    figures: dict[str, Any] = {
        "ranking": plot_ranking(result),
        "curve": plot_curve(result),
        "corruptions": draw_corruptions(result),
        "errors": draw_own_errors(result, images),
    }
    make_folder(folder)
    write_json(folder / "compare.json", result)
    return save_page(render_comparison(result, images), figures, folder, "compare.html")[0]


def write_doubtful_labels(found: DoubtfulLabels, folder: Path) -> Path:
    """Write labels.html, labels.json, and a sheet of each split as PNG and SVG into a folder.

    Returns:
        The page; files of the same names are replaced.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    result, images = found.result, found.images
    sheets = {f"labels-{split}": draw_doubtful(result, split, images[split]) for split in images}
    make_folder(folder)
    write_json(folder / "labels.json", result)
    return save_page(render_labels(result, images), sheets, folder, "labels.html")[0]


def render_comparison(result: Result, images: Images) -> str:
    """Return the comparison as one HTML page that needs no other file, address or script.

    Args:
        result: What `tenfold compare --json` prints.
        images: uint8 (n, 28, 28), the test images that `result["errors"]` refers to.
    """
    rows = result["classifiers"]
    best_of_kind: dict[str, Row] = {}
    for row in rows:
        best_of_kind.setdefault(row["kind"], row)
    several = max(len(points) for points in result["curve"].values()) > 1
    return render(
        "comparing/compare.html",
        result=result,
        images=images,
        best_of_kind=best_of_kind,
        columns=[
            {"heading": one.heading, "text": one.text, "best": _best(one, rows)} for one in _COLUMNS
        ],
        panels=plot_panels(result),
        curve=plot_curve(result) if several else None,
        corruptions=draw_corruptions(result),
        shown_errors=SHOWN_ERRORS,
        long_name=LONG_NAME,
        p_value=p_value,
    )


def render_labels(result: Result, images: Mapping[str, Images]) -> str:
    """Return the doubtful labels as one HTML page that needs no other file, address or script.

    Args:
        result: What `tenfold labels --json` prints.
        images: By split uint8 (n, 28, 28), all its images.
    """
    return render("comparing/labels.html", result=result, images=images, shown=SHOWN_LABELS)


def _best(column: _Column, rows: Sequence[Row]) -> set[str]:
    """Return the names of the classifiers with the best value; of one classifier, none."""
    values = {row["name"]: column.value(row) for row in rows}
    known = [value for value in values.values() if value is not None]
    if len(rows) < 2 or not known:
        return set()
    best = column.choose(known)
    return {name for name, value in values.items() if value == best}


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {100 * high:.2f}"


def _fit(row: Row, key: str) -> str:
    return "as it is" if row["processor_seconds"] is None else duration(row[key])


def _bytes(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / 1e6:.3g} MB" if size >= 1e6 else f"{size / 1e3:.3g} kB"


def p_value(p: float) -> str:
    """Return a p value for reading, such as "0.0123" or "< 0.0001"."""
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.4f}" if p < 0.01 else f"{p:.2f}"
