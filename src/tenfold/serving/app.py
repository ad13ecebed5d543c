"""The FastAPI application: routes, static files, CORS and the descriptions for OpenAPI."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse
from starlette.routing import Route

from tenfold import __version__
from tenfold.serving import metrics, open_inference, page_api, predict
from tenfold.serving.http_errors import RETRY_SECONDS, add_error_handlers
from tenfold.serving.schemas import Error
from tenfold.serving.service import Service, service_of

PAGE = Path(__file__).parent / "page"
"""Folder of the page: index.html, and the files that index.html loads from /static."""

DESCRIPTION = """\
Reads handwritten digits: in pictures (`/predict`), and in 28x28 images by the Open Inference
Protocol (`/v2`). Every error is `{"error": "..."}`.
"""

_RETRY = {
    "Retry-After": {"description": "seconds", "schema": {"type": "integer", "const": RETRY_SECONDS}}
}

_REASONS = {
    400: "The request is malformed, or is for another host.",
    403: "A page of another origin sent the request.",
    404: "There is no such model or path.",
    413: "Too many bytes, pixels, pages or images.",
    415: "The content type is not supported.",
    422: "The picture or a parameter cannot be read.",
    429: "Too many requests are waiting.",
    503: "The server is starting or draining.",
    504: "The request took too long.",
}


def create_app(service: Service) -> FastAPI:
    """Return the application that serves a model.

    Limits and deadlines are not part of the application; `tenfold.serving.middleware` adds them.
    """
    app = FastAPI(
        title="tenfold",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redirect_slashes=False,  # the address of a redirect would be made from the Host header
        redoc_url=None,
    )
    app.state.service = service
    add_error_handlers(app)
    if service.settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.cors,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "Inference-Header-Content-Length"],
            expose_headers=["Inference-Header-Content-Length", "Retry-After"],
        )
    app.include_router(predict.router, responses=_ERRORS)
    app.include_router(open_inference.router, responses=_ERRORS)
    app.include_router(page_api.router)
    app.router.routes.append(Route("/", _page))
    app.router.routes.append(Route("/metrics", _metrics))
    app.mount("/static", StaticFiles(directory=PAGE), name="static")
    return app


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": reason}
    | ({"headers": _RETRY} if status in (429, 503) else {})
    for status, reason in _REASONS.items()
}


async def _page(_: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


async def _metrics(request: Request) -> Response:
    text = service_of(request).metrics.text()
    return Response(text, headers={"content-type": metrics.CONTENT_TYPE})
