"""Options that several verbs share: each is declared, checked and explained here, once."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.cli.terminal import stderr_is_a_terminal
from tenfold.errors import UsageError

if TYPE_CHECKING:
    from tenfold.classifiers.model_file import Model

DEFAULT_MODEL = "reader"
"""The shipped model that reads pictures: `tenfold.reading.shipped.DEFAULT_MODEL`, without NumPy."""

_MOST_ALTERNATIVES = 1_000_000
"""`tenfold.reading.results.MOST_ALTERNATIVES`, without NumPy."""

_MOST_PORT = 65_535
"""TCP's largest port."""

_MODEL = "a shipped model, a bundle folder, or a .keras or .onnx file"


def add_model_argument(
    parser: argparse.ArgumentParser, default: str | None = None, *, what: str = _MODEL
) -> None:
    """Add MODEL as a positional argument, which may be omitted if there is a default."""
    help = f"{what} (default: {default})" if default else what
    parser.add_argument(
        "model", nargs="?" if default else None, default=default, metavar="MODEL", help=help
    )
    add_model_file_options(parser)


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add `--model MODEL`, by default the shipped model that reads pictures."""
    help = f"{_MODEL} (default: {DEFAULT_MODEL})"
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL", help=help)
    add_model_file_options(parser)


def add_model_file_options(parser: argparse.ArgumentParser) -> None:
    """Add what a .keras or .onnx file of one's own does not say: scale, offset, classes."""
    group = parser.add_argument_group("for a .keras or .onnx file of your own")
    help = "it computes with pixel * X + offset: 1/255 if it was trained on pixels divided by 255"
    group.add_argument("--scale", type=_number, metavar="X", help=help)
    help = "see --scale; -1 with a scale of 1/127.5 for pixels in -1..1 (default: 0)"
    group.add_argument("--offset", type=_number, default=0.0, metavar="X", help=help)
    help = "names of its classes, in order, separated by commas (default: 0,1,2...)"
    group.add_argument("--classes", metavar="LIST", help=help)


def chosen_model(options: argparse.Namespace, name: str | None = None) -> "Model":
    """Return the model that the options name, with what they say of a file of one's own.

    Args:
        options: The parsed options.
        name: A name to take in place of `options.model`.

    Raises:
        UsageError: `--scale`, `--offset` or `--classes` is given for another model.
    """
    from tenfold.classifiers.model_file import as_model_file

    model: str = name or options.model
    classes = options.classes.split(",") if options.classes else None
    file = as_model_file(model, scale=options.scale, offset=options.offset, classes=classes)
    return file or model


def _number(text: str) -> float:
    """Return a number written as 0.5 or 1/255."""
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text} is not a number such as 1/255") from None


def add_single(parser: argparse.ArgumentParser) -> None:
    """Add `--single`."""
    parser.add_argument("--single", action="store_true", help="each picture shows one digit")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add `--data-dir DIR`."""
    help = "folder with the MNIST files, or a mnist.npz (default: the cache)"
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help=help)


def add_data(parser: argparse.ArgumentParser, default: str = "mnist") -> None:
    """Add `--data SOURCE`, `--as KIND` and `--data-dir DIR`; not given they are None."""
    help = (
        "mnist, fashion-mnist, kmnist, emnist-digits, qmnist; an IDX, .npz, .csv or .parquet file; "
        f"or a folder, as of pictures by class (default: {default})"
    )
    parser.add_argument("--data", metavar="SOURCE", help=help)
    parser.add_argument(
        "--as",
        dest="as_",
        choices=("digits", "images"),
        help="normalize your pictures as digits, or only resize them (default: digits)",
    )
    add_data_dir(parser)


def chosen_data(options: argparse.Namespace) -> Any:
    """Return the `DataSource` that `--data`, `--as` and `--data-dir` choose, by default MNIST.

    Raises:
        UsageError: There is no such source.
    """
    from tenfold.data.data_source import choose_data

    return choose_data(options.data or "mnist", as_=options.as_, data_dir=options.data_dir)


def add_out(
    parser: argparse.ArgumentParser, what: str, default: str = "", *, shown: str = ""
) -> None:
    """Add `--out DIR`.

    Args:
        parser: Where to.
        what: What the folder is for.
        default: The folder to take if the option is not given. Empty gives None.
        shown: How `--help` shows a default that depends on other options.
    """
    shown = shown or default
    help = f"folder for {what} (default: {shown})" if shown else f"folder for {what}"
    # A default in text goes through `type`, too.
    place = default or None
    parser.add_argument("--out", type=output_folder, default=place, metavar="DIR", help=help)


def output_folder(text: str) -> Path:
    """Return a folder to write to, which need not exist: the type of an option.

    So a command does not first work for minutes and then find that it cannot write.
    """
    path = Path(text)
    found = next((place for place in (path, *path.parents) if os.path.lexists(place)), Path())
    if not found.is_dir():
        raise argparse.ArgumentTypeError(f"{found} is not a folder")
    if not os.access(found, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {found} cannot be written")
    return path


def chosen_out(options: argparse.Namespace, default: str) -> Path:
    """Return the folder of `--out`, or one whose name depends on other options.

    Raises:
        UsageError: The default folder cannot be written.
    """
    try:
        return options.out or output_folder(default)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{error}: give another folder as --out") from None


def add_recipe(parser: argparse.ArgumentParser, default: str = "standard") -> None:
    """Add `--recipe NAME|FILE`; not given it is None."""
    help = f"a recipe, or a .json file of one (default: {default})"
    parser.add_argument("--recipe", metavar="NAME|FILE", help=help)


def add_seed(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--seed N`; not given it is None, which means 0."""
    parser.add_argument("--seed", type=int, metavar="N", help=f"{what} (default: 0)")


def add_train_size(parser: argparse.ArgumentParser) -> None:
    """Add `--train-size N`; not given it is None."""
    help = "use only the first N training images (default: all)"
    parser.add_argument("--train-size", type=int, metavar="N", help=help)


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add `--backend NAME`."""
    help = "tensorflow, jax or torch (default: the fastest one on this machine)"
    parser.add_argument("--backend", metavar="NAME", help=help)


def add_workers(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--workers N`, at least 1; not given it is None."""
    parser.add_argument("--workers", type=positive, metavar="N", help=what)


def positive(text: str) -> int:
    """Return a whole number of at least 1: the type of an option."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return number


def alternatives(text: str) -> int:
    """Return a number of alternatives, 1 to 1,000,000: the type of an option."""
    number = positive(text)
    if number > _MOST_ALTERNATIVES:
        raise argparse.ArgumentTypeError(f"{text} is more than the {_MOST_ALTERNATIVES:,} allowed")
    return number


def port(text: str) -> int:
    """Return a port, 0 to 65535: the type of an option."""
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 0 to {_MOST_PORT}")
    return number


def seconds(text: str) -> float:
    """Return a time limit in seconds, at least 0: the type of an option."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not number >= 0:  # NaN, too
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds of at least 0")
    return number


def add_engine(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--engine` and `--ray-address`, which say where the parts of a command run."""
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help=f"where {what}: on this machine, or on a Ray cluster (default: local)",
    )
    parser.add_argument(
        "--ray-address",
        metavar="A",
        help="a running Ray cluster, as 10.0.0.1:6379 (default: $RAY_ADDRESS, else start Ray here)",
    )


def chosen_engine(
    options: argparse.Namespace, local: Callable[[], Any], workers: int | None = None
) -> Any:
    """Return a context with the engine that `--engine` names.

    Args:
        options: The parsed options.
        local: Makes the context for this machine.
        workers: Parts to run at the same time on Ray. None takes all cores of the cluster.

    Raises:
        UsageError: An address of Ray is given, but not `--engine ray`.
        MissingExtraError: Ray is not installed.
        TenfoldError: No cluster answers.
    """
    if options.engine == "ray":
        from tenfold.execution.ray import RayEngine

        return RayEngine(options.ray_address, workers)
    if options.ray_address:
        raise UsageError("--ray-address needs --engine ray")
    return local()


def refuse_with_resume(options: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse options beside `--resume` that the interrupted run has settled.

    Args:
        options: The parsed options.
        names: The options to refuse, as attributes of `options`.

    Raises:
        UsageError: One of them is given.
    """
    for name in names:
        if getattr(options, name) not in (None, [], False):
            option = name.rstrip("_").replace("_", "-")
            raise UsageError(f"--resume keeps the settings of the run; leave out --{option}")


def show_progress(options: argparse.Namespace) -> bool:
    """Return whether to draw a progress bar: stderr is a terminal and not to be quiet."""
    return not options.quiet and stderr_is_a_terminal()
