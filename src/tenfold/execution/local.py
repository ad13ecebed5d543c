"""Where the parts of a workflow run: processes of this machine, or whatever works alike."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Protocol, Self

from tqdm import tqdm

from tenfold.errors import TenfoldError
from tenfold.machine import limit_threads, usable_cores


class PartLostError(TenfoldError):
    """The process or machine that a part ran on is gone."""


class Part(Protocol):
    """A function call that runs somewhere else."""

    def result(self) -> Any:
        """Wait for what the function returns.

        Raises:
            TenfoldError: The function raised one.
            PartLostError: What it ran on is gone.
        """

    def stop(self) -> None:
        """End it at once, wherever it is; nothing happens if it has ended."""


class Engine(Protocol):
    """Starts parts; left as a context, it ends those that still run."""

    workers: int
    """Parts that run at the same time."""

    def start(self, function: Callable[..., Any], *arguments: Any) -> Part:
        """Call a function of a module with arguments that can be pickled."""

    def share(self, value: Any) -> Any:
        """Return what to hand to many parts instead of a large value."""

    def ended(self, parts: Sequence[Any], timeout: float) -> list[Any]:
        """Return those that have ended, after at most so many seconds, sooner if there are any."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class LocalEngine:
    """Fresh processes of this machine, which share its cores.

    Each starts a Python of its own: TensorFlow must not be forked. They do not hear Ctrl-C, which
    is for whoever started them, and end when that process ends, even if it is killed.

    Args:
        workers: So many parts are going to run at the same time.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._threads = max(1, usable_cores() // workers)
        self._parts: list[_Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for part in self._parts:
            part.stop()

    def start(self, function: Callable[..., Any], *arguments: Any) -> "_Process":
        """Call a function of a module in a process of its own."""
        part = _Process(self._threads, function, arguments)
        self._parts.append(part)
        return part

    def share(self, value: Any) -> Any:
        """Return the value itself; each process gets a copy."""
        return value

    def ended(self, parts: Sequence["_Process"], timeout: float) -> list["_Process"]:
        """Return those that have ended, after at most so many seconds, sooner if there are any."""
        if not parts:
            time.sleep(timeout)
        # A large answer must be taken out of its pipe before its process can end.
        done = wait([part.answer for part in parts], timeout)
        return [part for part in parts if part.answer in done]


class _Process:
    """One function call in a process of its own; its answer comes through a pipe."""

    def __init__(
        self, threads: int, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.answer, there = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_answer, args=(there, threads, function, arguments), daemon=True
        )
        self._process.start()
        there.close()  # so that the pipe closes when the process dies

    def result(self) -> Any:
        """Wait for what the function returns; see `Part`."""
        try:
            good, value = self.answer.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            raise PartLostError(f"a worker process died (exit code {code})") from None
        self._process.join()
        if not good:
            raise TenfoldError(value)
        return value

    def stop(self) -> None:
        """End the process, if it has not ended."""
        self._process.kill()
        self._process.join()


def _answer(
    pipe: Connection, threads: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_threads(threads)
    tqdm.set_lock(threading.RLock())  # its own is shared with processes, and outlives a kill
    try:
        pipe.send((True, function(*arguments)))
    except TenfoldError as error:
        pipe.send((False, str(error)))
    except Exception as error:
        traceback.print_exc()
        pipe.send((False, f"a worker failed: {type(error).__name__}: {error}"))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
