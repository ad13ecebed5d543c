"""Sheets of digits, and tables of colored cells such as the confusion matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tenfold.arrays import DIGITS, SIDE, Images
from tenfold.evaluation.metrics import Prediction
from tenfold.formatting import percent
from tenfold.reporting.drawing import (
    AMBER,
    EDGE,
    INK,
    MUTED,
    SKY_BLUE,
    TEXT,
    TITLE,
    WIDTH,
    Drawing,
    heat_colors,
)

LETTER = 0.5
"""Mean width of a letter in font sizes, somewhat generous."""

LONG_NAME = 4
"""Characters of a class's name that fit above a column of the confusion matrix."""

_TITLE_WIDTH = 300
"""Width of the title of the confusion matrix, in pixels."""

_DIAGONAL = "#20242c"
_BRIGHTEST = 0.75
"""Where the color scale of `heat_colors` ends: 0 is black, 1 light yellow."""

_LIGHT = 98
"""Luma, 0..255, of fills above which black text has more contrast than white text."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One image on a sheet.

    Attributes:
        image: uint8 (28, 28).
        caption: The line below it.
        note: A smaller line below the caption.
        color: Color of the caption.
        framed: Draw an amber frame around the image.
    """

    image: np.ndarray
    caption: str
    note: str = ""
    color: str = INK
    framed: bool = False


def draw_tiles(title: str, groups: Mapping[str, Sequence[Tile]], note: str = "") -> Drawing:
    """Draw a sheet of images with captions, six in a row, or fewer if captions are long.

    Args:
        title: Title of the sheet.
        groups: Tiles by heading; each group begins on a new row, below its heading if it has one.
        note: A line below the title.
    """
    words = [
        text for tiles in groups.values() for tile in tiles for text in (tile.caption, tile.note)
    ]
    room = LETTER * TEXT * max(map(len, words), default=0) + 8
    columns = int(np.clip((WIDTH - 2 * EDGE + 8) // max(room, 1), 1, 6))
    pitch = (WIDTH - 2 * EDGE + 8) / columns
    zoom = min(4, int(pitch - 8) // SIDE)
    size = zoom * SIDE
    drawing = Drawing(WIDTH, 0, title)
    drawing.text(EDGE, 28, title, TITLE)
    y = 54
    if note:
        drawing.text(EDGE, 54, note, TEXT, MUTED)
        y = 80
    for heading, tiles in groups.items():
        if heading:
            drawing.text(EDGE, y + 8, heading, TEXT)
            y += 26
        for place, tile in enumerate(tiles):
            x, top = EDGE + place % columns * pitch, y + place // columns * (size + 54)
            if tile.framed:
                drawing.box(x - 3, top - 3, size + 6, size + 6, AMBER)
            drawing.image(x, top, tile.image, zoom)
            drawing.text(x, top + size + 14, tile.caption, TEXT, tile.color)
            drawing.text(x, top + size + 32, tile.note, TEXT, MUTED)
        y += -(-len(tiles) // columns) * (size + 54) + (8 if heading else 0)
    drawing.height = y
    return drawing


def draw_hardest(
    images: Images,
    hardest: Sequence[Prediction],
    classes: Sequence[str] = DIGITS,
) -> Drawing:
    """Draw the hardest digits: errors with amber captions, correct answers with blue ones.

    Args:
        images: uint8 (k, 28, 28), one for each entry of `hardest`.
        hardest: From `tenfold.evaluation.metrics.hardest_images`.
        classes: Names of the classes, by label.
    """
    tiles = []
    for image, hard in zip(images, hardest, strict=True):
        color = SKY_BLUE if hard.label == hard.predicted else AMBER
        caption = f"{classes[hard.label]} read as {classes[hard.predicted]}"
        tiles.append(Tile(image, caption, percent(hard.confidence), color))
    title = "The hardest digits" if tuple(classes) == DIGITS else "The hardest images"
    return draw_tiles(title, {"": tiles}, "Below each: what it is, what was read, the confidence.")


def draw_confusion(confusion: np.ndarray, classes: Sequence[str] = DIGITS) -> Drawing:
    """Draw the confusion matrix: the count in each cell, zeros blank, a color for errors alone.

    Args:
        confusion: Integers (classes, classes), rows true classes, columns predicted ones.
        classes: Names of the classes, by label. If one of them is long, columns have numbers, and
            rows numbers and names.
    """
    long = max(map(len, classes)) > LONG_NAME
    rows = [f"{name}  {label}" for label, name in enumerate(classes)] if long else classes
    columns = list(map(str, range(len(classes)))) if long else classes
    cell, top = 40, 82
    left = max(62, 30 + 8 * max(map(len, rows)))
    side = len(classes) * cell
    width = max(left + side, _TITLE_WIDTH) + EDGE
    drawing = Drawing(width, top + side + EDGE, "Confusion matrix")
    drawing.text(EDGE, 28, "Confusion matrix (images)", TITLE)
    drawing.text(left + side / 2, 50, "read as", TEXT, MUTED, "middle")
    drawing.text(left - 12, top - 14, "true", TEXT, MUTED, "end")
    errors = confusion * (1 - np.eye(len(classes), dtype=np.int64))
    shades = np.sqrt(errors / max(int(errors.max()), 1))
    for label in range(len(classes)):
        drawing.text(left + (label + 0.5) * cell, top - 14, columns[label], TEXT, INK, "middle")
        drawing.text(left - 16, top + (label + 0.5) * cell, rows[label], TEXT, INK, "end")
    for true, read in np.ndindex(confusion.shape):
        count = int(confusion[true, read])
        fill = _DIAGONAL if true == read else shade(float(shades[true, read]))
        words = f"{count}" if count else ""
        draw_cell(drawing, left + read * cell, top + true * cell, cell, cell, fill, words)
    return drawing


def draw_cell(
    drawing: Drawing, x: float, y: float, width: float, height: float, fill: str, words: str
) -> None:
    """Draw one cell of a table: a filled box with words in its middle, 2 pixels from the next."""
    red, green, blue = (int(fill[at : at + 2], 16) for at in (1, 3, 5))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT
    drawing.box(x, y, width - 2, height - 2, fill)
    color = "#000000" if light else "#ffffff"
    drawing.text(x + width / 2 - 1, y + height / 2, words, TEXT, color, "middle")


def shade(share: float) -> str:
    """Return the color of a cell: 0 is black, 1 bright orange."""
    return "#" + bytes(heat_colors(np.array(share * _BRIGHTEST), 1)).hex()
