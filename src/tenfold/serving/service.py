"""The model a server holds, and the workers that read pictures with it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from tenfold.classifiers import SIDE, Classifier
from tenfold.serving.problems import ProblemError
from tenfold.serving.settings import Settings

if TYPE_CHECKING:
    from tenfold.reading import Reader

T = TypeVar("T")
Phase = Literal["starting", "ready", "draining"]


class Service:
    """A model and its workers.

    Args:
        model: Shipped name or bundle folder.
        settings: The limits.

    Attributes:
        phase: "ready" between loading and draining; requests are answered then alone.
    """

    def __init__(self, model: str, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        self.phase: Phase = "starting"
        self._classifier: Classifier | None = None
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="tenfold")
        self._pictures = 0

    def load(self) -> None:
        """Load the model, and read a blank, so that the first request waits for nothing.

        Raises:
            BundleError: No such model, or it is damaged.
        """
        from tenfold.bundle import load_classifier
        from tenfold.reading import Reader

        classifier = load_classifier(self.model)
        Reader(classifier).read(np.zeros((SIDE, SIDE), np.uint8))
        classifier.predict_proba(np.zeros((SIDE, SIDE), np.uint8))
        self._classifier = classifier
        self.phase = "ready"

    def check_ready(self) -> None:
        """Refuse a request while there is no model, and once the server is to stop.

        Raises:
            ProblemError: 503.
        """
        if self.phase != "ready":
            raise ProblemError(503, f"the server is {self.phase}")

    async def in_worker(self, work: Callable[["Reader"], T]) -> T:
        """Do what takes long in a worker: decoding, reading, explaining.

        The work ends at the request's deadline, or when its client has gone: the classifier of
        the reader it is given raises then.

        Args:
            work: Called in a thread with a reader of its own.

        Raises:
            ProblemError: 429 if too many wait, 503 while not ready, 504 at the deadline.
        """
        from tenfold.reading import Reader

        self.check_ready()
        if self._pictures >= self.settings.threads + self.settings.queue:
            raise ProblemError(429, "too many pictures wait already; try again")
        assert self._classifier is not None
        impatient = _Impatient(self._classifier)
        self._pictures += 1
        doing = asyncio.get_running_loop().run_in_executor(self._pool, work, Reader(impatient))
        doing.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(doing), self.settings.timeout_seconds)
        except TimeoutError:
            seconds = self.settings.timeout_seconds
            raise ProblemError(504, f"no answer within {seconds:g} seconds") from None
        finally:
            impatient.over.set()

    def _done(self, doing: "asyncio.Future[T]") -> None:
        self._pictures -= 1
        if not doing.cancelled():
            doing.exception()  # nobody may be left to hear of it

    def close(self) -> None:
        """Let the workers go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Impatient(Classifier):
    """A classifier for one request, which refuses to go on once that is over."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.over = threading.Event()

    def predict_proba(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        if self.over.is_set():
            raise ProblemError(504, "the request is over")
        return self._classifier.predict_proba(images)

    def digit_score(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        if self.over.is_set():
            raise ProblemError(504, "the request is over")
        return self._classifier.digit_score(images)


def service_of(request: object) -> Service:
    """Return the service of the application that a request came to."""
    service: Service = request.app.state.service  # type: ignore[attr-defined]
    return service
