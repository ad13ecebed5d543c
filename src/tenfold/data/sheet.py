"""A sheet of sample digits: the data at a glance."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tenfold.arrays import DIGITS, SIDE, Images, Labels

N_SAMPLES = 16  # per class
SCALE = 2  # pixels per pixel of a digit
CELL = SIDE * SCALE + 4
MARGIN = 24
TITLE_HEIGHT = 76
LABEL_WIDTH = 52
COUNT_WIDTH = 92

BACKGROUND = (0, 0, 0)
INK = (245, 245, 245)
MUTED = (170, 170, 170)
ACCENT = (255, 184, 77)  # printed labels, distinct from the handwriting
RULE = (60, 60, 60)


def sample_sheet(images: Images, labels: Labels, *, seed: int = 0) -> Image.Image:
    """Draw sample digits of each class, one class a row.

    Args:
        images: uint8 (n, 28, 28), white ink on black.
        labels: uint8 (n,), 0..9.
        seed: Chooses the samples, 16 for each class, or all if there are fewer.

    Returns:
        An RGB picture: a title with the total; then in each row the label, the samples at twice
        their size, and the number of images of the class.
    """
    width = MARGIN + LABEL_WIDTH + N_SAMPLES * CELL + COUNT_WIDTH + MARGIN
    height = TITLE_HEIGHT + len(DIGITS) * CELL + MARGIN
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    large, medium, small = (ImageFont.load_default(size=size) for size in (26, 24, 17))
    right = width - MARGIN
    draw.text((MARGIN, 36), f"MNIST: {len(images):,} digits", INK, large, anchor="lm")
    draw.text((right, 36), "images of each class", MUTED, small, anchor="rm")

    rng = np.random.default_rng(seed)
    for digit in range(len(DIGITS)):
        top = TITLE_HEIGHT + digit * CELL
        middle = top + CELL // 2
        draw.line((MARGIN, top, right, top), RULE)
        members = np.flatnonzero(labels == digit)
        draw.text((MARGIN + 8, middle), str(digit), ACCENT, medium, anchor="lm")
        draw.text((right, middle), f"{len(members):,}", MUTED, small, anchor="rm")
        chosen = rng.choice(members, min(N_SAMPLES, len(members)), replace=False)
        for column, image in enumerate(images[chosen]):
            crisp = Image.fromarray(image.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
            sheet.paste(crisp, (MARGIN + LABEL_WIDTH + column * CELL + 2, top + 3))
    return sheet
