"""A server's life: listen, load, answer, drain, end."""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from tenfold.errors import TenfoldError, UsageError
from tenfold.serving.app import create_app
from tenfold.serving.service import Service


class Server(uvicorn.Server):
    """One process that serves a model until a signal ends it.

    Args:
        service: What is served.
        listening: A socket that listens already.
        announce: Called once with the address, when requests are answered.
    """

    def __init__(
        self, service: Service, listening: socket.socket, announce: Callable[[str], None]
    ) -> None:
        app = create_app(service)
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
            )
        )
        self._service = service
        self._listening = listening
        self._announce = announce
        self._failure: Exception | None = None
        self._interrupted = False

    def serve_until_stopped(self) -> None:
        """Answer requests until SIGTERM, or Ctrl-C.

        Raises:
            TenfoldError: The model cannot be loaded.
            KeyboardInterrupt: It was Ctrl-C.
        """
        self.run(sockets=[self._listening])
        self._service.close()
        if self._failure:
            raise self._failure
        if self._interrupted:
            raise KeyboardInterrupt

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; the model is loaded meanwhile, and requests are told so."""
        await super().startup(sockets)
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            await asyncio.to_thread(self._service.load)
        except Exception as error:
            self._failure = error
            self.should_exit = True
        else:
            self._announce(address(self._listening))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear a signal: the first lets requests end, a second Ctrl-C ends at once.

        uvicorn would raise the signal anew at the end, so that the process dies of it.
        """
        self._interrupted = sig == signal.SIGINT
        self.force_exit = self.should_exit and self._interrupted
        self.should_exit = True
        self._service.phase = "draining"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: A name or address of this machine.
        port: 0 to 65535; 0 takes any that is free.

    Raises:
        UsageError: No such port.
        TenfoldError: Another program has the port, or the address is none of this machine's.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"port is {port}: it must lie between 0 and 65535")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise TenfoldError(f"cannot listen on {host}:{port}: {why.lower()}") from error
    return listening


def address(listening: socket.socket) -> str:
    """Return the address under which a browser on this machine finds the server."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
