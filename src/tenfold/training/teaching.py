"""Distillation: a network learns what another one, its teacher, says of the same images.

What a teacher says tells more than a label: a 4 that might be a 9 is both (G. Hinton, O. Vinyals,
J. Dean, arXiv 1503.02531).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.networks.build import finish_network
from tenfold.recipes.recipe import Recipe

AT_ONCE = 2000
"""Images that a teacher reads at once; more would only take memory."""

LEAST = 1e-7
"""The least probability, as in Keras's loss."""


def lesson(
    recipe: Recipe, trained: Any, images: npt.NDArray[np.uint8], temperature: float
) -> npt.NDArray[np.float32]:
    """Return what a trained network says of images, to be learned from.

    The paper divides the logits of both by the temperature. Dividing the student's own would only
    make its last weights as many times larger, so it is left out here, and the temperature that
    is fitted for the student in the end sees to it.

    Args:
        recipe: What it was trained by.
        trained: The network, from `tenfold.training.loop.fit`.
        images: uint8 (n, 28, 28), as they are, before any augmentation.
        temperature: Of its logits, once calibrated; above 1, what it thinks likely besides the
            digit counts for more.

    Returns:
        float32 (n, 10); each row adds to 1.
    """
    network = finish_network(recipe, trained)
    said = network.predict(images, batch_size=AT_ONCE, verbose=0)
    softer = np.maximum(said, LEAST) ** (1 / temperature)
    targets: npt.NDArray[np.float32] = softer / softer.sum(axis=1, keepdims=True)
    return targets
