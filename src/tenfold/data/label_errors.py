"""Wrong labels of MNIST's test set, as five people judged them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Labels


@dataclass(frozen=True)
class LabelError:
    """A test image with a disputed label; `corrected` is None where no digit has a majority."""

    index: int
    given: int
    corrected: int | None


# Five people looked at each: C. Northcutt, A. Athalye, J. Mueller, "Pervasive label errors in test
# sets destabilize machine learning benchmarks", NeurIPS 2021; cleanlab/label-errors, mturk/mnist.
LABEL_ERRORS = (
    LabelError(947, 8, 9),
    LabelError(1621, 0, 6),
    LabelError(1901, 9, 4),
    LabelError(2130, 4, None),
    LabelError(2462, 2, 0),
    LabelError(2597, 5, 3),
    LabelError(2654, 6, None),
    LabelError(3520, 6, None),
    LabelError(3558, 5, 0),
    LabelError(5937, 5, 3),
    LabelError(6651, 0, 6),
    LabelError(6783, 1, 6),
    LabelError(8527, 4, None),
    LabelError(9679, 6, None),
    LabelError(9729, 5, 6),
)


def correct_labels(labels: Labels) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """Return MNIST's test labels corrected, and which images to keep.

    Args:
        labels: uint8 (10000,), the test labels in their own order.

    Returns:
        Labels uint8 (10000,), ten of them corrected, and bool (10000,), False for the five images
        on which people did not agree.

    Raises:
        ValueError: The labels are not MNIST's test labels.
    """
    corrected, kept = labels.copy(), np.ones(len(labels), np.bool_)
    for error in LABEL_ERRORS:
        if labels[error.index] != error.given:
            raise ValueError(f"test image {error.index} should be labeled {error.given}")
        if error.corrected is None:
            kept[error.index] = False
        else:
            corrected[error.index] = error.corrected
    return corrected, kept
