"""Requests to the model, put together: while it reads one batch, the next one gathers."""

import asyncio
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.classifiers.base import Classifier
from tenfold.serving.metrics import Metrics
from tenfold.serving.problems import ProblemError

Probabilities: TypeAlias = NDArray[np.float32]

MAX_BATCH = 64
"""Images after which a batch is closed: past the gain from batching (results/inference.json)."""


class _Waiting:
    """Images that wait, and the future that gets their probabilities."""

    __slots__ = ("future", "images")

    def __init__(self, images: NDArray[np.uint8], future: "asyncio.Future[Probabilities]") -> None:
        self.images = images
        self.future = future


class Batcher:
    """A classifier in a thread of its own, fed with batches.

    Nobody waits for a batch to fill: one image alone is read at once. All methods belong to the
    thread of the event loop.

    Args:
        classifier: What reads the images.
        queue: Requests that may wait.
        metrics: Where batches are counted.
    """

    def __init__(self, classifier: Classifier, queue: int, metrics: Metrics) -> None:
        self._classifier = classifier
        self._queue = queue
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._busy = False
        self._batches: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        threading.Thread(target=self._read_batches, name="tenfold-model", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Requests that wait for the model."""
        return len(self._waiting)

    def check_room(self) -> None:
        """Refuse a request when too many wait.

        Raises:
            ProblemError: 429.
        """
        if len(self._waiting) >= self._queue:
            raise ProblemError(429, "too many requests wait already; try again")

    async def predict(self, images: NDArray[np.uint8]) -> Probabilities:
        """Return the probability of each digit.

        A request that is cancelled while it waits is never read.

        Args:
            images: uint8 (n, 28, 28), contiguous.

        Returns:
            float32 (n, 10).

        Raises:
            ProblemError: 429 if too many wait.
        """
        self.check_room()
        future: asyncio.Future[Probabilities] = self._loop.create_future()
        self._waiting.append(_Waiting(images, future))
        if not self._busy:
            # After what else has arrived by now, so that it comes along.
            self._busy = True
            self._loop.call_soon(self._next_batch)
        return await future

    def close(self) -> None:
        """End the thread once its batch is read."""
        self._batches.put(None)

    def _next_batch(self) -> None:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].images) <= MAX_BATCH):
            item = self._waiting.popleft()
            if not item.future.done():
                batch.append(item)
                size += len(item.images)
        self._busy = bool(batch)
        if batch:
            self._metrics.batch_images.observe(size)
            self._batches.put(batch)

    def _read_batches(self) -> None:
        while (batch := self._batches.get()) is not None:
            result: Probabilities | Exception
            started = time.perf_counter()
            try:
                images = [item.images for item in batch]
                result = self._classifier.predict_proba(
                    images[0] if len(images) == 1 else np.concatenate(images)
                )
            except Exception as error:
                result = error
            self._metrics.model_seconds.observe(time.perf_counter() - started)
            try:
                self._loop.call_soon_threadsafe(self._deal_out, batch, result)
            except RuntimeError:  # the loop has ended; nobody waits
                return

    def _deal_out(self, batch: list[_Waiting], result: Probabilities | Exception) -> None:
        self._next_batch()  # first, so that the model goes on meanwhile
        start = 0
        for item in batch:
            stop = start + len(item.images)
            if not item.future.done():
                if isinstance(result, Exception):
                    item.future.set_exception(result)
                else:
                    item.future.set_result(result[start:stop])
            start = stop
