"""A recipe's network as a compiled keras.Model, for Keras's own fit and evaluate."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from tenfold.arrays import TRAIN_IMAGES
from tenfold.errors import UsageError
from tenfold.networks.backend import use_backend
from tenfold.networks.build import Pixels, build_network
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.recipe_file import load_recipe
from tenfold.training.losses import keras_loss
from tenfold.training.optimizers import build_optimizer

LabelForm = Literal["one-hot", "integers"]


def build_model(
    recipe: str | Path | Recipe = "article",
    *,
    images: Pixels = "unit",
    labels: LabelForm = "one-hot",
    classes: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    train_size: int = TRAIN_IMAGES,
    backend: str | None = None,
) -> Any:
    """Return a recipe's network as a compiled keras.Model, with new weights, ready for `fit`.

    It has the recipe's layers, optimizer, learning rates, loss and label smoothing. Augmentation,
    the temperature, test-time augmentation and the choice of images in each epoch are not part of a
    keras.Model: `tenfold.train` has them.

        model = tenfold.build_model("article")
        model.fit(x / 255, y, batch_size=500, epochs=12)    # x: uint8 (n, 28, 28, 1); y: one-hot

    Args:
        recipe: A name, a .json file, or a recipe of one network.
        images: What the network takes: "unit" for float32 (n, 28, 28, 1) in 0..1, as in the
            article; "bytes" for uint8 (n, 28, 28), 0..255.
        labels: "one-hot" for float (n, classes), from `keras.utils.to_categorical`; "integers" for
            (n,), for plain cross-entropy alone.
        classes: Number of classes; that of the recipe if not given.
        epochs: Epochs that you will fit; the recipe's if not given. With a one-cycle schedule the
            learning rate is 0 from their end on.
        batch_size: Batch size that you will fit with; the recipe's if not given.
        train_size: Number of images that you will fit.
        backend: See `tenfold.networks.backend.use_backend`.

    Raises:
        UsageError: No such recipe or option, a recipe of several networks, or one
            whose loss does not take integers with labels="integers".
        MissingExtraError: Keras is not installed.
    """
    for name, value, kind in (("images", images, Pixels), ("labels", labels, LabelForm)):
        if value not in get_args(kind):
            raise UsageError(f"{name} is {value!r}; it must be one of {', '.join(get_args(kind))}")
    chosen = load_recipe(recipe)
    given: dict[str, Any] = {"classes": classes, "epochs": epochs, "batch_size": batch_size}
    given = {name: value for name, value in given.items() if value is not None}
    chosen = load_recipe(replace(chosen, **given))  # checks the values
    if chosen.members > 1:
        raise UsageError(f"{chosen.name} trains {chosen.members} networks: set members to 1")
    smoothing = chosen.label_smoothing
    if labels == "integers" and (smoothing or chosen.loss != "categorical_crossentropy"):
        raise UsageError(
            f"{chosen.name} smooths its labels by {smoothing:g} and has the loss {chosen.loss}; "
            "Keras takes integers for plain cross-entropy alone: take labels='one-hot', or set "
            "label_smoothing to 0 and loss to categorical_crossentropy"
        )
    use_backend(backend)
    network = build_network(chosen, pixels=images)
    steps = max(train_size // chosen.batch_size, 1) * chosen.epochs
    loss = keras_loss(chosen.loss, smoothing)
    network.compile(
        optimizer=build_optimizer(chosen.optimizer, chosen.schedule, steps),
        loss="sparse_categorical_crossentropy" if labels == "integers" else loss,
        metrics=["accuracy"],
    )
    return network


def compile_finished(network: Any) -> None:
    """Compile a finished network, so that its file loads ready for `evaluate` and `fit`.

    Labels are integers. The optimizer is plain SGD at Keras's rate of 0.01: it has no variables,
    which would make the file three times as large, and a file must load without tenfold.
    """
    network.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
