"""MNIST's sizes, and the array types that all parts share."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.errors import UsageError

SIDE = 28
"""Height and width of an MNIST image, in pixels (LeCun et al. 1998)."""

DIGITS = tuple("0123456789")
"""Names of MNIST's classes, by label."""

MAX_CLASSES = 256
"""Most classes of a network: labels are uint8."""

TRAIN_IMAGES = 60_000
"""Number of MNIST's training images."""

TEST_IMAGES = 10_000
"""Number of MNIST's test images."""

Images: TypeAlias = NDArray[np.uint8]
"""uint8 (n, 28, 28), white ink on black."""

Labels: TypeAlias = NDArray[np.uint8]
"""uint8 (n,), 0 to classes - 1; the digits themselves in MNIST."""

Probabilities: TypeAlias = NDArray[np.float32]
"""float32 (n, classes); each row sums to 1."""

Gray: TypeAlias = NDArray[np.uint8]
"""uint8 (h, w), 0 black to 255 white: a picture of any size."""

Ink: TypeAlias = NDArray[np.float32]
"""float32 (h, w), 0 paper to 1 full ink."""


def as_array(values: ArrayLike, what: str) -> NDArray[Any]:
    """Return values as an array of any type and shape.

    Args:
        values: An array, or nested lists of one length on each level.
        what: What they are, in the plural, for the message.

    Raises:
        UsageError: Lists of one level differ in length.
    """
    try:
        return np.asarray(values)
    except ValueError:
        raise UsageError(f"{what} are lists of different lengths: give an array") from None
