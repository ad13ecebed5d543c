"""Pages for one person on this machine: no limits for many clients, but the same safety.

The server listens on the loopback address alone. Its paths begin with a key that only the printed
address holds, so other users of the machine cannot open the page, which may show personal data.
"""

import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tenfold.serving.connections import server_config
from tenfold.serving.http_errors import HttpError, error_response
from tenfold.serving.listening import address
from tenfold.serving.origins import SECURITY_HEADERS, OriginCheck

SHARED = Path(__file__).parent / "page"
"""Folder of base.css and icon.svg, which all pages share."""

KEY_BYTES = 12
"""Length of the random key: 96 bits cannot be guessed over HTTP."""


def make_key() -> str:
    """Return a random key for the path of a page."""
    return secrets.token_urlsafe(KEY_BYTES)


class LocalGuard:
    """An application behind the checks of Host and Origin, with a limit on bodies.

    Args:
        app: The application.
        max_bytes: Largest body of a request.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._origins = OriginCheck((), ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""

        async def send_secured(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
            await send(message)

        answer = self._app
        try:
            self._check(scope)
        except HttpError as error:
            answer = error_response(error.status, error.message)
        await answer(scope, receive, send_secured)

    def _check(self, scope: Scope) -> None:
        try:
            self._origins.check(scope["method"], scope["http_version"], scope["headers"])
        except HttpError as error:
            message = "open the page by the address that the command printed"
            raise HttpError(error.status, message) from error
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if b"transfer-encoding" in headers:
            raise HttpError(411, "the request must say its Content-Length")
        if not length.isdigit() or int(length[:20]) > self._max_bytes:
            raise HttpError(413, f"the body is longer than {self._max_bytes} bytes")


class LocalServer(uvicorn.Server):
    """A process that serves a page until a signal ends it.

    Args:
        app: The application, behind a `LocalGuard`.
        listening: A socket that listens on the loopback address.
        path: Path of the page, with its key.
        announce: Called once with the page's address.
    """

    def __init__(
        self, app: LocalGuard, listening: socket.socket, path: str, announce: Callable[[str], None]
    ) -> None:
        super().__init__(server_config(app, log_level="warning"))
        self._listening = listening
        self._announce = lambda: announce(address(listening) + path)
        self._interrupted = False

    def serve_until_stopped(self) -> None:
        """Answer requests until SIGTERM or Ctrl-C.

        Raises:
            KeyboardInterrupt: The signal was Ctrl-C.
        """
        self.run(sockets=[self._listening])
        if self._interrupted:
            raise KeyboardInterrupt

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and announce the address."""
        await super().startup(sockets)
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Finish open requests and stop; at a second Ctrl-C, stop at once.

        uvicorn's own handler would raise the signal again at the end.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._interrupted = sig == signal.SIGINT
