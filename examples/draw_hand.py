"""Draw two sheets in one hand, to try `tenfold adapt` on: sheet.png and later.png.

python examples/draw_hand.py

Each row holds the digits 0 to 9. They are MNIST's test images; ones, twos, sevens and nines are
changed into forms that much of the world writes and MNIST lacks: ones with an upstroke, curled
twos, barred sevens, nines like a P.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

import cv2
import numpy as np

import tenfold
from tenfold.augmentation import digit_forms

ROWS, STEP, MARGIN, SIDE = 20, 90, 60, 56
"""Rows of a sheet; in pixels, from digit to digit, margin, and side of an image of 28x28."""

FORMS = {
    1: lambda image, rng: digit_forms.with_upstroke(image, rng, longest=0.9),
    2: digit_forms.with_curl,
    7: digit_forms.with_crossbar,
    9: digit_forms.mirrored,
}


def sheet(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sheet of twenty rows as a scanner gives it, uint8 (h, w), dark ink on white."""
    page = np.full((2 * MARGIN + ROWS * STEP, 2 * MARGIN + 10 * STEP), 250, np.float32)
    for digit in range(10):
        drawn = rng.choice(images[labels == digit], ROWS, replace=False)
        for row, image in enumerate(drawn):
            changed = FORMS[digit](image, rng) if digit in FORMS else image
            large = cv2.resize(changed, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
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
