"""Temperature scaling: one divisor of the logits that makes confidence match accuracy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Images, Labels

Logits = npt.NDArray[np.floating]

NETWORK_TEMPERATURES = np.round(np.arange(0.2, 2.0, 0.01), 2)
"""Candidates for networks trained by cross-entropy, whose temperatures are near 1."""

_LEAST = 1e-12
"""Floor under probabilities before their logarithm is taken."""

_BATCH_SIZE = 500


def softmax(logits: Logits, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Return the probabilities of logits divided by a temperature.

    Args:
        logits: Floats (..., classes).
        temperature: Above 0; above 1 lowers the confidence.

    Returns:
        float64 of the same shape; each row sums to 1.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def fit_temperature(
    logits: Logits, labels: Labels, candidates: npt.NDArray[np.float64] = NETWORK_TEMPERATURES
) -> float:
    """Return the candidate with the least negative log-likelihood (C. Guo et al. 2017).

    The temperature changes how confident the answers are, and of a single classifier no answer.

    Args:
        logits: Floats (n, classes), or (members, n, classes): of an ensemble the temperature is
            fitted after averaging.
        labels: uint8 (n,).
        candidates: Temperatures above 0.
    """
    members = logits[None] if logits.ndim == 2 else logits
    rows = np.arange(len(labels))

    def loss(temperature: float) -> float:
        likelihood = softmax(members, temperature).mean(axis=0)[rows, labels]
        return float(-np.log(np.maximum(likelihood, _LEAST)).mean())

    return float(min(candidates, key=loss))


def logits_of(networks: Sequence[Any], images: Images, pixels: int) -> npt.NDArray[np.float64]:
    """Return the logits, up to a constant, of every network for every shift of the images.

    Args:
        networks: k Keras networks that give probabilities, without test-time augmentation.
        images: uint8 (n, 28, 28).
        pixels: Shifts of test-time augmentation in each direction; 0 for none.

    Returns:
        float64 (k * (2 * pixels + 1)^2, n, classes).
    """
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    steps = range(2 * pixels + 1)
    probabilities = [
        _answers(network, padded[:, y : y + SIDE, x : x + SIDE])
        for network in networks
        for y in steps
        for x in steps
    ]
    logits: npt.NDArray[np.float64] = np.log(np.maximum(probabilities, _LEAST).astype(np.float64))
    return logits


def _answers(network: Any, images: Images) -> npt.NDArray[np.float32]:
    """Call a network: `predict` would trace each of the many networks anew, and warn of it."""
    from keras import ops

    batches = np.split(images, range(_BATCH_SIZE, len(images), _BATCH_SIZE))
    return np.concatenate(
        [ops.convert_to_numpy(network(batch, training=False)) for batch in batches]
    )
