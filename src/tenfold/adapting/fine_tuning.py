"""Fine-tuning: a network learns a few digits of its user, with its training images replayed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Images, Labels
from tenfold.classifiers.bundle import Bundle, recipe_of
from tenfold.classifiers.bundle_network import bundle_network
from tenfold.exporting.weights import members_of
from tenfold.networks.build import build_network
from tenfold.recipes.recipe import Recipe, Schedule
from tenfold.training.loop import Trained, fit

# The values below were chosen on hands made from MNIST's training images (dev/adapt.md).

EPOCHS = 4
"""Epochs of fine-tuning, of `EPOCH_IMAGES` images each."""

EPOCH_IMAGES = 6400
"""Images in an epoch: the user's digits, many times over, and replayed ones."""

OWN_SHARE = 0.5
"""Share of the images that are the user's."""

RATE_SHARE = 0.5
"""The highest learning rate, as a share of the highest one in the recipe."""

STEP_SHARE = 0.5
"""The weights go this share of the way from where fine-tuning began to where it ended. Averages of
both read the new hand nearly as well, and forget less (WiSE-FT, M. Wortsman et al. 2022)."""

Arrays: TypeAlias = list[npt.NDArray[np.float32]]
"""The weights of one network, in Keras's order."""


def weights_of(bundle: Bundle) -> list[Arrays]:
    """Return the weights of each member as they were trained, without the temperature.

    Raises:
        BundleError: The bundle has no model.keras, or one that is altered or of another recipe.
    """
    temperature = recipe_of(bundle).temperature
    found = []
    for member in members_of(bundle_network(bundle)):
        weights = member.get_weights()
        weights[-2:] = [array * temperature for array in weights[-2:]]  # the logits'
        found.append(weights)
    return found


def fine_tune(
    recipe: Recipe,
    weights: Sequence[Arrays],
    own: tuple[Images, Labels],
    replayed: tuple[Images, Labels],
    *,
    seed: int,
    epochs: int = EPOCHS,
    **options: Any,
) -> tuple[list[Any], list[Trained]]:
    """Fine-tune each member of a network.

    Args:
        recipe: What the network was trained with; its augmentation and label smoothing are kept,
            its epochs and its learning rate are not.
        weights: From `weights_of`.
        own: The user's images, uint8 (n, 28, 28), and labels, uint8 (n,).
        replayed: Images and labels that the network has learned.
        seed: Decides the order of images, augmentation and dropout.
        epochs: Epochs of `EPOCH_IMAGES` images.
        options: Passed to `tenfold.training.loop.fit`.

    Returns:
        For each member a Keras network with the temperature 1, for
        `tenfold.networks.build.finish_network`; and its training.
    """
    rng = np.random.default_rng(seed)
    copies = round(len(replayed[0]) * OWN_SHARE / (1 - OWN_SHARE) / len(own[0]) + 0.5)
    chosen = np.concatenate([rng.permutation(len(own[0])) for _ in range(copies)])
    images, labels = (
        np.concatenate([theirs, ours[chosen]]) for theirs, ours in zip(replayed, own, strict=True)
    )
    tuned = replace(
        recipe,
        optimizer=replace(
            recipe.optimizer, learning_rate=RATE_SHARE * recipe.optimizer.learning_rate
        ),
        schedule=Schedule("one-cycle", warmup=0.2),
        epochs=epochs,
        epoch_images=EPOCH_IMAGES,
        cooldown_epochs=0,
    )
    networks, trainings = [], []
    for number, start in enumerate(weights):
        trained = fit(
            tuned, images, labels, seed=seed * len(weights) + number, start=start, **options
        )
        network = build_network(recipe)
        network.set_weights(
            [
                before + STEP_SHARE * (after - before)
                for before, after in zip(start, trained.network.get_weights(), strict=True)
            ]
        )
        networks.append(network)
        trainings.append(trained)
    return networks, trainings
