"""Draw a small form and ten filled pages of it, to try `tenfold template` and `tenfold form` on.

python examples/draw_form.py
tenfold template blank.png --out form.json
tenfold form form.json scans/ --out answers.csv

The digits are MNIST's test images. The pages are rotated a little, as from a scanner; one is
upside down, and one is of another form.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import cv2
import numpy as np

import tenfold

HIGH, WIDE, CELL = 560, 480, 40
COMB = (20, 90, 5)
"""Left, top and number of cells of a meter's number."""
BOX, LINE = (260, 90, 200), (20, 200, 160)
"""Left, top and width of a reading, and of the line for an amount."""
TICK = (260, 206, 28)
"""Left, top and side of the box to tick."""


def blank() -> np.ndarray:
    """Return the form without writing, uint8 (h, w)."""
    page = np.full((HIGH, WIDE), 255, np.uint8)

    def label(text: str, x: int, y: int, size: float = 0.45) -> None:
        cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 1, cv2.LINE_AA)

    def box(x: int, y: int, width: int, height: int) -> None:
        cv2.rectangle(page, (x, y), (x + width, y + height), 60, 2)

    label("Report of a meter reading", 20, 40, 0.8)
    left, top, cells = COMB
    label("Number of the meter", left, top - 10)
    for place in range(cells):
        box(left + place * CELL, top, CELL, CELL)
    label("Reading", BOX[0], BOX[1] - 10)
    box(*BOX, CELL)
    label("Amount paid in advance", LINE[0], LINE[1] - 10)
    cv2.line(page, (LINE[0], LINE[1] + CELL), (LINE[0] + LINE[2], LINE[1] + CELL), 60, 2)
    label("The meter was changed", TICK[0], TICK[1] - 10)
    box(*TICK, TICK[2])
    for line, text in enumerate(
        (
            "Write one digit in each cell. Use a black or a blue pen.",
            "Send this page back before the end of the month.",
            "Keep a copy for your files. Questions? Call us from nine to noon.",
        )
    ):
        label(text, 20, 320 + 40 * line)
    return page


def write(page: np.ndarray, digits: list[np.ndarray], x: float, middle: float, step: float) -> None:
    """Write digits on a page, the first one's middle at x."""
    for place, image in enumerate(digits):
        large = cv2.resize(image, (36, 36), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        left, top = round(x + place * step - 18), round(middle - 18)
        part = page[top : top + 36, left : left + 36]
        part[:] = np.minimum(part, 255 - 0.85 * large)


def filled(form: np.ndarray, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a filled page as a scanner gives it."""
    page = form.copy()
    digits = list(images[rng.integers(0, len(images), 11)])
    write(page, digits[:5], COMB[0] + CELL / 2, COMB[1] + CELL / 2, CELL)
    write(page, digits[5:8], BOX[0] + 30, BOX[1] + CELL / 2, 28)
    write(page, digits[8:], LINE[0] + 30, LINE[1] + CELL / 2, 28)
    if rng.random() < 0.5:
        x, y, side = TICK
        cv2.line(page, (x + 5, y + 6), (x + side - 5, y + side - 5), 40, 3, cv2.LINE_AA)
        cv2.line(page, (x + side - 4, y + 3), (x + 4, y + side - 6), 40, 3, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((WIDE / 2, HIGH / 2), rng.uniform(-2, 2), 1.5)
    turn[:, 2] += WIDE / 4, HIGH / 4
    size = (WIDE * 3 // 2, HIGH * 3 // 2)
    scan = cv2.warpAffine(page, turn, size, borderValue=255.0).astype(np.float32)
    return np.clip(0.95 * scan + rng.normal(0, 3, scan.shape), 0, 255).astype(np.uint8)


def main() -> None:
    """Write blank.png and scans/ in this folder."""
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    rng = np.random.default_rng(0)
    images, _ = tenfold.load_mnist("test")
    form, scans = blank(), Path("scans")
    scans.mkdir(exist_ok=True)
    cv2.imwrite("blank.png", form)
    for number in range(9):
        page = filled(form, images, rng)
        cv2.imwrite(str(scans / f"{number:02}.jpg"), page[::-1, ::-1] if number == 8 else page)
    cv2.imwrite(str(scans / "09.jpg"), form[:, ::-1])
    print("blank.png and 10 pages in scans/")


if __name__ == "__main__":
    main()
