"""How strongly an answer is held: one measure for every method and every classifier."""

import numpy as np
import numpy.typing as npt

LEAST = 1e-12
"""Floor under probabilities: float32 tells them apart far below, SVMs may say 0."""


def log_odds(probabilities: npt.ArrayLike, digit: int) -> npt.NDArray[np.float64]:
    """Return the odds of a digit against all others, as a power of ten: 2 is a hundred to one.

    Unlike the probability it does not flatten where the classifier is nearly certain.

    Args:
        probabilities: Floats (n, 10).
        digit: 0 to 9.

    Returns:
        float64 (n,).
    """
    values = np.asarray(probabilities, np.float64)
    # The others are added up: 1 - p would lose what float32 keeps of small numbers.
    others = np.delete(values, digit, axis=1).sum(axis=1)
    odds: npt.NDArray[np.float64] = np.maximum(values[:, digit], LEAST) / np.maximum(others, LEAST)
    return np.log10(odds)
