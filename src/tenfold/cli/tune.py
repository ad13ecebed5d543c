"""tenfold tune: a search for better settings of a recipe."""

import argparse
from pathlib import Path
from shlex import quote
from typing import Any

from tenfold.cli.options import (
    add_backend,
    add_data,
    add_engine,
    add_out,
    add_recipe,
    add_seed,
    add_train_size,
    add_workers,
    chosen_data,
    chosen_engine,
    refuse_with_resume,
    seconds,
    show_progress,
)
from tenfold.cli.tables import Column, table
from tenfold.errors import UsageError

HELP = "search for better settings of a recipe"
DESCRIPTION = (
    "Search for better settings of a recipe on validation images, and leave the best recipe and a "
    "page that shows which settings matter."
)
EPILOG = """\
examples:
  tenfold tune --recipe conv                      20 trials around the recipe, one after the other
  tenfold tune --trials 100 --workers 4 --timeout 7200
  tenfold tune --space activation,optimizer.name,rate_factor        these settings only
  tenfold tune --space batch_size=32..512 --space dropout_rate=0.2  a range; a fixed value
  tenfold tune --recipe conv --show-space --json > space.json       to edit, for the next line
  tenfold tune --recipe conv --space space.json
  tenfold tune --choices 3                        change one setting at a time, three seeds each
  tenfold tune --resume runs/tune-conv-20260101-120000 --trials 40
  tenfold tune --storage postgresql://me@host/tenfold --trials 1000    on each of many machines

Trials are judged on validation images, the last of the 60,000 training images; the test images are
not used. `tenfold train --recipe DIR/best.json` trains the best recipe and evaluates it on them.
"""

SETTLED = (
    "recipe", "space", "epochs", "pruner", "train_size", "val_size", "seed", "study", "grace",
    "data", "as_", "data_dir", "backend",
)  # fmt: skip
"""Options that a resumed search cannot change."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add_recipe(parser)
    add(
        "--space",
        action="append",
        default=[],
        metavar="NAME=VALUES|NAMES|FILE",
        help="NAME=LOW..HIGH, NAME=A,B,C or NAME=A; NAME,NAME: these settings only; a .json file; "
        "may be given several times",
    )
    add("--show-space", action="store_true", help="print the search space, and stop")
    help = "number of trials in total (default: 20, or 0 with --choices)"
    add("--trials", type=int, metavar="N", help=help)
    help = "afterwards change one setting of the recipe at a time, with N seeds each"
    add("--choices", type=int, metavar="N", help=help)
    add("--timeout", type=seconds, metavar="SECONDS", help="start no trial after this time")
    add(
        "--pruner",
        choices=("median", "halving", "none"),
        help="when to stop a trial early: below the median of the others at that epoch, by "
        "successive halving, or never (default: median)",
    )
    add("--epochs", type=int, metavar="N", help="epochs of a trial (default: the recipe's)")
    add_train_size(parser)
    help = "validate on the last N training images (default: 5,000, or a sixth of your own data)"
    add("--val-size", type=int, metavar="N", help=help)
    add_seed(parser, "seed of the search and of the trainings")
    add_workers(
        parser, "trials at the same time, which share the cores (default: 1; on Ray, all cores)"
    )
    add_engine(parser, "trials are trained")
    help = "a journal file, or postgresql://... for many machines (default: in --out)"
    add("--storage", metavar="PATH|URL", help=help)
    help = "name of the study in the storage (default: tenfold-<recipe>)"
    add("--study", metavar="NAME", help=help)
    help = "give up a worker after this silence, with PostgreSQL (default: 60)"
    add("--grace", type=int, metavar="SECONDS", help=help)
    add_out(parser, "the search", shown="runs/tune-<recipe>-<time>")
    add(
        "--resume",
        nargs="?",
        const=True,
        metavar="DIR",
        help="continue the search in DIR or --out; --trials and --choices may ask for more",
    )
    add_data(parser)
    add_backend(parser)


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Search, and return the figures as JSON-ready values and as text."""
    if options.show_space:
        return _show_space(options)
    if options.resume:
        options.interrupted_hint = "; all trials are kept; the same command continues"
    from tenfold.networks.backend import check_backend

    check_backend(options.backend, "train,tune")
    from tenfold.execution.local import LocalEngine
    from tenfold.tuning import search_folder as searches
    from tenfold.tuning import search_run
    from tenfold.tuning.storage import close_storage, open_storage  # names a missing extra

    folder, search = _resumed(options) if options.resume else _new(options)
    address = search.address(folder, options.storage)
    if search.storage:
        close_storage(open_storage(address))  # fails before anything else is made
    workers = options.workers
    with chosen_engine(options, lambda: LocalEngine(workers or 1), workers) as engine:
        if options.resume:
            searches.write_search(folder, search)
        else:
            searches.start_search(folder, search)
        options.interrupted_hint = (
            f"; all trials are kept; continue with: tenfold tune --resume {quote(str(folder))}"
        )
        figures = search_run.run_search(
            folder, search, address, engine,
            timeout=options.timeout, progress=show_progress(options),
        )  # fmt: skip
    return figures, _text(figures)


def _new(options: argparse.Namespace) -> tuple[Path, Any]:
    """Return the folder and the description of a new search."""
    from tenfold.recipes.catalog import DEFAULT
    from tenfold.tuning.search_folder import default_search_folder
    from tenfold.tuning.tune import make_search

    only_trials = options.choices is None
    search = make_search(
        options.recipe or DEFAULT,
        space=options.space,
        epochs=options.epochs,
        train_size=options.train_size,
        val_size=options.val_size,
        seed=options.seed or 0,
        pruner=options.pruner,
        study=options.study,
        source=chosen_data(options),
        progress=show_progress(options),
        trials=(20 if only_trials else 0) if options.trials is None else options.trials,
        choices=0 if only_trials else options.choices,
        storage=options.storage,
        grace_seconds=60 if options.grace is None else options.grace,
        backend=options.backend,
    )
    return options.out or default_search_folder(search.plan.recipe), search


def _resumed(options: argparse.Namespace) -> tuple[Path, Any]:
    """Return the folder and the description of an interrupted search."""
    from tenfold.tuning.search_folder import read_search

    refuse_with_resume(options, SETTLED)
    folder = options.out if options.resume is True else Path(options.resume)
    if folder is None:
        raise UsageError("--resume names no search: give --resume DIR")
    if options.out not in (None, folder):
        raise UsageError("--resume DIR continues in DIR; leave out --out")
    return folder, read_search(folder, trials=options.trials, choices=options.choices)


def _show_space(options: argparse.Namespace) -> tuple[Any, str]:
    from tenfold.recipes.catalog import DEFAULT
    from tenfold.tuning.changes import CHANGES, format_value
    from tenfold.tuning.space import Choice, space_to_dict, start_values
    from tenfold.tuning.tune import recipe_and_space

    recipe, space = recipe_and_space(
        options.recipe or DEFAULT, options.space, options.epochs, options.train_size
    )
    start = start_values(recipe, space)
    rows = []
    for name, values in space.items():
        if isinstance(values, Choice):
            text = ", ".join(map(format_value, values.values))
        else:
            log = ", logarithmic" if values.log else ""
            text = f"{values.low:g} to {values.high:g}{log}"
        meaning = CHANGES[name].meaning if name in CHANGES else ""
        rows.append((name, text, format_value(start[name]), meaning))
    columns = (
        Column("name", text=True),
        Column("values", text=True, wraps=True),
        Column("start value", text=True),
        Column("meaning", text=True, wraps=True, rank=1),
    )
    return space_to_dict(space), table(columns, rows)


def _text(figures: dict[str, Any]) -> str:
    lines = []
    best, start, choices = figures["best"], figures["start"], figures.get("choices")
    if best:
        lines.append(
            f"best: validation accuracy {best['val_accuracy']:.2%}, trial {best['trial']} of "
            f"{figures['trials']}"
        )
        if start and start["val_accuracy"] is not None:
            lines[-1] += f"; the recipe unchanged: {start['val_accuracy']:.2%}"
        lines.append(f"to evaluate it on the test images: {best['command']}")
    if choices and choices["start"]:
        count = sum(len(rows) for rows in choices["dimensions"].values())
        lines.append(
            f"{count} choices compared with {choices['start']['n']} seeds each; the recipe "
            f"unchanged: {choices['start']['mean']:.2%}"
        )
    if "report" in figures:
        lines.append(f"page: {figures['report']}")
    return "\n".join(lines)
