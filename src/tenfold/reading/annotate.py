"""A picture annotated: boxes and digits drawn on it, and below it the images the network saw."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tenfold.arrays import SIDE, Gray
from tenfold.formatting import short_percent
from tenfold.imaging.picture import Picture

ACCEPTED_COLOR, REJECTED_COLOR, LEFT_OUT_COLOR = "#0072b2", "#d55e00", "#8c8c8c"
"""Blue, vermillion and gray, which color-blind people can tell apart (Okabe and Ito 2008)."""

CELL_COLOR = "#56b4e9"
"""Sky blue, of the same palette."""

MAX_LEFT_OUT = 60
"""Number of marks shown that were left out: a page of print has thousands."""

MAX_SIDE = 1600
"""Longer pictures are scaled down to this many pixels. Pictures shorter than a third of it are
enlarged up to four times."""

_ZOOM = 3
_TILE = SIDE * _ZOOM
_CAPTION = 24
_MARGIN = 8


class Drawable(Protocol):
    """What is drawn of a digit; see `tenfold.reading.results.Digit`."""

    @property
    def digit(self) -> int:
        """The best guess, 0 to 9."""

    @property
    def confidence(self) -> float:
        """Its probability, 0 to 1."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height in pixels of the upright picture."""

    @property
    def rejected(self) -> bool:
        """Whether the guess is too uncertain."""

    @property
    def canvas(self) -> Gray:
        """uint8 (28, 28), the image that the network saw."""

    @property
    def text(self) -> str:
        """The digit as a character, or "?" if rejected."""


def annotate(
    picture: Picture,
    digits: Sequence[Drawable],
    left_out: Sequence[Drawable] = (),
    cells: Sequence[tuple[int, int, int, int]] = (),
) -> Image.Image:
    """Draw boxes and digits on a picture, and below it every canvas with its confidence.

    Args:
        picture: The upright picture that was read.
        digits: What was read in it.
        left_out: Marks that were taken for no digits.
        cells: The boxes of cells, as x, y, width and height in pixels of the upright picture.

    Returns:
        An RGB image. Accepted digits are blue, rejected digits vermillion, marks that were left out
        gray, and cells sky blue. The canvases, the 28x28 images that the network saw, are enlarged
        three times.
    """
    scale = min(MAX_SIDE / max(picture.width, picture.height), 4.0)
    if max(picture.width, picture.height) > MAX_SIDE / 3:
        scale = min(scale, 1.0)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    upright = Image.fromarray(picture.gray).resize(size, Image.Resampling.LANCZOS).convert("RGB")
    colored = [(digit, _color(digit)) for digit in digits]
    colored += [(digit, LEFT_OUT_COLOR) for digit in left_out[:MAX_LEFT_OUT]]
    width = max(size[0], _TILE + 2 * _MARGIN)
    columns = max(1, (width - _MARGIN) // (_TILE + _MARGIN))
    rows = -(-len(colored) // columns)
    pitch = _TILE + _CAPTION + _MARGIN
    sheet = Image.new("RGB", (width, size[1] + (rows * pitch + _MARGIN if rows else 0)), "white")
    sheet.paste(upright, (0, 0))
    pen = ImageDraw.Draw(sheet)
    heights = sorted(digit.box[3] * scale for digit in digits) or [0.0]
    # Letters of 9 pixels if the sheet is shown 360 pixels wide, but lower than the digits.
    size_of_letters = max(12, min(width / 40, 0.4 * heights[len(heights) // 2]))
    font, small = (ImageFont.load_default(s) for s in (size_of_letters, min(size_of_letters, 18)))
    for x, y, wide, high in cells:
        corners = (x * scale, y * scale, (x + wide) * scale, (y + high) * scale)
        pen.rectangle(corners, outline=CELL_COLOR, width=1)
    for digit, color in colored:
        _draw_box(pen, digit, color, scale, font)
    _draw_canvases(sheet, pen, colored, (size[1] + _MARGIN, columns, pitch), small)
    return sheet


def sketch(width: int, height: int, digits: Sequence[Drawable]) -> Picture:
    """Return a clean page with the digits where they stood, drawn from their canvases.

    Args:
        width: Width of the upright picture, in pixels.
        height: Its height.
        digits: What was read in it.
    """
    scale = min(1.0, MAX_SIDE / max(width, height))
    page = Image.new("L", (max(1, round(width * scale)), max(1, round(height * scale))), 255)
    for digit in digits:
        ink = Image.fromarray(255 - digit.canvas)
        inside = Image.fromarray(digit.canvas).getbbox()
        x, y, box_width, box_height = (round(side * scale) for side in digit.box)
        size = (max(1, box_width), max(1, box_height))
        page.paste(ink.crop(inside).resize(size, Image.Resampling.BICUBIC), (x, y))
    return Picture(np.asarray(page), width, height, 0)


def _color(digit: Drawable) -> str:
    return REJECTED_COLOR if digit.rejected else ACCEPTED_COLOR


def _draw_box(
    pen: ImageDraw.ImageDraw,
    digit: Drawable,
    color: str,
    scale: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    x, y, width, height = (side * scale for side in digit.box)
    pen.rectangle(
        (x, y, x + width, y + height), outline=color, width=1 if color == LEFT_OUT_COLOR else 2
    )
    if color == LEFT_OUT_COLOR:
        return
    above = pen.textbbox((x, y - 2), digit.text, font, anchor="lb")[1] >= 0
    place, anchor = ((x, y - 2), "lb") if above else ((x, y + height + 2), "lt")
    pen.text(place, digit.text, color, font, anchor, stroke_width=1, stroke_fill="white")


def _draw_canvases(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    digits: Sequence[tuple[Drawable, str]],
    place: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    top, columns, pitch = place
    for number, (digit, color) in enumerate(digits):
        x = _MARGIN + number % columns * (_TILE + _MARGIN)
        y = top + number // columns * pitch
        large = np.kron(digit.canvas, np.ones((_ZOOM, _ZOOM), np.uint8))
        sheet.paste(Image.fromarray(large), (x, y))
        guess = "no" if color == LEFT_OUT_COLOR else f"{digit.digit}{'?' if digit.rejected else ''}"
        words = f"{guess} {short_percent(digit.confidence)}"
        pen.text((x, y + _TILE + 1), words, fill=color, font=font)
