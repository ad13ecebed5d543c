"""Decoding in worker processes, which are killed when a page takes too much time or memory.

A PDF of 3 kB can take hours and gigabytes to draw, and its library cannot be interrupted. So such
files are decoded in a process of their own. It is started with `subprocess`: `multiprocessing`
would run the caller's script again, which a script without `if __name__ == "__main__"` cannot bear.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.imaging.documents import is_pdf
from tenfold.imaging.memory_budget import PARTS, MemoryBudget
from tenfold.imaging.picture import Picture
from tenfold.imaging.processes import POOL, Worker


@dataclass(frozen=True)
class Limits:
    """Limits on decoding in a worker process.

    Attributes:
        seconds: Limit on the processor time for one page, so that a busy machine refuses no more
            pages than an idle one. Twice as much time may pass; on Windows, only that is limited.
            A4 at 200 dpi is drawn in about 0.1 s.
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
        self._workers: set[Worker] = set()
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
    def _watch(self, worker: Worker) -> Iterator[None]:
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
        PictureBusyError: The file needs much of the budget, and another one has it.
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
    worker = POOL.take()
    cancellation = _CANCELLATION.get() or Cancellation()
    request: dict[str, Any] = {
        "name": name,
        "size": len(data),
        "max_side": max_side,
        "max_pixels": max_pixels,
        "memory_bytes": limits.memory_bytes,
        "processor_seconds": limits.seconds,
        "kill_after_seconds": 2 * limits.seconds + 5,
    }
    number = 1
    is_open = True
    try:
        while True:
            page = f"page {number} of {name}" if number > 1 or is_pdf(data) else name
            with cancellation._watch(worker):
                header, pixels = worker.ask(request, data, 2 * limits.seconds)
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
        POOL.give_back(worker)


def _loss(page: str, worker: Worker, limits: Limits) -> PictureError:
    """Return the error for a page that was not decoded, because its worker is lost."""
    if worker.ran_out_of_time():
        return PictureError(f"{page} took longer than {limits.seconds:g} s to decode")
    return _OutOfMemoryError(
        f"{page} ended the process that decoded it: it needs more than {_gigabytes(limits)} of"
        " memory, or is damaged"
    )


def _gigabytes(limits: Limits) -> str:
    return f"{limits.memory_bytes / 1e9:.2g} GB"
