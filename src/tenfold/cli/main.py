"""The command `tenfold`: its verbs, its messages and its exit codes."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from tenfold import __version__
from tenfold.cli import (
    adapt,
    batch,
    compare,
    completion,
    data,
    evaluate,
    explain,
    export,
    form,
    labels,
    read,
    recipes,
    review,
    robustness,
    score,
    serve,
    show,
    template,
    train,
    tune,
)
from tenfold.cli.interrupts import was_interrupted
from tenfold.cli.parser import WRONG_USAGE, Parser, add_common, error_line, print_error, print_json
from tenfold.cli.terminal import stderr_is_a_terminal
from tenfold.errors import TenfoldError, UsageError, WriteError

FAILED, INTERRUPTED = 1, 130

GROUPS: dict[str, tuple[ModuleType, ...]] = {
    "train networks": (train, adapt, recipes, tune),
    "read pictures": (read, batch, template, form, review, serve),
    "measure accuracy": (evaluate, score, compare, robustness, labels),
    "look inside": (show, explain),
    "data and files": (export, data, completion),
}
"""In the order in which --help lists them; each has HELP, DESCRIPTION, EPILOG, add_options, run."""

VERBS = tuple(module for modules in GROUPS.values() for module in modules)

_DESCRIPTION = """\
Reads handwritten digits: train a network on MNIST, then read your own pictures.

"""

_EPILOG = """\
examples:
  tenfold train                     train the default recipe on MNIST and leave a bundle
  tenfold read photo.jpg            read the handwritten digits in a picture
  tenfold serve                     a page to draw on, and an HTTP API
  tenfold evaluate standard         test-set figures of a shipped model
  tenfold tune --recipe conv        search for better settings of a recipe
  tenfold recipes                   the recipes: accuracy, parameters, training time

MODEL is a shipped model (reader, standard, best, tiny, nano) or the folder that a training left.
`tenfold COMMAND --help` explains a command, with examples.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    width = max(len(_name(module)) for module in VERBS) + 4
    overview = [
        f"{heading}:\n" + "".join(f"  {_name(one):{width}}{one.HELP}\n" for one in modules)
        for heading, modules in GROUPS.items()
    ]
    parser = Parser(
        prog="tenfold",
        usage="tenfold COMMAND [OPTION ...]",
        description=_DESCRIPTION + "\n".join(overview),
        epilog=_EPILOG,
    )
    add_common(parser.add_argument, default=False)
    parser.add_argument(
        "--version",
        action="version",
        version=f"tenfold {__version__}",
        help="show the version, and exit",
    )
    verbs = parser.add_subparsers(
        prog="tenfold", metavar="COMMAND", dest="verb", help=argparse.SUPPRESS
    )
    for module in VERBS:
        verb = verbs.add_parser(
            _name(module), help=module.HELP, description=module.DESCRIPTION, epilog=module.EPILOG
        )
        verb.set_defaults(run=module.run, interrupted_hint="", partly_failed=False, parser=parser)
        module.add_options(verb)
        add_common(verb.add_argument_group("options of every command").add_argument)
    return parser


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 success, 1 failure, 2 wrong usage, 130 interrupted by Ctrl-C.

    Args:
        arguments: The words after `tenfold`. None takes those of the shell.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    parser = build_parser()
    options = parser.parse_args(words or ["--help"])
    if options.verb is None:
        parser.error("no command is given")
    _set_up_messages(quiet=options.quiet)
    try:
        result, text = options.run(options)
        code = FAILED if options.partly_failed else 0
        if options.json or text:
            if sys.stdout is None:
                raise TenfoldError("stdout is closed: the result cannot be printed")
            try:
                print_json(result) if options.json else print(text)  # noqa: T201
                sys.stdout.flush()
            except BrokenPipeError:
                raise
            except OSError as error:  # a full disk
                raise TenfoldError(f"cannot write to stdout: {error.strerror}") from error
    except BaseException as error:
        code = _report(error, options)
    raise SystemExit(code)


def _report(error: BaseException, options: argparse.Namespace) -> int:
    """Report an expected error, and return the exit code; raise any other."""
    if was_interrupted(error):
        line = error_line(f"interrupted{options.interrupted_hint}")
        print(f"\n{line}", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The program that reads our output has ended, as in `tenfold recipes | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, TenfoldError | OSError):  # a full disk, a folder without permission
        hint = options.interrupted_hint if isinstance(error, WriteError) else ""
        print_error(f"{error}{hint}", as_json=options.json)
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    if isinstance(error, MemoryError | ImportError):  # a small limit; a missing system library
        reason = " ".join(str(error).split())
        what = "not enough memory" if isinstance(error, MemoryError) else "cannot load a library"
        print_error(f"{what}{reason and ': '}{reason}", as_json=options.json)
        return FAILED
    raise error


def _set_up_messages(*, quiet: bool) -> None:
    handler = _AboveTheBar()
    log = logging.getLogger("tenfold")
    log.handlers[:] = [handler]
    told = logging.DEBUG if stderr_is_a_terminal() else logging.INFO  # DEBUG: what takes seconds
    log.setLevel(logging.WARNING if quiet else told)


class _AboveTheBar(logging.Handler):
    """Writes messages to stderr without breaking a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            text = error_line(text)
        if "tqdm" in sys.modules:
            from tqdm import tqdm

            tqdm.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)  # noqa: T201
