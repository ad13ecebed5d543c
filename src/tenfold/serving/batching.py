"""Dynamic batching: requests that arrive while the model runs form the next batch."""

import asyncio
import threading
import time
from collections import deque
from queue import SimpleQueue

import numpy as np

from tenfold.arrays import Images, Probabilities
from tenfold.classifiers.base import Classifier
from tenfold.serving.http_errors import HttpError
from tenfold.serving.metrics import Metrics

MAX_BATCH = 64
"""Maximum number of images in a batch that combines requests. Larger batches are not faster
(results/inference.json)."""


class _Job:
    """The images of one request, and the future that receives their probabilities."""

    __slots__ = ("future", "images")

    def __init__(self, images: Images, future: "asyncio.Future[Probabilities]") -> None:
        self.images = images
        self.future = future


class Batcher:
    """Runs a classifier in its own thread, on batches of requests.

    No request waits for a batch to fill: a lone image is classified at once. Call all methods
    from the event loop's thread.

    Args:
        classifier: The classifier to run.
        max_queue: Number of requests that may wait.
        metrics: Counts the batches.
    """

    def __init__(self, classifier: Classifier, max_queue: int, metrics: Metrics) -> None:
        self._classifier = classifier
        self._max_queue = max_queue
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Job] = deque()
        self._busy = False
        self._batches: SimpleQueue[list[_Job] | None] = SimpleQueue()
        threading.Thread(target=self._run_batches, name="tenfold-model", daemon=True).start()

    @property
    def queue_length(self) -> int:
        """Number of requests that wait for the model."""
        return len(self._queue)

    def check_queue(self) -> None:
        """Refuse a request if the queue is full.

        Raises:
            HttpError: 429.
        """
        if len(self._queue) >= self._max_queue:
            raise HttpError(429, "too many requests are waiting; try again")

    async def predict(self, images: Images) -> Probabilities:
        """Return the probability of each class.

        A request that is canceled while it waits is never classified.

        Args:
            images: uint8 (n, 28, 28), contiguous.

        Returns:
            float32 (n, classes).

        Raises:
            HttpError: 429 if the queue is full.
        """
        self.check_queue()
        future: asyncio.Future[Probabilities] = self._loop.create_future()
        self._queue.append(_Job(images, future))
        if not self._busy:
            # call_soon lets requests that have already arrived join this batch.
            self._busy = True
            self._loop.call_soon(self._start_batch)
        return await future

    def close(self) -> None:
        """End the thread after its current batch."""
        self._batches.put(None)

    def _start_batch(self) -> None:
        batch: list[_Job] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].images) <= MAX_BATCH):
            job = self._queue.popleft()
            if not job.future.done():
                batch.append(job)
                size += len(job.images)
        self._busy = bool(batch)
        if batch:
            self._metrics.batch_images.observe(size)
            self._batches.put(batch)

    def _run_batches(self) -> None:
        while (batch := self._batches.get()) is not None:
            result: Probabilities | Exception
            started = time.perf_counter()
            try:
                images = [job.images for job in batch]
                result = self._classifier.predict_proba(
                    images[0] if len(images) == 1 else np.concatenate(images)
                )
            except Exception as error:
                result = error
            self._metrics.model_seconds.observe(time.perf_counter() - started)
            try:
                self._loop.call_soon_threadsafe(self._finish_batch, batch, result)
            except RuntimeError:  # the event loop has ended
                return

    def _finish_batch(self, batch: list[_Job], result: Probabilities | Exception) -> None:
        self._start_batch()  # first, so that the model is busy again
        start = 0
        for job in batch:
            stop = start + len(job.images)
            if not job.future.done():
                if isinstance(result, Exception):
                    job.future.set_exception(result)
                else:
                    job.future.set_result(result[start:stop])
            start = stop
