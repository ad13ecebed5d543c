"""Decoding in worker processes, which are killed when a page takes too much time or memory.

A PDF of 3 kB can take hours and gigabytes to draw, and its library cannot be interrupted. So such
files are decoded in a process of their own. It is started with `subprocess`: `multiprocessing`
would run the caller's script again, which a script without `if __name__ == "__main__"` cannot bear.
"""

import atexit
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.imaging.documents import is_pdf
from tenfold.imaging.memory_budget import PARTS, MemoryBudget
from tenfold.imaging.picture import Picture
from tenfold.machine import usable_cores

START_SECONDS = 60.0
"""Time limit for the start of a worker, which imports NumPy: 0.3 s on an idle machine."""


@dataclass(frozen=True)
class Limits:
    """Limits on decoding in a worker process.

    Attributes:
        seconds: Time limit for one page. A4 at 200 dpi is drawn in about 0.1 s.
        memory_bytes: Address space that decoding may take, besides the file itself and the
            process as it was before. Enforced on Linux only.
        pages: Maximum number of pages of a file.
        budget: Limits the memory of all files that are decoded at the same time. Then
            `memory_bytes` is not used.
    """

    seconds: float = 10.0
    memory_bytes: int = 10**9
    pages: int = 10_000
    budget: MemoryBudget | None = None


class Cancellation:
    """Cancels the reading of pictures in threads, from another thread.

    Decoding ends at once, because its worker processes are killed.

    Attributes:
        canceled: Whether `cancel` was called.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self.canceled = False

    def cancel(self) -> None:
        """End the decoding; whatever the threads want to decode later is an error."""
        with self._lock:
            self.canceled = True
            for worker in self._workers:
                worker.kill()

    def check(self) -> None:
        """Raise an error if the reading is canceled.

        Raises:
            PictureError: It is canceled.
        """
        if self.canceled:
            raise PictureError("the request was canceled")

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Apply to all decoding of the current thread, inside the context."""
        token = _CANCELLATION.set(self)
        try:
            yield
        finally:
            _CANCELLATION.reset(token)

    @contextmanager
    def _watch(self, worker: "_Worker") -> Iterator[None]:
        with self._lock:
            if self.canceled:
                worker.kill()
            self._workers.add(worker)
        try:
            yield
        finally:
            with self._lock:
                self._workers.discard(worker)


_CANCELLATION: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


def decode_in_worker(
    data: bytes, name: str, max_side: int, max_pixels: int, limits: Limits
) -> Iterator[Picture]:
    """Decode the pages of a file in a worker process; see `tenfold.imaging.encoded.decode`.

    With a budget, the memory is kept until the last page is decoded, or the iterator is closed.

    Raises:
        PictureTooLargeError: The file has too many pixels or pages.
        PictureError: The file cannot be decoded within the limits, or for another reason.
    """
    if limits.budget is None:
        yield from _decode(data, name, max_side, max_pixels, limits)
        return
    decoded = 0
    for parts in (1, PARTS):
        with limits.budget.take(parts) as memory_bytes:
            limits = replace(limits, memory_bytes=memory_bytes)
            pages = _decode(data, name, max_side, max_pixels, limits)
            try:
                for page in islice(pages, decoded, None):
                    yield page
                    decoded += 1
                return
            except _OutOfMemoryError:
                if parts == PARTS:
                    raise


class _OutOfMemoryError(PictureError):
    """A page needs more memory than allowed."""


def _decode(
    data: bytes, name: str, max_side: int, max_pixels: int, limits: Limits
) -> Iterator[Picture]:
    """Decode the pages of a file, with the given memory.

    A worker decodes one file after another. A lost one is replaced when the next file comes.
    """
    worker = _POOL.take()
    cancellation = _CANCELLATION.get() or Cancellation()
    request: dict[str, Any] = {
        "name": name,
        "size": len(data),
        "max_side": max_side,
        "max_pixels": max_pixels,
        "memory_bytes": limits.memory_bytes,
        "kill_after_seconds": limits.seconds + 5,
    }
    number = 1
    is_open = True
    try:
        while True:
            page = f"page {number} of {name}" if number > 1 or is_pdf(data) else name
            with cancellation._watch(worker):
                header, pixels = worker.ask(request, data, limits.seconds)
            if worker.lost:
                cancellation.check()
                raise _loss(page, worker, limits)
            if header.get("out_of_memory"):
                worker.kill()
                raise _OutOfMemoryError(f"{page} needs more than {_gigabytes(limits)} of memory")
            if "error" in header:
                is_open = False
                kind = PictureTooLargeError if header["too_large"] else PictureError
                raise kind(header["error"])
            if "shape" not in header:
                is_open = False
                return
            if number > limits.pages:
                raise PictureTooLargeError(f"{name} has more than {limits.pages} pages")
            gray = np.frombuffer(pixels, np.uint8).reshape(header["shape"])
            yield Picture(gray, header["width"], header["height"], header["orientation"])
            request, data = {}, b""
            number += 1
    finally:
        if is_open and not worker.lost:
            worker.ask({"close": True}, b"", limits.seconds)
        _POOL.give_back(worker)


def _loss(page: str, worker: "_Worker", limits: Limits) -> PictureError:
    """Return the error for a page that was not decoded, because its worker is lost."""
    if worker.timed_out:
        return PictureError(f"{page} took longer than {limits.seconds:g} s to decode")
    return _OutOfMemoryError(
        f"{page} ended the process that decoded it: it needs more than {_gigabytes(limits)} of"
        " memory, or is damaged"
    )


def _gigabytes(limits: Limits) -> str:
    return f"{limits.memory_bytes / 1e9:.2g} GB"


class _Worker:
    """A process of `tenfold.imaging.decode_worker`, which one thread at a time uses."""

    def __init__(self) -> None:
        import subprocess  # 5 ms that most pictures do not need

        # -P: modules in the current folder must not replace those of Python.
        command = [sys.executable, "-P", "-m", "tenfold.imaging.decode_worker"]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = os.environ | {
            "PYTHONPATH": path,
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",  # glibc reserves 64 MB of address space for each other one
        }
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libtiff writes warnings there
                env=environment,
            )
        except OSError as error:
            raise PictureError(f"cannot start a process to decode pictures: {error}") from error
        self._started = False
        self.timed_out = False
        self.lost = False

    def ask(
        self, request: dict[str, Any], data: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request, and return the header and pixels of the answer.

        Sets `lost` if there is none; then the process is dead.
        """
        try:
            if not self._started:
                self._exchange(b"", b"", START_SECONDS)
                self._started = True
            return self._exchange(json.dumps(request).encode() + b"\n", data, seconds)
        except (OSError, ValueError, EOFError):  # a broken pipe; no or half an answer
            self.kill()
            return {}, b""

    def _exchange(self, line: bytes, data: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A pipe has no time limit of its own on Windows.
        timer = threading.Timer(seconds, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(line)
            self._process.stdin.write(data)
            self._process.stdin.flush()
            header: dict[str, Any] = json.loads(self._process.stdout.readline())
            size = header.get("size", 0)
            pixels = self._process.stdout.read(size)
        except BaseException:  # Ctrl-C, too: the process would answer the next request wrongly
            self.kill()
            raise
        finally:
            timer.cancel()
        if len(pixels) < size:
            raise EOFError
        return header, pixels

    def _time_out(self) -> None:
        self.timed_out = True
        self.kill()

    def kill(self) -> None:
        """End the process at once; may be called from any thread."""
        self.lost = True
        self._process.kill()

    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return not self.lost and self._process.poll() is None

    def close(self) -> None:
        """End the process, and release its pipes."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()


class _Pool:
    """All worker processes; an idle one waits for the next file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._live: set[_Worker] = set()

    def take(self) -> _Worker:
        """Return an idle worker, or a new one."""
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                self._live.discard(worker)
                worker.close()
        worker = _Worker()
        with self._lock:
            self._live.add(worker)
        return worker

    def give_back(self, worker: _Worker) -> None:
        """Keep a worker for the next file, unless it is lost or there are enough."""
        with self._lock:
            if not worker.lost and len(self._idle) < usable_cores():
                self._idle.append(worker)
                return
            self._live.discard(worker)
        worker.close()

    def end(self) -> None:
        """Kill all workers."""
        for worker in list(self._live):
            worker.kill()


_POOL = _Pool()
atexit.register(_POOL.end)
if hasattr(os, "register_at_fork"):  # not on Windows
    # A forked process leaves the workers to its parent.
    os.register_at_fork(after_in_child=_POOL.__init__)  # type: ignore[misc]
