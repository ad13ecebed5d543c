"""HTTP connections with limits on headers, and errors in JSON."""

import asyncio
import json
from socket import SO_ERROR, SOL_SOCKET
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 10.0
"""Time limit for the headers of a request."""

MAX_HEADER_BYTES = 2**16
"""Size limit of the headers of a request. httptools, unlike h11, sets no limit."""

MAX_CONNECTIONS = 1000
"""Maximum number of open connections: many systems allow a process 1,024 files."""

PROBE_SECONDS = 0.25
"""Interval of the checks whether a client that sends no more data still receives."""

DRAIN_SECONDS = 5
"""Time for open requests after the server was told to stop, before it closes their connections."""

_Protocol: Any = AutoHTTPProtocol


def server_config(app: ASGIApp, log_level: str | None = None) -> Config:
    """Return uvicorn's settings for an application, with connections of the class below.

    Args:
        app: The application.
        log_level: Lowest level that uvicorn logs; None leaves it to the logger.
    """
    return Config(
        app,
        http=Connection,
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


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
            self._refuse(b"503 Service Unavailable", "too many connections; try again")
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
            self._refuse(b"431 Request Header Fields Too Large", "the headers are too long")

    def eof_received(self) -> bool:
        """Keep a connection open on which the client sends no more data but awaits its response.

        A client that has disconnected sends the same signal. The difference shows when data is
        sent to the client; `_probe` does so if the response takes long.
        """
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete or cycle.disconnected:
            return False
        cycle.keep_alive = False
        self.loop.call_later(PROBE_SECONDS, self._probe, cycle, cycle.scope["http_version"])
        return True

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP."""
        self._refuse(b"400 Bad Request", "the request is not valid HTTP")

    def connection_lost(self, error: Exception | None) -> None:
        """Stop the time limit for headers."""
        self._stop_header_timer()
        super().connection_lost(error)

    def _probe(self, cycle: Any, http_version: str) -> None:
        """Close the connection if the client has disconnected; otherwise check again later."""
        if cycle.response_complete or cycle.disconnected:
            return
        if self.transport.get_extra_info("socket").getsockopt(SOL_SOCKET, SO_ERROR):
            self.transport.abort()
            return
        is_first = not getattr(self, "pipeline", None)  # no other response is being sent
        if http_version == "1.1" and is_first and not cycle.response_started:
            # An interim response, which every client must accept (RFC 9110, 15.2).
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            http_version = ""
        self.loop.call_later(PROBE_SECONDS, self._probe, cycle, http_version)

    def _refuse(self, status: bytes, message: str) -> None:
        """Send an error and close the connection."""
        body = json.dumps({"error": message}).encode()
        retry = b"retry-after: 1\r\n" if status.startswith(b"503") else b""
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\n%s"
            b"content-length: %d\r\n\r\n%s" % (status, retry, len(body), body)
        )
        self.transport.close()

    def _start_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        self._header_bytes = 0
