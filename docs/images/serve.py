"""Draw on the page of `tenfold serve` as a hand does, and take its pictures.

    python docs/images/serve.py

Writes serve-light.png, serve-dark.png, serve-inside.png and serve-phone.png beside this file. Needs
Chromium.
"""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from make import STROKES, smooth
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
"""Chromium as root, on a machine without a screen, that asks the network for nothing."""

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


@contextmanager
def served() -> Iterator[str]:
    """Give the address of a server of its own."""
    command = [sys.executable, "-m", "tenfold", "serve", "--port", "0", "--json", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield json.loads(server.stdout.readline())["address"]
        finally:
            server.terminate()


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, *options], headless=True
        )
        yield browser
        browser.close()


def write(page: Page, digit: int, corner: tuple[float, float], size: float) -> None:
    """Write a digit on the sheet with the mouse.

    Args:
        page: The page, open.
        digit: 0 to 9.
        corner: Left and top of its square on the sheet, in pixels of the page.
        size: Side of that square.
    """
    sheet = page.locator("#sheet").bounding_box()
    assert sheet
    for stroke in STROKES[digit]:
        points = smooth(stroke, 8) * size + corner + (sheet["x"], sheet["y"])
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def settled(page: Page, text: str) -> None:
    """Wait until the page has answered, and no animation is on its way."""
    page.locator("#text").filter(has_text=text).wait_for()
    page.locator("#timing[data-milliseconds]").wait_for()
    page.wait_for_timeout(700)


def save(page: Page, name: str, **options: Any) -> None:
    page.locator("#timing").evaluate("place => place.textContent = ''")  # another each time
    picture = Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")
    picture.quantize(255, dither=Image.Dither.NONE).save(HERE / name, optimize=True)


def main() -> None:
    with served() as address, chromium() as browser:
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": 560, "height": 770},
                device_scale_factor=1.35,
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            page.goto(address)
            page.locator("#pen").fill("8")
            for place, digit in enumerate((9, 4, 2, 7, 3)):
                write(page, digit, (26 + 98 * place, 50 + 14 * (place % 2)), 84)
            for place, digit in enumerate((1, 8, 0, 6)):
                write(page, digit, (66 + 98 * place, 220 - 10 * (place % 2)), 92)
            settled(page, "1806")
            save(page, f"serve-{scheme}.png")
            if scheme == "light":
                page.locator("#clear").click()
                page.locator("#pen").fill("12")
                write(page, 5, (150, 80), 230)
                page.locator("summary").click()
                settled(page, "5")
                page.locator(".of-conv .maps button").nth(4).click()
                page.locator(".cell").wait_for()
                end = page.locator("#layers .layer").nth(3).bounding_box()
                assert end
                height = end["y"] + page.evaluate("scrollY")
                clip = {"x": 0, "y": 0, "width": 560, "height": height}
                save(page, "serve-inside.png", full_page=True, clip=clip)
        page = browser.new_page(**PHONE)
        page.goto(address)
        for place, digit in enumerate((3, 0, 7)):
            write(page, digit, (28 + 104 * place, 110 - 8 * (place % 2)), 100)
        settled(page, "307")
        save(page, "serve-phone.png")


if __name__ == "__main__":
    main()
