"""tenfold serve: a page to draw on, and an HTTP API."""

import argparse
import json
import logging
from collections.abc import Callable
from typing import Any

from tenfold.cli.options import add_model_option, chosen_model, port, positive, seconds

HELP = "a page to draw on, and an HTTP API"
DESCRIPTION = "Serve a page with a canvas, and an HTTP API, until Ctrl-C or SIGTERM."
EPILOG = """\
examples:
  tenfold serve                           a page and an API, for this machine only
  tenfold serve --port 0                  any free port; the address is printed
  tenfold serve --model best              another model than reader
  tenfold serve --host 0.0.0.0            reachable from other machines
  curl -F file=@photo.jpg http://127.0.0.1:8000/predict

On SIGTERM, running requests are finished and the exit code is 0. The log goes to stderr, one JSON
object per line; --quiet omits requests from it.
"""


def _time_limit(text: str) -> float:
    """Return the seconds that a request may take: the type of an option."""
    number = seconds(text)
    if not 0.001 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not at least 0.001 and finite")
    return number


LIMITS: tuple[tuple[str, Callable[[str], float], float, str], ...] = (
    ("max-megabytes", positive, 32, "largest body of a request"),
    ("max-megapixels", positive, 50, "largest picture"),
    ("max-pages", positive, 20, "most pages of a PDF or TIFF"),
    ("max-images", positive, 256, "most 28x28 images in a request"),
    ("timeout", _time_limit, 10, "seconds for a request, from its headers to its answer"),
    ("queue", positive, 256, "requests that may wait for the model"),
    ("picture-queue", positive, 32, "pictures that may wait for a worker"),
    ("workers", int, 0, "threads that decode and read pictures"),
)
"""Option, type, default and what it limits."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    help = "port to listen on, 0 for any free one (default: 8000)"
    add("--port", type=port, default=8000, metavar="N", help=help)
    add_model_option(parser)
    limits = parser.add_argument_group("limits")
    for name, kind, default, text in LIMITS:
        help = f"{text} (default: {default or 'one per core, at most 4'})"
        metavar = "X" if name == "timeout" else "N"
        limits.add_argument(f"--{name}", type=kind, default=default, metavar=metavar, help=help)
    limits.add_argument(
        "--allowed-hosts",
        default="",
        metavar="LIST",
        help="names, besides loopback names and --host, by which clients may address the server, "
        "* for all (default: none)",
    )
    limits.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin call the API, * for all; may be repeated (default: none)",
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Serve until stopped; print the address once requests are answered."""
    from tenfold.errors import MissingExtraError
    from tenfold.serving.settings import Settings

    settings = Settings(
        max_bytes=1_000_000 * options.max_megabytes,
        max_pixels=1_000_000 * options.max_megapixels,
        max_pages=options.max_pages,
        max_images=options.max_images,
        timeout_seconds=options.timeout,
        queue=options.queue,
        picture_queue=options.picture_queue,
        workers=options.workers,
        allowed_hosts=(options.host, *filter(None, options.allowed_hosts.split(","))),
        cors=tuple(options.cors),
    )
    try:
        from tenfold.serving.listening import listen
        from tenfold.serving.logs import log_event
        from tenfold.serving.server import Server
        from tenfold.serving.service import Service
    except ImportError as error:
        raise MissingExtraError("serving", "serve") from error

    def announce(address: str) -> None:
        document = json.dumps({"address": address, "model": options.model})
        text = f"tenfold is at {address} (Ctrl-C stops it)"
        try:
            print(document if options.json else text, flush=True)  # noqa: T201
        except OSError as error:  # a full disk, or nobody who reads it
            reason = error.strerror
            log_event("stdout is lost", level=logging.WARNING, address=address, reason=reason)

    service = Service(chosen_model(options), settings)
    Server(service, listen(options.host, options.port), announce).serve_until_stopped()
    options.json = False  # the address was the one document
    return None, ""
