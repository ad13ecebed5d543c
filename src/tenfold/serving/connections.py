"""Connections that are dropped when their client dawdles or overdoes it, before uvicorn minds."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 10.0
"""Time a client has for the headers of a request."""

HEADER_BYTES = 2**16
"""Most that they may take; httptools, unlike h11, sets no limit."""

MAX_CONNECTIONS = 1000
"""Most connections at once: many systems allow a process 1,024 files."""

_FULL = b'{"error": "too many connections; try again"}'
_FULL_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_FULL), _FULL)
)

_Protocol: Any = AutoHTTPProtocol


class Connection(_Protocol):  # type: ignore[misc]
    """uvicorn's connection (httptools' if installed, else h11's), with limits on headers.

    Limits on what follows are the application's.
    """

    def connection_made(self, transport: Any) -> None:
        """Start to wait for headers."""
        self._patience: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.write(_FULL_ANSWER)
            transport.close()
            return
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is too much."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
            return
        if self._patience is None:
            self._wait_for_headers()
        if self.cycle is None or not self.cycle.more_body:
            self._header_bytes += len(data)
        # Otherwise it is the rest of a body that was answered already, and it is thrown away.
        if self._header_bytes > HEADER_BYTES:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(error)

    def _wait_for_headers(self) -> None:
        self._patience = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._header_bytes = 0
