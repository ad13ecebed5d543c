"""tenfold train: a recipe trained, evaluated once, and left as a bundle with a report."""

import argparse
import json
import logging
from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tenfold.cli.options import (
    add_backend,
    add_data,
    add_engine,
    add_out,
    add_recipe,
    add_seed,
    add_train_size,
    chosen_data,
    chosen_engine,
    refuse_with_resume,
    show_progress,
)
from tenfold.errors import UsageError
from tenfold.files import parse_json
from tenfold.formatting import count, duration

if TYPE_CHECKING:
    from tenfold.recipes.recipe import Recipe

HELP = "train a network on MNIST, or on your own data, and leave a bundle with a report"
DESCRIPTION = (
    "Fetch MNIST if needed, train a recipe, evaluate it once on the test set, and leave a bundle: "
    "model.keras, model.onnx, meta.json, history.csv, report.html."
)
EPILOG = """\
examples:
  tenfold train                                    the default recipe on MNIST
  tenfold train --seconds 20                       the best known recipe for this time
  tenfold train --recipe article                   the article's network, as intended
  tenfold train --data my-digits/                  folders 0 to 9 of pictures of your own
  tenfold train --data fashion-mnist --recipe conv
  tenfold train --epochs 2 --learning-rate 0.002   settings of the recipe changed
  tenfold train --recipe article --set layers.3.rate=0.25    any other setting
  tenfold train --seeds 5 --json                   mean, sd, min and max of five seeds
  tenfold train --seeds 20 --engine ray --ray-address 10.0.0.1:6379
  tenfold train --resume runs/standard-seed0-20260101-120000    after an interruption

`tenfold recipes NAME --json` prints every setting that --set can change.
"""

_log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add_recipe(parser)
    help = (
        "take the best known recipe for this training time on this machine, whose speed is "
        "measured first; instead of --recipe"
    )
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--seconds", type=float, metavar="S", help=help)
    help = "the same in minutes"
    time.add_argument("--minutes", type=_minutes, dest="seconds", metavar="M", help=help)
    add_seed(parser, "seed of everything random")
    add("--seeds", type=int, metavar="N", help="train N seeds, starting with --seed (default: 1)")
    add("--epochs", type=int, metavar="N", help="passes over the training images")
    add("--batch-size", type=int, metavar="N", help="images per training step")
    add("--learning-rate", type=float, metavar="X", help="peak learning rate")
    help = "change any other setting of the recipe; may be given several times"
    add("--set", action="append", default=[], metavar="SETTING=VALUE", help=help)
    add_train_size(parser)
    help = (
        "hold out the last N training images to validate after every epoch, and leave the test "
        "images alone (default: 0)"
    )
    add("--val-size", type=int, metavar="N", help=help)
    add_out(parser, "the bundle", shown="runs/<recipe>-seed<N>-<time>")
    add_data(parser)
    add_backend(parser)
    help = "the same seed gives the same weights, bit for bit; slower"
    add("--deterministic", action="store_true", help=help)
    help = "continue the interrupted run in this folder; needs no other option"
    add("--resume", type=Path, metavar="DIR", help=help)
    add_engine(parser, "seeds and ensemble members are trained")


def _minutes(text: str) -> float:
    """Return minutes as seconds: the type of an option."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not number > 0:  # NaN, too
        raise argparse.ArgumentTypeError(f"{text} is not a number of minutes above 0")
    return 60 * number


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Train, and return the figures as JSON-ready values and as text."""
    results = _resume(options) if options.resume else _start(options)
    if len(results) == 1 and (options.seeds or 1) == 1:
        return results[0].to_dict(), _one_text(results[0])
    from tenfold.training.train import results_to_dict

    result = results_to_dict(results)
    return result, _seeds_text(results, (result["test"] or result["validation"])["accuracy"])


def _resume(options: argparse.Namespace) -> list[Any]:
    refuse_with_resume(
        options,
        ("recipe", "seconds", "seed", "seeds", "epochs", "batch_size", "learning_rate", "set",
         "train_size", "val_size", "out", "data", "as_", "data_dir", "backend", "deterministic"),
    )  # fmt: skip
    options.interrupted_hint = (
        f"; continue with: tenfold train --resume {quote(str(options.resume))}"
    )
    from tenfold.training.train import resume

    with chosen_engine(options, nullcontext) as engine:
        return resume(options.resume, progress=show_progress(options), engine=engine)


def _start(options: argparse.Namespace) -> list[Any]:
    from tenfold.recipes.catalog import DEFAULT
    from tenfold.recipes.recipe_file import load_recipe
    from tenfold.recipes.serialization import override

    settings = _settings(options)
    if options.seconds is not None and (options.recipe or settings):
        raise UsageError(
            "--seconds chooses the recipe and its settings: leave out --recipe, --epochs, "
            "--batch-size, --learning-rate and --set, or --seconds"
        )
    recipe = override(load_recipe(options.recipe or DEFAULT), settings)
    from tenfold.training.request import make_request
    from tenfold.training.run_folder import default_folder
    from tenfold.training.train import run as train
    from tenfold.training.train import start

    seed = 0 if options.seed is None else options.seed
    request = make_request(
        recipe,
        seed=seed,
        seeds=1 if options.seeds is None else options.seeds,
        train_size=options.train_size,
        val_size=options.val_size or 0,
        data=chosen_data(options),
        backend=options.backend,
        deterministic=options.deterministic,
        progress=show_progress(options),
        seconds=options.seconds,
        lean=True,
    )
    recipe = request.recipe
    folder = options.out or default_folder(recipe, seed)
    with chosen_engine(options, nullcontext) as engine:  # connected before anything is written
        start(folder, request)
        options.interrupted_hint = f"; continue with: tenfold train --resume {quote(str(folder))}"
        results = train(folder, request, progress=show_progress(options), engine=engine)
    if options.epochs is None and options.seconds is None:
        _advise(recipe, results[0].meta["train_images"])
    return results


def _advise(recipe: "Recipe", images: int) -> None:
    """Say how to train for longer if there were too few images for the recipe."""
    from tenfold.recipes.small_data import for_few_images

    longer = for_few_images(recipe, images)
    if longer.epochs > recipe.epochs:
        smaller = f" --batch-size {longer.batch_size}" * (longer.batch_size < recipe.batch_size)
        _log.info(
            "tenfold: %s images are few for %s: try --epochs %d%s",
            f"{images:,}", recipe.name, longer.epochs, smaller,
        )  # fmt: skip


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the recipe that the options change, by dotted name."""
    named = {
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "optimizer.learning_rate": options.learning_rate,
    }
    settings = {name: value for name, value in named.items() if value is not None}
    for text in options.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: it must look like SETTING=VALUE")
        if name in settings:
            raise UsageError(f"--set {text}: {name} is given twice; give it once")
        try:
            settings[name] = parse_json(value)
        except ValueError:
            settings[name] = value  # a word such as adam or same
    return settings


def _one_text(result: Any) -> str:
    meta = result.meta
    part = "test" if meta["test"] else "validation"
    test = meta[part]
    low, high = test["accuracy_interval"]
    members = meta["recipe"].get("members", 1)
    networks = f"{members} networks, " if members > 1 else ""
    settings = (meta.get("changed_settings") or {}).items()
    changed = ", ".join(f"{name} = {json.dumps(value)}" for name, value in settings)
    changed = f"changed settings: {changed}\n" if changed else ""
    untouched = ""
    if part == "validation":
        command = f"tenfold evaluate {quote(str(result.bundle))}"
        untouched = f"the test images are left alone; for their figures: {command}\n"
    return (
        f"{part} accuracy {test['accuracy']:.2%} ({round(test['n'] * (1 - test['accuracy']))} of "
        f"{test['n']:,} wrong; 95% interval {low:.2%} to {high:.2%})\n"
        f"trained in {duration(meta['train_seconds'])}: {meta['recipe']['name']}, "
        f"{networks}{meta['parameters']:,} parameters, {count(meta['epochs'], 'epoch')}, "
        f"seed {meta['seed']}\n"
        f"{changed}{_data_text(meta['data'])}{untouched}"
        f"report: {result.bundle / 'report.html'}"
    )


def _data_text(data: dict[str, Any]) -> str:
    if "source" not in data:
        return ""
    held_out = ", whose test part is one of seven of its images" if data["held_out"] else ""
    return f"data: {data['title']}{held_out}\n"


def _seeds_text(results: list[Any], accuracy: dict[str, Any]) -> str:
    lines = [
        f"seed {result.meta['seed']}: {result.accuracy:.2%}, "
        f"{duration(result.meta['train_seconds'])}, {result.bundle}"
        for result in results
    ]
    sd = "" if accuracy["sd"] is None else f", sd {accuracy['sd']:.2%}"
    lines.append(
        f"{'test' if results[0].meta['test'] else 'validation'} accuracy "
        f"{accuracy['mean']:.3%}, mean of {accuracy['n']} seeds{sd}, "
        f"min {accuracy['min']:.2%}, max {accuracy['max']:.2%}"
    )
    return "\n".join(lines)
