"""The page of `tenfold serve` in Chromium, with mouse, touch, keyboard and screen reader."""

import base64
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scenes
from browsing import FAINT_TEXTS, LARGE_TEXT, WAIT, watched_pages
from conftest import Mnist
from PIL import Image, ImageDraw

pytest.importorskip("playwright.sync_api")
sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "images"))
import make  # type: ignore[import-not-found]
import serve  # type: ignore[import-not-found]
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve.served() as address:
        yield address


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The camera's video: a few frames of a page of numbers."""
    path = tmp_path_factory.mktemp("film") / "page.mjpeg"
    frame = photo("JPEG")
    path.write_bytes(frame * 4)
    return path


@pytest.fixture(scope="module")
def browser(film: Path) -> Iterator[Browser]:
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with serve.chromium(*camera, f"--use-file-for-fake-video-capture={film}") as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator:
    with watched_pages(browser, address, expected="status of 4") as opened:

        def open_page(**options) -> Page:
            page = opened(**options)
            page.goto(address)
            return page

        yield open_page


@pytest.fixture
def page(open_page) -> Page:
    return open_page(viewport={"width": 1200, "height": 800})


def photo(kind: str = "PNG") -> bytes:
    """Two numbers on squared paper, unevenly lit."""
    buffer = io.BytesIO()
    Image.fromarray(make.number_page()[..., ::-1]).save(buffer, kind)
    return buffer.getvalue()


def reads(page: Page, text: str) -> None:
    expect(page.locator("#text")).to_have_text(text, timeout=WAIT)


def hand_over(page: Page, event: str, data: bytes, kind: str) -> None:
    """Drop or paste a file."""
    page.evaluate(
        """([event, text, type]) => {
          const data = new DataTransfer();
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          data.items.add(new File([bytes], "picture", { type }));
          const told = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(event === "paste"
            ? new ClipboardEvent(event, { ...told, clipboardData: data })
            : new DragEvent(event, { ...told, dataTransfer: data }));
        }""",
        [event, base64.b64encode(data).decode(), kind],
    )


def test_each_digit_is_read_as_it_is_drawn(page: Page) -> None:
    for digit in range(10):
        serve.write(page, digit, (200, 100), 250)
        reads(page, str(digit))
        expect(page.locator("#note")).to_have_text(
            re.compile(r"Confidence (9\d\.\d|over 99\.9)%\.")
        )
        expect(page.locator("#bars .best")).to_contain_text(str(digit))
        assert page.locator("#boxes i").count() == 1
        page.keyboard.press("Escape")
        reads(page, "Write a digit")
    # The network saw a 9 in the middle of its 28x28, white on black.
    serve.write(page, 9, (40, 40), 120)
    reads(page, "9")
    seen = page.evaluate(
        "[...document.querySelector('#seen').getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    image = np.array(seen).reshape(28, 28, 4)[..., 0]
    assert image.max() > 200
    assert not image[:4].any()
    assert abs(np.average(np.arange(28), weights=image.sum(axis=0)) - 14) < 1


def test_several_digits_have_a_box_each_and_can_be_chosen(page: Page) -> None:
    for place, digit in enumerate((4, 0, 7)):
        serve.write(page, digit, (60 + 150 * place, 120), 120)
    reads(page, "407")
    expect(page.locator("#boxes i")).to_have_count(3)
    middle = page.locator("#boxes").evaluate(
        """boxes => {
          const box = boxes.children[1].getBoundingClientRect();
          return box.left + box.width / 2 - boxes.getBoundingClientRect().left;
        }"""
    )
    assert abs(middle - (210 + 60)) < 20
    page.get_by_role("button", name=re.compile("^Digit 4")).click()
    expect(page.locator("#bars .best")).to_contain_text("4")
    page.locator("#undo").click()  # the bar of the 7
    page.locator("#undo").click()
    reads(page, "40")


def test_the_label_of_a_narrow_box_is_narrow(page: Page) -> None:
    page.locator("#pen").fill("4")
    serve.write(page, 1, (100, 100), 40)
    box = page.locator("#boxes i:not(.none)")
    box.wait_for()
    style = "element => getComputedStyle(element, '::before')"
    label = box.evaluate(
        f"element => ['width', 'paddingLeft', 'paddingRight']"
        f".map(name => parseFloat(({style})(element)[name]))"
    )
    width = box.evaluate("element => element.offsetWidth")
    assert sum(label) <= width + 4


def test_a_scribble_is_not_a_digit(page: Page) -> None:
    sheet = page.locator("#sheet").bounding_box()
    assert sheet
    page.mouse.move(sheet["x"] + 150, sheet["y"] + 100)
    page.mouse.down()
    for step in range(40):  # a block, filled from top to bottom
        page.mouse.move(sheet["x"] + 150 + step % 2 * 160, sheet["y"] + 100 + 5 * step)
    page.mouse.up()
    reads(page, "Not a digit")
    expect(page.locator("#said")).to_contain_text("Not a digit")
    expect(page.locator("#note")).not_to_be_empty()


def test_a_photo_dropped_pasted_or_opened(page: Page) -> None:
    hand_over(page, "drop", photo("JPEG"), "image/jpeg")
    reads(page, "7352\n94273")
    expect(page.locator("#boxes i")).to_have_count(9 + page.locator("#boxes i.none").count())
    page.locator("#clear").click()
    reads(page, "Write a digit")
    page.keyboard.press("Control+z")
    reads(page, "7352\n94273")
    page.locator("#clear").click()
    hand_over(page, "paste", photo(), "image/png")
    reads(page, "7352\n94273")
    serve.write(page, 3, (200, 100), 250)  # drawing starts a new sheet
    reads(page, "3")
    open_file(page, "page.png", photo())
    reads(page, "7352\n94273")


def test_a_photo_on_its_side_is_rotated_with_its_boxes(page: Page) -> None:
    sideways = io.BytesIO()
    Image.open(io.BytesIO(photo())).transpose(Image.Transpose.ROTATE_90).save(sideways, "PNG")
    hand_over(page, "drop", sideways.getvalue(), "image/png")
    reads(page, "7352\n94273")
    tops = page.locator("#boxes i:not(.none)").evaluate_all(
        "all => all.map((box) => Math.round(box.getBoundingClientRect().top))"
    )
    assert max(tops[:4]) < min(tops[4:])


def open_file(page: Page, name: str, data: bytes, kind: str = "image/png") -> None:
    page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": data})


def test_files_that_are_not_pictures(page: Page) -> None:
    for name, kind, data, note in (
        ("letter.docx", "application/msword", b"PK no picture", "letter.docx cannot be read"),
        ("notes.txt", "text/plain", b"1234", "notes.txt cannot be read: it is not a picture"),
        ("drawing.svg", "image/svg+xml", b"<svg", "drawing.svg cannot be read"),
        ("cut.png", "image/png", photo()[:500], "cut.png cannot be read"),
        ("empty.jpg", "image/jpeg", b"", "empty.jpg is empty."),
    ):
        open_file(page, name, data, kind)
        expect(page.locator("#note")).to_contain_text(note, timeout=WAIT)
        reads(page, "That did not work")
        expect(page.locator("#named")).to_have_text(name)
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
        said = page.locator("#note").inner_text()
        assert not re.search("body|form|type|field|bytes", said), said
    error = {"error": "the body is longer than 32000000 bytes"}
    page.route("**/page/read*", lambda route: route.fulfill(status=413, json=error))
    open_file(page, "large.tif", bytes(1_300_000), "image/tiff")
    expect(page.locator("#note")).to_have_text("large.tif is too large for this server: 1.3 MB.")


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("side", [300, 900])  # sent as a small and as a large picture
def test_ink_of_any_color_on_a_transparent_picture(page: Page, ink: int, side: int) -> None:
    picture = Image.new("LA", (side, side), (0, 0))
    for stroke in make.STROKES[4]:
        line = (make.smooth(stroke, 8) * 0.8 + 0.1) * side
        ImageDraw.Draw(picture).line(line.ravel().tolist(), (ink, 255), side // 15, "curve")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    open_file(page, "transparent.png", buffer.getvalue())
    reads(page, "4")


def hold(route) -> None:
    """Leave a request without an answer."""


def test_a_new_picture_removes_the_last_answer(page: Page) -> None:
    hand_over(page, "drop", photo(), "image/png")
    reads(page, "7352\n94273")
    page.route("**/page/read*", hold)
    open_file(page, "slow.png", photo())
    reads(page, "Reading")
    expect(page.locator("#boxes i")).to_have_count(0)
    expect(page.locator("#digits li")).to_have_count(0)
    expect(page.locator("#one")).to_be_hidden()
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("status")).to_have_text("Reading the picture.")
    page.unroute("**/page/read*")
    open_file(page, "next.png", photo())  # does not wait for the slow one
    reads(page, "7352\n94273")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    page.route("**/page/read*", hold)
    serve.write(page, 3, (200, 100), 250)  # on a new sheet
    expect(page.locator("#boxes i")).to_have_count(0)
    page.locator("#undo").click()
    reads(page, "Reading")
    page.locator("#clear").click()
    reads(page, "Write a digit")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")


def test_a_chip_and_its_bar_say_the_same(page: Page) -> None:
    hand_over(page, "drop", photo(), "image/png")
    reads(page, "7352\n94273")
    for chip in page.locator("#digits button").all():
        chip.click()
        confidence = page.locator("#bars .best span").inner_text()
        assert page.locator("#digits [aria-pressed=true]").inner_text().split()[-1] == confidence


def test_a_file_that_only_the_server_opens(page: Page) -> None:
    hand_over(page, "drop", b"no picture at all", "image/png")
    reads(page, "That did not work")
    expect(page.locator("#named")).to_have_text("picture")
    serve.write(page, 5, (200, 100), 250)
    reads(page, "5")


def test_a_long_answer_scrolls_by_keys(page: Page, mnist: Mnist) -> None:
    text = page.locator("#text")
    serve.write(page, 5, (200, 100), 250)
    reads(page, "5")
    assert text.get_attribute("tabindex") is None
    rows = [list(mnist.test_images[row : row + 4]) for row in range(12)]
    picture = io.BytesIO()
    Image.fromarray(scenes.page(rows, rng=np.random.default_rng(0))).save(picture, "PNG")
    hand_over(page, "drop", picture.getvalue(), "image/png")
    expect(text).to_have_attribute("tabindex", "0", timeout=WAIT)
    text.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(500)
    assert text.evaluate("it => it.scrollTop") > 0


def test_the_camera(page: Page) -> None:
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#camera")).to_be_visible()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Take the picture").click()
    reads(page, "7352\n94273")
    expect(page.locator("#camera")).to_be_hidden()
    expect(page.get_by_role("button", name="Camera")).to_be_focused()


def test_large_text_fits_a_phone(browser: Browser, address: str) -> None:
    large = browser.browser_type.launch(
        executable_path=serve.CHROMIUM, args=[*serve.QUIET, LARGE_TEXT]
    )
    page = large.new_page(viewport={"width": 390, "height": 800})
    page.goto(address)
    serve.write(page, 5, (60, 30), 250)
    reads(page, "5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    large.close()


def test_the_panel_follows_the_pen(page: Page) -> None:
    page.locator("summary").click()
    serve.write(page, 5, (200, 100), 250)
    reads(page, "5")
    expect(page.locator("#evidence-note")).to_contain_text("of 5")
    expect(page.locator("#layers .layer")).to_have_count(7)  # the image, five layers, the softmax
    assert page.locator("#layers canvas").count() > 100
    expect(page.locator("#said")).to_contain_text("5.")  # the answer to the whole stroke
    page.locator(".of-conv .maps button").nth(40).click()
    expect(page.locator(".cell h4")).to_contain_text("Convolution 2, map 9, row ")
    expect(page.locator("#said")).to_contain_text("Convolution 2, map 9, row ")
    page.get_by_role("checkbox", name="Biases").click()
    expect(page.locator(".broken")).to_contain_text("mended, 5 (")
    page.get_by_role("button", name="Mend all").click()
    page.evaluate("scrollTo(0, 0)")
    page.locator("#clear").click()
    serve.write(page, 7, (200, 100), 250)
    expect(page.locator("#evidence-note")).to_contain_text("of 7", timeout=WAIT)


def test_the_keyboard_alone(page: Page) -> None:
    sheet = page.get_by_role("application", name="Drawing sheet")
    sheet.focus()

    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    press(*["Shift+ArrowLeft"] * 4, "Space")
    expect(page.locator("#said")).to_have_text("Pen down")
    press(*["Shift+ArrowRight"] * 7, *["Shift+ArrowDown", "ArrowLeft", "ArrowLeft"] * 10, "Space")
    reads(page, "7")
    expect(page.locator("#said")).to_have_text(re.compile(r"^7\. Confidence .*%\."))
    press("Backspace")
    reads(page, "Write a digit")
    expect(page.locator("#said")).to_have_text("The sheet is empty.")
    for name in ("Pen width", "Picture", "Camera", "Read it as one digit"):
        press("Tab")
        focused = page.evaluate("document.activeElement.labels?.[0]?.innerText"
                                " || document.activeElement.innerText")  # fmt: skip
        assert focused.strip() == name
    assert page.locator(":focus").evaluate("it => getComputedStyle(it).outlineStyle") == "solid"


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    serve.write(page, 8, (200, 100), 250)
    reads(page, "8")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^8\. Confidence .*%\."))
    tree = page.locator("body").aria_snapshot()
    for part in (
        'heading "tenfold" [level=1]',
        'application "Drawing sheet"',
        'toolbar "Drawing tools"',
        'button "Undo"',
        'button "Clear"',
        'slider "Pen width"',
        'button "Picture"',
        'region "Answer"',
        'img "What the network saw, 28 by 28 pixels, closest to 8"',
        'list "Confidence in each digit"',
        'checkbox "Read it as one digit"',
        'heading "Look inside"',
    ):
        assert part in tree, tree
    assert re.search(r"listitem: ?\"?8.*%", tree), tree


def test_dark(open_page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = open_page(color_scheme="dark")
    assert max(map(int, re.findall(r"\d+", dark.evaluate(ground)))) < 40
    light = open_page(color_scheme="light")
    assert min(map(int, re.findall(r"\d+", light.evaluate(ground)))) > 230
    for page in (dark, light):
        serve.write(page, 2, (150, 80), 250)
        reads(page, "2")
        page.locator("#inside summary").click()
        expect(page.locator(".softmax")).to_be_visible(timeout=WAIT)
        assert page.evaluate(FAINT_TEXTS) == []


def test_a_finger_on_a_phone(open_page) -> None:
    page = open_page(**serve.PHONE)
    client = page.context.new_cdp_session(page)
    sheet = page.locator("#sheet").bounding_box()

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": float(x), "y": float(y)} for x, y in points]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    for stroke in make.STROKES[4]:
        points = make.smooth(stroke, 8) * 200 + (sheet["x"] + 80, sheet["y"] + 80)
        touch("touchStart", points[0])
        for point in points[1:]:
            touch("touchMove", point)
        touch("touchEnd")
    reads(page, "4")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("scrollY") == 0, "drawing must not scroll"
    answer = page.locator("#text").bounding_box()
    assert answer["y"] + answer["height"] < 844, "the answer is on the screen"
    places = page.locator("button, input[type=range], label:has(input)")
    small = [
        (place.inner_text(), place.bounding_box())
        for place in places.all()
        if place.is_visible() and min(place.bounding_box()[one] for one in ("width", "height")) < 44
    ]
    assert not small, "too small for a finger"


@pytest.mark.parametrize("size", [(740, 360), (568, 320), (844, 390)])
def test_the_answer_is_visible_on_a_phone_on_its_side(open_page, size: tuple[int, int]) -> None:
    width, height = size
    page = open_page(viewport={"width": width, "height": height}, is_mobile=True, has_touch=True)

    def is_visible() -> bool:
        box = page.locator("#text").bounding_box()
        note = page.locator("#note").bounding_box()
        return box["y"] >= 0 and note["y"] + note["height"] <= height

    sheet = page.locator("#sheet").bounding_box()
    serve.write(page, 5, (sheet["width"] / 3, 20), sheet["height"] - 60)
    reads(page, "5")
    assert is_visible()
    open_file(page, "page.png", photo())
    reads(page, "7352\n94273")
    assert is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#open").bounding_box()["y"] + 44 <= height, "the tools are visible"


def test_a_busy_server_is_asked_again(page: Page) -> None:
    refused: list[str] = []

    def refuse(route) -> None:
        if len(refused) < 1:
            refused.append(route.request)
            route.fulfill(status=429, headers={"retry-after": "1"}, json={"error": "busy"})
        else:
            route.continue_()

    page.route("**/page/read*", refuse)
    serve.write(page, 1, (200, 100), 250)
    reads(page, "1")
    assert refused


def test_a_server_that_does_not_answer(open_page) -> None:
    page = open_page()
    page.route("**/page/read*", lambda route: route.fulfill(status=200, body="not what we know"))
    serve.write(page, 1, (200, 100), 250)
    reads(page, "That did not work")
    expect(page.locator("#note")).to_contain_text("The server does not answer")
