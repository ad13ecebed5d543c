"""The page of a comparison: one HTML file, made of results."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np

from tenfold.comparing.figures import (
    SHOWN_ERRORS,
    Result,
    plot_corruptions,
    plot_curve,
    plot_ranking,
)
from tenfold.formatting import duration
from tenfold.reporting.html import chart, fill, picture

Row = Mapping[str, Any]

_BEST: dict[str, tuple[Callable[..., float], Callable[[Row], float | None]]] = {
    "accuracy": (max, lambda row: row["test"]["accuracy"]),
    "ece": (min, lambda row: row["test"]["ece"]),
    "mnist_c": (max, lambda row: row["mnist_c"]["mean"]),
    "processor": (min, lambda row: row["processor_seconds"]),
    "latency": (min, lambda row: row["latency_ms"]["median"]),
    "speed": (max, lambda row: row["images_per_second"]),
    "size": (min, lambda row: row["size_bytes"]),
}
"""Columns in which one is best: how, and what is compared."""


def render_comparison(result: Result, images: np.ndarray) -> str:
    """Return the comparison as one HTML page that needs no other file, address or script.

    Args:
        result: What `tenfold compare --json` prints.
        images: uint8 (n, 28, 28), the test images that `result["errors"]` points into.
    """
    rows, machine = result["classifiers"], result["machine"]
    return fill(
        "comparison.html",
        title=escape(f"{len(rows)} classifiers, {result['train_size']:,} digits"),
        date=machine["date"],
        headline=f"{_number(len(rows))} {'way' if len(rows) == 1 else 'ways'} to read digits",
        lede=_lede(result),
        rows="\n".join(_row(row, rows) for row in rows),
        ranking=chart(plot_ranking(result), "ranking", "All figures as dots, best on the left"),
        curve=_curve(result),
        neighbors="\n".join(_pair(pair) for pair in result["neighbors"]),
        corrupted_images=f"{result['corrupted_images']:,}",
        corruptions=chart(plot_corruptions(result), "corruptions", "Accuracy by corruption"),
        errors="\n".join(_own(row, result, images) for row in rows),
        who="\n".join(_who(row) for row in rows),
        train_size=f"{result['train_size']:,}",
        processor=escape(machine["processor"]),
        cores=str(machine["cores"]),
    )


def _number(count: int) -> str:
    words = ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
             "Eleven", "Twelve")  # fmt: skip
    return words[count - 1] if count <= len(words) else str(count)


def _lede(result: Result) -> str:
    best: dict[str, Row] = {}
    for row in result["classifiers"]:
        best.setdefault(row["kind"], row)
    kinds = {"recipe": "networks trained here", "shipped": "shipped networks", "baseline": "others"}
    parts = [
        f"of the {words} <b>{escape(best[kind]['name'])}</b>, {best[kind]['test']['accuracy']:.2%}"
        for kind, words in kinds.items()
        if kind in best
    ]
    return (
        f"The most of 10,000 test images are read right, {'; '.join(parts)}. All that were fitted "
        f"here learned from the same {result['train_size']:,} images."
    )


def _row(row: Row, rows: list[Row]) -> str:
    test = row["test"]
    low, high = test["accuracy_interval"]
    seconds = row["processor_seconds"]
    shipped = "<small>as shipped</small>"
    cells = {
        "accuracy": f"{test['accuracy']:.2%}",
        "interval": f"{100 * low:.2f} to {100 * high:.2f}",
        "ece": f"{test['ece']:.2%}",
        "mnist_c": f"{row['mnist_c']['mean']:.1%}",
        "fit": shipped if seconds is None else duration(row["train_seconds"]),
        "processor": "" if seconds is None else duration(seconds),
        "latency": f"{row['latency_ms']['median']:.3g} ms",
        "speed": f"{row['images_per_second']:,}",
        "size": _bytes(row["size_bytes"]),
    }
    html = "".join(
        f'<td class="number{" best" if _is_best(column, row, rows) else ""}">{cell}</td>'
        for column, cell in cells.items()
    )
    return f'<tr><td class="name">{escape(row["name"])}</td>{html}</tr>'


def _is_best(column: str, row: Row, rows: list[Row]) -> bool:
    if column not in _BEST or len(rows) < 2:
        return False
    best, value = _BEST[column]
    known = [found for found in map(value, rows) if found is not None]
    return bool(known) and value(row) == best(known)


def _bytes(size: int) -> str:
    return f"{size / 1e6:.3g} MB" if size >= 1e6 else f"{size / 1e3:.3g} kB"


def _curve(result: Result) -> str:
    if max(len(points) for points in result["curve"].values()) < 2:
        return ""
    drawn = chart(plot_curve(result), "curve", "Errors against training images")
    return (
        '<section id="curve" class="beside">\n<div>\n<h2>How much it takes to learn</h2>\n'
        "<p>The same classifiers on fewer images, the first ones, one fit each. Both scales are "
        "logarithmic: on a straight line every tenfold of images cuts the errors by the same "
        "factor. Recipes make at least 500 steps, however few the images.</p>\n</div>\n"
        f"{drawn}\n</section>"
    )


def _pair(pair: Mapping[str, Any]) -> str:
    names = "".join(f"<td>{escape(pair[key])}</td>" for key in ("better", "worse"))
    counts = "".join(
        f'<td class="number">{pair[key]:,}</td>' for key in ("only_better", "only_worse")
    )
    ps = "".join(f'<td class="number">{p_value(pair[key])}</td>' for key in ("p", "p_holm"))
    return f"<tr>{names}{counts}{ps}</tr>"


def p_value(p: float) -> str:
    """Return a p value for reading; what is very small is not told to the last power."""
    if p < 0.0001:
        return "&lt; 0.0001"
    return f"{p:.4f}" if p < 0.01 else f"{p:.2f}"


def _own(row: Row, result: Result, images: np.ndarray) -> str:
    errors = result["errors"][row["name"]][:SHOWN_ERRORS]
    others = len(result["classifiers"]) - 1
    digits = "\n".join(_digit(error, images[error["index"]], others) for error in errors)
    total = round((1 - row["test"]["accuracy"]) * row["test"]["n"])
    return (
        f'<div class="own"><div><h3>{escape(row["name"])}</h3><p>{total:,} errors</p></div>\n'
        f'<div class="digits">\n{digits}\n</div></div>'
    )


def _digit(error: Mapping[str, Any], image: np.ndarray, others: int) -> str:
    right = f"{error['others_right']} of {others} others right" if others else ""
    return (
        f"<figure>{picture(image, 'test image ' + str(error['index']))}"
        f"<figcaption>{error['label']}, read as {error['predicted']} <small>{right}</small>"
        "</figcaption></figure>"
    )


def _who(row: Row) -> str:
    parameters = "" if row["parameters"] is None else f" {row['parameters']:,} parameters."
    note = row["note"].rstrip(".")
    return (
        f'<tr><th scope="row">{escape(row["name"])}</th><td>{escape(row["title"])}</td>'
        f"<td>{escape(note)}.{parameters}</td></tr>"
    )
