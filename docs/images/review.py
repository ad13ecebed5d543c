"""Take pictures of the page of `tenfold review`, with made-up answers from MNIST's digits.

    python docs/images/review.py

Writes review-light.png and review-phone.png beside this file. Needs Chromium.
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page
from serve import HERE, PHONE, chromium

from tenfold.data.mnist import load_mnist

sys.path.insert(0, str(HERE.parent.parent / "tests"))
from answer_scenes import make_answers, make_pages


def save(page: Page, name: str, **options: Any) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")
    picture.quantize(255, dither=Image.Dither.NONE).save(HERE / name, optimize=True)


def show(page: Page, field: str) -> None:
    """Go on to a field, and choose its second reading."""
    page.locator("#field").wait_for()
    while page.locator("#name").text_content() != field:
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(500)


def main() -> None:
    images, labels = load_mnist("train")
    with tempfile.TemporaryDirectory() as folder:
        table = make_answers(Path(folder), make_pages(60, images, labels, seed=4)).table
        command = [sys.executable, "-m", "tenfold", "review", str(table), "--json", "--by", "ann"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                address = json.loads(server.stdout.readline())["address"]
                with chromium() as browser:
                    page = browser.new_page(
                        viewport={"width": 600, "height": 640}, device_scale_factor=1.25
                    )
                    page.goto(address)
                    page.locator("#field").wait_for()
                    for _ in range(9):
                        page.keyboard.press("Enter")
                        page.wait_for_timeout(400)
                    show(page, "student")
                    save(page, "review-light.png")
                    page = browser.new_page(**PHONE, color_scheme="dark")
                    page.goto(address)
                    show(page, "points")
                    save(page, "review-phone.png")
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
