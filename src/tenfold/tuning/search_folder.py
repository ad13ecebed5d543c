"""The folder of a search: what was asked for, and what came out."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tenfold.errors import UsageError
from tenfold.files import make_folder, write_atomic
from tenfold.recipes.recipe import Recipe
from tenfold.tuning.storage import Place, place_of
from tenfold.tuning.study import Plan, plan_from_json

SEARCH = "search.json"
JOURNAL = "study.journal"
BEST = "best.json"
TRIALS = "trials.json"
PAGE = "report.html"


@dataclass(frozen=True)
class Search:
    """What a search was asked to do: all that `--resume` needs to go on, but no password.

    `trials`: so many in all. `choices`: seeds of the experiment that changes one setting at a
    time; 0 leaves it out. `storage`: a path or URL without its password; None is the journal
    in the folder itself.
    """

    plan: Plan
    trials: int
    choices: int
    study: str
    storage: str | None = None
    grace_seconds: int = 60
    data_dir: str | None = None
    backend: str | None = None


def default_search_folder(recipe: Recipe) -> Path:
    """Return runs/tune-<recipe>-<time>, below the current folder."""
    return Path("runs") / f"tune-{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}"


def place_for(search: Search, folder: Path, address: str | None = None) -> Place:
    """Return where the study of a search is kept.

    Args:
        search: What was asked for.
        folder: Its folder.
        address: From the shell, with a password perhaps; None takes the one of the search.
    """
    return place_of(address or search.storage or str(folder / JOURNAL), search.grace_seconds)


def start_search(folder: Path, search: Search) -> None:
    """Make the folder of a new search and write down what was asked for.

    Raises:
        UsageError: The folder holds something; nothing is touched.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if (folder / SEARCH).is_file():
            raise UsageError(f"{folder} holds a search: --resume {folder} goes on with it")
        raise UsageError(f"{folder} already holds something; give another --out")
    make_folder(folder)
    write_search(folder, search)


def write_search(folder: Path, search: Search) -> None:
    """Write down what a search is asked to do."""
    data = asdict(search) | {"plan": json.loads(search.plan.to_json())}
    write_atomic(folder / SEARCH, json.dumps(data, indent=2) + "\n")


def read_search(folder: Path) -> Search:
    """Return what the search in a folder was asked to do.

    Raises:
        UsageError: There is none in it.
    """
    try:
        data: dict[str, Any] = json.loads((folder / SEARCH).read_text(encoding="utf-8"))
        return Search(**data | {"plan": plan_from_json(json.dumps(data["plan"]))})
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no search") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder / SEARCH} cannot be read: {error}") from error


def make_search(
    plan: Plan, *, trials: int = 20, choices: int = 0, study: str | None = None,
    storage: str | None = None, grace_seconds: int = 60, data_dir: Path | None = None,
    backend: str | None = None,
) -> Search:  # fmt: skip
    """Check what is asked for, before anything is written, and put it in one value.

    Raises:
        UsageError: A number is out of range, or the storage is no storage.
    """
    ranges = (
        ("trials", trials, 0, 1_000_000),
        ("choices", choices, 0, 1000),
        ("seed", plan.seed, 0, 2**31),
        ("val_size", plan.val_size, 1, 59_999),
        ("train_size", plan.train_size or 1, 1, 60_000 - plan.val_size),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise UsageError(f"{name} is {value}; it must lie between {low} and {high:,}")
    if not trials and not choices:
        raise UsageError("there is nothing to do: give --trials or --choices")
    found = Search(
        plan=plan, trials=trials, choices=choices, study=study or f"tenfold-{plan.recipe.name}",
        storage=place_of(storage).shown if storage else None, grace_seconds=grace_seconds,
        data_dir=str(data_dir.absolute()) if data_dir else None, backend=backend,
    )  # fmt: skip
    place_for(found, Path())  # the grace
    return found


def extended(search: Search, trials: int | None, choices: int | None) -> Search:
    """Return a search that is to go on for more trials, or with an experiment."""
    return replace(
        search,
        trials=search.trials if trials is None else trials,
        choices=search.choices if choices is None else choices,
    )
