"""Agreement of an export with its original on the same images."""

from dataclasses import dataclass

import numpy as np

from tenfold.arrays import Probabilities
from tenfold.errors import ExportError

MIN_SAME_LABELS = {"float32": 0.9999, "int8": 0.999}
"""Least share of images for which export and original must predict the same label."""

TOLERANCE = {"float32": 1e-4, "int8": 0.01}
"""Largest accepted difference of probabilities. In float32 it limits the largest difference over
all images; in int8, where an image between two classes may differ by 0.1, the mean over images of
each one's largest. The shipped models reach at most 1.4e-6 and 0.0042 (results/exports.json)."""


@dataclass(frozen=True)
class Agreement:
    """An export compared with its original.

    Attributes:
        images: Number of images.
        same_labels: Share of images with the same predicted label, 0 to 1.
        same_labels_at_least: Least share that is accepted.
        largest_difference: Largest difference of two probabilities over all images and classes.
        mean_difference: Mean over the images of each one's largest difference.
        tolerance: Largest difference that is accepted.
    """

    images: int
    same_labels: float
    same_labels_at_least: float
    largest_difference: float
    mean_difference: float
    tolerance: float


def check_agreement(before: Probabilities, after: Probabilities, precision: str) -> Agreement:
    """Compare an export with its original, and refuse an export that disagrees.

    Args:
        before: float32 (n, classes), probabilities of the original.
        after: float32 (n, classes), probabilities of the export.
        precision: "float32" or "int8".

    Raises:
        ExportError: Too few predicted labels are the same, or probabilities differ too much.
    """
    differences = np.abs(after - before).max(axis=1)
    found = Agreement(
        images=len(before),
        same_labels=float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
        same_labels_at_least=MIN_SAME_LABELS[precision],
        largest_difference=float(differences.max()),
        mean_difference=float(differences.mean()),
        tolerance=TOLERANCE[precision],
    )
    if not found.same_labels >= found.same_labels_at_least:
        raise ExportError(
            f"export and original predict the same label for {found.same_labels:.2%} of "
            f"{found.images:,} test images; at least {found.same_labels_at_least:.2%} are "
            "required: nothing was written"
        )
    kind = "largest" if precision == "float32" else "mean"
    difference = found.largest_difference if kind == "largest" else found.mean_difference
    if not difference <= found.tolerance:  # also refuses NaN
        raise ExportError(
            f"the {kind} difference between the probabilities of export and original is "
            f"{difference:.2g}; at most {found.tolerance:g} is accepted: nothing was written"
        )
    return found
