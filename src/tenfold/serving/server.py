"""Life cycle of the server process: listen, load the model, answer requests, drain, exit."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from tenfold.serving.allocator import return_freed_memory
from tenfold.serving.app import create_app
from tenfold.serving.connections import server_config
from tenfold.serving.listening import address
from tenfold.serving.logs import json_log, log_event
from tenfold.serving.middleware import Middleware
from tenfold.serving.service import Service

_SWITCH_SECONDS = 0.001
"""Longest time that one Python thread keeps the others waiting. Python's default, 5 ms, would be
added to every response while a picture is read."""


class Server(uvicorn.Server):
    """A process that serves a model until a signal ends it.

    Args:
        service: What is served.
        listening: A listening socket.
        announce: Called once with the server's address, when the model is loaded.
    """

    def __init__(
        self, service: Service, listening: socket.socket, announce: Callable[[str], None]
    ) -> None:
        super().__init__(server_config(Middleware(create_app(service), service)))
        self._service = service
        self._listening = listening
        self._announce = announce
        self._failure: BaseException | None = None
        self._interrupted = False

    def serve_until_stopped(self) -> None:
        """Answer requests until SIGTERM or Ctrl-C.

        Raises:
            TenfoldError: The model cannot be loaded.
            KeyboardInterrupt: The signal was Ctrl-C.
        """
        return_freed_memory()
        sys.setswitchinterval(_SWITCH_SECONDS)
        with json_log():
            self.run(sockets=[self._listening])
            self._service.close()
            if self._failure:
                raise self._failure
            log_event("stopped")
        if self._interrupted:
            raise KeyboardInterrupt

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and start to load the model."""
        await super().startup(sockets)
        self._loading = asyncio.create_task(self._service.start())
        self._loading.add_done_callback(self._handle_loaded)

    def _handle_loaded(self, loading: "asyncio.Task[None]") -> None:
        if loading.cancelled():
            return
        self._failure = loading.exception()
        if self._failure:
            self.should_exit = True
        elif self._service.phase == "ready":
            log_event("ready", model=self._service.name)
            self._announce(address(self._listening))

    async def on_tick(self, counter: int) -> bool:
        """Exit when the server is draining and all requests are answered."""
        if self._service.phase == "draining" and not self._service.in_flight:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; exit at once at a second Ctrl-C.

        uvicorn's own handler would raise the signal again at the end, and the exit code would
        not be 0.
        """
        again = self._service.phase == "draining"
        self._service.phase = "draining"
        self._interrupted = sig == signal.SIGINT
        if again and self._interrupted:
            self.should_exit = self.force_exit = True
