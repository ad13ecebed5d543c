"""What a server counts, for Prometheus; in a registry of its own."""

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

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REASONS = {413: "too large", 429: "too many", 503: "not ready", 504: "too late"}
"""Status -> why a request was turned away."""


class Metrics:
    """Counts of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "tenfold_requests", "Requests by endpoint and status.", ("endpoint", "status"),
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "tenfold_request_seconds", "Time from a request's headers to its answer.",
            ("endpoint",), buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._rejections = Counter(
            "tenfold_rejections", "Requests turned away, by reason.", ("reason",), registry=registry
        )
        for reason in REASONS.values():
            self._rejections.labels(reason)
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.batch_images = Histogram(
            "tenfold_batch_images", "Images the model was given at once.", buckets=BATCHES,
            registry=registry,
        )  # fmt: skip
        self.model_seconds = Histogram(
            "tenfold_model_seconds", "Time the model took for a batch.", buckets=SECONDS,
            registry=registry,
        )  # fmt: skip

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a figure as it is when somebody asks.

        Args:
            name: Of the gauge.
            text: What it tells.
            value: Called whenever the metrics are read.
        """
        Gauge(name, text, registry=self._registry).set_function(value)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            endpoint: The path of its route, never one that a client made up.
            status: The HTTP status; 499 if the client left.
            seconds: From its headers to its answer.
        """
        if (endpoint, status) not in self._known:
            # Finding them by their labels would take longer than counting.
            counts = self._requests.labels(endpoint, status), self._seconds.labels(endpoint)
            self._known[endpoint, status] = counts
        requests, times = self._known[endpoint, status]
        requests.inc()
        times.observe(seconds)
        if status in REASONS:
            self._rejections.labels(REASONS[status]).inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self._registry)
