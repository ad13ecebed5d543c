"""A server's life: listen, load, answer, drain, end."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from tenfold.errors import TenfoldError, UsageError
from tenfold.serving.app import create_app
from tenfold.serving.connections import Connection
from tenfold.serving.front import Front
from tenfold.serving.logs import log_as_json, tell
from tenfold.serving.memory import give_memory_back
from tenfold.serving.service import Service

_HANDOVER_SECONDS = 0.001
"""Longest that a thread of Python keeps others waiting; 5 ms, Python's own, would show in every
answer that is given while pictures are read."""


class Server(uvicorn.Server):
    """One process that serves a model until a signal ends it.

    Args:
        service: What is served.
        listening: A socket that listens.
        announce: Called once with the address, when requests are answered.
    """

    def __init__(
        self, service: Service, listening: socket.socket, announce: Callable[[str], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                Front(create_app(service), service),
                http=Connection,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=5,
            )
        )
        self._service = service
        self._listening = listening
        self._announce = announce
        self._failure: BaseException | None = None
        self._interrupted = False

    def serve_until_stopped(self) -> None:
        """Answer requests until SIGTERM, or Ctrl-C.

        Raises:
            TenfoldError: The model cannot be loaded.
            KeyboardInterrupt: It was Ctrl-C.
        """
        log_as_json()
        give_memory_back()
        sys.setswitchinterval(_HANDOVER_SECONDS)
        self.run(sockets=[self._listening])
        self._service.close()
        if self._failure:
            raise self._failure
        tell("stopped")
        if self._interrupted:
            raise KeyboardInterrupt

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; the model is loaded meanwhile, and requests are told so."""
        await super().startup(sockets)
        self._loading = asyncio.create_task(self._service.start())
        self._loading.add_done_callback(self._loaded)

    def _loaded(self, loading: "asyncio.Task[None]") -> None:
        if loading.cancelled():
            return
        self._failure = loading.exception()
        if self._failure:
            self.should_exit = True
        elif self._service.phase == "ready":
            tell("ready", model=self._service.name)
            self._announce(address(self._listening))

    async def on_tick(self, counter: int) -> bool:
        """End once all that was asked before the signal is answered."""
        if self._service.phase == "draining" and not self._service.in_flight:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hear a signal: the first lets requests end, a second Ctrl-C ends at once.

        uvicorn would raise the signal anew at the end, so that the process dies of it.
        """
        again = self._service.phase == "draining"
        self._service.phase = "draining"
        self._interrupted = sig == signal.SIGINT
        if again and self._interrupted:
            self.should_exit = self.force_exit = True


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
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen()
        except OSError:
            listening.close()
            raise
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
