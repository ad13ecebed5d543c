"""Engines: start tasks in worker processes, here or on a cluster, and collect the results."""

import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import islice
from typing import Any, Protocol, Self

from tenfold.errors import TenfoldError

POLL_SECONDS = 1.0
"""Longest wait for a result before signals are looked at again."""


class WorkerLostError(TenfoldError):
    """The process or machine that a task ran on is gone."""


class Task(Protocol):
    """A function call that runs in a worker."""

    def result(self) -> Any:
        """Wait for the function to return, and return its value.

        Raises:
            TenfoldError: The function failed.
            WorkerLostError: The worker is gone.
        """

    def stop(self) -> None:
        """End the task at once; does nothing if it has ended."""


class Engine(Protocol):
    """Starts tasks. On leaving its context, the tasks that still run are ended."""

    workers: int
    """Number of tasks that run at the same time."""

    def start(self, function: Callable[..., Any], *arguments: Any) -> Task:
        """Call a module-level function, with arguments that can be pickled, in a worker."""

    def share(self, value: Any) -> Any:
        """Return what to pass to many tasks in place of a large value."""

    def wait(self, tasks: Sequence[Any], timeout: float) -> list[Any]:
        """Return the tasks that have ended; waits until one has, for at most `timeout` seconds."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def run_all(
    engine: Engine,
    function: Callable[..., Any],
    calls: Iterable[tuple[Any, ...]],
    *,
    tries: int = 1,
) -> Generator[Any]:
    """Call a function many times on an engine, and yield the results as they come.

    As many tasks are started as the engine has workers; the next one starts when one ends, so
    `calls` may be a long iterator. Closing the generator ends the tasks that still run.

    Args:
        engine: Runs the calls.
        function: A module-level function.
        calls: The arguments of each call.
        tries: Number of times a call is started if its worker is lost.

    Raises:
        TenfoldError: The function failed, or a call lost its worker `tries` times.
    """
    waiting = iter(calls)
    running: dict[Task, tuple[tuple[Any, ...], int]] = {}

    def start(arguments: tuple[Any, ...], attempt: int) -> None:
        running[engine.start(function, *arguments)] = arguments, attempt

    try:
        for arguments in islice(waiting, engine.workers):
            start(arguments, 1)
        while running:
            for task in engine.wait(list(running), POLL_SECONDS):
                arguments, attempt = running.pop(task)
                try:
                    result = task.result()
                except WorkerLostError as error:
                    if attempt == tries:
                        what = f"{tries} times over {str(arguments)[:300]}"
                        raise TenfoldError(f"workers died {what}: {error}") from None
                    start(arguments, attempt + 1)
                    continue
                for following in islice(waiting, 1):
                    start(following, 1)
                yield result
    finally:
        for task in running:
            task.stop()


def call_in_worker(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function in a worker process; every error becomes a TenfoldError of one line.

    Raises:
        TenfoldError: The function's own, or what stands for its OSError, MemoryError or bug.
    """
    try:
        return function(*arguments)
    except TenfoldError:
        raise
    except OSError as error:  # a full disk, a file that is gone
        raise TenfoldError(str(error)) from None
    except MemoryError:
        raise TenfoldError("a worker ran out of memory") from None
    except Exception as error:
        traceback.print_exc()
        raise TenfoldError(f"a worker failed: {type(error).__name__}: {error}") from None
