"""`tenfold tune`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tenfold.cli.engine import add_engine_options, check_engine_options, ray_engine
from tenfold.errors import UsageError

_EPILOG = """\
examples:
  tenfold tune --recipe conv                      20 trials around the recipe, one after the other
  tenfold tune --trials 100 --workers 4 --timeout 7200
  tenfold tune --space activation,optimizer.name,rate_factor        these alone
  tenfold tune --space batch_size=32..512 --space dropout_rate=0.2  a range; a fixed value
  tenfold tune --recipe conv --show-space --json > space.json       to edit, and use as
  tenfold tune --recipe conv --space space.json
  tenfold tune --choices 3                        change one setting at a time, three seeds each
  tenfold tune --resume runs/tune-conv-20260101-120000 --trials 40
  tenfold tune --storage postgresql://me@host/tenfold --trials 1000    on each of many machines

Trials are judged by validation images, the last of the 60,000; the test images stay closed.
`tenfold train --recipe DIR/best.json` trains what was found and opens them, once.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "tune",
        parents=[common],
        help="search for better settings of a recipe",
        description="Search for good settings of a recipe on validation images, and leave the "
        "best recipe and a page that says what mattered.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--recipe", metavar="NAME|FILE", help="where the search starts (default: standard)"
    )
    parser.add_argument(
        "--space", action="append", default=[], metavar="NAME=VALUES|NAMES|FILE",
        help="NAME=LOW..HIGH, NAME=A,B,C or NAME=A; NAME,NAME: these alone; a .json file; may be "
        "given more than once",
    )  # fmt: skip
    parser.add_argument(
        "--show-space", action="store_true", help="print what would be searched, and stop"
    )
    parser.add_argument(
        "--trials", type=int, metavar="N", help="trainings in all (default: 20; 0 with --choices)"
    )
    parser.add_argument(
        "--choices", type=int, metavar="N",
        help="then change one setting of the recipe at a time, all else equal, N seeds each",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="begin no trial after so long"
    )
    parser.add_argument(
        "--pruner", choices=("median", "halving", "none"),
        help="when a trial is stopped early: below the median of the others at that epoch, by "
        "successive halving, or never (default: median)",
    )  # fmt: skip
    parser.add_argument("--epochs", type=int, metavar="N", help="of each trial, not the recipe's")
    parser.add_argument(
        "--train-size", type=int, metavar="N", help="take only the first N training images"
    )
    parser.add_argument(
        "--val-size", type=int, metavar="N",
        help="judge by the last N of the 60,000 training images (default: 5,000)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of search and trainings (default: 0)"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N",
        help="trials at the same time, which share the cores (default: 1; with Ray, all cores)",
    )  # fmt: skip
    add_engine_options(parser, "trials are trained")
    parser.add_argument(
        "--storage", metavar="PATH|URL",
        help="a journal file, or postgresql://... for many machines (default: in --out)",
    )  # fmt: skip
    parser.add_argument(
        "--study", metavar="NAME", help="name in the storage (default: tenfold-<recipe>)"
    )
    parser.add_argument(
        "--grace", type=int, metavar="SECONDS",
        help="a worker silent for so long is given up, with PostgreSQL (default: 60)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: runs/tune-<recipe>-<time>"
    )
    parser.add_argument(
        "--resume", nargs="?", const=True, metavar="DIR",
        help="go on with the search in DIR, or in --out; --trials and --choices may ask for more",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )
    parser.add_argument(
        "--backend", metavar="NAME",
        help="tensorflow, jax or torch (default: the fastest for this machine)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Search, and return the figures as JSON-ready values and as text."""
    check_engine_options(options)
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"workers is {options.workers}; it must be at least 1")
    if options.show_space:
        return _show_space(options)
    from tenfold.networks.backend import check_backend

    check_backend(options.backend)
    from tenfold.tuning import search_folder as searches
    from tenfold.tuning import tune as tuning
    from tenfold.tuning.storage import close_storage, open_storage  # or the extra is named

    folder, search = _resumed(options) if options.resume else _asked_for(options)
    place = searches.place_for(search, folder, options.storage)
    if search.storage:
        close_storage(open_storage(place))  # before anything else is made
    with _engine(options) as engine:
        if options.resume:
            searches.write_search(folder, search)
        else:
            searches.start_search(folder, search)
        options.interrupted_hint = (
            f"; all trials are kept; go on with: tenfold tune --resume {folder}"
        )
        result = tuning.tune(
            folder, search, place, engine, timeout=options.timeout,
            progress=not options.quiet and sys.stderr.isatty(),
        )  # fmt: skip
    return result.figures, _text(result.figures)


def _engine(options: argparse.Namespace) -> Any:
    if options.engine == "ray":
        return ray_engine(options, options.workers)
    from tenfold.execution.local import LocalEngine

    return LocalEngine(options.workers or 1)


def _recipe_and_space(options: argparse.Namespace) -> tuple[Any, Any]:
    from tenfold.recipes.catalog import DEFAULT, load_recipe
    from tenfold.recipes.serialization import override
    from tenfold.tuning.space import default_space, narrowed

    recipe = load_recipe(options.recipe or DEFAULT)
    if options.epochs is not None:
        recipe = override(recipe, {"epochs": options.epochs})
    space = default_space(recipe, options.train_size or 60_000)
    for words in options.space:
        space = narrowed(recipe, space, words)
    return recipe, space


def _asked_for(options: argparse.Namespace) -> tuple[Path, Any]:
    from tenfold.tuning.search_folder import default_search_folder, make_search
    from tenfold.tuning.study import Plan

    recipe, space = _recipe_and_space(options)
    given = {
        "seed": options.seed, "val_size": options.val_size, "pruner": options.pruner,
    }  # fmt: skip
    plan = Plan(
        recipe, space, train_size=options.train_size,
        **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    choices = options.choices or 0
    search = make_search(
        plan,
        trials=(0 if choices else 20) if options.trials is None else options.trials,
        choices=choices,
        study=options.study,
        storage=options.storage,
        grace_seconds=60 if options.grace is None else options.grace,
        data_dir=options.data_dir,
        backend=options.backend,
    )
    return options.out or default_search_folder(recipe), search


def _resumed(options: argparse.Namespace) -> tuple[Path, Any]:
    from tenfold.tuning.search_folder import extended, read_search

    names = ("recipe", "space", "epochs", "pruner", "train_size", "val_size", "seed", "study",
             "grace", "data_dir", "backend")  # fmt: skip
    given = [name for name in names if getattr(options, name) not in (None, [])]
    if given:
        option = given[0].replace("_", "-")
        raise UsageError(f"--resume goes on as the search was started; leave out --{option}")
    if options.resume is True:
        if options.out is None:
            raise UsageError("which search? give --resume DIR")
        folder = options.out
    else:
        folder = Path(options.resume)
        if options.out not in (None, folder):
            raise UsageError("--resume DIR goes on in DIR; leave out --out")
    return folder, extended(read_search(folder), options.trials, options.choices)


def _show_space(options: argparse.Namespace) -> tuple[Any, str]:
    from tenfold.tuning.changes import CHANGES, neat
    from tenfold.tuning.space import Choice, space_to_dict, start_values

    recipe, space = _recipe_and_space(options)
    start = start_values(recipe, space)
    lines = [f"{'name':24}{'values':42}{'at the start':14}"]
    for dimension in space.dimensions:
        values = dimension.values
        if isinstance(values, Choice):
            text = ", ".join(neat(value) for value in values.values)
        else:
            log = ", logarithmic" if values.log else ""
            text = f"{values.low:g} to {values.high:g}{log}"
        meaning = CHANGES[dimension.name].meaning if dimension.name in CHANGES else ""
        own = neat(start[dimension.name])
        lines.append(f"{dimension.name:24}{text:42}{own:14}{meaning}".rstrip())
    return space_to_dict(space), "\n".join(lines)


def _text(figures: dict[str, Any]) -> str:
    lines = []
    best, start = figures["best"], figures["start"]
    if best:
        lines.append(
            f"best: {best['val_accuracy']:.2%} of the validation images, trial {best['trial']} of "
            f"{figures['trials']}"
        )
        if start and start["val_accuracy"] is not None:
            lines[-1] += f"; the recipe as it is: {start['val_accuracy']:.2%}"
        lines.append(f"the test images are still closed: tenfold train --recipe {best['recipe']}")
    if figures.get("choices") and figures["choices"]["start"]:
        count = sum(len(rows) for rows in figures["choices"]["dimensions"].values())
        lines.append(
            f"{count} choices compared over {figures['choices']['start']['n']} seeds; the recipe "
            f"as it is: {figures['choices']['start']['mean']:.2%}"
        )
    if not lines:
        lines.append("no trial has come to its end")
    if "report" in figures:
        lines.append(f"page: {figures['report']}")
    return "\n".join(lines)
