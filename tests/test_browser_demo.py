"""The demo of the documentation site in Chromium: a digit is read without a server."""

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import FAINT_TEXTS, LARGE_TEXT, WAIT, served_folder, watched_pages

pytest.importorskip("playwright.sync_api")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import make  # type: ignore[import-not-found]
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "site"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Build the demo and serve it as any web server does; return its address."""
    for tool in ("clang", "wasm-ld"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    subprocess.run(["make", "-s", "demo"], cwd=ROOT, check=True)
    with served_folder(SITE) as site:
        yield f"{site}demo/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with serve.chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator:
    with watched_pages(browser, address) as opened:

        def open_page(fragment: str = "", **options) -> Page:
            page = opened(**options)
            page.goto(address + fragment)
            expect(page.locator("#text")).not_to_have_text("Loading", timeout=WAIT)
            return page

        yield open_page


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


def test_a_filled_disc_is_not_a_digit(page: Page) -> None:
    reads(page, "Write a digit")
    page.locator("#pen").fill("42")
    page.locator("#sheet").click()
    reads(page, "Not a digit")
    expect(page.locator("#note")).to_contain_text("its shape is not that of a digit")


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


LESSON = "#sample=2&layer=conv2&map=7&cell=9.3"


def look_inside(page: Page) -> None:
    page.locator("summary").click()
    page.locator(".softmax").wait_for()


def number(text: str) -> float:
    """Return a number of the panel."""
    return float(text.replace("\N{MINUS SIGN}", "-"))


def ledger(page: Page) -> dict[str, float]:
    """Return the numbers of the calculation by what they are."""
    names = page.locator(".ledger dt").all_inner_texts()
    values = page.locator(".ledger dd").all_inner_texts()
    return dict(zip(names, map(number, values), strict=True))


def test_feature_maps_and_a_cell(page: Page) -> None:
    sample(page, "2")
    look_inside(page)
    counts = [layer.locator("button:has(canvas)").count() for layer in page.locator(".layer").all()]
    assert counts == [0, 18, 30, 38, 46, 45, 45, 0]
    second = page.get_by_role("group", name="Feature maps of Convolution 2")
    second.locator("button").nth(7).click(position={"x": 12, "y": 30})
    heading = page.locator(".cell h4")
    expect(heading).to_contain_text("Convolution 2, map 8, row ")
    numbers = ledger(page)
    total = numbers["products of this map, added"] + numbers["the other 17 maps"]
    assert total + numbers["bias"] == pytest.approx(numbers["sum"], abs=0.02)
    assert numbers["ReLU: 0 if negative"] == pytest.approx(max(0, numbers["sum"]), abs=0.01)
    assert float(heading.locator("b").inner_text()) == numbers["ReLU: 0 if negative"]
    tables = [
        [number(cell) for cell in table.locator("td").all_inner_texts()]
        for table in page.locator(".numbers").all()
    ]
    assert [len(table) for table in tables] == [9, 9, 9]
    for patch, weight, product in zip(*tables, strict=True):
        assert patch * weight == pytest.approx(product, abs=0.03)
    assert sum(tables[2]) == pytest.approx(numbers["products of this map, added"], abs=0.05)
    page.get_by_role("button", name=re.compile("^Map .*: ")).nth(3).click()  # another channel
    assert ledger(page)["sum"] == numbers["sum"]
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".cell")).to_have_count(0)


def test_the_softmax(page: Page) -> None:
    sample(page, "4 or 9")
    look_inside(page)
    rows = [row.locator("td").all_inner_texts() for row in page.locator(".softmax tbody tr").all()]
    logits = np.array([number(row[0]) for row in rows])
    powers = np.array([float(row[1]) for row in rows])
    np.testing.assert_allclose(powers, np.exp(logits - logits.max()), atol=0.02)
    total = page.locator(".softmax tfoot td").nth(1).inner_text()
    assert float(total) == pytest.approx(powers.sum(), abs=0.003)
    page.get_by_role("button", name="Digit 9: show the sum").click()
    assert ledger(page)["sum"] == pytest.approx(logits[9], abs=0.01)


def test_the_panel_by_keyboard(page: Page) -> None:
    sample(page, "3")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    group = page.get_by_role("group", name="Feature maps of Convolution 1")
    group.locator("button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".cell h4")).to_contain_text("Convolution 1, map 2, row ")
    expect(page.get_by_role("status").first).to_contain_text("Convolution 1, map 2, row ")
    before = page.locator(".cell h4").inner_text()
    page.get_by_role("application", name="Map 2 of Convolution 1").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cell h4")).not_to_have_text(before)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cell h4")).to_have_text(before)
    assert page.evaluate("document.activeElement.dataset.focus") == "map"
    page.get_by_role("button", name="Close").press("Enter")
    expect(group.locator("button").nth(1)).to_be_focused()


LESSON = "#sample=4+or+9&layer=conv3&map=31&cell=0.0&off=conv3.31"


def test_the_link_to_the_sheet_keeps_the_lesson(open_page) -> None:
    page = open_page(LESSON, viewport={"width": 1200, "height": 800})
    expect(page.locator(".broken")).not_to_be_empty()
    page.locator(".skip").press("Enter")
    expect(page.locator("#sheet")).to_be_focused()
    assert "off=conv3.31" in page.url
    expect(page.locator(".broken")).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_lesson_has_contrast(open_page, scheme: str) -> None:
    page = open_page(LESSON, viewport={"width": 1200, "height": 800}, color_scheme=scheme)
    expect(page.locator(".cell h4")).to_be_visible()
    assert page.evaluate(FAINT_TEXTS) == []


def test_large_text_fits_a_phone(browser: Browser, address: str) -> None:
    large = browser.browser_type.launch(
        executable_path=serve.CHROMIUM, args=[*serve.QUIET, LARGE_TEXT]
    )
    page = large.new_page(viewport={"width": 390, "height": 800})
    page.goto(address + LESSON)
    expect(page.locator(".cell h4")).to_be_visible(timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    large.close()


def test_a_network_that_is_missing_is_announced(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.route("**/reader.wasm", lambda route: route.fulfill(status=404))
    page.goto(address)
    expect(page.get_by_role("status").first).to_contain_text("HTTP 404", timeout=WAIT)
    page.close()


def test_switches_break_the_network_and_mend_it(page: Page) -> None:
    sample(page, "7")
    look_inside(page)
    told = page.locator(".broken")
    expect(told).to_be_empty()
    for name in ("Biases", "Convolution 3 on", "Activations"):
        page.get_by_role("checkbox", name=name).click()
        expect(told).to_contain_text(re.compile(r"The broken network says .*; mended, 7 \("))
        expect(page.locator("#note")).to_contain_text("The network is broken.")
        page.get_by_role("button", name="Mend all").click()
        expect(told).to_be_empty()
        reads(page, "7")
    page.get_by_role("slider", name="Noise").fill("0.6")
    expect(told).not_to_be_empty()
    page.get_by_role("button", name="Mend all").click()
    off = page.locator(".of-conv .maps button").first
    off.focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Map 1 on").click()
    expect(told).to_contain_text("1 map is off.")
    expect(page.locator(".ledger dt").last).to_have_text("switched off")


def test_a_lesson_is_a_link(page: Page, open_page) -> None:
    serve.write(page, 6, (80, 60), 250)
    reads(page, "6")
    look_inside(page)
    page.locator(".of-conv .maps button").nth(20).click()
    page.get_by_role("checkbox", name="Biases").click()
    page.get_by_role("slider", name="Noise").fill("0.1")
    expect(page.locator(".broken")).not_to_be_empty()
    shown = [page.locator(place).inner_text() for place in ("#text", ".cell h4", ".broken")]
    fragment = page.url.partition("#")[2]
    assert 50 < len(fragment) < 800
    other = open_page("#" + fragment, viewport={"width": 1200, "height": 800})
    expect(other.locator(".cell h4")).to_contain_text(shown[1].partition(":")[0])
    expect(other.locator("#text")).to_have_text(shown[0])
    assert other.url.partition("#")[2].partition("&")[2] == fragment.partition("&")[2]
    other.get_by_role("button", name="Mend all").click()
    reads(other, "6")
    other.locator("nav a").first.click()  # a lesson of the page
    expect(other.locator(".cell h4")).to_contain_text("Convolution 1")
    other.locator("#clear").click()
    expect(other.locator("#note")).to_have_text("The answer appears as you draw.")


@pytest.mark.parametrize(
    "fragment",
    ["#ink=%%%&layer=conv9&map=1", "#sample=nobody&layer=conv1&map=99&cell=a.b", "#off=x&noise=NaN",
     "#sample=1&layer=conv1&map=1&cell=99.99&channel=-1&noise=1e9", "#ink=_wAAAA", "#&=&&"],
)  # fmt: skip
def test_strange_links(open_page, fragment: str) -> None:
    page = open_page(fragment, viewport={"width": 900, "height": 800})
    sample(page, "1")
    expect(page.locator("#seen")).to_be_visible()


def lessons() -> list[tuple[str, str]]:
    """Return the links of the tutorial, each with the sentence that the demo says."""
    text = (ROOT / "docs" / "tutorials" / "inside.md").read_text()
    found = re.findall(r'href="../demo/index.html(#[^"]*)".*?^> ([^\n]*)', text, re.S | re.M)
    assert len(found) == text.count("\n## ") - 1  # all but the last section
    return [(html.unescape(link), words) for link, words in found]


@pytest.mark.parametrize(("link", "words"), lessons())
def test_a_lesson_shows_what_the_tutorial_says(open_page, link: str, words: str) -> None:
    page = open_page(link, viewport={"width": 1200, "height": 800})
    expect(page.locator("main")).to_contain_text(words, timeout=WAIT)
    assert f'href="{html.escape(link)}"' in (ROOT / "docs" / "demo" / "index.html").read_text()


def test_it_works_offline_after_a_visit(open_page) -> None:
    page = open_page(viewport={"width": 900, "height": 800})
    page.locator("body[data-kept]").wait_for()
    page.context.set_offline(True)
    page.reload()
    sample(page, "5")
    reads(page, "5")
    look_inside(page)
    page.locator("#clear").click()
    reads(page, "Write a digit")


def test_a_finger_on_a_phone(open_page) -> None:
    page = open_page(**serve.PHONE)
    client = page.context.new_cdp_session(page)
    sheet = page.locator("#sheet").bounding_box()
    for stroke in make.STROKES[4]:
        for at, (x, y) in enumerate(
            make.smooth(stroke, 8) * 200 + (sheet["x"] + 80, sheet["y"] + 80)
        ):
            point = {"x": float(x), "y": float(y)}
            kind = "touchMove" if at else "touchStart"
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    reads(page, "4")
    assert page.evaluate("scrollY") == 0, "drawing must not scroll"
    answer = page.locator("#text").bounding_box()
    assert answer["y"] + answer["height"] < 844, "the answer is on the screen"
    for button in page.get_by_role("button").all():
        if button.is_visible():
            assert min(button.bounding_box()[one] for one in ("width", "height")) >= 44
    look_inside(page)
    page.locator(".of-conv .maps button").nth(4).tap()
    expect(page.locator(".cell h4")).to_contain_text("Convolution 1, map 5, row ")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_link_is_copied(open_page) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    sample(page, "8")
    reads(page, "8")
    page.locator("#link").click()
    expect(page.locator("#link-words")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/demo/#sample=8")
