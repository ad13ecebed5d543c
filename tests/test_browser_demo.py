"""The demo of the documentation site in Chromium: a digit is read without a server."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "site"

WAIT = 20_000
"""Time limit for an answer in milliseconds, long enough for a busy machine."""


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Build the demo and serve it as any web server does; return its address."""
    for tool in ("clang", "wasm-ld"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    subprocess.run(["make", "-s", "demo"], cwd=ROOT, check=True)
    handler = functools.partial(Files, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/demo/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with serve.chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator:
    """Open the page; at the end, check that it loaded nothing elsewhere and logged nothing."""
    contexts, asked, said = [], [], []

    def opened(fragment: str = "", **options) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address + fragment)
        expect(page.locator("#text")).not_to_have_text("Loading", timeout=WAIT)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
    assert not said, said


@pytest.fixture
def page(open_page) -> Page:
    return open_page(viewport={"width": 1200, "height": 800})


def reads(page: Page, text: str) -> None:
    expect(page.locator("#text")).to_have_text(text, timeout=WAIT)


def sample(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Sample: {name}", exact=True).click()


def test_each_digit_is_read_as_it_is_drawn(page: Page) -> None:
    reads(page, "Write a digit")
    for digit in range(10):
        serve.write(page, digit, (80, 60), 250)
        reads(page, str(digit))
        expect(page.locator("#bars .best")).to_contain_text(str(digit))
        expect(page.get_by_role("status")).to_contain_text(f"{digit}. Confidence")
        page.keyboard.press("Escape")
        reads(page, "Write a digit")
    expect(page.get_by_role("status")).to_have_text("The sheet is empty.")
    shares = page.locator("#bars i").evaluate_all(
        "bars => bars.map((bar) => Number(bar.style.getPropertyValue('--share')))"
    )
    assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_samples_are_read_and_doubtful_ones_rejected(page: Page) -> None:
    for digit in range(10):
        sample(page, str(digit))
        reads(page, str(digit))
    for name in ("4 or 9", "1 or 7", "the letter A", "a face"):
        sample(page, name)
        reads(page, "?")
        expect(page.locator("#note")).to_contain_text("Uncertain: perhaps")
    page.locator("#undo").click()
    expect(page.locator("#note")).to_contain_text("perhaps 4")  # the letter is back
    serve.write(page, 1, (80, 60), 250)  # a stroke more on the same sheet
    expect(page.locator("#seen")).to_be_visible()


def test_the_threshold_is_that_of_the_network() -> None:
    meta = json.loads((ROOT / "src/tenfold/weights/tiny/meta.json").read_text())
    (threshold,) = re.findall(r"THRESHOLD = ([\d.]+)", (ROOT / "docs/demo/demo.js").read_text())
    assert float(threshold) == meta["reading"]["threshold"]


def test_drawing_with_the_keyboard_alone(page: Page) -> None:
    page.locator("#sheet").focus()
    page.keyboard.press(" ")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press(" ")
    reads(page, "1")
    page.keyboard.press("Backspace")
    reads(page, "Write a digit")


def test_the_policy_allows_no_inline_script(page: Page) -> None:
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    source = (ROOT / "docs/demo/index.html").read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", source)


@pytest.mark.parametrize("width", [360, 400, 900, 1400])
def test_nothing_is_wider_than_the_screen(open_page, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    sample(page, "8")
    reads(page, "8")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
