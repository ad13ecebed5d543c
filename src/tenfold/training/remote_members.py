"""Members of trainings on an engine: trained anywhere, their last checkpoints brought home."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.data.mnist import load_mnist, split_validation
from tenfold.errors import TrainingError
from tenfold.execution.engine import Engine, Task
from tenfold.recipes.recipe import Recipe, member_seeds
from tenfold.training.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from tenfold.training.loop import fit
from tenfold.training.run_folder import CHECKPOINTS, Request

Split = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def splits_of(request: Request) -> tuple[Split, Split | None]:
    """Return the images and labels to train on, and those held back, if any are."""
    images, labels = load_mnist("train", request.data_dir)
    validation = None
    if request.val_size:
        (images, labels), validation = split_validation(images, labels, request.val_size)
    return (images[: request.train_size], labels[: request.train_size]), validation


@contextmanager
def members_elsewhere(
    runs: Mapping[Path, Request], engine: Engine, *, progress: bool
) -> Iterator["Elsewhere"]:
    """Start every unfinished member of some runs on an engine; end what still runs at the end."""
    from tqdm import tqdm

    parts: dict[Path, Task] = {}
    shared = None
    for folder, request in runs.items():
        for seed in member_seeds(request.recipe, request.seed):
            below = folder / CHECKPOINTS / f"seed{seed}"
            home = latest_checkpoint(below)
            if home and home.epochs_done == request.recipe.epochs:
                continue
            if shared is None:  # all runs train on the same images
                shared = engine.share(splits_of(request))
            one = replace(request, seed=seed, recipe=replace(request.recipe, members=1))
            parts[below] = engine.start(train_member, one, shared)
    with tqdm(
        total=len(parts), unit="member", disable=not progress, dynamic_ncols=True
    ) as bar:  # fmt: skip
        yield Elsewhere(parts, bar)


class Elsewhere:
    """Members that train elsewhere, by the folder where their last checkpoints belong."""

    def __init__(self, parts: dict[Path, Task], bar: Any) -> None:
        self._parts = parts
        self._bar = bar

    def bring_home(self, folder: Path) -> None:
        """Wait for the members of one run and write their last checkpoints into its folder.

        `tenfold.training.members.fit_members` then finds them finished.

        Raises:
            TenfoldError: A member failed, or what it ran on is gone.
        """
        for below, part in self._parts.items():
            if below.parent == folder / CHECKPOINTS:
                save_checkpoint(below, part.result())
                self._bar.update()


def train_member(request: Request, splits: tuple[Split, Split | None]) -> Checkpoint:
    """Train one network in a folder that is then thrown away, and return its last checkpoint."""
    (images, labels), validation = splits
    recipe: Recipe = request.recipe
    with TemporaryDirectory() as folder:
        fit(
            recipe, images, labels, seed=request.seed, validation=validation,
            backend=request.backend, deterministic=request.deterministic,
            checkpoints=Path(folder),
        )  # fmt: skip
        checkpoint = latest_checkpoint(Path(folder))
    if checkpoint is None:
        raise TrainingError("the training left no checkpoint")
    return checkpoint
