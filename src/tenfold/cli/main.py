"""The command `tenfold`: its verbs, its messages and its exit codes."""

import argparse
import io
import json
import logging
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from tenfold import __version__
from tenfold.cli import (
    batch,
    compare,
    data,
    evaluate,
    explain,
    export,
    labels,
    read,
    recipes,
    robustness,
    serve,
    show,
    train,
    tune,
)
from tenfold.errors import TenfoldError, UsageError

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

VERBS = (
    train,
    tune,
    evaluate,
    read,
    batch,
    serve,
    explain,
    show,
    compare,
    labels,
    robustness,
    export,
    recipes,
    data,
)
"""In the order in which --help lists them; each has HELP, DESCRIPTION, EPILOG, add_options, run."""

_EPILOG = """\
examples:
  tenfold train                     train the default recipe on MNIST and leave a bundle
  tenfold read photo.jpg            read the handwritten digits in a picture
  tenfold serve                     a page to draw on, and an HTTP API
  tenfold evaluate standard         test-set figures of a shipped model
  tenfold tune --recipe conv        search for better settings of a recipe
  tenfold recipes                   the recipes: accuracy, parameters, training time

MODEL is a shipped model (reader, standard, best, tiny, nano) or the folder that a training left.
"""


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, or as JSON if --json was given."""

    def error(self, message: str) -> NoReturn:
        as_json = "--json" in sys.argv[1:]
        _print_error(f"{message}; see {self.prog} --help", as_json=as_json, program=self.prog)
        raise SystemExit(WRONG_USAGE)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = _Parser(
        prog="tenfold",
        description="Reads handwritten digits: train on MNIST, then read your own pictures.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tenfold {__version__}")
    common = _Parser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="print results and warnings only")
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    verbs = parser.add_subparsers(metavar="COMMAND", dest="verb", required=True)
    for module in VERBS:
        verb = verbs.add_parser(
            module.__name__.rpartition(".")[2],
            parents=[common],
            help=module.HELP,
            description=textwrap.fill(module.DESCRIPTION, 80),
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.set_defaults(run=module.run, interrupted_hint="", partly_failed=False)
        module.add_options(verb)
    return parser


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 success, 1 failure, 2 wrong usage, 130 interrupted by Ctrl-C.

    Args:
        arguments: The words after `tenfold`. None takes those of the shell.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(arguments)
    _set_up_messages(quiet=options.quiet)
    try:
        result, text = options.run(options)
        code = FAILED if options.partly_failed else 0
        if sys.stdout is None:
            raise TenfoldError("stdout is closed: the result cannot be printed")
        if options.json:
            _print_json(result)
        elif text:
            print(text)  # noqa: T201
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\ntenfold: interrupted{options.interrupted_hint}", file=sys.stderr)  # noqa: T201
        code = INTERRUPTED
    except BrokenPipeError:
        # The program that reads our output has ended, as in `tenfold recipes | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (TenfoldError, OSError) as error:  # OSError: a full disk, a folder without permission
        _print_error(str(error), as_json=options.json)
        code = WRONG_USAGE if isinstance(error, UsageError) else FAILED
    raise SystemExit(code)


def _print_json(document: Any) -> None:
    escape = "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower()
    print(json.dumps(document, ensure_ascii=escape, allow_nan=False))  # noqa: T201


def _print_error(message: str, *, as_json: bool, program: str = "tenfold") -> None:
    if as_json and sys.stdout is not None:
        _print_json({"error": message})
    else:
        print(f"{program}: {message}", file=sys.stderr)  # noqa: T201


def _set_up_messages(*, quiet: bool) -> None:
    handler = _AboveTheBar()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("tenfold")
    log.handlers[:] = [handler]
    log.setLevel(logging.WARNING if quiet else logging.INFO)


class _AboveTheBar(logging.Handler):
    """Writes messages to stderr without breaking a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        if "tqdm" in sys.modules:
            from tqdm import tqdm

            tqdm.write(self.format(record), file=sys.stderr)
        else:
            print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201
