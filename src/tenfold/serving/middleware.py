"""ASGI middleware around the application: limits, deadlines, security headers, metrics, the log.

The middleware answers requests to `infer` by itself: FastAPI's routing takes as long as the
classification of an image.
"""

import asyncio
import re
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tenfold.serving.http_errors import (
    INTERNAL,
    ClientDisconnectedError,
    HttpError,
    error_response,
)
from tenfold.serving.logs import log_event, log_internal_error
from tenfold.serving.open_inference import infer
from tenfold.serving.origins import NO_SNIFFING, SECURITY_HEADERS, OriginCheck
from tenfold.serving.service import Service
from tenfold.serving.tensors import InferenceResponse

SEND_SECONDS = 60.0
"""Time limit for sending a response to a slow client."""

DEADLINE_CHECK_SECONDS = 0.05
"""Interval of checks for expired deadlines. A timer for each request would take longer than the
classification of its image."""

INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/[^/]+)?/infer")
INFER_ENDPOINT = "/v2/models/{name}/infer"

ALWAYS_ANSWERED = ("/v2/health/live", "/metrics")
"""Paths that are answered even while the server drains."""


class Middleware:
    """The application with limits and deadlines, as an ASGI application.

    Args:
        app: The application.
        service: What the application serves.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._open: set[_Exchange] = set()
        self._checks_deadlines = False
        self._held_bytes = 0
        self._max_infer_bytes = service.settings.max_infer_bytes
        # Requests from other origins need CORS headers, which only the application adds.
        self._answers_infer = not service.settings.cors
        self._origins = OriginCheck(service.settings.allowed_hosts, service.settings.cors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        service = self._service
        service.in_flight += 1
        started = time.monotonic()
        limit = service.settings.timeout_seconds
        exchange = _Exchange(scope, receive, send, started + limit)
        self._open.add(exchange)
        if not self._checks_deadlines:
            self._check_deadlines()
        try:
            await self._answer(exchange)
        except HttpError as error:
            await exchange.send_error(error)
        except asyncio.CancelledError:
            if not exchange.expired:
                raise
            exchange.task.uncancel()
            await exchange.send_error(HttpError(504, f"no answer within {limit:g} seconds"))
        except Exception as error:
            log_internal_error(error)
            await exchange.send_error(HttpError(500, INTERNAL))
        finally:
            self._open.discard(exchange)
            self._held_bytes -= exchange.body_bytes
            service.in_flight -= 1
            seconds = time.monotonic() - started
            service.metrics.count_request(exchange.endpoint, exchange.status, seconds)
            log_event(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                milliseconds=round(1000 * seconds, 2),
                bytes=exchange.body_bytes,
            )

    async def _answer(self, exchange: "_Exchange") -> None:
        self._check_headers(exchange)
        body = await self._read_body(exchange)
        if exchange.model and self._answers_infer:
            response = await infer(self._service, exchange.model, exchange.headers, body)
            await exchange.send_inference(response)
        else:
            await exchange.run(self._app, body)

    def _check_deadlines(self) -> None:
        """Cancel expired requests, and schedule the next check if requests are open."""
        now = time.monotonic()
        for exchange in self._open:
            if exchange.deadline < now and not exchange.expired:
                exchange.expired = True
                exchange.task.cancel()
        self._checks_deadlines = bool(self._open)
        if self._checks_deadlines:
            asyncio.get_running_loop().call_later(DEADLINE_CHECK_SECONDS, self._check_deadlines)

    def _check_headers(self, exchange: "_Exchange") -> None:
        """Refuse a request before its body is received, if its headers suffice for that."""
        service, path = self._service, exchange.path
        scope = exchange.scope
        self._origins.check(exchange.method, scope["http_version"], scope["headers"])
        if service.phase == "draining" and path not in ALWAYS_ANSWERED:
            service.check_ready()
        if exchange.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise HttpError(415, "the body is compressed; send it uncompressed")
        if exchange.method != "POST":
            return
        match = INFER.fullmatch(path)
        if match:
            exchange.endpoint = INFER_ENDPOINT
            exchange.model = match[1] if path.count("/") == 4 else ""
            service.batcher()
        else:
            service.check_picture_queue()

    async def _read_body(self, exchange: "_Exchange") -> bytes:
        """Return the body of a request.

        Raises:
            HttpError: 413 if it is too long, 429 if the bodies of all requests are.
            ClientDisconnectedError: The body is incomplete.
        """
        settings = self._service.settings
        is_infer = exchange.endpoint == INFER_ENDPOINT
        limit = self._max_infer_bytes if is_infer else settings.max_bytes
        declared = exchange.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise _too_long(limit)
        parts = []
        more = True
        while more:
            message = await exchange.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            part = message.get("body", b"")
            more = message.get("more_body", False)
            parts.append(part)
            exchange.body_bytes += len(part)
            self._held_bytes += len(part)
            if exchange.body_bytes > limit:
                raise _too_long(limit)
            if self._held_bytes > settings.max_held_bytes:
                raise HttpError(429, "too many uploads at once; try again")
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_long(limit: int) -> HttpError:
    return HttpError(413, f"the body is longer than {limit} bytes")


class _Exchange:
    """A request and its response. The current task is the one that answers it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, deadline: float) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive
        self.task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self.deadline = deadline
        self.expired = False
        self.endpoint = "other"
        self.model = ""
        self.status = 0
        self.body_bytes = 0
        self._send = send

    async def send_inference(self, response: InferenceResponse) -> None:
        """Send the response to `infer`."""
        self.status = 200
        length = str(len(response.body)).encode()
        headers = [*response.headers, (b"content-length", length), NO_SNIFFING]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": response.body})

    async def run(self, app: ASGIApp, body: bytes) -> None:
        """Run the application; cancel it if the client disconnects.

        Raises:
            ClientDisconnectedError: The client disconnected.
        """
        received = False

        async def replay() -> Message:
            nonlocal received
            if received:
                return await self.receive()
            received = True
            return {"type": "http.request", "body": body, "more_body": False}

        answering = asyncio.ensure_future(app(self.scope, replay, self._send_secured))
        watching = asyncio.ensure_future(self._wait_for_disconnect())
        try:
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and not self.status:
                raise ClientDisconnectedError
            await answering
        finally:
            answering.cancel()
            watching.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
            self._set_endpoint()

    async def send_error(self, error: HttpError) -> None:
        """Send an error, unless the response has begun."""
        if self.status:
            return
        if isinstance(error, ClientDisconnectedError):
            self.status = error.status
            return
        response = error_response(error.status, error.message)
        await response(self.scope, self.receive, self._send_secured)

    async def _wait_for_disconnect(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _send_secured(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.deadline = time.monotonic() + SEND_SECONDS
            message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
        await self._send(message)

    def _set_endpoint(self) -> None:
        """Set the endpoint to the path of its route; paths that match no route are "other"."""
        path = getattr(self.scope.get("route"), "path", None)
        if self.endpoint == "other" and path:
            self.endpoint = path
