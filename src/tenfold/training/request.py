"""What a training is asked to do: checked options, the data they name, the command for them."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from tenfold.arrays import TRAIN_IMAGES, Images, Labels
from tenfold.data.mnist import load_mnist, split_validation
from tenfold.errors import UsageError
from tenfold.networks.backend import use_backend
from tenfold.recipes.catalog import changed_settings, load_recipe
from tenfold.recipes.recipe import Recipe

Split = tuple[Images, Labels]


@dataclass(frozen=True)
class Request:
    """All that `--resume` needs to continue a training.

    Attributes:
        recipe: What to train.
        seed: The first seed.
        seeds: Number of seeds: seed, seed + 1...
        train_size: Number of training images, the first ones; None takes all that validation
            leaves.
        val_size: Number of validation images, the last of the 60,000.
        data_dir: Absolute path of the MNIST files; None for the cache.
        backend: Keras's backend.
        deterministic: Whether the same seed gives the same weights, bit for bit.
    """

    recipe: Recipe
    seed: int = 0
    seeds: int = 1
    train_size: int | None = None
    val_size: int = 0
    data_dir: str | None = None
    backend: str | None = None
    deterministic: bool = False


def make_request(
    recipe: str | Path | Recipe,
    *,
    seed: int = 0,
    seeds: int = 1,
    train_size: int | None = None,
    val_size: int = 0,
    data_dir: str | Path | None = None,
    backend: str | None = None,
    deterministic: bool = False,
) -> Request:
    """Check the options of a training before anything is written, and choose the backend.

    Raises:
        UsageError: A number is out of range, or there is no such recipe.
    """
    if not 0 <= seed <= 2**31:
        raise UsageError(f"seed is {seed}; it must lie between 0 and {2**31}")
    if seeds < 1:
        raise UsageError(f"seeds is {seeds}; it must be at least 1")
    if not 0 <= val_size < TRAIN_IMAGES:
        raise UsageError(f"val_size is {val_size}; it must lie between 0 and {TRAIN_IMAGES - 1:,}")
    most = TRAIN_IMAGES - val_size
    if train_size is not None and not 1 <= train_size <= most:
        raise UsageError(f"train_size is {train_size}; it must lie between 1 and {most:,}")
    return Request(
        recipe=recipe if isinstance(recipe, Recipe) else load_recipe(recipe),
        seed=seed,
        seeds=seeds,
        train_size=train_size,
        val_size=val_size,
        # Absolute, so that a run can be resumed from another folder.
        data_dir=str(Path(data_dir).absolute()) if data_dir else None,
        backend=use_backend(backend),
        deterministic=deterministic,
    )


def load_splits(request: Request) -> tuple[Split, Split | None]:
    """Return the images and labels to train on, and those to validate on, if any."""
    training = load_mnist("train", request.data_dir)
    validation = None
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
    if request.train_size:
        words += ["--train-size", str(request.train_size)]
    if request.val_size:
        words += ["--val-size", str(request.val_size)]
    if request.deterministic:
        words.append("--deterministic")
    return shlex.join(words)
