"""The report of one training: a single HTML page, made of results."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import numpy as np

from tenfold.errors import TenfoldError
from tenfold.evaluation.metrics import Evaluation, Prediction
from tenfold.formatting import count, duration
from tenfold.reporting.figures import (
    History,
    caption,
    check_hardest,
    plot_accuracy,
    plot_confusion,
    plot_learning_rate,
    plot_loss,
    plot_reliability,
)
from tenfold.reporting.html import chart, fill, picture

REQUIRED = ("recipe", "seed", "parameters", "epochs", "train_seconds", "command")
FACTS = {"machine": "Machine", "versions": "Versions", "data": "Data"}
"""Parts of the meta data that are shown as tables of their own, with their headings."""


class Layer(Protocol):
    """One row of the layer table; `tenfold.recipes.layers.LayerRow` is one."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def output_shape(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def parameters(self) -> int: ...  # noqa: D102
    @property
    def purpose(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Report:
    """The plain results that a report shows.

    Attributes:
        meta: Facts about the run. Needed: recipe (a mapping with name and summary, and all
            settings), seed, parameters, epochs, train_seconds (seconds of fit), command.
            Shown if there: created (ISO 8601), train_images (a number), and the mappings machine,
            versions and data (hashes).
        layers: Rows of the layer table, the input first; shapes without the batch.
        history: One row per epoch, see `tenfold.reporting.figures.History`.
        evaluation: Figures on the test images.
        hardest: The images read worst, the worst first; may be empty.
        hardest_images: uint8 (k, 28, 28), those images, white ink on black.
    """

    meta: Mapping[str, Any]
    layers: Sequence[Layer]
    history: History
    evaluation: Evaluation
    hardest: Sequence[Prediction]
    hardest_images: np.ndarray


def render_report(report: Report) -> str:
    """Return the report as one HTML page that needs no other file, address or script.

    Raises:
        TenfoldError: The meta data lack something, there is no history, or the hardest images
            do not fit their list.
    """
    meta, evaluation = report.meta, report.evaluation
    missing = [key for key in REQUIRED if key not in meta]
    if missing:
        raise TenfoldError(f"a report needs {', '.join(missing)} in its meta data")
    check_hardest(report.hardest_images, report.hardest)
    recipe = meta["recipe"]
    lower, upper = evaluation.accuracy_interval
    n = f"{evaluation.n:,}"
    return fill(
        "report.html",
        title=escape(f"{recipe['name']}, seed {meta['seed']}: {evaluation.accuracy:.2%}"),
        created=escape(f"of {_moment(meta['created'])}" if "created" in meta else ""),
        accuracy=f"{evaluation.accuracy:.2%}",
        n=n,
        errors=count(evaluation.errors, "error"),
        lower=f"{lower:.2%}",
        upper=f"{upper:.2%}",
        lede=_lede(meta),
        key_figures=_key_figures(meta, evaluation),
        training=_training(report.history),
        confusion=chart(
            plot_confusion(evaluation.confusion), "confusion-matrix", "Confusion matrix"
        ),
        hardest_text=_hardest_text(report),
        hardest="\n".join(
            _digit(image, hard)
            for image, hard in zip(report.hardest_images, report.hardest, strict=True)
        ),
        scores="\n".join(_scores(evaluation)),
        ece=f"{100 * evaluation.ece:.2f}",
        reliability=chart(
            plot_reliability(evaluation.reliability),
            "reliability",
            "Accuracy by confidence, and images by confidence",
        ),
        layers="\n".join(_layer(layer) for layer in report.layers),
        total=f"{sum(layer.parameters for layer in report.layers):,}",
        command=escape(str(meta["command"])),
        facts="\n".join(_facts(meta)),
    )


def _training(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the curves; a single epoch has none."""
    if len(history) == 1:
        return ""
    curves = "\n".join(
        chart(plot(history), name, label)
        for plot, name, label in (
            (plot_loss, "loss", "Loss of each epoch"),
            (plot_accuracy, "accuracy", "Accuracy of each epoch"),
            (plot_learning_rate, "learning-rate", "Learning rate of each epoch"),
        )
    )
    return (
        f'<section id="training">\n<h2>How it learned</h2>\n<p>{_curves_text(history)}</p>\n'
        f'<div class="charts">\n{curves}\n</div>\n</section>'
    )


def _lede(meta: Mapping[str, Any]) -> str:
    recipe = meta["recipe"]
    summary = f" {escape(str(recipe['summary']))}" if recipe.get("summary") else ""
    images = f"{meta['train_images']:,} images of MNIST" if "train_images" in meta else "MNIST"
    epochs = count(meta["epochs"], "epoch")
    if recipe.get("members", 1) > 1:
        epochs += " each"
    if recipe.get("epoch_images", 60_000) < meta.get("train_images", 0):
        epochs += f" of {recipe['epoch_images']:,} images"
    members = recipe.get("members", 1)
    what = f"An ensemble of {members} networks with" if members > 1 else "A network of"
    return (
        f"{what} {meta['parameters']:,} parameters, trained on {images} for {epochs} in "
        f'<span class="nowrap">{duration(meta["train_seconds"])}</span> with the recipe '
        f"<b>{escape(str(recipe['name']))}</b>.{summary}"
    )


def _key_figures(meta: Mapping[str, Any], evaluation: Evaluation) -> str:
    figures = {
        "Parameters": f"{meta['parameters']:,}",
        "Epochs": f"{meta['epochs']:,}",
        "Time of fit": duration(meta["train_seconds"]),
        "Test loss": f"{evaluation.loss:.4f}",
        "Calibration error": f"{evaluation.ece:.2%}",
        "Seed": str(meta["seed"]),
    }
    return "\n".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in figures.items()
    )


def _curves_text(history: History) -> str:
    text = "Each dot is one epoch: one pass through the training images."
    if any("val_loss" in row or "val_accuracy" in row for row in history):
        text += (
            " Validation images are held out of the 60,000 training images. Training figures can"
            " look worse than validation ones: augmentation and dropout, where the recipe has"
            " them, are on while they are taken."
        )
    return text


def _hardest_text(report: Report) -> str:
    errors = report.evaluation.errors
    shown = sum(hard.label != hard.predicted for hard in report.hardest)
    if not report.hardest:
        return "No image was kept."
    if shown == 0:
        return "All were read correctly; these were the least certain."
    if shown < errors:
        return f"The {shown} most confident of {count(errors, 'error')}, the surest first."
    text = "The only error" if errors == 1 else f"All {errors} errors, the surest first"
    rest = len(report.hardest) - shown
    return f"{text}, then the least certain of those read correctly." if rest else f"{text}."


def _digit(image: np.ndarray, hard: Prediction) -> str:
    return (
        f"<figure>{picture(image, f'test image {hard.index}')}"
        f"<figcaption>{caption(hard)} <small>no. {hard.index}</small></figcaption></figure>"
    )


def _scores(evaluation: Evaluation) -> list[str]:
    rows = []
    for score in evaluation.per_class:
        missed = score.support - int(evaluation.confusion[score.label, score.label])
        cells = [f"{score.support:,}", f"{missed:,}"]
        cells += [f"{value:.2%}" for value in (score.precision, score.recall, score.f1)]
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row">{score.label}</th>{numbers}</tr>')
    return rows


def _layer(layer: Layer) -> str:
    shape = " × ".join(str(size) for size in layer.output_shape)  # noqa: RUF001
    return (
        f'<tr><th scope="row">{escape(layer.name)}</th>'
        f'<td class="nowrap kind">{escape(layer.kind)}</td>'
        f'<td class="number shape">{escape(shape)}</td>'
        f'<td class="number">{layer.parameters:,}</td>'
        f'<td class="purpose">{escape(layer.purpose)}</td></tr>'
    )


def _facts(meta: Mapping[str, Any]) -> list[str]:
    # Name and summary are in the first sentence, the layers have their own table.
    recipe = {k: v for k, v in meta["recipe"].items() if k not in ("name", "summary", "layers")}
    tables = {"Recipe": {**recipe, "seed": meta["seed"]}}
    tables |= {heading: meta[key] for key, heading in FACTS.items() if meta.get(key)}
    html = []
    for heading, facts in tables.items():
        rows = "".join(_fact(name, value) for name, value in _flat(facts))
        wide = ' class="wide"' if heading == "Data" else ""
        html.append(f"<div{wide}><h3>{heading}</h3><table><tbody>{rows}</tbody></table></div>")
    return html


def _fact(name: str, value: str) -> str:
    # Narrow screens may break a long name, and should do so after a dot.
    name = escape(name).replace(".", ".<wbr>")
    return f'<tr><th scope="row">{name}</th><td>{escape(value)}</td></tr>'


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested facts as rows of dotted name and text, as in ("optimizer.name", "adam")."""
    rows = []
    for key, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", str(value)))
    return rows


def _moment(created: str) -> str:
    """Return ISO 8601 with a space between day and time."""
    return re.sub(r"(?<=\d)T(?=\d)", " ", created)
