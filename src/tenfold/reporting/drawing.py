"""Drawings of images, lines and text, as SVG and as PNG; they need Pillow alone.

Most figures of networks consist of small images. Their pixels stay crisp here, on black.
"""

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

BACKGROUND = "#0d0f13"
"""Nearly black, like the background of the digits that most drawings show."""

INK, MUTED, RULE = "#eceef2", "#a3abb9", "#343a45"

WIDTH, EDGE = 600, 16
"""Width of most drawings and of their margins, in pixels."""

TEXT, TITLE = 15, 19
"""Sizes of text in pixels. A drawing of this width has letters of 9 pixels on a phone 360 wide."""

AMBER, SKY_BLUE = "#ffb84d", "#56b4e9"
"""Two hues that color-blind readers tell apart (Okabe and Ito 2008)."""

Anchor = Literal["start", "middle", "end"]
Rgb = npt.NDArray[np.uint8]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


class Drawing:
    """Shapes drawn one over the other, in pixels; x points right and y down.

    Args:
        width: Width in pixels.
        height: Height in pixels; it can be set later, before the drawing is rendered.
        title: What the drawing shows, for screen readers.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._svg: list[str] = []
        self._paint: list[Callable[[Image.Image, Any, float], None]] = []

    def image(self, x: float, y: float, pixels: npt.NDArray[np.uint8], scale: float = 1) -> None:
        """Draw an image, uint8 (h, w) or RGB (h, w, 3); each pixel is a square of side `scale`."""
        height, width = pixels.shape[:2]
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "PNG", optimize=True)
        source = base64.b64encode(data.getvalue()).decode()
        self._svg.append(
            f'<image x="{x:g}" y="{y:g}" width="{width * scale:g}" height="{height * scale:g}" '
            f'preserveAspectRatio="none" style="image-rendering:pixelated" '
            f'href="data:image/png;base64,{source}"/>'
        )

        def paint(sheet: Image.Image, pen: Any, zoom: float) -> None:
            size = (round(width * scale * zoom), round(height * scale * zoom))
            large = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
            sheet.paste(large.convert("RGB"), (round(x * zoom), round(y * zoom)))

        self._paint.append(paint)

    def text(
        self, x: float, y: float, words: str, size: float = TEXT, color: str = INK,
        anchor: Anchor = "start",
    ) -> None:  # fmt: skip
        """Write one line of text; `y` is the middle of the capitals' height."""
        self._svg.append(
            f'<text x="{x:g}" y="{y + 0.35 * size:g}" font-size="{size:g}" fill="{color}" '
            f'text-anchor="{anchor}">{escape(words)}</text>'
        )
        place = {"start": "l", "middle": "m", "end": "r"}[anchor]

        def paint(sheet: Image.Image, pen: Any, zoom: float) -> None:
            font = _font(words, size * zoom)
            # The capitals are 0.7 of the font size high, as in the SVG.
            pen.text((x * zoom, (y + 0.35 * size) * zoom), words, color, font, anchor=f"{place}s")

        self._paint.append(paint)

    def upward_text(
        self, x: float, y: float, words: str, size: float = TEXT, color: str = INK
    ) -> None:
        """Write one line of text from (x, y) upward; `x` is the middle of the capitals' height."""
        self._svg.append(
            f'<text transform="translate({x + 0.35 * size:g} {y:g}) rotate(-90)" '
            f'font-size="{size:g}" fill="{color}">{escape(words)}</text>'
        )

        def paint(sheet: Image.Image, pen: Any, zoom: float) -> None:
            font = _font(words, size * zoom)
            mask = Image.new("L", (round(font.getlength(words)) + 1, round(1.5 * size * zoom)))
            ImageDraw.Draw(mask).text((0, size * zoom), words, 255, font, anchor="ls")
            mask = mask.rotate(90, expand=True)
            corner = (round((x - 0.65 * size) * zoom), round(y * zoom) - mask.height)
            sheet.paste(color, corner, mask)

        self._paint.append(paint)

    def line(
        self, x: float, y: float, to_x: float, to_y: float, color: str = RULE, width: float = 1
    ) -> None:
        """Draw a straight line."""
        self._svg.append(
            f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" '
            f'stroke="{color}" stroke-width="{width:g}"/>'
        )

        def paint(sheet: Image.Image, pen: Any, zoom: float) -> None:
            ends = (x * zoom, y * zoom, to_x * zoom, to_y * zoom)
            pen.line(ends, color, max(1, round(width * zoom)))

        self._paint.append(paint)

    def box(
        self, x: float, y: float, width: float, height: float, fill: str | None = None,
        outline: str | None = None,
    ) -> None:  # fmt: skip
        """Draw a rectangle, filled or as an outline."""
        stroke = f' stroke="{outline}"' if outline else ""
        self._svg.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'fill="{fill or "none"}"{stroke}/>'
        )

        def paint(sheet: Image.Image, pen: Any, zoom: float) -> None:
            ends = (x * zoom, y * zoom, (x + width) * zoom, (y + height) * zoom)
            pen.rectangle(ends, fill, outline, max(1, round(zoom)))

        self._paint.append(paint)

    def dots(self, points: npt.NDArray[np.floating], radius: float, color: str) -> None:
        """Draw a filled circle at each point, floats (n, 2)."""
        circles = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
        self._svg.append(
            f'<path d="{circles}" stroke="{color}" stroke-width="{2 * radius:g}" '
            f'stroke-linecap="round" fill="none"/>'
        )

        def paint(sheet: Image.Image, pen: Any, zoom: float) -> None:
            for x, y in points * zoom:
                r = radius * zoom
                pen.ellipse((x - r, y - r, x + r, y + r), color)

        self._paint.append(paint)

    def svg(self) -> str:
        """Return the drawing as an ``<svg>`` element that needs no other file."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="{_FONT}" role="img">'
            f"<title>{escape(self.title)}</title>"
            f'<rect width="{self.width}" height="{self.height}" fill="{BACKGROUND}"/>'
            f"{''.join(self._svg)}</svg>"
        )

    def png(self, zoom: float = 2) -> bytes:
        """Return the drawing as the bytes of a PNG, `zoom` times as wide and high."""
        size = (round(self.width * zoom), round(self.height * zoom))
        sheet = Image.new("RGB", size, BACKGROUND)
        pen = ImageDraw.Draw(sheet)
        for paint in self._paint:
            paint(sheet, pen, zoom)
        data = io.BytesIO()
        sheet.save(data, "PNG", optimize=True)
        return data.getvalue()

    def _repr_svg_(self) -> str:
        """Return the drawing for notebooks to show."""
        return self.svg()


def _font(words: str, size: float) -> Any:
    """Return Pillow's own font, or matplotlib's for words with letters that Pillow's lacks."""
    if not words.isascii():
        try:
            from matplotlib import get_data_path

            return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
        except (ModuleNotFoundError, OSError):
            pass
    return ImageFont.load_default(size)


def heat_colors(values: npt.NDArray[np.floating], most: float) -> Rgb:
    """Return colors from black for 0, by purple and orange, to light yellow for `most`.

    Lightness rises with the value, so that it can be read without color (the colormap inferno).

    Args:
        values: Floats of any shape; values outside 0..most get the color of the nearer end.
        most: The largest value, above 0.

    Returns:
        uint8, with a last axis of red, green, blue.
    """
    levels = np.rint(np.clip(np.nan_to_num(values) / most, 0, 1) * 255).astype(np.uint8)
    colors: Rgb = _INFERNO[levels]
    return colors


def diverging_colors(values: npt.NDArray[np.floating], most: float) -> Rgb:
    """Return colors from sky blue for -most, by black for 0, to amber for most.

    For arguments and the returned array see `heat_colors`.
    """
    levels = np.clip(np.nan_to_num(values) / most, -1, 1)[..., None]
    mixed = np.where(levels > 0, levels * _rgb(AMBER), -levels * _rgb(SKY_BLUE))
    colors: Rgb = np.rint(mixed).astype(np.uint8)
    return colors


def mosaic(tiles: Rgb, columns: int, gap: int = 1, zoom: int = 1, between: str = BACKGROUND) -> Rgb:
    """Arrange tiles of one size in rows.

    Args:
        tiles: uint8 (n, h, w) or (n, h, w, 3).
        columns: Number of tiles in a row.
        gap: Pixels between tiles.
        zoom: Each pixel of a tile becomes a square with sides of this many pixels.
        between: Color of the gaps.

    Returns:
        uint8 (H, W, 3).
    """
    if tiles.ndim == 3:
        tiles = np.repeat(tiles[..., None], 3, axis=-1)
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    n, height, width, _ = tiles.shape
    rows = -(-n // columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.empty(size, np.uint8)
    sheet[:] = _rgb(between)
    for place, tile in enumerate(tiles):
        y, x = place // columns * (height + gap), place % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def scale_bar(
    drawing: Drawing, right: float, y: float, most: float, *, diverging: bool = False
) -> None:
    """Draw the scale of `heat_colors` or `diverging_colors`, with its ends; it ends at `right`."""
    width = 100
    steps = np.linspace(-1 if diverging else 0, 1, width)[None].repeat(8, axis=0)
    label = f"{most:.3g}"
    room = 8 + 9 * len(label)
    left = right - room - width
    drawing.image(left, y - 4, (diverging_colors if diverging else heat_colors)(steps, 1))
    drawing.text(right - room + 8, y, label, TEXT, MUTED)
    drawing.text(left - 8, y, f"-{label}" if diverging else "0", TEXT, MUTED, "end")


def _rgb(color: str) -> npt.NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], float)


_INFERNO: Rgb = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)[
    :, 0, ::-1
]
