"""The command `tenfold`: thin, and quick to start; each verb imports what it needs when run."""

import argparse
import json
import logging
import os
import sys
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

_EPILOG = """\
examples:
  tenfold train                     train the default recipe on MNIST, leave a bundle
  tenfold read photo.jpg            read the handwritten digits in a picture
  tenfold serve                     a page to draw on, and an HTTP API
  tenfold evaluate standard         test-set figures of the shipped model
  tenfold tune --recipe conv        search for better settings of a recipe
  tenfold recipes                   what can be trained, how good it gets, how long it takes

MODEL is a shipped name (reader, standard, best, tiny, nano) or the folder that a training left.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as JSON when that was asked for."""

    def error(self, message: str) -> NoReturn:
        hint = f"see {self.prog} --help"
        if "--json" in sys.argv[1:]:
            _print_json({"error": f"{message}; {hint}"})
        else:
            print(f"{self.prog}: {message}; {hint}", file=sys.stderr)  # noqa: T201
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
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="print results and warnings only")
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    verbs = parser.add_subparsers(metavar="COMMAND", dest="verb", required=True)
    for module in VERBS:
        module.add_parser(verbs, common)
    return parser


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit code: 0 fine, 1 failed, 2 wrong usage, 130 Ctrl-C."""
    options = build_parser().parse_args(arguments)
    _set_up_messages(quiet=options.quiet)
    try:
        result, text = options.run(options)
        code = FAILED if getattr(options, "partly_failed", False) else 0
        if options.json:
            _print_json(result)
        elif text:
            print(text)  # noqa: T201
        sys.stdout.flush()
    except TenfoldError as error:
        if options.json:
            _print_json({"error": str(error)})
        else:
            print(f"tenfold: {error}", file=sys.stderr)  # noqa: T201
        code = WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        hint = getattr(options, "interrupted_hint", "")
        print(f"\ntenfold: interrupted{hint}", file=sys.stderr)  # noqa: T201
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left, as in `tenfold recipes | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # a full disk, a folder that may not be written
        if options.json:
            _print_json({"error": str(error)})
        else:
            print(f"tenfold: {error}", file=sys.stderr)  # noqa: T201
        code = FAILED
    raise SystemExit(code)


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))  # noqa: T201


def _set_up_messages(*, quiet: bool) -> None:
    handler = _AboveTheBar()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("tenfold")
    log.handlers[:] = [handler]
    log.setLevel(logging.WARNING if quiet else logging.INFO)


class _AboveTheBar(logging.Handler):
    """Writes to stderr without tearing a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        if "tqdm" in sys.modules:
            from tqdm import tqdm

            tqdm.write(self.format(record), file=sys.stderr)
        else:
            print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201
