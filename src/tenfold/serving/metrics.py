"""Prometheus metrics of a server, in a registry of their own."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
IMAGES_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REJECTION_REASONS = {413: "too large", 429: "too many", 503: "not ready", 504: "too late"}
"""HTTP status -> label of the rejection counter."""


class Metrics:
    """The metrics of one server.

    Attributes:
        batch_images: Histogram of the images in a batch.
        model_seconds: Histogram of the time the model takes for a batch.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "tenfold_requests", "Requests by endpoint and status.", ("endpoint", "status"),
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "tenfold_request_seconds", "Time from a request's headers to its response.",
            ("endpoint",), buckets=SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self._rejections = Counter(
            "tenfold_rejections", "Rejected requests by reason.", ("reason",), registry=registry
        )
        for reason in REJECTION_REASONS.values():
            self._rejections.labels(reason)
        self._by_label: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.batch_images = Histogram(
            "tenfold_batch_images", "Images in a batch.", buckets=IMAGES_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.model_seconds = Histogram(
            "tenfold_model_seconds", "Time the model takes for a batch.", buckets=SECONDS_BUCKETS,
            registry=registry,
        )  # fmt: skip

    def add_gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is computed when the metrics are read.

        Args:
            name: The gauge's name.
            text: Its description.
            value: Returns the current value.
        """
        Gauge(name, text, registry=self._registry).set_function(value)

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            endpoint: The path of the route, never a path that a client made up.
            status: The HTTP status; 499 if the client disconnected.
            seconds: Time from the headers to the response.
        """
        if (endpoint, status) not in self._by_label:
            # Kept, because finding them by their labels takes longer than counting.
            counts = self._requests.labels(endpoint, status), self._seconds.labels(endpoint)
            self._by_label[endpoint, status] = counts
        requests, times = self._by_label[endpoint, status]
        requests.inc()
        times.observe(seconds)
        if status in REJECTION_REASONS:
            self._rejections.labels(REJECTION_REASONS[status]).inc()

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
