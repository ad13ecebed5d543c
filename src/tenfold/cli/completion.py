"""tenfold completion: what a shell needs to complete commands, options, names and files."""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

HELP = "completion of commands, options, names and files with Tab"
DESCRIPTION = "Print a script that teaches a shell to complete what follows tenfold."
EPILOG = """\
examples:
  source <(tenfold completion bash)          in this shell only
  tenfold completion bash > ~/.local/share/bash-completion/completions/tenfold  for good
  tenfold completion zsh > ~/.zfunc/_tenfold      a folder of your fpath
  tenfold completion fish > ~/.config/fish/completions/tenfold.fish

Start a new shell afterward. Write the script again after an update of tenfold.
"""

SHELLS = ("bash", "zsh", "fish")

_FILES = ("ANSWERS", "FILE", "IN", "PATH|URL", "PICTURE", "SCAN", "SOURCE", "TEMPLATE")
_FOLDERS = ("DIR", "FOLDER", "OUT")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Return the script as JSON-ready values and as text."""
    import shtab

    _mark(options.parser)
    script = shtab.complete(options.parser, options.shell)
    return {"shell": options.shell, "script": script}, script


def _mark(parser: argparse.ArgumentParser) -> None:
    """Tell shtab what each argument of the commands takes: names, files or folders."""
    import shtab

    names, or_files = _names()
    for commands in parser._actions:
        if not isinstance(commands, argparse._SubParsersAction):
            continue
        commands.help = HELP  # shtab leaves out what --help leaves out
        for shown in commands._choices_actions:
            commands.choices[shown.dest].description = shown.help
        for action in (one for command in commands.choices.values() for one in command._actions):
            complete: Any = None
            if action.dest in or_files:
                complete = _names_or_files(action.dest, or_files[action.dest])
            elif action.dest in names:
                action.choices = names[action.dest]
            elif action.metavar in _FILES:
                complete = shtab.FILE
            elif action.metavar in _FOLDERS:
                complete = shtab.DIRECTORY
            if complete:
                action.complete = complete


def _names() -> tuple[dict[str, Sequence[str]], dict[str, Sequence[str]]]:
    """Return the names that arguments take, and those of arguments that take files too.

    The keys are the destinations of the arguments.
    """
    from tenfold.classifiers.model_file import shipped_models
    from tenfold.comparing.baselines.kinds import BASELINES
    from tenfold.explaining.explain import METHODS
    from tenfold.networks.backend import BACKENDS
    from tenfold.recipes.catalog import RECIPES

    recipes = [recipe.name for recipe in RECIPES]
    models = shipped_models()
    return (
        {"backend": BACKENDS, "methods": METHODS},
        {
            "classifiers": list(dict.fromkeys([*BASELINES, *recipes, *models])),
            "model": models,
            "name": recipes,
            "recipe": recipes,
        },
    )


def _names_or_files(what: str, names: Sequence[str]) -> dict[str, Any]:
    """Return how shtab completes names, and files too; after a comma, the next of a list."""
    function = f"_tenfold_{what}"
    words = shlex.join(names)
    bash = f"""\
{function}() {{
  local before=""
  [[ $1 == *,* ]] && before="${{1%,*}},"
  compgen -P "$before" -W "{words}" -- "${{1##*,}}"
  _shtab_compgen_files "$1"
}}
"""
    fish = f"""\
function {function}
  set -l before (string match -r '.*,' -- (commandline -ct))
  printf "$before%s\\n" {words}
  __fish_complete_path (commandline -ct)
end
"""
    return {
        "bash": function,
        "zsh": function,
        "fish": f"({function})",
        "preamble": {
            "bash": bash,
            "zsh": f"{function}() {{ compset -P '*,'; compadd -- {words}; _files }}\n",
            "fish": fish,
        },
    }
