"""The reference of the commands, as Markdown, from their parsers; docs/conf.py puts it in place."""

import argparse
import re

from markdown import plain

from tenfold.cli.main import FAILED, GROUPS, INTERRUPTED, build_parser
from tenfold.cli.parser import WRONG_USAGE

EXIT_CODES = {
    0: "The command did what it was asked to.",
    FAILED: "The command failed, or a picture could not be read.",
    WRONG_USAGE: "The command was called the wrong way: an unknown option or name, a bad value.",
    INTERRUPTED: "The command was interrupted, by Ctrl-C or by SIGTERM.",
}


def shell() -> str:
    """Return every command with its arguments, options and examples, by groups."""
    parser = build_parser()
    (verbs,) = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    parts = []
    for heading, modules in GROUPS.items():
        parts.append(f"## {heading.capitalize()}")
        for module in modules:
            name = module.__name__.rpartition(".")[2]
            parts += _command(verbs.choices[name], module.DESCRIPTION, module.EPILOG)
    return "\n\n".join(parts)


def exit_codes() -> str:
    """Return a table of the exit codes."""
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows])


def _command(parser: argparse.ArgumentParser, description: str, epilog: str) -> list[str]:
    positional = [one for one in parser._actions if not one.option_strings]
    words = [parser.prog, "[OPTION ...]", *map(_usage, positional)]
    parts = [
        f"### {parser.prog}",
        _prose(description),
        f"```text\n{' '.join(words)}\n```",
        f"```{{program}} {parser.prog}\n```",
    ]
    for group in parser._action_groups:
        shown = [one for one in group._group_actions if one.help != argparse.SUPPRESS]
        if not shown or group.title == "options of every command":
            continue
        if group.title not in ("positional arguments", "options"):
            parts.append(f"**{plain(str(group.title)).capitalize()}**")
        if group.description:
            parts.append(plain(group.description))
        parts += map(_option, shown)
    return [*parts, _prose(epilog)]


def _usage(action: argparse.Action) -> str:
    name = _value_name(action)
    if action.nargs in ("+", "*"):
        return f"{name} [{name} ...]" if action.nargs == "+" else f"[{name} ...]"
    return f"[{name}]" if action.nargs == "?" else name


def _value_name(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _option(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 or not action.option_strings else f" {_value_name(action)}"
    names = ", ".join(f"{name}{value}" for name in action.option_strings) or _value_name(action)
    help = plain(str(action.help or "") % {"default": action.default})
    return f":::{{option}} {names}\n{help}\n:::"


def _prose(text: str) -> str:
    """Return a description: paragraphs, and indented lines as code below its comments."""
    parts: list[str] = []
    for block in re.split(r"\n\n+", text.strip()):
        prose: list[str] = []
        code: list[str] = []
        for line in block.splitlines():
            if line.startswith("  "):
                words = re.fullmatch(r"  (\S.*?\S)\s{2,}(\S.*)", line)
                code.append(f"# {words[2]}\n{words[1]}" if words else line[2:])
            else:
                prose.append(plain(line).capitalize() if line.endswith(":") else plain(line))
        if prose:
            parts.append(" ".join(prose))
        if code:
            between = "\n\n" if any("\n" in line for line in code) else "\n"
            parts.append(f"```sh\n{between.join(code)}\n```")
    return "\n\n".join(parts)
