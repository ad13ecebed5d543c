"""A picture with what was read in it drawn over, and what the network was shown below."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tenfold.imaging.decoding import Picture
from tenfold.reading.results import Digit, Reading

CALLED, REFUSED, LEFT_OUT = "#0072b2", "#d55e00", "#8c8c8c"
"""Blue, vermillion and gray: color-blind readers tell them apart (Okabe and Ito 2008)."""

MOST_LEFT_OUT = 60
"""So many marks that were left out are shown, the first: a page of print has thousands."""

LONGEST = 1600
"""Longer sides are scaled down to so many pixels; below a third of that, pictures are enlarged up
to four times."""

_ZOOM = 3
_TILE = 28 * _ZOOM
_CAPTION = 16
_MARGIN = 8


def annotate(picture: Picture, reading: Reading) -> Image.Image:
    """Draw boxes, digits and confidences on a picture, and under it every canvas.

    Args:
        picture: The upright picture that was read.
        reading: What was read in it.

    Returns:
        An RGB image. Blue is what was called, vermillion what was refused, gray what was taken
        for no digit; a canvas is the 28x28 image that the network saw, three times as large.
    """
    scale = min(LONGEST / max(picture.width, picture.height), 4.0)
    if max(picture.width, picture.height) > LONGEST / 3:
        scale = min(scale, 1.0)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    upright = Image.fromarray(picture.gray).resize(size, Image.Resampling.LANCZOS).convert("RGB")
    digits = [(digit, _color(digit)) for line in reading.lines for digit in line.digits]
    digits += [(digit, LEFT_OUT) for digit in reading.left_out[:MOST_LEFT_OUT]]
    width = max(size[0], _TILE + 2 * _MARGIN)
    columns = max(1, (width - _MARGIN) // (_TILE + _MARGIN))
    rows = -(-len(digits) // columns)
    pitch = _TILE + _CAPTION + _MARGIN
    sheet = Image.new("RGB", (width, size[1] + (rows * pitch + _MARGIN if rows else 0)), "white")
    sheet.paste(upright, (0, 0))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for digit, color in digits:
        _draw_box(pen, digit, color, scale, font)
    _draw_canvases(sheet, pen, digits, (size[1] + _MARGIN, columns, pitch), font)
    return sheet


def _color(digit: Digit) -> str:
    return REFUSED if digit.rejected else CALLED


def _draw_box(
    pen: ImageDraw.ImageDraw, digit: Digit, color: str, scale: float, font: object
) -> None:
    x, y, width, height = (side * scale for side in digit.box)
    pen.rectangle((x, y, x + width, y + height), outline=color, width=1 if color == LEFT_OUT else 2)
    if color == LEFT_OUT:
        return
    place = (x, y - 15 if y >= 15 else y + height + 1)
    pen.text(place, digit.text, fill=color, font=font, stroke_width=1, stroke_fill="white")  # type: ignore[arg-type]


def _draw_canvases(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    digits: Sequence[tuple[Digit, str]],
    place: tuple[int, int, int],
    font: object,
) -> None:
    top, columns, pitch = place
    for number, (digit, color) in enumerate(digits):
        x = _MARGIN + number % columns * (_TILE + _MARGIN)
        y = top + number // columns * pitch
        large = np.kron(digit.canvas, np.ones((_ZOOM, _ZOOM), np.uint8))
        sheet.paste(Image.fromarray(large), (x, y))
        guess = "no" if color == LEFT_OUT else f"{digit.digit}{'?' if digit.rejected else ''}"
        words = f"{guess} {digit.confidence:.0%}"
        pen.text((x, y + _TILE + 1), words, fill=color, font=font)  # type: ignore[arg-type]
