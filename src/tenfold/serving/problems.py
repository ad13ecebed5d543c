"""What goes wrong, as HTTP tells it: a status and `{"error": "..."}`."""

import json
import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tenfold.errors import PictureError

RETRY_SECONDS = 1
"""What Retry-After says: the queue is short, and turns over in well under a second."""

_log = logging.getLogger(__name__)


class ProblemError(Exception):
    """A request that is not answered as its client hoped.

    Args:
        status: The HTTP status.
        message: One line for the client.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def problem_response(status: int, message: str) -> Response:
    """Return an answer that tells of a problem."""
    headers = {"retry-after": str(RETRY_SECONDS)} if status in (429, 503) else None
    body = json.dumps({"error": message}, ensure_ascii=False).encode()
    return Response(body, status, headers, "application/json")


def tell_problems(app: FastAPI) -> None:
    """Make an application answer every error as `{"error": "..."}`."""

    @app.exception_handler(ProblemError)
    async def problem(_: Request, error: ProblemError) -> Response:
        return problem_response(error.status, error.message)

    @app.exception_handler(PictureError)
    async def picture(_: Request, error: PictureError) -> Response:
        return problem_response(422, str(error))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        response = problem_response(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][1:]))
        return problem_response(422, f"{where}: {first['msg']}")

    @app.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> Response:
        _log.error("a fault of ours in %s", request.url.path, exc_info=error)
        return problem_response(500, "the server made a mistake; its log says which")
