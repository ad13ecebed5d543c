"""The model that a server runs, and the worker threads that read pictures with it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Probabilities
from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_classifier, model_name
from tenfold.classifiers.keras import KerasClassifier
from tenfold.classifiers.model_file import Model
from tenfold.formatting import listed
from tenfold.imaging.isolation import Cancellation
from tenfold.serving.batching import Batcher
from tenfold.serving.http_errors import HttpError
from tenfold.serving.metrics import Metrics
from tenfold.serving.settings import Settings

if TYPE_CHECKING:
    from tenfold.reading.reader import Reader

P = ParamSpec("P")
T = TypeVar("T")
Phase = Literal["starting", "ready", "draining"]


class Service:
    """A model and its workers.

    Args:
        model: Name of a shipped model, a bundle folder, or a .keras or .onnx file.
        settings: The limits.

    Attributes:
        model: As given.
        name: The model's name for clients: its shipped name, or the name of its folder or file.
        settings: As given.
        metrics: The server's metrics.
        phase: Requests are accepted only while it is "ready".
        in_flight: Number of requests without a complete response.
        classes: Names of the model's classes, by label.
        platform: What runs the model, as the Open Inference Protocol names it.

    Raises:
        BundleError: The model is unfinished or damaged.
        UsageError: There is no such model.
    """

    def __init__(self, model: Model, settings: Settings) -> None:
        self.model = model
        self.name = model_name(model)
        self.settings = settings
        self.metrics = Metrics()
        self.phase: Phase = "starting"
        self.in_flight = 0
        self.classes = DIGITS
        self.platform = "onnxruntime_onnx"
        self._reader: Reader | None = None
        self._batcher: Batcher | None = None
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="tenfold-picture")
        self._pictures = 0
        self._parser = ThreadPoolExecutor(1, thread_name_prefix="tenfold-json")
        add_gauge = self.metrics.add_gauge
        add_gauge("tenfold_requests_in_flight", "Open requests.", lambda: self.in_flight)
        add_gauge("tenfold_pictures", "Pictures in a worker or waiting.", lambda: self._pictures)
        add_gauge(
            "tenfold_queue_requests",
            "Requests that wait for the model.",
            lambda: self._batcher.queue_length if self._batcher else 0,
        )

    async def start(self) -> None:
        """Load the model in a thread. Requests get status 503 until it is loaded.

        Raises:
            BundleError: The model is damaged.
        """
        classifier, self._reader = await asyncio.to_thread(self._load)
        self.classes = classifier.classes
        if isinstance(classifier, KerasClassifier):
            from keras.config import backend

            self.platform = f"{backend()}_keras"
        self._batcher = Batcher(classifier, self.settings.queue, self.metrics)
        if self.phase == "starting":
            self.phase = "ready"

    def _load(self) -> tuple[Classifier, "Reader | None"]:
        """Load the model and run it once, so that the first request is not slow.

        A model of other classes than the ten digits reads no pictures: it has no reader.
        """
        from tenfold.reading.reader import Reader

        classifier = load_classifier(self.model)
        blank = np.zeros((SIDE, SIDE), np.uint8)
        classifier.predict_proba(blank)
        if classifier.classes != DIGITS:
            return classifier, None
        reader = Reader(classifier, threads=1)
        reader.read(blank)
        _ = reader.line_reader  # loads the line network
        return classifier, reader

    def close(self) -> None:
        """End the threads after their current work."""
        if self._batcher:
            self._batcher.close()
        for pool in (self._pool, self._parser):
            pool.shutdown(wait=False, cancel_futures=True)

    def check_ready(self) -> None:
        """Refuse a request while the model is loading, and after the signal to stop.

        Raises:
            HttpError: 503.
        """
        if self.phase != "ready":
            raise HttpError(503, f"the server is {self.phase}")

    def batcher(self) -> Batcher:
        """Return the model's batcher.

        Raises:
            HttpError: 503 while not ready, 429 if its queue is full.
        """
        self.check_ready()
        assert self._batcher is not None
        self._batcher.check_queue()
        return self._batcher

    async def run_parser(self, function: Callable[[], T]) -> T:
        """Run a function that parses a long body, in a thread.

        There is one such thread, so that bodies sent at the same time do not add up in memory.
        """
        return await asyncio.get_running_loop().run_in_executor(self._parser, function)

    def check_picture_queue(self) -> None:
        """Refuse a picture if too many are waiting.

        Raises:
            HttpError: 503 while not ready, 429 if the queue is full, 400 if the model reads no
                pictures.
        """
        self.check_ready()
        if self._reader is None:
            raise HttpError(
                400,
                f"the model's classes are {listed(self.classes)}; only models of the ten digits "
                f"read pictures: send 28x28 images to /v2/models/{self.name}/infer",
            )
        if self._pictures >= self.settings.threads + self.settings.picture_queue:
            raise HttpError(429, "too many pictures are waiting; try again")

    async def run_in_worker(
        self, function: Callable[Concatenate["Reader", P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a function that decodes, reads or explains a picture, in a worker thread.

        All work on pictures starts here. When the request is canceled, by its deadline or because
        its client has disconnected, the process that decodes its picture is killed, and the
        reader's classifier raises an error, which ends the work.

        Args:
            function: Called with a reader of its own and the arguments.
            *args: Arguments of the function.
            **kwargs: Keyword arguments of the function.

        Raises:
            HttpError: See `check_picture_queue`.
        """
        self.check_picture_queue()
        assert self._reader is not None
        cancellation = Cancellation()
        classifier = CancelableClassifier(self._reader.classifier, cancellation)
        reader = self._reader.with_classifier(classifier)

        def run() -> T:
            cancellation.check()
            with cancellation.applied():
                return function(reader, *args, **kwargs)

        self._pictures += 1
        work = asyncio.get_running_loop().run_in_executor(self._pool, run)
        work.add_done_callback(self._count_done)
        try:
            # Without the shield, a canceled request would no longer count its running thread.
            return await asyncio.shield(work)
        finally:
            cancellation.cancel()

    def _count_done(self, work: "asyncio.Future[Any]") -> None:
        self._pictures -= 1
        if not work.cancelled():
            work.exception()  # retrieved, so that asyncio does not log it


class CancelableClassifier(Classifier):
    """A classifier for one request, which raises an error once the request is canceled.

    Args:
        classifier: The classifier that does the work. Its digit score must be its largest
            probability.
        cancellation: The request's.
    """

    def __init__(self, classifier: Classifier, cancellation: Cancellation) -> None:
        self.classes = classifier.classes
        self._classifier = classifier
        self._cancellation = cancellation

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""
        self._cancellation.check()
        return self._classifier.predict_proba(images, scale=scale)


def service_of(request: Any) -> Service:
    """Return the service of the application that received a request."""
    service: Service = request.app.state.service
    return service
