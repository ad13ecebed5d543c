"""What a training is asked to do: checked options, the data they name, the command for them."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from tenfold.arrays import DIGITS, Images, Labels
from tenfold.data.data_source import MNIST_SOURCE, AnyData, DataSource, choose_data
from tenfold.data.datasets import MNIST
from tenfold.data.mnist import split_validation
from tenfold.errors import DataError, whole_number
from tenfold.networks.backend import use_backend
from tenfold.recipes.catalog import changed_settings
from tenfold.recipes.recipe import HIGHEST_SEED, Recipe, check_seeds, for_classes
from tenfold.recipes.recipe_file import load_recipe
from tenfold.training.budget import recipe_within

Split = tuple[Images, Labels]

MOST_SEEDS = 10_000
"""Most seeds of one run."""


@dataclass(frozen=True)
class Request:
    """All that `--resume` needs to continue a training.

    Attributes:
        recipe: What to train.
        seed: The first seed.
        seeds: Number of seeds: seed, seed + 1...
        train_size: Number of training images, the first ones; None takes all that validation
            leaves.
        val_size: Number of validation images, the last training images.
        data: Where the images come from.
        data_sha256: Hash of the training part; empty for MNIST, whose hashes are known.
        held_out: Whether the data set has no test part, so that one image of seven is held out.
        classes: Names of the classes.
        backend: Keras's backend.
        deterministic: Whether the same seed gives the same weights, bit for bit.
    """

    recipe: Recipe
    seed: int = 0
    seeds: int = 1
    train_size: int | None = None
    val_size: int = 0
    data: DataSource = MNIST_SOURCE
    data_sha256: str = ""
    held_out: bool = False
    classes: tuple[str, ...] = DIGITS
    backend: str | None = None
    deterministic: bool = False


def make_request(
    recipe: str | Path | Recipe,
    *,
    seed: int = 0,
    seeds: int = 1,
    train_size: int | None = None,
    val_size: int = 0,
    data: AnyData = MNIST,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    backend: str | None = None,
    deterministic: bool = False,
    progress: bool = False,
    seconds: float | None = None,
    lean: bool = False,
) -> Request:
    """Check the options of a training before anything is written, and choose the backend.

    `lean` is as in `tenfold.networks.backend.use_backend`; the rest as in `tenfold.train`.

    Raises:
        UsageError: A number is out of range, or there is no such recipe or data set.
        DataError: The data set is missing, damaged, or too small for the recipe.
    """
    seed = whole_number("seed", seed, 0, HIGHEST_SEED)
    seeds = whole_number("seeds", seeds, 1, MOST_SEEDS)
    source = choose_data(data, as_=as_, data_dir=data_dir)
    loaded = source.load("train", progress=progress)
    images = len(loaded)
    val_size = whole_number("val_size", val_size, 0, images - 1)
    most = images - val_size
    if train_size is not None:
        train_size = whole_number("train_size", train_size, 1, most)
    if seconds is None:
        recipe = load_recipe(recipe)
    else:
        use_backend(backend, lean=lean)
        recipe = recipe_within(seconds, train_size or most)
    if not source.is_mnist:
        recipe = for_classes(recipe, loaded.classes, source.title)
    if (train_size or most) < recipe.batch_size:
        raise DataError(
            f"{source.title} has {train_size or most} images to train on, which do not fill "
            f"one batch of {recipe.batch_size}: give more images or a smaller --batch-size"
        )
    check_seeds(recipe, seed, seeds)
    return Request(
        recipe=recipe,
        seed=seed,
        seeds=seeds,
        train_size=train_size,
        val_size=val_size,
        data=source,
        data_sha256="" if source.is_mnist else loaded.sha256,
        held_out=loaded.held_out,
        classes=loaded.classes,
        backend=use_backend(backend, lean=lean),
        deterministic=deterministic,
    )


def load_splits(request: Request) -> tuple[Split, Split | None]:
    """Return the images and labels to train on, and those to validate on, if any.

    Raises:
        DataError: The data set is not what it was when the run began.
    """
    data = request.data.load("train")
    if request.data_sha256 and data.sha256 != request.data_sha256:
        raise DataError(
            f"{request.data.source} has changed since the run began: restore it, or train into "
            "another --out"
        )
    training, validation = (data.images, data.labels), None
    if request.val_size:
        training, validation = split_validation(*training, request.val_size)
    images, labels = training
    return (images[: request.train_size], labels[: request.train_size]), validation


def command_of(request: Request) -> str:
    """Return the command that trains this request's first seed again.

    A recipe that is none of the catalog's, with changed settings or without, is named by the file
    recipe.json in the bundle's folder, where the command must run.
    """
    changed = changed_settings(request.recipe)
    name = "recipe.json" if changed is None else request.recipe.name
    words = ["tenfold", "train", "--recipe", name, "--seed", str(request.seed)]
    for setting, value in (changed or {}).items():
        words += ["--set", f"{setting}={json.dumps(value)}"]
    words += request.data.words()
    if request.train_size:
        words += ["--train-size", str(request.train_size)]
    if request.val_size:
        words += ["--val-size", str(request.val_size)]
    if request.backend not in (None, "tensorflow"):
        words += ["--backend", str(request.backend)]
    if request.deterministic:
        words.append("--deterministic")
    return shlex.join(words)
