"""Errors as HTTP responses: a status and `{"error": "..."}`."""

import json

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tenfold.errors import PictureBusyError, PictureError, PictureTooLargeError

RETRY_SECONDS = 1
"""Value of Retry-After: the queues empty in about a second."""

CLIENT_DISCONNECTED = 499
"""Status in log and metrics of a request whose client disconnected; the same as nginx's."""

INTERNAL = "internal error; see the server's log"
"""What a client is told of an error that is the server's fault."""


class HttpError(Exception):
    """An error that is answered with an HTTP status.

    Args:
        status: The HTTP status.
        message: One line for the client.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ClientDisconnectedError(HttpError):
    """The client closed its connection before the response."""

    def __init__(self) -> None:
        super().__init__(CLIENT_DISCONNECTED, "the client disconnected")


def error_response(status: int, message: str) -> Response:
    """Return the response for an error."""
    headers = {"retry-after": str(RETRY_SECONDS)} if status in (429, 503) else None
    body = json.dumps({"error": message}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, "application/json")


def add_error_handlers(app: FastAPI) -> None:
    """Make an application answer every error as `{"error": "..."}`."""

    @app.exception_handler(HttpError)
    async def handle_http_error(_: Request, error: HttpError) -> Response:
        return error_response(error.status, error.message)

    @app.exception_handler(PictureError)
    async def handle_picture_error(_: Request, error: PictureError) -> Response:
        status = {PictureTooLargeError: 413, PictureBusyError: 429}.get(type(error), 422)
        return error_response(status, str(error))

    @app.exception_handler(HTTPException)
    async def handle_starlette_error(_: Request, error: HTTPException) -> Response:
        response = error_response(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def handle_internal_error(_: Request, error: Exception) -> Response:
        return error_response(500, INTERNAL)  # and raised again, for the log

    @app.exception_handler(RequestValidationError)
    async def handle_validation_error(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][1:]))
        return error_response(422, f"{where or 'body'}: {first['msg']}")
