"""HTTP connections with limits on their number and on the size and time of headers."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 10.0
"""Time limit for the headers of a request."""

MAX_HEADER_BYTES = 2**16
"""Size limit of the headers of a request. httptools, unlike h11, sets no limit."""

MAX_CONNECTIONS = 1000
"""Maximum number of open connections: many systems allow a process 1,024 files."""

_FULL = b'{"error": "too many connections; try again"}'
_FULL_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_FULL), _FULL)
)

_Protocol: Any = AutoHTTPProtocol


class Connection(_Protocol):  # type: ignore[misc]
    """uvicorn's connection (httptools' if installed, otherwise h11's), with limits on headers.

    `tenfold.serving.middleware` limits bodies.
    """

    def connection_made(self, transport: Any) -> None:
        """Start the time limit for headers; refuse the connection if too many are open."""
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.write(_FULL_RESPONSE)
            transport.close()
            return
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        """Parse data; close the connection if the headers are too long."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_header_timer()
            return
        if self._header_timer is None:
            self._start_header_timer()
        # Data that belongs to the body of an answered request is discarded and not counted.
        if self.cycle is None or not self.cycle.more_body:
            self._header_bytes += len(data)
        if self._header_bytes > MAX_HEADER_BYTES:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop the time limit for headers."""
        self._stop_header_timer()
        super().connection_lost(error)

    def _start_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        self._header_bytes = 0
