"""`tenfold train`."""

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tenfold.cli.engine import add_engine_options, check_engine_options, ray_engine
from tenfold.errors import UsageError
from tenfold.formatting import count, duration

_EPILOG = """\
examples:
  tenfold train
  tenfold train --recipe article --seed 1
  tenfold train --recipe standard --seeds 5 --json
  tenfold train --seeds 20 --engine ray --ray-address 10.0.0.1:6379
  tenfold train --epochs 2 --learning-rate 0.002 --set augmentation.rotation_degrees=0
  tenfold train --recipe article --set layers.3.rate=0.25
  tenfold train --resume runs/standard-seed0-20260101-120000

`tenfold recipes NAME --json` prints every setting that --set can change.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "train",
        parents=[common],
        help="train a network on MNIST and leave a bundle with a report",
        description="Fetch MNIST if needed, train a recipe, evaluate it once on the test set, "
        "and leave a bundle: model.keras, model.onnx, meta.json, history.csv, report.html.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--recipe", metavar="NAME|FILE", help="a recipe or a .json file of one (default: standard)"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="decides everything random (default: 0)"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="train N seeds, from --seed on")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images in one step")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="the highest one reached")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SETTING=VALUE", dest="settings",
        help="change any other setting of the recipe; may be given more than once",
    )  # fmt: skip
    parser.add_argument(
        "--train-size", type=int, metavar="N", help="take only the first N training images"
    )
    parser.add_argument(
        "--val-size", type=int, metavar="N",
        help="hold the last N training images back and judge every epoch on them (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="folder for the bundle (default: runs/<recipe>-seed<N>-<time>)",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the MNIST files, or a mnist.npz"
    )
    parser.add_argument(
        "--backend", metavar="NAME",
        help="tensorflow, jax or torch (default: the fastest for this machine)",
    )  # fmt: skip
    parser.add_argument(
        "--deterministic", action="store_true", help="same seed, same weights, bit for bit; slower"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with an interrupted run; needs no more"
    )
    add_engine_options(parser, "seeds and members of ensembles are trained")


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Train, and return the figures as JSON-ready values and as text."""
    progress = not options.quiet and sys.stderr.isatty()
    check_engine_options(options)
    if options.resume:
        _refuse_with_resume(options)
        folder = options.resume
        from tenfold.training import train as training

        options.interrupted_hint = f"; go on with: tenfold train --resume {folder}"
        with _engine(options) as engine:
            results = training.resume(folder, progress=progress, engine=engine)
    else:
        results = _start(options, progress)
    if len(results) == 1 and (options.seeds or 1) == 1:
        return results[0].to_dict(), _tell_one(results[0])
    from tenfold.training.train import results_to_dict

    return results_to_dict(results), _tell_many(results)


def _start(options: argparse.Namespace, progress: bool) -> list[Any]:
    from tenfold.recipes.catalog import DEFAULT, load_recipe
    from tenfold.recipes.serialization import override

    settings = _settings(options)
    recipe = override(load_recipe(options.recipe or DEFAULT), settings)
    from tenfold.training import run_folder as runs
    from tenfold.training import train as training

    seed = 0 if options.seed is None else options.seed
    request = training.make_request(
        recipe,
        seed=seed,
        seeds=1 if options.seeds is None else options.seeds,
        train_size=options.train_size,
        val_size=options.val_size or 0,
        data_dir=options.data_dir,
        backend=options.backend,
        deterministic=options.deterministic,
    )
    folder = options.out or runs.default_folder(recipe, seed)
    with _engine(options) as engine:  # connected before anything is written
        runs.start_run(folder, request)
        options.interrupted_hint = f"; go on with: tenfold train --resume {folder}"
        return training.run(folder, request, progress=progress, engine=engine)


def _engine(options: argparse.Namespace) -> Any:
    return ray_engine(options) if options.engine == "ray" else nullcontext()


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    named = {
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "optimizer.learning_rate": options.learning_rate,
    }
    settings = {name: value for name, value in named.items() if value is not None}
    for text in options.settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: it must look like SETTING=VALUE")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value  # a word such as adam or same
    return settings


def _refuse_with_resume(options: argparse.Namespace) -> None:
    names = ("recipe", "seed", "seeds", "epochs", "batch_size", "learning_rate", "settings",
             "train_size", "val_size", "out", "data_dir", "backend", "deterministic")  # fmt: skip
    given = [name for name in names if getattr(options, name) not in (None, [], False)]
    if given:
        option = {"settings": "set"}.get(given[0], given[0]).replace("_", "-")
        raise UsageError(f"--resume goes on as the run was started; leave out --{option}")


def _tell_one(result: Any) -> str:
    meta = result.meta
    test = meta["test"]
    low, high = test["accuracy_interval"]
    members = meta["recipe"].get("members", 1)
    networks = f"{members} networks, " if members > 1 else ""
    return (
        f"test accuracy {test['accuracy']:.2%} ({round(test['n'] * (1 - test['accuracy']))} of "
        f"{test['n']:,} wrong; 95% interval {low:.2%} to {high:.2%})\n"
        f"trained in {duration(meta['train_seconds'])}: {meta['recipe']['name']}, "
        f"{networks}{meta['parameters']:,} parameters, {count(meta['epochs'], 'epoch')}, "
        f"seed {meta['seed']}\n"
        f"report: {result.bundle / 'report.html'}"
    )


def _tell_many(results: list[Any]) -> str:
    from tenfold.training.train import results_to_dict

    lines = [
        f"seed {result.meta['seed']}: {result.accuracy:.2%}, "
        f"{duration(result.meta['train_seconds'])}, {result.bundle}"
        for result in results
    ]
    spread = results_to_dict(results)["test"]["accuracy"]
    sd = "" if spread["sd"] is None else f", sd {spread['sd']:.2%}"
    lines.append(
        f"test accuracy {spread['mean']:.3%} mean of {spread['n']}{sd}, "
        f"min {spread['min']:.2%}, max {spread['max']:.2%}"
    )
    return "\n".join(lines)
