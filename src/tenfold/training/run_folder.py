"""The folder of a run while it trains: what was asked for, and the checkpoints."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import Timeout

from tenfold.classifiers.bundle import META
from tenfold.errors import TrainingError, UsageError
from tenfold.files import lock, make_folder, write_json
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import recipe_from_dict, recipe_to_dict

REQUEST = "run.json"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"


@dataclass(frozen=True)
class Request:
    """What a training was asked to do: all that `--resume` needs to go on.

    `seeds` above 1 trains that many, from `seed` on. `train_size` and `val_size` count images;
    `train_size` None means all that the validation split leaves.
    """

    recipe: Recipe
    seed: int = 0
    seeds: int = 1
    train_size: int | None = None
    val_size: int = 0
    data_dir: str | None = None
    backend: str | None = None
    deterministic: bool = False


def default_folder(recipe: Recipe, seed: int) -> Path:
    """Return runs/<recipe>-seed<N>-<time>, below the current folder."""
    return Path("runs") / f"{recipe.name}-seed{seed}-{datetime.now():%Y%m%d-%H%M%S}"


def start_run(folder: Path, request: Request) -> None:
    """Make the folder of a new run and write down what was asked for.

    Raises:
        UsageError: The folder holds something; nothing is touched.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if (folder / REQUEST).is_file():
            raise UsageError(
                f"{folder} holds an interrupted run: --resume {folder} goes on with it"
            )
        raise UsageError(f"{folder} already holds something; give another --out")
    make_folder(folder)
    data = asdict(request) | {"recipe": recipe_to_dict(request.recipe)}
    write_json(folder / REQUEST, data)


def read_request(folder: Path) -> Request:
    """Return what the run in a folder was asked to do.

    Raises:
        UsageError: There is no unfinished run in it.
    """
    try:
        data: dict[str, Any] = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        return Request(**data | {"recipe": recipe_from_dict(data["recipe"])})
    except FileNotFoundError:
        if (folder / META).is_file():
            raise UsageError(f"{folder} is finished; there is nothing to resume") from None
        raise UsageError(f"{folder} holds no interrupted run") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder / REQUEST} cannot be read: {error}") from error


@contextmanager
def only_here(folder: Path) -> Iterator[None]:
    """Hold a run's folder, so that no second process trains in it; leave no lock when it ended.

    Raises:
        TrainingError: Another process does.
    """
    try:
        with lock(folder / LOCK, timeout=0):
            yield
    except Timeout:
        raise TrainingError(f"another process is training in {folder}") from None
    if not (folder / REQUEST).exists():
        (folder / LOCK).unlink(missing_ok=True)


def end_run(folder: Path) -> None:
    """Remove what only an unfinished run needs, and what a kill while writing left behind."""
    (folder / REQUEST).unlink(missing_ok=True)
    for left in (folder / CHECKPOINTS, *folder.glob(".bundle.*"), *folder.glob(".model.*")):
        shutil.rmtree(left, ignore_errors=True)
