"""The best known recipe for a training time, by the speed measured on this machine."""

import logging
from typing import Any, NamedTuple

import numpy as np

from tenfold.arrays import DIGITS, SIDE, TRAIN_IMAGES
from tenfold.errors import UsageError
from tenfold.formatting import count, duration
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override
from tenfold.training.loop import STEPS_AT_ONCE, fit


class Rung(NamedTuple):
    """A recipe of the catalog, with settings changed, and the training time from which it is best.

    The times are seconds on the machine of results/train_speed.json. They come from trainings on
    the first 50,000 training images, judged on the other 10,000 (dev/accuracy.md, "The ladder").
    """

    from_seconds: float
    recipe: str
    settings: dict[str, Any]


LADDER = (
    Rung(0.0, "fast", {}),
    Rung(
        2.0,
        "fast",
        {
            "augmentation.shift_pixels": 1.0,
            "augmentation.rotation_degrees": 5.0,
            "augmentation.scale": 0.05,
            "augmentation.shear": 0.06,
            "optimizer.learning_rate": 0.02,
            "label_smoothing": 0.1,
            "tta_shifts": 1,
            "temperature": 0.45,
        },
    ),
    Rung(14.0, "standard", {"tta_shifts": 1}),
    Rung(150.0, "best", {}),
)

FAST_IMAGES_PER_SECOND = 36_000.0
"""What `measure_speed` gives for `fast` on the machine of the ladder's times: 28,000 to 38,000 in
five measurements, median 36,000. Longer trainings are faster; only the ratio counts."""

MEASURED_STEPS = 3 * STEPS_AT_ONCE
"""Steps in each of the two epochs of a measurement."""

MIN_STEPS = 20
"""Fewer steps than these are no training."""

MOST_SECONDS = 7 * 24 * 3600

_log = logging.getLogger(__name__)


class Speed(NamedTuple):
    """What a training takes on this machine: seconds before its first steps, images a second."""

    start_seconds: float
    images_per_second: float


def recipe_within(seconds: float, images: int = TRAIN_IMAGES) -> Recipe:
    """Return the best known recipe for a training time on this machine, with epochs that fill it.

    Trains for a moment on noise, once or twice, to measure the speed.

    Args:
        seconds: Time of the training itself, without imports and evaluation.
        images: Number of training images at hand.

    Raises:
        UsageError: Not even `MIN_STEPS` steps fit.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise UsageError(f"{seconds:g} seconds: it must be more than 0, at most {MOST_SECONDS:,}")
    speed = measure_speed(recipe_named(LADDER[0].recipe))
    slower = FAST_IMAGES_PER_SECOND / speed.images_per_second
    rung = next(one for one in reversed(LADDER) if one.from_seconds * slower <= seconds)
    recipe = override(recipe_named(rung.recipe), rung.settings)
    if rung != LADDER[0]:
        speed = measure_speed(recipe)
    filled = fill(recipe, seconds, speed, images)
    _log.info(
        "tenfold: %s: the recipe %s, %s of %s images; measured: %s images a second",
        duration(seconds), recipe.name, count(filled.epochs, "epoch"),
        f"{min(filled.epoch_images, images):,}", f"{speed.images_per_second:,.0f}",
    )  # fmt: skip
    return filled


def measure_speed(recipe: Recipe) -> Speed:
    """Return the speed of a recipe's training, from two short epochs on noise."""
    per_epoch = MEASURED_STEPS * recipe.batch_size
    short = override(recipe, {"epochs": 2, "epoch_images": per_epoch, "cooldown_epochs": 0})
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (per_epoch, SIDE, SIDE), dtype=np.uint8)
    labels = rng.integers(0, len(DIGITS), per_epoch).astype(np.uint8)
    trained = fit(short, noise, labels, log=False)
    second = trained.history[1]["seconds"]
    return Speed(max(0.0, trained.seconds - 2 * second), per_epoch / second)


def fill(recipe: Recipe, seconds: float, speed: Speed, images: int = TRAIN_IMAGES) -> Recipe:
    """Return the recipe with as many epochs, and images in each, as fit into the time.

    Raises:
        UsageError: Not even `MIN_STEPS` steps fit.
    """
    total = int((seconds - speed.start_seconds) * speed.images_per_second)
    if total < MIN_STEPS * recipe.batch_size:
        least = speed.start_seconds + MIN_STEPS * recipe.batch_size / speed.images_per_second
        raise UsageError(
            f"{seconds:g} seconds are too short: {recipe.name}, the quickest recipe, needs at "
            f"least {duration(least)} on this machine"
        )
    epochs = max(1, round(total / images))
    per_epoch = total // epochs if total // epochs < images else TRAIN_IMAGES
    return override(recipe, {"epochs": epochs, "epoch_images": per_epoch})
