"""The page of an adapted model: what was gained, and the digits that are still hard."""

from collections.abc import Mapping
from typing import Any

from tenfold.adapting.held_out import Gain
from tenfold.arrays import Images, Labels, Probabilities
from tenfold.evaluation.metrics import evaluate, hardest_images
from tenfold.reporting.figures import History, plot_loss, plot_reliability
from tenfold.reporting.html import render
from tenfold.reporting.sheets import draw_confusion


def render_adapted(
    meta: Mapping[str, Any],
    history: History,
    gain: Gain,
    images: Images,
    labels: Labels,
    probabilities: Probabilities,
) -> str:
    """Return the report as one HTML page that needs no other file, address or script.

    Args:
        meta: The metadata of the adapted bundle.
        history: One row per epoch of the network that is saved.
        gain: What was gained on the digits that were held out.
        images: uint8 (n, 28, 28), these digits.
        labels: uint8 (n,), their labels.
        probabilities: float32 (n, classes), the answers for them.
    """
    evaluation = evaluate(labels, probabilities)
    classes = meta["classes"]
    hardest = hardest_images(labels, probabilities)
    return render(
        "adapting/adapt.html",
        meta=meta,
        created=str(meta["created"]).replace("T", " ").replace("+00:00", " UTC"),
        gain=gain,
        evaluation=evaluation,
        confusion=draw_confusion(evaluation.confusion, classes),
        hardest=hardest,
        hardest_images=images[[hard.index for hard in hardest]],
        classes=classes,
        loss=plot_loss(history) if len(history) > 1 else None,
        reliability=plot_reliability(evaluation.reliability),
    )
