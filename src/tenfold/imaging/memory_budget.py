"""A limit on the memory of all decoding at the same time, which threads share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tenfold.errors import PictureBusyError

PARTS = 3
"""Parts of a budget. A file is decoded with one part, or with all if that is not enough."""


class MemoryBudget:
    """Memory for decoding.

    Args:
        total_bytes: Maximum memory of all decoding at the same time, in bytes.

    Attributes:
        total_bytes: As given.
    """

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._free = PARTS
        self._all_wanted = False
        self._changed = threading.Condition()

    @contextmanager
    def take(self, parts: int) -> Iterator[int]:
        """Wait until some parts are free, and keep them; gives their size in bytes.

        Only one thread at a time may ask for all, so that the others are free for small files.

        Raises:
            PictureBusyError: Another thread has, or waits for, all parts.
        """
        wants_all = parts == PARTS
        with self._changed:
            if wants_all and self._all_wanted:
                raise PictureBusyError("another large picture is being decoded; try again")
            self._all_wanted = self._all_wanted or wants_all
            self._changed.wait_for(lambda: self._free >= parts)
            self._free -= parts
        try:
            yield self.total_bytes * parts // PARTS
        finally:
            with self._changed:
                self._free += parts
                if wants_all:
                    self._all_wanted = False
                self._changed.notify_all()
