"""The documentation site in Chromium: it fits phones and screens, and its start page reads."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import UNREACHABLE, WAIT, served_folder, watched_pages

pytest.importorskip("playwright.sync_api")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "site"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Build the site and serve it as any web server does; return its address."""
    if shutil.which("clang") and shutil.which("wasm-ld"):
        subprocess.run(["make", "-s", "demo"], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "docs", SITE], cwd=ROOT, check=True)
    with served_folder(SITE) as site:
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with serve.chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator:
    with watched_pages(browser, address, errors_alone=True) as open_page:
        yield lambda width, **options: open_page(
            viewport={"width": width, "height": 900}, **options
        )


@pytest.mark.parametrize("width", [400, 900, 1400])
def test_every_page_fits_the_screen(opened, address: str, width: int) -> None:
    page = opened(width)
    files = sorted(SITE.rglob("*.html"))
    assert len(files) > 30
    for file in files:
        name = file.relative_to(SITE).as_posix()
        page.goto(address + name, wait_until="load")
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{name} is {wider} pixels wider than the screen"
        page.wait_for_function(f"!({UNREACHABLE})().length")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_command_of_tenfold_looks_like_no_command_of_the_shell(
    opened, address: str, scheme: str
) -> None:
    page = opened(400, color_scheme=scheme)
    page.goto(f"{address}tutorials/first-digit.html")
    read = page.locator(".highlight-sh .nb", has_text="read").first
    colors = "one => [one, one.closest('pre')].map(part => getComputedStyle(part).color)"
    own, around = read.evaluate(colors)
    assert own == around


def test_the_start_page_reads_a_digit_and_takes_the_theme(opened, address: str) -> None:
    if not (SITE / "demo" / "reader.wasm").is_file():
        pytest.skip("clang is not installed")
    page = opened(1400, color_scheme="light")
    page.goto(address)
    frame = page.frame_locator("iframe.demo")
    frame.get_by_role("button", name="Sample: 3").click(timeout=WAIT)
    expect(frame.locator("#text")).to_have_text("3", timeout=WAIT)
    expect(frame.locator("header")).to_be_hidden()
    heading = frame.locator("#take-title")
    light = heading.evaluate("one => getComputedStyle(one).color")
    page.locator(".theme-toggle").locator("visible=true").click()
    if page.evaluate("document.body.dataset.theme") != "dark":
        page.locator(".theme-toggle").locator("visible=true").click()
    expect(page.locator("body")).to_have_attribute("data-theme", "dark")
    assert heading.evaluate("one => getComputedStyle(one).color") != light
    assert page.evaluate(
        "document.querySelector('iframe.demo').contentDocument.documentElement.scrollHeight"
    ) <= page.locator("iframe.demo").evaluate("one => one.clientHeight + 1")


def test_the_start_page_reads_by_keyboard_and_without_a_network(opened, address: str) -> None:
    if not (SITE / "demo" / "reader.wasm").is_file():
        pytest.skip("clang is not installed")
    page = opened(1000)
    page.goto(address)
    frame = page.frame_locator("iframe.demo")
    expect(frame.locator("#text")).to_have_text("Write a digit", timeout=WAIT)
    frame.locator("body[data-kept]").wait_for()
    page.context.set_offline(True)
    frame.locator("html").evaluate("() => location.reload()")
    expect(frame.locator("#text")).to_have_text("Write a digit", timeout=WAIT)
    for _ in range(40):  # Tab leads from the page into the sheet
        page.keyboard.press("Tab")
        if frame.locator("#sheet").evaluate("sheet => sheet === document.activeElement"):
            break
    page.keyboard.press(" ")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press(" ")
    expect(frame.locator("#text")).to_have_text("1", timeout=WAIT)
    expect(frame.get_by_role("status").first).to_contain_text("1. Confidence")


def test_the_search_finds_a_term(opened, address: str) -> None:
    page = opened(900)
    page.goto(address + "search.html?q=counterfactual")
    expect(page.get_by_text(re.compile("found \\d+ page"))).to_be_visible(timeout=WAIT)
    assert page.get_by_role("link", name="Glossary").count() >= 1
