"""What stands before the application: limits, deadlines, headers, counts, the log.

Requests to `infer` are answered here, without the application: routing one there takes as long as
reading its image.
"""

import asyncio
import re
import time
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tenfold.serving.logs import tell
from tenfold.serving.problems import ClientLeftError, ProblemError, problem_response
from tenfold.serving.service import Service
from tenfold.serving.v2 import Answer, infer

Headers: TypeAlias = list[tuple[bytes, bytes]]

SENDING_SECONDS = 60.0
"""Time a client has to take its answer, once that is there."""

LOOK_SECONDS = 0.05
"""How often deadlines are looked at: a timer for each request costs more than its image."""

INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/[^/]+)?/infer")
INFER_ENDPOINT = "/v2/models/{name}/infer"

ALWAYS = ("/v2/health/live", "/metrics")
"""Paths that are answered even while draining."""

_NOSNIFF = (b"x-content-type-options", b"nosniff")

SAFE: Headers = [
    _NOSNIFF,
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        b" media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
        b" form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=()"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
"""Headers of every answer but those to `infer`: the page runs no script but its own files."""


class Front:
    """The application with its limits around it, as ASGI.

    Args:
        app: The application.
        service: What it serves.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._open: set[_Exchange] = set()
        self._looking = False
        self._held = 0
        self._max_infer_bytes = service.settings.max_infer_bytes
        # Browsers of other origins need headers that only the application gives.
        self._quick = not service.settings.cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        service = self._service
        service.in_flight += 1
        started = time.monotonic()
        limit = service.settings.timeout_seconds
        exchange = _Exchange(scope, receive, send, started + limit)
        self._open.add(exchange)
        if not self._looking:
            self._look_at_deadlines()
        try:
            await self._answer(exchange)
        except ProblemError as problem:
            await exchange.tell(problem)
        except asyncio.CancelledError:
            if not exchange.expired:
                raise
            exchange.task.uncancel()
            await exchange.tell(ProblemError(504, f"no answer within {limit:g} seconds"))
        except Exception as error:
            tell("a fault of ours", level=40, error=error)
            await exchange.tell(ProblemError(500, "the server made a mistake; its log says which"))
        finally:
            self._open.discard(exchange)
            self._held -= exchange.held
            service.in_flight -= 1
            seconds = time.monotonic() - started
            service.metrics.answered(exchange.endpoint, exchange.status, seconds)
            tell(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                milliseconds=round(1000 * seconds, 2),
                bytes=exchange.held,
            )

    async def _answer(self, exchange: "_Exchange") -> None:
        self._admit(exchange)
        body = await self._body(exchange)
        if exchange.model and self._quick:
            answer = await infer(self._service, exchange.model, exchange.headers, body)
            await exchange.send_quickly(answer)
        else:
            await exchange.run(self._app, body)

    def _look_at_deadlines(self) -> None:
        """Cancel what is late, and look again soon."""
        now = time.monotonic()
        for exchange in self._open:
            if exchange.expires < now and not exchange.expired:
                exchange.expired = True
                exchange.task.cancel()
        self._looking = bool(self._open)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_at_deadlines)

    def _admit(self, exchange: "_Exchange") -> None:
        """Refuse what would be refused anyway, before its body is there."""
        service, path = self._service, exchange.path
        if service.phase == "draining" and path not in ALWAYS:
            service.check_ready()
        if exchange.headers.get(b"content-encoding", b"identity") != b"identity":
            raise ProblemError(415, "the body is compressed; send it as it is")
        if exchange.method != "POST":
            return
        found = INFER.fullmatch(path)
        if found:
            exchange.endpoint = INFER_ENDPOINT
            exchange.model = found[1] if path.count("/") == 4 else ""
            service.batcher()
        else:
            service.check_room_for_picture()

    async def _body(self, exchange: "_Exchange") -> bytes:
        """Return the body of a request.

        Raises:
            ProblemError: 413 if it is too long, 429 if those of all requests are.
            ClientLeftError: It never came.
        """
        settings = self._service.settings
        infers = exchange.endpoint == INFER_ENDPOINT
        most = self._max_infer_bytes if infers else settings.max_bytes
        declared = exchange.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > most:
            raise _too_long(most)
        parts = []
        more = True
        while more:
            message = await exchange.receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            part = message.get("body", b"")
            more = message.get("more_body", False)
            parts.append(part)
            exchange.held += len(part)
            self._held += len(part)
            if exchange.held > most:
                raise _too_long(most)
            if self._held > settings.max_held_bytes:
                raise ProblemError(429, "too many uploads at once; try again")
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_long(most: int) -> ProblemError:
    return ProblemError(413, f"the body is longer than {most} bytes")


class _Exchange:
    """A request and its answer; its task is the present one."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, expires: float) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive
        self.task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self.expires = expires
        self.expired = False
        self.endpoint = "other"
        self.model = ""
        self.status = 0
        self.held = 0
        self._send = send

    async def send_quickly(self, answer: Answer) -> None:
        """Send the answer to `infer`."""
        self.status = 200
        length = str(len(answer.body)).encode()
        headers = [*answer.headers, (b"content-length", length), _NOSNIFF]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": answer.body})

    async def run(self, app: ASGIApp, body: bytes) -> None:
        """Let the application answer; stop it if the client leaves.

        Raises:
            ClientLeftError: It did.
        """
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await self.receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        working = asyncio.ensure_future(app(self.scope, replay, self._send_safely))
        watching = asyncio.ensure_future(self._until_gone())
        try:
            await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and not self.status:
                raise ClientLeftError
            await working
        finally:
            working.cancel()
            watching.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)
            self._name_endpoint()

    async def tell(self, problem: ProblemError) -> None:
        """Send a problem, if nothing was sent yet."""
        if self.status:
            return
        if isinstance(problem, ClientLeftError):
            self.status = problem.status
            return
        response = problem_response(problem.status, problem.message)
        await response(self.scope, self.receive, self._send_safely)

    async def _until_gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _send_safely(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.expires = time.monotonic() + SENDING_SECONDS
            message = {**message, "headers": [*message.get("headers", ()), *SAFE]}
        await self._send(message)

    def _name_endpoint(self) -> None:
        """Name the endpoint by its route; what a client made up counts as "other"."""
        path = getattr(self.scope.get("route"), "path", None)
        if self.endpoint == "other" and path:
            self.endpoint = path
