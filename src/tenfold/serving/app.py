"""The application: its routes, put together."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse
from starlette.routing import Route

from tenfold import __version__
from tenfold.serving import looking, metrics, predict, v2
from tenfold.serving.problems import RETRY_SECONDS, tell_problems
from tenfold.serving.schemas import Error
from tenfold.serving.service import Service, service_of

PAGE = Path(__file__).parent / "page"
"""The page: index.html, and beside it what it loads from /static."""

DESCRIPTION = """\
Reads handwritten digits: in pictures (`/predict`), and in 28x28 images by the Open Inference
Protocol (`/v2`). Every error is `{"error": "..."}`.
"""

_RETRY = {
    "Retry-After": {"description": "seconds", "schema": {"type": "integer", "const": RETRY_SECONDS}}
}

_WHY = {
    400: "The request is malformed.",
    404: "There is no such model or path.",
    413: "Too many bytes, pixels, pages or images.",
    415: "The body is of another type.",
    422: "The picture, or a parameter, cannot be read.",
    429: "Too many requests wait already.",
    503: "The server is starting, or about to stop.",
    504: "There was no answer in time.",
}


def create_app(service: Service) -> FastAPI:
    """Return the application that serves a model.

    It sets no limits by itself: see `tenfold.serving.front`.
    """
    app = FastAPI(
        title="tenfold",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    tell_problems(app)
    if service.settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.cors,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "Inference-Header-Content-Length"],
            expose_headers=["Inference-Header-Content-Length", "Retry-After"],
        )
    app.include_router(predict.router, responses=_errors(*_WHY))
    app.include_router(v2.router, responses=_errors(*_WHY))
    app.include_router(looking.router)
    app.router.routes.append(Route("/", _page))
    app.router.routes.append(Route("/metrics", _metrics))
    app.mount("/static", StaticFiles(directory=PAGE), name="static")
    return app


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": Error, "description": _WHY[status]}
        | ({"headers": _RETRY} if status in (429, 503) else {})
        for status in statuses
    }


async def _page(_: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})


async def _metrics(request: Request) -> Response:
    text = service_of(request).metrics.text()
    return Response(text, headers={"content-type": metrics.CONTENT_TYPE})
