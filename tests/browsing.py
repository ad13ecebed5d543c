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


READABLE = 4.5
"""Least contrast of text (WCAG 2, AA); text of 24 pixels may have 3."""

FAINT_TEXTS = """() => {
  const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = color => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = color => {
    const [r, g, b] = color.map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const covers = (rect, x, y) =>
    rect.left <= x && x <= rect.right && rect.top <= y && y <= rect.bottom;
  const behind = (element, x, y) => {
    for (let at = element; at; at = at.parentElement) {
      for (let before = at.previousElementSibling; before; before = before.previousElementSibling)
        if (before.tagName === "rect" && before.getAttribute("fill") !== "none"
            && covers(before.getBoundingClientRect(), x, y))
          return rgba(getComputedStyle(before).fill);
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) return color;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    const box = element.getBoundingClientRect();
    if (!text || !box.width || !element.checkVisibility() || element.tagName === "title") continue;
    const style = getComputedStyle(element);
    const inside = element instanceof SVGElement;
    const levels = [rgba(inside ? style.fill : style.color),
                    behind(element, box.left + box.width / 2, box.top + box.height / 2)]
      .map(luminance).sort((one, other) => one - other);
    const contrast = (levels[1] + 0.05) / (levels[0] + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : READABLE))
      faint.push([text, Math.round(10 * contrast) / 10]);
  }
  return faint;
}""".replace("READABLE", str(READABLE))
"""Texts with too little contrast to the box drawn before them, or to the background."""

UNREACHABLE = """() => [...document.querySelectorAll("*")].filter(one => {
  const {overflowX, overflowY} = getComputedStyle(one);
  return /auto|scroll/.test(overflowX) && one.scrollWidth > one.clientWidth
    || /auto|scroll/.test(overflowY) && one.scrollHeight > one.clientHeight;
}).filter(one => ![one, ...one.querySelectorAll("*")].some(each => each.tabIndex >= 0))
  .map(one => one.cloneNode().outerHTML)"""
"""Elements that scroll, but not by keyboard in every browser: nothing in them takes the focus."""

LARGE_TEXT = "--blink-settings=defaultFontSize=32"
"""Option of Chromium for text of twice the usual size."""


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
