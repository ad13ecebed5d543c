"""The folder of an unfinished run: the request, the checkpoints, the lock."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from filelock import Timeout

from tenfold.classifiers.bundle import META
from tenfold.data.data_source import DataSource
from tenfold.errors import TrainingError, UsageError
from tenfold.files import lock, make_folder, parse_json, remove_leftovers, write_json
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import recipe_from_dict, recipe_to_dict
from tenfold.training.request import Request

REQUEST = "run.json"
"""File that says what was asked for; only unfinished runs have it."""

CHECKPOINTS = "checkpoints"
LOCK = ".lock"


def default_folder(recipe: Recipe, seed: int) -> Path:
    """Return runs/<recipe>-seed<N>-<time>, below the current folder."""
    return Path("runs") / f"{recipe.name}-seed{seed}-{datetime.now():%Y%m%d-%H%M%S}"


def start_run(folder: Path, request: Request) -> None:
    """Make the folder of a new run and write the request into it.

    Raises:
        UsageError: The folder is not empty; nothing in it is changed.
    """
    check_empty(folder)
    make_folder(folder)
    data = asdict(request) | {"recipe": recipe_to_dict(request.recipe)}
    with only_here(folder):
        _refuse_contents(folder)  # another process may have started a run there meanwhile
        write_json(folder / REQUEST, data)


def check_empty(folder: Path) -> None:
    """Check that a folder is new or empty.

    Raises:
        UsageError: It is not; the message says what is in it.
        TrainingError: Another process is training there.
    """
    if (folder / REQUEST).is_file():
        with only_here(folder):
            pass
    _refuse_contents(folder)


def _refuse_contents(folder: Path) -> None:
    if not folder.exists():
        return
    if (folder / REQUEST).is_file():
        raise UsageError(
            f"{folder} holds an interrupted run: continue it with --resume {quote(str(folder))}"
        )
    # A kill just after the start leaves only these hidden files.
    hidden = (LOCK, f".{REQUEST}.")
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: give another --out")
    if any(not path.name.startswith(hidden) for path in folder.iterdir()):
        raise UsageError(f"{folder} is not empty: give another --out")


def read_request(folder: Path) -> Request:
    """Return the request of the unfinished run in a folder.

    Raises:
        UsageError: The folder holds no unfinished run.
    """
    try:
        data: dict[str, Any] = parse_json((folder / REQUEST).read_text(encoding="utf-8"))
        return Request(
            **data
            | {
                "recipe": recipe_from_dict(data["recipe"]),
                "data": DataSource(**data["data"]),
                "classes": tuple(data["classes"]),
            }
        )
    except (FileNotFoundError, NotADirectoryError):
        if (folder / META).is_file():
            raise UsageError(f"{folder} is finished; there is nothing to resume") from None
        raise UsageError(f"{folder} holds no interrupted run") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder / REQUEST} cannot be read: {error}") from error


@contextmanager
def only_here(folder: Path) -> Iterator[None]:
    """Lock a run's folder against other processes; a finished run keeps no lock file.

    Raises:
        TrainingError: Another process holds the lock.
    """
    try:
        with lock(folder / LOCK, timeout=0):
            yield
    except Timeout:
        raise TrainingError(f"another process is training in {folder}") from None
    if not (folder / REQUEST).exists():
        (folder / LOCK).unlink(missing_ok=True)


def end_run(folder: Path) -> None:
    """Remove what only an unfinished run needs, and temporary files that a kill left behind.

    The request goes last: while it is there, `--resume` ends the run again.
    """
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    remove_leftovers(folder, "bundle", "model", REQUEST)
    (folder / REQUEST).unlink(missing_ok=True)
