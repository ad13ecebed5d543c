"""Runs tenfold's commands one by one, as JSON lists on stdin ask; `faults.py` starts it.

The commands are the real ones, with these changes, for speed: `batch` keeps its worker, and the
report of a training is drawn once. To let the caller know what a user was told, the shared state
counts the epochs and the parts that the command reported.
"""

import contextlib
import functools
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import tenfold.execution.local
from attacks.faults import STATE_VARIABLE, State
from tenfold.batch.run import Tally
from tenfold.cli.main import main
from tenfold.data import sources
from tenfold.execution.local import LocalEngine
from tenfold.training import loop, report

MIRROR_VARIABLE = "ATTACKS_MIRROR"
"""Environment variable with the URL that MNIST is fetched from."""


def serve() -> None:
    """Run commands until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    change_commands(State.at(Path(os.environ[STATE_VARIABLE])))
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


def change_commands(state: State) -> None:
    """Replace what is slow, and count what the user is told."""
    engine = LocalEngine(1)
    vars(tenfold.execution.local)["LocalEngine"] = lambda _: contextlib.nullcontext(engine)
    vars(report)["render_report"] = drawn_once(report.render_report)
    tell, add = loop._tell, Tally.add

    def tell_and_count(recipe: Any, row: Any, steps: int) -> None:
        tell(recipe, row, steps)
        state.told = row["epoch"]

    def add_and_count(self: Any, part: Any) -> None:
        add(self, part)
        state.told += 1

    vars(loop)["_tell"] = tell_and_count
    setattr(Tally, "add", add_and_count)  # noqa: B010  # mypy: a method
    if url := os.environ.get(MIRROR_VARIABLE):
        sources.NETWORK_SOURCES[:] = [("the mirror", functools.partial(sources.from_mirror, url))]


def drawn_once(render: Any) -> Any:
    """Return a function that calls `render` once and then gives the same report again."""
    drawn: list[str] = []

    def render_once(**arguments: Any) -> str:
        if not drawn:
            drawn.append(render(**arguments))
        return drawn[0]

    return render_once


def run(arguments: list[str]) -> dict[str, Any]:
    """Run a command, and return its exit code, its output, and the traceback if one escapes."""
    stdout, stderr = io.StringIO(), io.StringIO()
    code, escaped = 0, ""
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            escaped = traceback.format_exc()
    return {
        "code": code,
        "stdout": stdout.getvalue(),
        "stderr": stderr.getvalue(),
        "traceback": escaped,
    }


if __name__ == "__main__":
    serve()
