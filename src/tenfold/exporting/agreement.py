"""How far an export agrees with what it was made from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.errors import ExportError

SAME_LABELS = {"float32": 0.9999, "int8": 0.999}
"""Share of images that must get the same digit as from the original."""

TOLERANCE = {"float32": 1e-4, "int8": 0.01}
"""Most by which probabilities may differ: in float32 the largest difference of all images, in int8
the mean over the images of each one's largest. Measured of the shipped models: 1.4e-6 and 0.0042
at most; an image between two digits may move by a tenth in int8."""


@dataclass(frozen=True)
class Agreement:
    """An export beside its original on the same images.

    Attributes:
        n: Images.
        same_labels: Share of them that get the same digit, 0 to 1.
        largest_difference: Between two probabilities, over all images and digits.
        mean_difference: Mean over the images of each one's largest difference.
    """

    n: int
    same_labels: float
    largest_difference: float
    mean_difference: float


def agreement(
    before: npt.NDArray[np.float32], after: npt.NDArray[np.float32], precision: str
) -> Agreement:
    """Compare an export with its original, and refuse one that does not agree.

    Args:
        before: float32 (n, 10), probabilities of the original.
        after: float32 (n, 10), those of the export.
        precision: "float32" or "int8".

    Raises:
        ExportError: Too few labels are the same, or probabilities differ too much.
    """
    each = np.abs(after - before).max(axis=1)
    found = Agreement(
        n=len(before),
        same_labels=float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
        largest_difference=float(each.max()),
        mean_difference=float(each.mean()),
    )
    least, most = SAME_LABELS[precision], TOLERANCE[precision]
    if not found.same_labels >= least:
        raise ExportError(
            f"the export reads {found.same_labels:.2%} of {found.n:,} test images as the original "
            f"does, and must {least:.2%}: nothing was written"
        )
    difference = _judged(found, precision)
    if not difference <= most:  # also refuses NaN
        raise ExportError(
            f"the export's probabilities differ from the original's by {difference:.2g}, "
            f"and may by {most:g}: nothing was written"
        )
    return found


def _judged(found: Agreement, precision: str) -> float:
    return found.largest_difference if precision == "float32" else found.mean_difference


def to_dict(found: Agreement, precision: str) -> dict[str, Any]:
    """Return an agreement with what was asked of it, JSON-ready."""
    return {
        "images": found.n,
        "same_labels": found.same_labels,
        "same_labels_at_least": SAME_LABELS[precision],
        "largest_difference": found.largest_difference,
        "mean_difference": found.mean_difference,
        "tolerance": TOLERANCE[precision],
    }
