"""Recipes: everything that decides a training, as frozen values that can be printed and saved.

No Keras here. `tenfold.networks` builds what a recipe describes.
"""

from tenfold.recipes.few_images import LEAST_STEPS, for_few_images
from tenfold.recipes.ladder import DEFAULT, RECIPES, load_recipe, recipe_named, teacher_of
from tenfold.recipes.layers import (
    Activation,
    Conv,
    Dense,
    Depthwise,
    Deskew,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    LayerRow,
    MaxPool,
)
from tenfold.recipes.recipe import (
    CLASSES,
    SIDE,
    Augmentation,
    Optimizer,
    Recipe,
    Schedule,
    check_recipe,
    count_operations,
    count_parameters,
    count_training_operations,
    describe,
    layer_names,
    member_seeds,
)
from tenfold.recipes.settings import override, recipe_from_dict, recipe_to_dict

__all__ = [
    "CLASSES",
    "DEFAULT",
    "LEAST_STEPS",
    "RECIPES",
    "SIDE",
    "Activation",
    "Augmentation",
    "Conv",
    "Dense",
    "Depthwise",
    "Deskew",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "Layer",
    "LayerRow",
    "MaxPool",
    "Optimizer",
    "Recipe",
    "Schedule",
    "check_recipe",
    "count_operations",
    "count_parameters",
    "count_training_operations",
    "describe",
    "for_few_images",
    "layer_names",
    "load_recipe",
    "member_seeds",
    "override",
    "recipe_from_dict",
    "recipe_named",
    "recipe_to_dict",
    "teacher_of",
]
