"""Folder of a search: the request that `--resume` continues, and the names of its files."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from tenfold.data.data_source import MNIST_SOURCE, DataSource
from tenfold.errors import DataError, UsageError, whole_number
from tenfold.files import make_folder, parse_json, write_json
from tenfold.recipes.recipe import HIGHEST_SEED, Recipe, check_seeds
from tenfold.tuning.space import Choice
from tenfold.tuning.storage import Address, parse_address
from tenfold.tuning.study import Plan, plan_from_dict

SEARCH = "search.json"
JOURNAL = "study.journal"
BEST = "best.json"
TRIALS = "trials.json"
PAGE = "report.html"


@dataclass(frozen=True)
class Search:
    """A request to search: all that `--resume` needs, without the password of a database.

    Attributes:
        plan: What determines the search.
        trials: Number of trials in total.
        choices: Seeds of the experiment that changes one setting at a time; 0 for none.
        study: Name of the study in the storage.
        storage: Path or URL, from which the password is removed; None for a journal in the folder.
        grace_seconds: See `tenfold.tuning.storage.Address`.
        data: Where the images come from.
        backend: See `tenfold.networks.backend.use_backend`.

    Raises:
        UsageError: A number is out of range, or the storage is neither a path nor PostgreSQL.
        DataError: The training images do not fill the smallest batch.
    """

    plan: Plan
    trials: int = 20
    choices: int = 0
    study: str = "tenfold"
    storage: str | None = None
    grace_seconds: int = 60
    data: DataSource = MNIST_SOURCE
    backend: str | None = None

    def __post_init__(self) -> None:
        """Check the values, make them integers, and remove the password."""
        plan = self.plan
        trials = whole_number("trials", self.trials, 0, 1_000_000)
        choices = whole_number("choices", self.choices, 0, 1000)
        seed = whole_number("seed", plan.seed, 0, HIGHEST_SEED)
        check_seeds(plan.recipe, seed, max(1, choices))
        val_size = whole_number("val_size", plan.val_size, 1, plan.images - 1)
        train_size = plan.train_size
        if train_size is not None:
            train_size = whole_number("train_size", train_size, 1, plan.images - val_size)
        plan = replace(plan, seed=seed, val_size=val_size, train_size=train_size)
        for name, value in (("trials", trials), ("choices", choices), ("plan", plan)):
            object.__setattr__(self, name, value)
        if not trials and not choices:
            raise UsageError("there is nothing to do: give --trials or --choices")
        at_hand = train_size or plan.images - val_size
        batch = plan.space.get("batch_size", Choice((plan.recipe.batch_size,)))
        least = min(batch.values, key=float) if isinstance(batch, Choice) else batch.low
        if float(least) > at_hand:
            raise DataError(
                f"{self.data.title} has {at_hand} images to train on, which do not fill one batch "
                f"of {least}: give more images, or --space batch_size={at_hand}"
            )
        address = parse_address(self.storage or JOURNAL, self.grace_seconds)
        if self.storage:
            object.__setattr__(self, "storage", address.text if address.is_file else address.shown)

    def address(self, folder: Path, storage: str | None = None) -> Address:
        """Return the address of the study.

        Args:
            folder: Folder of the search.
            storage: The storage as given in the shell, perhaps with a password.
        """
        text = storage or self.storage or str(folder / JOURNAL)
        return parse_address(text, self.grace_seconds)


def default_search_folder(recipe: Recipe) -> Path:
    """Return runs/tune-<recipe>-<time>, below the current folder."""
    return Path("runs") / f"tune-{recipe.name}-{datetime.now():%Y%m%d-%H%M%S}"


def start_search(folder: Path, search: Search) -> None:
    """Create the folder of a new search and write the request into it.

    Raises:
        UsageError: The folder is not empty; nothing is changed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if (folder / SEARCH).is_file():
            raise UsageError(
                f"{folder} holds a search; to continue it, give --resume {quote(str(folder))}"
            )
        raise UsageError(f"{folder} is not empty; give another --out")
    make_folder(folder)
    write_search(folder, search)


def write_search(folder: Path, search: Search) -> None:
    """Write the request of a search into its folder."""
    data = vars(search) | {"plan": search.plan.to_dict(), "data": asdict(search.data)}
    write_json(folder / SEARCH, data)


def read_search(folder: Path, **changes: int | None) -> Search:
    """Return the request of the search in a folder.

    Args:
        folder: Folder of the search.
        changes: New values of `trials` and `choices`; None keeps the old one.

    Raises:
        UsageError: The folder holds no search, or a new value is out of range.
    """
    path = folder / SEARCH
    try:
        data: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        data["plan"] = plan_from_dict(data["plan"])
        data["data"] = DataSource(**data["data"])
        new = {name: value for name, value in changes.items() if value is not None}
        return Search(**data | new)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} holds no search") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
