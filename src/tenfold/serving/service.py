"""The model a server holds, and the workers that read pictures with it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_bundle, load_classifier
from tenfold.serving.batching import Batcher
from tenfold.serving.metrics import Metrics
from tenfold.serving.problems import ProblemError
from tenfold.serving.settings import Settings

if TYPE_CHECKING:
    from tenfold.reading.reader import Reader

T = TypeVar("T")
Phase = Literal["starting", "ready", "draining"]


class Service:
    """A model and its workers.

    Args:
        model: Shipped name or bundle folder.
        settings: The limits.

    Attributes:
        name: What clients call the model: its name, or its folder's.
        phase: "ready" between loading and draining; only then is work taken.
        in_flight: Requests that are not answered yet.

    Raises:
        BundleError: No such model.
    """

    def __init__(self, model: str, settings: Settings) -> None:
        self.model = model
        self.name = load_bundle(model).folder.resolve().name
        self.settings = settings
        self.metrics = Metrics()
        self.phase: Phase = "starting"
        self.in_flight = 0
        self._reader: Reader | None = None
        self._batcher: Batcher | None = None
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="tenfold-picture")
        self._pictures = 0
        watch = self.metrics.watch
        watch("tenfold_requests_in_flight", "Requests without an answer.", lambda: self.in_flight)
        watch("tenfold_pictures", "Pictures in a worker or waiting.", lambda: self._pictures)
        watch(
            "tenfold_queue_requests",
            "Requests that wait for the model.",
            lambda: self._batcher.waiting if self._batcher else 0,
        )

    async def start(self) -> None:
        """Load the model in a thread; requests are told meanwhile that it is starting.

        Raises:
            BundleError: The model is damaged.
        """
        self._reader = await asyncio.to_thread(self._load)
        self._batcher = Batcher(self._reader.classifier, self.settings.queue, self.metrics)
        if self.phase == "starting":
            self.phase = "ready"

    def _load(self) -> "Reader":
        """Load the model, and read a little, so that the first request waits for nothing."""
        from tenfold.reading.reader import Reader

        classifier = load_classifier(self.model)
        blank = np.zeros((SIDE, SIDE), np.uint8)
        classifier.predict_proba(blank)
        reader = Reader(classifier)
        reader.read(blank)
        _ = reader.line_reader  # loaded by the asking
        return reader

    def close(self) -> None:
        """Let the workers go."""
        if self._batcher:
            self._batcher.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check_ready(self) -> None:
        """Refuse work while there is no model, and once the server is to stop.

        Raises:
            ProblemError: 503.
        """
        if self.phase != "ready":
            raise ProblemError(503, f"the server is {self.phase}")

    def batcher(self) -> Batcher:
        """Return the model's queue.

        Raises:
            ProblemError: 503 while not ready, 429 if too many wait.
        """
        self.check_ready()
        assert self._batcher is not None
        self._batcher.check_room()
        return self._batcher

    def check_room_for_picture(self) -> None:
        """Refuse a picture, before it is uploaded if need be.

        Raises:
            ProblemError: 503 while not ready, 429 if too many wait.
        """
        self.check_ready()
        if self._pictures >= self.settings.threads + self.settings.picture_queue:
            raise ProblemError(429, "too many pictures wait already; try again")

    async def in_worker(self, work: Callable[["Reader"], T]) -> T:
        """Do what takes long in a worker: decoding, reading, explaining.

        When the request is cancelled, at its deadline or because its client has left, the
        classifier of the reader raises, which ends the work.

        Args:
            work: Called in a thread with a reader of its own.

        Raises:
            ProblemError: 429 if too many wait, 503 while not ready.
        """
        self.check_room_for_picture()
        assert self._reader is not None
        impatient = Impatient(self._reader.classifier)
        reader = self._reader.lent(impatient)
        self._pictures += 1
        doing = asyncio.get_running_loop().run_in_executor(self._pool, work, reader)
        doing.add_done_callback(self._done)
        try:
            # Cancelling would forget a thread that goes on for a while yet.
            return await asyncio.shield(doing)
        finally:
            impatient.over.set()

    def _done(self, doing: "asyncio.Future[Any]") -> None:
        self._pictures -= 1
        if not doing.cancelled():
            doing.exception()  # nobody may be left to hear of it


class Impatient(Classifier):
    """A classifier for one request, which refuses to go on once that is over.

    Args:
        classifier: The one that does the work; its digit score is its largest probability.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.over = threading.Event()

    def predict_proba(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the probability of each digit; see `Classifier.predict_proba`."""
        if self.over.is_set():
            raise ProblemError(504, "the request is over")
        return self._classifier.predict_proba(images)


def service_of(request: Any) -> Service:
    """Return the service of the application that a request came to."""
    service: Service = request.app.state.service
    return service
