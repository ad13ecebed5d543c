"""A limit on the memory of all decoding at the same time, which threads share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
        self._changed = threading.Condition()

    @contextmanager
    def take(self, parts: int) -> Iterator[int]:
        """Wait until some parts are free, and keep them; gives their size in bytes."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= parts)
            self._free -= parts
        try:
            yield self.total_bytes * parts // PARTS
        finally:
            with self._changed:
                self._free += parts
                self._changed.notify_all()
