"""Worker processes on this machine, with optional limits on memory and time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Self

from tenfold.errors import TenfoldError, whole_number
from tenfold.execution.engine import WorkerLostError, call_in_worker
from tenfold.machine import limit_memory, limit_threads, usable_cores

MOST_WORKERS = 10_000


class TimeLimitError(TenfoldError):
    """A task took longer than the engine allows; its worker was ended."""


class LocalEngine:
    """Worker processes on this machine, which share its cores.

    A worker starts a Python of its own, because TensorFlow must not be forked, and runs one task
    after another. Workers start when there are tasks for them. They ignore Ctrl-C, which is the
    parent's to handle, and end when the parent ends, even if it is killed. If a worker dies, its
    task fails and another worker takes its place. (The standard library's `ProcessPoolExecutor`
    fails all tasks when one worker dies, and cannot stop one.)

    Use an engine as a context: leaving it ends the workers. Its methods may be called from several
    threads.

    Args:
        workers: Number of processes; None takes one for each core this process may use.
        memory_bytes: Limit on a worker's address space, which is larger than the memory it uses:
            a worker that decodes pictures takes 0.4 GB, one that reads them 0.7 GB
            (dev/batch-and-scale.md). None sets no limit.
        seconds: Limit on the time of one task, without the start of its worker and the import of
            its function. None sets no limit.

    Raises:
        UsageError: `workers` is no whole number from 1 to 10,000.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        memory_bytes: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self.workers = (
            usable_cores() if workers is None else whole_number("workers", workers, 1, MOST_WORKERS)
        )
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        # One thread for each worker starts it and waits for its answers.
        self._threads = ThreadPoolExecutor(self.workers, initializer=_block_interrupts)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._live: set[_Worker] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            for worker in self._live:
                worker.kill()
        self._threads.shutdown()
        for worker in self._live:
            worker.join()

    def start(self, function: Callable[..., Any], *arguments: Any) -> "LocalTask":
        """Call a module-level function in a worker, as soon as one is idle."""
        task = LocalTask(self._lock)
        task.future = self._threads.submit(self._run, task, function, arguments)
        return task

    def share(self, value: Any) -> Any:
        """Return the value itself: every task gets a copy."""
        return value

    def wait(self, tasks: Sequence["LocalTask"], timeout: float) -> list["LocalTask"]:
        """Return the tasks that have ended; waits until one has, for at most `timeout` seconds."""
        done, _ = wait([task.future for task in tasks], timeout, FIRST_COMPLETED)
        return [task for task in tasks if task.future in done]

    def _run(
        self, task: "LocalTask", function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Any:
        with self._lock:
            if self._closed or task.stopped:
                raise WorkerLostError("the task was stopped before it ran")
            worker = self._idle.pop() if self._idle else self._new_worker()
            task.worker = worker
        try:
            return worker.call(function, arguments, self._seconds)
        finally:
            with self._lock:
                task.worker = None
                if worker.usable:
                    self._idle.append(worker)
                else:
                    self._live.discard(worker)

    def _new_worker(self) -> "_Worker":
        worker = _Worker(max(1, usable_cores() // self.workers), self._memory_bytes)
        self._live.add(worker)
        return worker


class LocalTask:
    """A function call in a worker process; see `tenfold.execution.engine.Task`."""

    future: "Future[Any]"
    """Resolves to the function's value; `asyncio.wrap_future` makes it awaitable."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self.worker: _Worker | None = None
        self.stopped = False

    def result(self) -> Any:
        """Wait for the function to return, and return its value.

        Raises what `Task.result` does, and TimeLimitError.
        """
        return self.future.result()

    def stop(self) -> None:
        """End the task at once, with its worker; does nothing if it has ended."""
        with self._lock:
            self.stopped = True
            worker = self.worker
            if worker:
                worker.kill()
        if worker:
            wait([self.future])  # returns once the process is gone


class _Worker:
    """A process that runs one task after another; tasks and answers go through a pipe."""

    def __init__(self, threads: int, memory_bytes: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(far_end, threads, memory_bytes), daemon=True
        )
        self._process.start()
        far_end.close()  # so that the pipe closes when the process dies
        self.usable = True

    def call(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float | None
    ) -> Any:
        """Run a task and return its value; raises what `LocalTask.result` does."""
        try:
            self._pipe.send((function, arguments))
            self._pipe.recv()  # the task begins
            if not self._pipe.poll(seconds):
                self.kill()
                self.join()
                raise TimeLimitError(f"a task took longer than {seconds:g} s and was ended")
            succeeded, value = self._pipe.recv()
        except (EOFError, OSError):
            self.usable = False
            self.join()
            code = self._process.exitcode
            raise WorkerLostError(f"a worker process died (exit code {code})") from None
        if not succeeded:
            raise value
        return value

    def kill(self) -> None:
        """End the process at once."""
        self.usable = False
        self._process.kill()

    def join(self) -> None:
        """Wait for the end of the process, and release its pipe."""
        self._process.join()
        self._pipe.close()


def _block_interrupts() -> None:
    """Block Ctrl-C in this thread, and so in the processes it starts while they start."""
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        resource_tracker.ensure_running()  # the start of the tracker would unblock it again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _serve(pipe: Connection, threads: int, memory_bytes: int | None) -> None:
    """Run tasks until the parent closes the pipe or ends."""
    from tqdm import tqdm

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_threads(threads)
    tqdm.set_lock(threading.RLock())  # tqdm's own is a semaphore, which a kill would leave behind
    if memory_bytes:
        limit_memory(memory_bytes)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            _run_one(pipe)


def _run_one(pipe: Connection) -> None:
    function, arguments = pipe.recv()
    pipe.send(None)  # the function is imported: the task begins
    try:
        answer = True, call_in_worker(function, arguments)
    except TenfoldError as error:
        answer = False, error
    pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
