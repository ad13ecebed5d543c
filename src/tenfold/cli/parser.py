"""The parser of the command line: help that fits the terminal, wrong usage in one line."""

import argparse
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from tenfold.cli.terminal import MAX_WIDTH, styled
from tenfold.formatting import no_such, suggestion

WRONG_USAGE = 2


class Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, or as JSON if --json was given.

    Options have no abbreviations: --data would mean --data-dir where there is no --data.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            formatter_class=HelpFormatter, add_help=False, allow_abbrev=False, **settings
        )
        # argparse takes -1 for a value; -1/255, -1e-3 and -1% are values, too.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and report what is left over here, where the command is known."""
        found, left = super().parse_known_args(args, namespace)
        options = [word.partition("=")[0] for word in left if word.startswith("-")]
        if options:
            known = [option for option in self._option_string_actions if option.startswith("--")]
            self.error(f"no option {options[0]!r}{suggestion(options[0], known)}")
        if left:
            self.error(f"unexpected argument {left[0]!r}")
        return found, left

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # In code, "" often stands for "not given". An unset shell variable gives it, too.
        if "" in arg_strings and action.nargs != argparse.PARSER:
            what = "/".join(action.option_strings) or str(action.metavar or action.dest)
            self.error(f"the value of {what} is empty")
        return super()._get_values(action, arg_strings)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        for kind, words in ((int, "a whole number"), (float, "a number")):
            if action.type is kind:
                try:
                    return kind(arg_string)
                except ValueError:
                    message = f"{arg_string} is not {words}"
                    raise argparse.ArgumentError(action, message) from None
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = str(action.metavar or action.dest).lower() if not action.option_strings else ""
            what = what or f"value of {action.option_strings[-1]}"
            self.error(no_such(what, value, map(str, action.choices)))

    def error(self, message: str) -> NoReturn:
        """Report wrong usage, and exit."""
        as_json = "--json" in sys.argv[1:]
        print_error(f"{message}; see {self.prog} --help", as_json=as_json, program=self.prog)
        raise SystemExit(WRONG_USAGE)


def add_common(add: Callable[..., Any], *, default: Any = argparse.SUPPRESS) -> None:
    """Add the options of every command, which may stand before its name too."""
    add("--quiet", action="store_true", default=default, help="print results and warnings only")
    add("--json", action="store_true", default=default, help="print one JSON document on stdout")
    add("-h", "--help", action="help", help="show this help, and exit")


class HelpFormatter(argparse.HelpFormatter):
    """Fits the terminal, wraps paragraphs, and keeps the lines of examples."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
        super().__init__(prog, max_help_position=26, width=width)

    def start_section(self, heading: str | None) -> None:
        """Begin a group of options."""
        super().start_section(styled(heading or "", "bold", stream=sys.stdout))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs: list[str] = []
        examples: list[str] = []
        lines: list[str] = []
        for line in [*text.splitlines(), ""]:
            indented = line.startswith(" ")
            if not indented:
                lines += _examples(examples, width)
                examples = []
            if line and not indented and not line.endswith(":"):
                paragraphs.append(line)
                continue
            lines += textwrap.wrap(" ".join(paragraphs), width)
            paragraphs = []
            if indented:
                examples.append(line)
            else:
                lines.append(styled(line, "bold", stream=sys.stdout))
        return "\n".join(lines).rstrip()


def _examples(lines: Sequence[str], width: int) -> Iterator[str]:
    """Wrap the comments of indented lines; if one does not fit beside its line, put all below."""
    found = [(line, re.fullmatch(r"(  .*?\S)(\s{2,})(\S.*)", line)) for line in lines]
    columns = [words.start(3) for line, words in found if words and len(line) > width]
    below = max(columns, default=0) > width // 2
    for line, words in found:
        if words is None or not (below or len(line) > width):
            yield line
        elif below:
            yield words[1]
            yield from textwrap.wrap(
                words[3], width, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
        else:
            column = words.start(3)
            first, *rest = textwrap.wrap(words[3], width - column)
            yield words[1] + words[2] + first
            yield from (" " * column + one for one in rest)


def print_error(message: str, *, as_json: bool, program: str = "tenfold") -> None:
    """Print an error on stderr, or as a JSON document on stdout, if that can be written."""
    if as_json and sys.stdout is not None:
        with suppress(OSError):
            print_json({"error": message})
            sys.stdout.flush()
            return
    with suppress(OSError):  # nothing can be told
        print(error_line(message, program), file=sys.stderr, flush=True)  # noqa: T201


def error_line(message: str, program: str = "tenfold") -> str:
    """Return an error for stderr, after the name of the command."""
    return f"{styled(f'{program}:', 'bold', 'red', stream=sys.stderr)} {message}"


def print_json(document: Any) -> None:
    """Print a JSON document on stdout, in ASCII unless stdout takes Unicode."""
    escape = "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower()
    print(json.dumps(document, ensure_ascii=escape, allow_nan=False))  # noqa: T201
