"""What goes wrong, as HTTP tells it: a status and `{"error": "..."}`."""

import json

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tenfold.errors import PictureError, PictureTooLargeError

RETRY_SECONDS = 1
"""What Retry-After says: the queues turn over in about a second."""

CLIENT_LEFT = 499
"""Status that the log and the metrics give a request whose client left, as nginx does."""


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


class ClientLeftError(ProblemError):
    """The client closed its connection before it had an answer."""

    def __init__(self) -> None:
        super().__init__(CLIENT_LEFT, "the client left")


def problem_of(error: Exception) -> ProblemError | None:
    """Return how HTTP tells of an error, or None for a fault of ours."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, PictureError):
        return ProblemError(413 if isinstance(error, PictureTooLargeError) else 422, str(error))
    return None


def problem_response(status: int, message: str) -> Response:
    """Return an answer that tells of a problem."""
    headers = {"retry-after": str(RETRY_SECONDS)} if status in (429, 503) else None
    body = json.dumps({"error": message}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, "application/json")


def tell_problems(app: FastAPI) -> None:
    """Make an application answer every error as `{"error": "..."}`."""

    @app.exception_handler(ProblemError)
    @app.exception_handler(PictureError)
    async def known(_: Request, error: Exception) -> Response:
        problem = problem_of(error)
        assert problem is not None
        return problem_response(problem.status, problem.message)

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
