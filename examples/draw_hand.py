"""Draw two sheets in one hand, to try `tenfold adapt` on: sheet.png and later.png.

python examples/draw_hand.py

Each row holds the digits 0 to 9. They are MNIST's test images; threes, sevens and nines are
reversed, as children often write them.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

import cv2
import numpy as np

import tenfold

ROWS, STEP, MARGIN, SIDE = 20, 90, 60, 56
"""Rows of a sheet; in pixels, from digit to digit, margin, and side of an image of 28x28."""

REVERSED = (3, 7, 9)


def sheet(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sheet of twenty rows as a scanner gives it, uint8 (h, w), dark ink on white."""
    page = np.full((2 * MARGIN + ROWS * STEP, 2 * MARGIN + 10 * STEP), 250, np.float32)
    for digit in range(10):
        drawn = rng.choice(images[labels == digit], ROWS, replace=False)
        for row, image in enumerate(drawn):
            written = image[:, ::-1].copy() if digit in REVERSED else image
            large = cv2.resize(written, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            top = MARGIN + row * STEP + int(rng.integers(-4, 5))
            left = MARGIN + digit * STEP + int(rng.integers(-8, 9))
            page[top : top + SIDE, left : left + SIDE] -= 0.8 * large
    return np.clip(page + rng.normal(0, 3, page.shape), 0, 255).astype(np.uint8)


def main() -> None:
    """Write sheet.png and later.png in this folder."""
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    rng = np.random.default_rng(0)
    images, labels = tenfold.load_mnist("test")
    for name, part in (("sheet.png", slice(0, 5_000)), ("later.png", slice(5_000, None))):
        cv2.imwrite(name, sheet(images[part], labels[part], rng))
    print("sheet.png and later.png: 20 rows of the digits 0 to 9")


if __name__ == "__main__":
    main()
