"""Recipes for fewer images than they were made for."""

import math

from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override

LEAST_STEPS = 500
"""On few images a recipe goes on until it has made so many steps, or as many as on all images."""

ALL_IMAGES = 60_000


def for_few_images(recipe: Recipe, train_size: int) -> Recipe:
    """Return a recipe fit for fewer images: batches of a quarter of them at most, more epochs.

    Recipes were made for 60,000 images. With a hundred, ten epochs would be a handful of steps;
    so the epochs are raised until `LEAST_STEPS` are made, or as many as on all images.
    """
    batch_size = max(1, min(recipe.batch_size, train_size // 4))
    whole = min(recipe.epoch_images, ALL_IMAGES) // recipe.batch_size * recipe.epochs
    steps = max(1, min(train_size, recipe.epoch_images) // batch_size)
    epochs = max(recipe.epochs, math.ceil(min(LEAST_STEPS, whole) / steps))
    return override(recipe, {"batch_size": batch_size, "epochs": epochs})
