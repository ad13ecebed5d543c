"""What a server allows its clients; every default is meant for a machine that others can reach."""

import os
from dataclasses import dataclass

from tenfold.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """Limits of a server.

    Attributes:
        max_bytes: Largest body of a request, in bytes.
        max_pixels: Largest picture, in pixels; a 50 megapixel phone's just pass.
        max_images: Most 28x28 images, or pages of a PDF, in one request.
        timeout_seconds: Time for a whole request, from its headers to its answer.
        queue: Requests that may wait for the model, and as many pictures for a worker.
        workers: Threads that decode and read pictures; 0 takes one per core, four at most.
        cors: Origins whose pages may call the API from a browser; none by default.
    """

    max_bytes: int = 32 * 2**20
    max_pixels: int = 50_000_000
    max_images: int = 256
    timeout_seconds: float = 10.0
    queue: int = 256
    workers: int = 0
    cors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_images", "timeout_seconds", "queue"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}: it must be above 0")
        if self.workers < 0:
            raise UsageError(f"workers is {self.workers}: it must not be below 0")

    @property
    def threads(self) -> int:
        """The number of workers."""
        return self.workers or min(4, os.cpu_count() or 1)
