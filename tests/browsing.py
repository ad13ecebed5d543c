"""Pages in Chromium whose requests and messages are watched."""

import functools
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

WAIT = 20_000
"""Time limit for an answer in milliseconds, long enough for a busy machine."""


@contextmanager
def watched_pages(
    browser: "Browser", address: str, *, expected: str = "$^", errors_alone: bool = False
) -> "Iterator[Callable[..., Page]]":
    """Give a function that makes pages, from the options of a browser's context.

    At the end, check that they loaded nothing from elsewhere and logged nothing.

    Args:
        browser: The browser.
        address: Where all requests must go.
        expected: Pattern of messages that may be logged.
        errors_alone: Let through messages that are not errors.
    """
    contexts, asked, said = [], [], []

    def hear(message: "ConsoleMessage") -> None:
        if message.type == "error" or not errors_alone:
            said.append(message.text)

    def opened(**options: Any) -> "Page":
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert not [words for words in said if not re.search(expected, words)]


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served_folder(folder: Path) -> Iterator[str]:
    """Serve a folder as any web server does; give its address."""
    handler = functools.partial(_Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
