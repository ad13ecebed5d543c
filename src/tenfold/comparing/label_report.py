"""Doubtful labels as a sheet of pictures and as a page."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tenfold.formatting import count
from tenfold.reporting.figures import INK, MUTED, VERMILLION
from tenfold.reporting.html import fill, picture

SHOWN, COLUMNS = 50, 10
"""Labels on a sheet, and in one row of it."""

Result = Mapping[str, Any]
"""What `tenfold labels --json` prints."""


def plot_doubtful(result: Result, split: str, images: np.ndarray) -> Figure:
    """Draw the most doubtful labels of a split, the most doubtful first.

    On the test images, labels that people found wrong are framed.

    Args:
        result: What was found.
        split: "train" or "test".
        images: uint8 (n, 28, 28), all images of the split.
    """
    ranking = result[split]["ranking"][:SHOWN]
    known = _validated(result) if split == "test" else {}
    rows = -(-len(ranking) // COLUMNS)
    figure = Figure(figsize=(1.13 * COLUMNS, 1.52 * rows + 0.7), layout="constrained")
    title = f"The {len(ranking)} most doubtful labels of the {_NAMES[split]} images"
    if known:
        title += "; framed: found wrong by people"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    every: Any = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in every.flat:
        axes.set_axis_off()
    for axes, row in zip(every.flat, ranking, strict=False):
        framed = str(row["index"]) in known
        axes.set_axis_on()
        axes.imshow(images[row["index"]], cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(visible=framed, color=VERMILLION, linewidth=3)
        axes.set_title(f"{row['given']}, or {row['suspected']}?", fontsize=10.5, color=INK, pad=5)
        axes.set_xlabel(f"no. {row['index']}", fontsize=7.5, color=MUTED, labelpad=3)
    return figure


_NAMES = {"train": "training", "test": "test"}


def render_labels(result: Result, images: Mapping[str, np.ndarray]) -> str:
    """Return the doubtful labels as one HTML page that needs no other file, address or script.

    Args:
        result: What was found.
        images: For each split uint8 (n, 28, 28), all its images.
    """
    train, test = result["train"], result["test"]
    known = test["validated"]
    return fill(
        "labels.html",
        lede=(
            f"{train['flagged']} of {train['n']:,} training labels and {test['flagged']} of "
            f"{test['n']:,} test labels look wrong to networks that did not learn them. Beneath "
            "each image: its label, and what the networks say."
        ),
        test_text=(
            f"The {SHOWN} most doubtful. Framed are those that five people found wrong or could "
            f"not agree on: {known['found']} of {known['n']} such labels are among the first "
            f"{known['at']}, a recall of {known['recall']:.0%}."
        ),
        train_text=f"The {len(train['ranking'])} most doubtful.",
        test=_digits(test["ranking"][:SHOWN], images["test"], _validated(result)),
        train=_digits(train["ranking"], images["train"], {}),
        folds=str(result["folds"]),
        recipe=escape(result["recipe"]),
        epochs=count(result["epochs"], "epoch"),
    )


def _validated(result: Result) -> Mapping[str, Any]:
    places: Mapping[str, Any] = result["test"]["validated"]["places"]
    return places


def _digits(ranking: Any, images: np.ndarray, known: Mapping[str, Any]) -> str:
    return "\n".join(_digit(row, images[row["index"]], known) for row in ranking)


def _digit(row: Mapping[str, Any], image: np.ndarray, known: Mapping[str, Any]) -> str:
    framed = ' class="known"' if str(row["index"]) in known else ""
    return (
        f"<figure{framed}>{picture(image, 'image ' + str(row['index']))}"
        f"<figcaption>{row['given']}, or <b>{row['suspected']}</b>? "
        f"<small>no. {row['index']}</small></figcaption></figure>"
    )
