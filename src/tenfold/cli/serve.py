"""`tenfold serve`."""

import argparse
import json
from typing import Any

_EPILOG = """\
examples:
  tenfold serve                           a page to draw on, and an API, on this machine alone
  tenfold serve --port 0                  any port that is free; the address is printed
  tenfold serve --model best              another model than reader
  tenfold serve --host 0.0.0.0            reachable from other machines
  curl -F file=@photo.jpg http://127.0.0.1:8000/predict

SIGTERM lets requests that have begun end, and exits 0.
"""


def add_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "serve",
        parents=[common],
        help="a page to draw on, and an HTTP API",
        description="Serve a page with a canvas, and an HTTP API, until Ctrl-C or SIGTERM.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="8000; 0 for any free")
    parser.add_argument(
        "--model", default="reader", metavar="MODEL", help="shipped name or bundle folder; reader"
    )


def run(options: argparse.Namespace) -> tuple[Any, str]:
    """Serve until stopped; the address is printed once requests are answered."""
    from tenfold.errors import MissingExtraError

    try:
        from tenfold.serving.server import Server, listen
    except ImportError as error:
        raise MissingExtraError("serving", "serve") from error
    from tenfold.serving.service import Service
    from tenfold.serving.settings import Settings

    def announce(address: str) -> None:
        told = json.dumps({"address": address, "model": options.model})
        text = f"tenfold is at {address} (Ctrl-C stops it)"
        print(told if options.json else text, flush=True)  # noqa: T201

    service = Service(options.model, Settings())
    Server(service, listen(options.host, options.port), announce).serve_until_stopped()
    options.json = False  # its one document was the address
    return None, ""
