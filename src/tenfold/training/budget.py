"""The best known recipe for a training time, by the speed measured on this machine."""

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
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


_HARD: dict[str, Any] = {"hard_examples": True, "epoch_images": 12_500, "tta_shifts": 1}
"""Short epochs of hard examples: in the same time, the log loss of held-out images is 7% lower
(dev/accuracy.md, "Hard examples")."""

LADDER = (
    # Fewer than `ENOUGH_STEPS` leave batch normalization without its moving averages. So the
    # shortest trainings have none; the next ones take small batches, and few filters.
    Rung(0.0, "mlp", {"batch_size": 64, "optimizer.learning_rate": 0.006}),
    Rung(
        0.25,
        "fast",
        {
            "layers.0.stride": 2,
            "layers.0.pool": 2,
            "layers.1.filters": 32,
            "layers.3.units": 64,
            "batch_size": 64,
            "tta_shifts": 1,
            "temperature": 0.25,
        },
    ),
    Rung(
        0.6,
        "fast",
        {
            "batch_size": 125,
            "optimizer.learning_rate": 0.02,
            "tta_shifts": 1,
            "temperature": 0.29,
        },
    ),
    Rung(0.9, "fast", {}),
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
    Rung(8.0, "standard", _HARD),
    Rung(150.0, "best", {}),
)

FAST_IMAGES_PER_SECOND = 36_000.0
"""What `measure_speed` gives for `fast` on the machine of the ladder's times: 28,000 to 38,000 in
five measurements, median 36,000. Longer trainings are faster; only the ratio counts."""

MEASURED_SECONDS, MEASURED_SHARE = 0.5, 0.03
"""Steps are measured, after the first `STEPS_AT_ONCE` of them, for this long at least, and for this
share of the training time asked for."""

ENOUGH_STEPS = 100
"""If a rung is too slow for this many steps in the time, the next lower rung is taken."""

MIN_STEPS = 20
"""Fewer steps than these are no training."""

MOST_SECONDS = 7 * 24 * 3600

_log = logging.getLogger(__name__)


class _MeasuredError(Exception):
    """Ends the training that measures the speed."""


class Speed(NamedTuple):
    """What a training takes on this machine: seconds before its first steps, images a second."""

    start_seconds: float
    images_per_second: float


def recipe_within(seconds: float, images: int = TRAIN_IMAGES) -> Recipe:
    """Return the best known recipe for a training time on this machine, with epochs that fill it.

    Trains for a moment on noise, twice or more often, to measure the speed.

    Args:
        seconds: Time of the training itself, without imports and evaluation.
        images: Number of training images at hand.

    Raises:
        UsageError: Not even `MIN_STEPS` steps fit.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise UsageError(f"{seconds:g} seconds: it must be more than 0, at most {MOST_SECONDS:,}")
    slower = FAST_IMAGES_PER_SECOND / measure_speed(recipe_named("fast")).images_per_second
    rungs = [rung for rung in LADDER if rung.from_seconds * slower <= seconds]
    for rung in reversed(rungs):
        recipe = override(recipe_named(rung.recipe), rung.settings)
        # Measured even if it is `fast` again: the first training of a process starts more slowly.
        speed = measure_speed(recipe, max(MEASURED_SECONDS, MEASURED_SHARE * seconds))
        steps = (seconds - speed.start_seconds) * speed.images_per_second / recipe.batch_size
        if steps >= ENOUGH_STEPS:
            break
    filled = fill(recipe, seconds, speed, images)
    _log.info(
        "tenfold: %s: the recipe %s, %s of %s images; measured: %s images a second",
        duration(seconds), recipe.name, count(filled.epochs, "epoch"),
        f"{min(filled.epoch_images, images):,}", f"{speed.images_per_second:,.0f}",
    )  # fmt: skip
    return filled


def measure_speed(recipe: Recipe, least_seconds: float = MEASURED_SECONDS) -> Speed:
    """Return the speed of a recipe's training, from short epochs on noise.

    The first epoch has the start, tracing above all. The training ends once the others have taken
    `least_seconds`.
    """
    per_epoch = STEPS_AT_ONCE * recipe.batch_size
    short = override(recipe, {"epochs": 1000, "epoch_images": per_epoch, "cooldown_epochs": 0})
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (per_epoch, SIDE, SIDE), dtype=np.uint8)
    labels = rng.integers(0, len(DIGITS), per_epoch).astype(np.uint8)
    seconds: list[float] = []

    def note(epoch: Mapping[str, Any]) -> None:
        seconds.append(epoch["seconds"])
        if sum(seconds[1:]) >= least_seconds:
            raise _MeasuredError

    with suppress(_MeasuredError):
        fit(short, noise, labels, log=False, on_epoch=note)
    first, *others = seconds
    each = sum(others) / len(others)
    return Speed(max(0.0, first - each), per_epoch / each)


def fill(recipe: Recipe, seconds: float, speed: Speed, images: int = TRAIN_IMAGES) -> Recipe:
    """Return the recipe with as many epochs, and images in each, as fit into the time.

    Raises:
        UsageError: Not even `MIN_STEPS` steps fit, or there are fewer images than a step takes.
    """
    if images < recipe.batch_size:
        raise UsageError(
            f"{count(images, 'training image')}: {recipe.name} takes {recipe.batch_size} at a time;"
            " give --recipe and --batch-size instead of a time"
        )
    total = int((seconds - speed.start_seconds) * speed.images_per_second)
    if total < MIN_STEPS * recipe.batch_size:
        least = speed.start_seconds + MIN_STEPS * recipe.batch_size / speed.images_per_second
        raise UsageError(
            f"{seconds:g} seconds are too short: {recipe.name}, the quickest recipe, needs at "
            f"least {duration(least)} on this machine"
        )
    most = min(images, recipe.epoch_images) if recipe.hard_examples else images
    epochs = math.ceil(total / most)
    return override(recipe, {"epochs": epochs, "epoch_images": min(total // epochs, TRAIN_IMAGES)})
