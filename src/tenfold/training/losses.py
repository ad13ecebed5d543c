"""The losses a recipe may name, from logits and targets, on any of Keras's backends."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.recipes.recipe import Loss

FOCAL_GAMMA, FOCAL_ALPHA = 2.0, 0.25
"""Of the focal loss (T.-Y. Lin et al., arXiv 1708.02002); Keras has the same defaults."""

MIN_PROBABILITY = 1e-7
"""Least probability in a logarithm: the epsilon of Keras."""


def losses_of(loss: Loss, logits: Any, targets: Any) -> Any:
    """Return the loss of each image, as Keras defines it.

    Args:
        loss: The name of Keras's loss.
        logits: Tensor float32 (n, classes).
        targets: Tensor float32 (n, classes); each row adds to 1.

    Returns:
        A tensor float32 (n,).
    """
    from keras import ops

    # From logits, without the rounding of a softmax.
    logs = ops.log_softmax(logits, axis=-1)
    if loss == "categorical_crossentropy":
        return -ops.sum(logs * targets, axis=-1)
    probabilities = ops.exp(logs)
    if loss == "mean_squared_error":
        return ops.mean(ops.square(probabilities - targets), axis=-1)
    weights = FOCAL_ALPHA * ops.power(1 - probabilities, FOCAL_GAMMA)
    return -ops.sum(weights * logs * targets, axis=-1)


def mean_loss(
    loss: Loss, probabilities: npt.NDArray[np.floating], targets: npt.NDArray[np.floating]
) -> float:
    """Return the mean loss of images whose probabilities are known; see `losses_of`."""
    if loss == "mean_squared_error":
        return float(((probabilities - targets) ** 2).mean())
    logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    if loss == "categorical_focal_crossentropy":
        logs = FOCAL_ALPHA * (1 - probabilities) ** FOCAL_GAMMA * logs
    return float(-(logs * targets).sum(axis=1).mean())


def keras_loss(loss: Loss, label_smoothing: float) -> Any:
    """Return Keras's loss of that name, on probabilities and one-hot labels."""
    from keras import losses

    if loss == "mean_squared_error":
        return losses.MeanSquaredError()
    kinds = {
        "categorical_crossentropy": losses.CategoricalCrossentropy,
        "categorical_focal_crossentropy": losses.CategoricalFocalCrossentropy,
    }
    return kinds[loss](label_smoothing=label_smoothing)
