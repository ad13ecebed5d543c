"""The verb tune: a search for better settings of a recipe on validation images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.arrays import TRAIN_IMAGES
from tenfold.data.data_source import AnyData, DataSource, choose_data
from tenfold.data.datasets import MNIST
from tenfold.errors import UsageError
from tenfold.recipes.catalog import DEFAULT
from tenfold.recipes.recipe import Recipe, for_classes
from tenfold.recipes.recipe_file import load_recipe
from tenfold.recipes.serialization import override

if TYPE_CHECKING:  # these import Optuna, which only a search needs
    from tenfold.tuning.search_folder import Search
    from tenfold.tuning.space import Space
    from tenfold.tuning.study import Pruner

SpaceChanges = str | Sequence[str] | Mapping[str, Any]
"""A search space: one or several changes to the usual one, as `tenfold tune --space` takes them, or
values by name, as `tenfold tune --show-space --json` prints them."""


@dataclass(frozen=True)
class TuneResult:
    """One finished search: its folder, and its figures.

    Attributes:
        folder: Holds the page, the trials, and the best recipe as best.json.
        figures: What `tenfold tune --json` prints.
    """

    folder: Path
    figures: dict[str, Any]

    @property
    def recipe(self) -> Recipe | None:
        """The best recipe; None if the search has no trials, only `choices`."""
        best = self.figures["best"]
        return load_recipe(best["recipe"]) if best else None

    @property
    def accuracy(self) -> float | None:
        """Accuracy of the best trial on the validation images, a fraction; None without trials."""
        best = self.figures["best"]
        return float(best["val_accuracy"]) if best else None

    def to_dict(self) -> dict[str, Any]:
        """Return what `tenfold tune --json` prints."""
        return self.figures


def tune(
    recipe: str | Path | Recipe = DEFAULT,
    *,
    trials: int = 20,
    choices: int = 0,
    space: SpaceChanges = (),
    epochs: int | None = None,
    seed: int = 0,
    train_size: int | None = None,
    val_size: int | None = None,
    data: AnyData = MNIST,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    timeout: float | None = None,
    workers: int = 1,
    out: str | Path | None = None,
    backend: str | None = None,
    progress: bool = False,
) -> TuneResult:
    """Search for better settings of a recipe on validation images, and write a page.

    The search opens no test image. It needs `tenfold[train,tune]`. An interrupted search is
    continued by `tenfold tune --resume FOLDER`. The workers are processes: a program, other than a
    notebook, calls this below ``if __name__ == "__main__":``.

    Args:
        recipe: A name, a .json file, or a recipe: the center of the search.
        trials: Number of trials.
        choices: Seeds of an experiment that changes one setting at a time; 0 for none.
        space: Changes to the usual space, such as ``["optimizer.learning_rate=0.001..0.1"]``; or a
            whole space as a mapping of values.
        epochs: Epochs of each trial; None leaves them to the recipe.
        seed: Seed of the search and of all trainings.
        train_size: Number of training images; None for all but the validation images.
        val_size: Number of validation images, the last training images; None takes 5,000, of a
            data set of one's own at most a sixth.
        data: Anything that `tenfold.load_dataset` takes or returned.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        data_dir: Where the MNIST files are, if not in the cache.
        timeout: Start no trial after this many seconds.
        workers: Trials at the same time.
        out: Folder for the search; runs/tune-<recipe>-<time> if not given.
        backend: "tensorflow", "jax" or "torch"; by default the fastest on this machine.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: A setting is wrong, a package is missing, all trials fail or all workers die,
            or no trial has finished within `timeout`.
    """
    from tenfold.networks.backend import check_backend

    check_backend(backend, "train,tune")
    from tenfold.execution.local import LocalEngine
    from tenfold.tuning.search_folder import default_search_folder, start_search

    if timeout is not None and not timeout >= 0:
        raise UsageError(f"timeout is {timeout}; it must be a number of seconds of at least 0")
    search = make_search(
        recipe, trials=trials, choices=choices, space=space, epochs=epochs, seed=seed,
        train_size=train_size, val_size=val_size, backend=backend, progress=progress,
        source=choose_data(data, as_=as_, data_dir=data_dir),
    )  # fmt: skip
    folder = Path(out) if out else default_search_folder(search.plan.recipe)
    with LocalEngine(workers) as engine:
        from tenfold.tuning.search_run import run_search

        start_search(folder, search)
        figures = run_search(
            folder, search, search.address(folder), engine, timeout=timeout, progress=progress
        )
    return TuneResult(folder, figures)


def make_search(
    recipe: str | Path | Recipe,
    *,
    source: DataSource,
    space: SpaceChanges = (),
    epochs: int | None = None,
    train_size: int | None = None,
    val_size: int | None = None,
    seed: int = 0,
    pruner: "Pruner | None" = None,
    study: str | None = None,
    progress: bool = False,
    **settings: Any,
) -> "Search":
    """Check the settings of a new search, before anything is written; see `tune`.

    Args:
        recipe: See `tune`.
        source: Where the images come from.
        space: See `tune`.
        epochs: See `tune`.
        train_size: See `tune`.
        val_size: See `tune`.
        seed: See `tune`.
        pruner: When a trial is stopped early; see `tenfold.tuning.study.Plan`.
        study: Name of the study in the storage; by default that of the recipe.
        progress: See `tune`.
        settings: Other settings of `tenfold.tuning.search_folder.Search`.
    """
    from tenfold.tuning.search_folder import Search
    from tenfold.tuning.study import Plan

    data = source.load("train", progress=progress)
    images = len(data)
    if val_size is None:
        val_size = min(5000, max(1, images // 6))
    center, searched = recipe_and_space(recipe, space, epochs, train_size or images - val_size)
    if not source.is_mnist:
        center = for_classes(center, data.classes, source.title)
    plan = Plan(
        center, searched, seed, train_size, val_size, pruner or "median", images,
        "" if source.is_mnist else data.sha256,
    )  # fmt: skip
    return Search(plan, study=study or f"tenfold-{center.name}", data=source, **settings)


def recipe_and_space(
    recipe: str | Path | Recipe,
    changes: SpaceChanges = (),
    epochs: int | None = None,
    images: int | None = None,
) -> "tuple[Recipe, Space]":
    """Return the recipe in the center of a search, and the space around it.

    Args:
        recipe: See `tune`.
        changes: See `tune`.
        epochs: See `tune`.
        images: Number of training images; None for MNIST's.
    """
    from tenfold.tuning.space import default_space, edited, space_from_dict

    center = load_recipe(recipe)
    if epochs is not None:
        center = override(center, {"epochs": epochs})
    if isinstance(changes, Mapping):
        return center, space_from_dict(center, dict(changes))
    every = [changes] if isinstance(changes, str) else changes
    if not isinstance(every, Iterable) or not all(isinstance(one, str) for one in every):
        raise UsageError(
            f"space is {changes!r}; give changes such as 'depth=0..2', or values by name"
        )
    space = default_space(center, images or TRAIN_IMAGES)
    for words in every:
        space = edited(center, space, words)
    return center, space
