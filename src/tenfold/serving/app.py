"""The application: its routes, put together."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from tenfold import __version__
from tenfold.serving import predict
from tenfold.serving.problems import tell_problems
from tenfold.serving.service import Service

PAGE = Path(__file__).parent / "page"
"""The page: index.html, and beside it what it loads from /static."""


def create_app(service: Service) -> FastAPI:
    """Return the application that serves a model."""
    app = FastAPI(title="tenfold", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = service
    tell_problems(app)
    app.include_router(predict.router)
    app.mount("/static", StaticFiles(directory=PAGE), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    return app
