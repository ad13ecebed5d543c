"""Limits of a server. The defaults suit a server that other machines can reach."""

import re
from dataclasses import dataclass, fields
from functools import cached_property
from ipaddress import ip_address

from tenfold.arrays import SIDE
from tenfold.errors import UsageError
from tenfold.imaging.isolation import Limits
from tenfold.imaging.memory_budget import MemoryBudget
from tenfold.machine import usable_cores

DECODING_BYTES = 400_000_000
"""Memory of all decoding processes together. A photo of 48 megapixels takes 0.25 GB as TIFF and
0.39 GB as HEIC; a WebP of 24 megapixels takes 0.39 GB."""

ORIGIN = re.compile(r"(http(?!.*:80$)|https(?!.*:443$))://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]+)?")
"""An origin as browsers send it (RFC 6454, section 6.2): lower case, and without a path, a user or
the scheme's default port. Another spelling of an origin would match no request."""


@dataclass(frozen=True)
class Settings:
    """Limits of a server.

    Attributes:
        max_bytes: Largest body of a request, in bytes.
        max_pixels: Largest picture, in pixels. Photos of 50 megapixel phones are accepted.
        max_pages: Maximum number of pages of a PDF or TIFF.
        max_images: Maximum number of 28x28 images in one request to `infer`.
        timeout_seconds: Time limit for a whole request, from its headers to its response.
        queue: Number of requests to `infer` that may wait for the model.
        picture_queue: Number of pictures that may wait for a worker.
        workers: Number of threads that decode and read pictures; 0 means one per core, at most 4.
        allowed_hosts: Names and addresses of the server that clients may use, as in their Host
            header; loopback names are always among them, and `*` allows all.
        cors: Origins whose pages may call the API from a browser, as browsers send them; `*`
            allows all.

    Raises:
        UsageError: A limit is below its minimum or not finite, a host has a port, or an origin is
            not as browsers send it.
    """

    max_bytes: int = 32_000_000
    max_pixels: int = 50_000_000
    max_pages: int = 20
    max_images: int = 256
    timeout_seconds: float = 10.0
    queue: int = 256
    picture_queue: int = 32
    workers: int = 0
    allowed_hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            minimum = {"workers": 0, "timeout_seconds": 0.001}.get(field.name, 1)
            if not isinstance(value, tuple) and not minimum <= value < float("inf"):
                raise UsageError(
                    f"{field.name} is {value}: it must be at least {minimum}, and finite"
                )
        for host in self.allowed_hosts:
            if not _is_host(host):
                raise UsageError(f"{host!r} is not a host: give a name or address without a port")
        for origin in self.cors:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise UsageError(
                    f"{origin} is not an origin as browsers send it: give https://example.org or "
                    "http://localhost:3000, in lower case and without a path or a default port, "
                    "or *"
                )

    @property
    def threads(self) -> int:
        """The number of worker threads."""
        return self.workers or min(4, usable_cores())

    @cached_property
    def decoding_limits(self) -> Limits:
        """The limits on decoding a picture.

        One page may take a quarter of the time of a request. So pictures that wait for several
        pages which take too long can still be read in time.
        """
        default = Limits()
        seconds = min(default.seconds, self.timeout_seconds / 4)
        return Limits(seconds, pages=self.max_pages, budget=MemoryBudget(DECODING_BYTES))

    @property
    def max_infer_bytes(self) -> int:
        """Largest body of a request to `infer`, in bytes: 16 characters a pixel, and 64 kB."""
        return min(self.max_bytes, 16 * SIDE * SIDE * self.max_images + 2**16)

    @property
    def max_held_bytes(self) -> int:
        """Maximum total size of the bodies of all open requests, in bytes."""
        return 8 * self.max_bytes


def _is_host(text: str) -> bool:
    """Return whether a text is a name, an address of IPv4, or one of IPv6, or `*`."""
    if ":" not in text:
        return bool(re.fullmatch(r"\*|[\w.-]+", text))
    try:
        return ip_address(text.removeprefix("[").removesuffix("]")).version == 6
    except ValueError:
        return False
