"""Recipes adapted to fewer training images."""

import math

from tenfold.arrays import TRAIN_IMAGES
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override

MIN_STEPS = 500
"""Steps that a training makes at least, unless the recipe makes fewer on all images."""


def for_few_images(recipe: Recipe, train_size: int) -> Recipe:
    """Return a recipe with smaller batches and more epochs, for fewer than 60,000 images.

    A batch has at most a quarter of the images. The epochs are raised until the training makes
    `MIN_STEPS` steps, or as many as on all images: with a hundred images, ten epochs would be a
    handful of steps.
    """
    batch_size = max(1, min(recipe.batch_size, train_size // 4))
    whole = min(recipe.epoch_images, TRAIN_IMAGES) // recipe.batch_size * recipe.epochs
    steps = max(1, min(train_size, recipe.epoch_images) // batch_size)
    epochs = max(recipe.epochs, math.ceil(min(MIN_STEPS, whole) / steps))
    return override(recipe, {"batch_size": batch_size, "epochs": epochs})
