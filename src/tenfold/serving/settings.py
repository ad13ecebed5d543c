"""What a server allows its clients; every default is meant for a machine that others can reach."""

import os
from dataclasses import dataclass, fields

from tenfold.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """Limits of a server.

    Attributes:
        max_bytes: Largest body of a request, in bytes.
        max_pixels: Largest picture, in pixels; a 50 megapixel phone's just pass.
        max_pages: Most pages of a PDF.
        max_images: Most 28x28 images in one request to `infer`.
        timeout_seconds: Time for a whole request, from its headers to its answer.
        queue: Requests to `infer` that may wait for the model.
        picture_queue: Pictures that may wait for a worker.
        workers: Threads that decode and read pictures; 0 takes one per core, four at most.
        cors: Origins whose pages may call the API from a browser; none by default.
    """

    max_bytes: int = 32_000_000
    max_pixels: int = 50_000_000
    max_pages: int = 20
    max_images: int = 256
    timeout_seconds: float = 10.0
    queue: int = 256
    picture_queue: int = 32
    workers: int = 0
    cors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "workers" else 1e-3
            if field.name != "cors" and not least <= value < float("inf"):
                raise UsageError(f"{field.name} is {value}: it must be above 0")
        for origin in self.cors:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise UsageError(f"{origin} is no origin: give https://example.org, or *")

    @property
    def threads(self) -> int:
        """The number of workers."""
        return self.workers or min(4, os.cpu_count() or 1)

    @property
    def max_infer_bytes(self) -> int:
        """Largest body of a request to `infer`, in bytes: 16 characters a pixel, and some."""
        return min(self.max_bytes, 16 * 28 * 28 * self.max_images + 2**16)

    @property
    def max_held_bytes(self) -> int:
        """Bytes that all requests' bodies may take together, before more are refused."""
        return 8 * self.max_bytes
