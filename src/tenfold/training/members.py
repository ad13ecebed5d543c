"""Members of a training: one network, or those of an ensemble; trained here or on an engine."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tenfold.arrays import Images, Labels
from tenfold.errors import TrainingError
from tenfold.execution.engine import Engine, Task
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import finish_network
from tenfold.recipes.recipe import Recipe, member_seeds
from tenfold.training.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from tenfold.training.loop import Trained, fit
from tenfold.training.request import Request, Split, load_splits
from tenfold.training.run_folder import CHECKPOINTS

_log = logging.getLogger(__name__)


def fit_members(
    recipe: Recipe,
    images: Images,
    labels: Labels,
    *,
    seed: int,
    checkpoints: Path | None = None,
    **options: Any,
) -> list[Trained]:
    """Train every member, one after another, each with its own seed and its own checkpoints.

    A member that is finished is taken from its last checkpoint. For arguments and errors see
    `tenfold.training.loop.fit`.
    """
    trained = []
    for number, own in enumerate(member_seeds(recipe, seed), 1):
        if recipe.members > 1:
            _log.info("member %d of %d", number, recipe.members)
        folder = checkpoints and _folder(checkpoints, own)
        trained.append(fit(recipe, images, labels, seed=own, checkpoints=folder, **options))
    return trained


def graph_of_members(recipe: Recipe, trained: Sequence[Trained]) -> tuple[Any, bytes]:
    """Return the finished Keras network made of all members, and its ONNX graph."""
    network = finish_network(recipe, *[one.network for one in trained])
    return network, onnx_model(recipe, network_weights(network))


def joined_history(trained: list[Trained]) -> list[dict[str, Any]]:
    """Return the rows of all members in one list; `epoch` counts on from one to the next."""
    rows = [row for one in trained for row in one.history]
    return [row | {"epoch": number} for number, row in enumerate(rows, 1)]


class RemoteMembers:
    """Members that train on an engine, by the folder that their last checkpoint belongs into."""

    def __init__(self, tasks: dict[Path, Task], bar: Any) -> None:
        self._tasks = tasks
        self._bar = bar

    def collect(self, folder: Path) -> None:
        """Wait for the members of one run and write their last checkpoints into its folder.

        `fit_members` then finds them finished.

        Raises:
            TenfoldError: A member failed, or its worker is gone.
        """
        for below, task in self._tasks.items():
            if below.parent == folder / CHECKPOINTS:
                save_checkpoint(below, task.result())
                self._bar.update()


@contextmanager
def start_members(
    runs: Mapping[Path, Request], engine: Engine, *, progress: bool
) -> Iterator[RemoteMembers]:
    """Start every unfinished member of some runs, by folder, on an engine."""
    from tqdm import tqdm

    tasks: dict[Path, Task] = {}
    shared = None
    for folder, request in runs.items():
        for seed in member_seeds(request.recipe, request.seed):
            below = _folder(folder / CHECKPOINTS, seed)
            found = latest_checkpoint(below)
            if found and found.epochs_done == request.recipe.epochs:
                continue
            if shared is None:  # all runs train on the same images
                shared = engine.share(load_splits(request))
            one = replace(request, seed=seed, recipe=replace(request.recipe, members=1))
            tasks[below] = engine.start(train_member, one, shared)
    with tqdm(
        total=len(tasks), unit="member", disable=not progress, dynamic_ncols=True
    ) as bar:  # fmt: skip
        yield RemoteMembers(tasks, bar)


def train_member(request: Request, splits: tuple[Split, Split | None]) -> Checkpoint:
    """Train one network in a temporary folder, and return its last checkpoint."""
    (images, labels), validation = splits
    with TemporaryDirectory() as folder:
        fit(
            request.recipe, images, labels, seed=request.seed, validation=validation,
            backend=request.backend, deterministic=request.deterministic,
            checkpoints=Path(folder),
        )  # fmt: skip
        checkpoint = latest_checkpoint(Path(folder))
    if checkpoint is None:
        raise TrainingError("the training left no checkpoint")
    return checkpoint


def _folder(checkpoints: Path, seed: int) -> Path:
    return checkpoints / f"seed{seed}"
