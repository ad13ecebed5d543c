"""Pages with signs between digits: dates, telephone numbers, amounts, sums, words beside numbers.

Digits are MNIST images that the caller gives. Signs are strokes with ends as round as a pen's, or
glyphs of handwriting fonts held back from training.
"""

import re
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scenes import crop

from tenfold.augmentation.hands import DIGIT_HEIGHT, Glyph, Hand

KINDS = {
    "slash": ("d/d/dd", "dd/dd", "dd/d/dddd", "d/d", "dd/dd/dd"),
    "brackets": ("(dd) ddd dddd", "(d)", "(ddd)", "(dd) dddd", "d)"),
    "decimal": ("d.dd", "dd.dd", "d,dd", "ddd,d", "d.ddd,dd"),
    "dash": ("dd-dd-dd", "ddd-dddd", "-dd", "d-d"),
    "apart": ("d+d", "d x d", "dd+d", "d = d", "dd x d"),
    "label": ("w dd", "w ddd", "dd w", "w dddd"),
    "plain": ("ddd", "ddddd", "dd", "dddddd"),
}
"""Kinds of scenes and their texts: d is a digit, w a word."""

WORDS = ("No", "Nr", "Tel", "kg", "Total", "Sum", "EUR", "km")


def scene(
    kind: str, by_digit: Sequence[np.ndarray], hands: Sequence[Hand], rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """Return a page uint8 (h, w), dark on light or light on dark, and its text."""
    template = str(rng.choice(KINDS[kind]))
    text = "".join(str(rng.integers(10)) if c == "d" else c for c in template)
    return written(text, by_digit, hands, rng), text


def written(
    text: str,
    by_digit: Sequence[np.ndarray],
    hands: Sequence[Hand],
    rng: np.random.Generator,
    *,
    font_digits: bool = False,
) -> np.ndarray:
    """Return a page uint8 (h, w), dark on light or light on dark, that shows a text.

    Args:
        text: Digits, signs, spaces, and w for a word.
        by_digit: MNIST images of each digit.
        hands: Fonts, one of which writes the words and some signs.
        rng: Source of the draws.
        font_digits: Whether the font writes the digits, too.
    """
    height = float(rng.uniform(28, 80))
    pen = max(1.5, height * rng.uniform(0.05, 0.11))
    hand = hands[int(rng.integers(len(hands)))]
    ink = np.zeros((round(3.4 * height), round((len(text) + 4) * height)), np.float32)
    x, top = 1.2 * height, 1.2 * height
    lean, glyphs = rng.uniform(0.3, 0.6), rng.random() < 0.4
    for character in text:
        if character == " ":
            x += rng.uniform(0.3, 0.6) * height
        elif character == "w" and glyphs:
            for letter in str(rng.choice(WORDS)):
                x = _glyph(ink, hand.glyphs[letter], x, top, height) + 0.1 * height
        elif character == "w":
            x = _word(ink, x, top, height, rng)
        elif character.isdigit() and not font_digits:
            images = by_digit[int(character)]
            mark = crop(images[rng.integers(len(images))], height * rng.uniform(0.9, 1.05))
            row = top + height - mark.shape[0] + rng.uniform(-0.05, 0.05) * height
            _lay(ink, mark, x, row)
            x += mark.shape[1]
        elif glyphs or character.isdigit():
            x = _glyph(ink, hand.glyphs[character], x, top, height)
        else:
            x = _stroke(ink, character, x, top, height, pen, lean, rng)
        x += rng.uniform(0.08, 0.3) * height
    paper, depth = rng.uniform(180, 250), rng.uniform(0.5, 0.9)
    page = paper * (1 - depth * ink[:, : round(x + height)])
    page += rng.normal(0, rng.uniform(0, 4), page.shape)
    page = np.clip(page, 0, 255).astype(np.uint8)
    return 255 - page if rng.random() < 0.2 else page


def is_right(found: str, text: str) -> bool:
    """Tell whether what was read is right.

    Signs within a number leave nothing or "?", those between numbers "?", words nothing.
    """
    pattern = ""
    for character in text:
        if character.isdigit():
            pattern += character
        elif character in "+x=":
            pattern += r"\?"
        elif character in ".,-/()":
            pattern += r"\??"
    return re.fullmatch(pattern, found) is not None


def has_wrong_digit(found: str, text: str) -> bool:
    """Tell whether a digit was accepted that does not stand there."""
    digits = iter(character for character in text if character.isdigit())
    return not all(one in digits for one in found if one.isdigit())


def _lay(ink: np.ndarray, mark: np.ndarray, x: float, y: float) -> None:
    part = ink[round(y) :, round(x) :][: mark.shape[0], : mark.shape[1]]
    np.maximum(part, mark[: part.shape[0], : part.shape[1]], out=part)


def _glyph(ink: np.ndarray, glyph: Glyph, x: float, top: float, height: float) -> float:
    """Draw a glyph; return where it ends."""
    mark = crop(glyph.ink, max(2, glyph.ink.shape[0] / DIGIT_HEIGHT * height))
    _lay(ink, mark, x, top + glyph.top * height)
    return x + mark.shape[1]


def _word(ink: np.ndarray, x: float, top: float, height: float, rng: np.random.Generator) -> float:
    """Print a word on the digits' line; return where it ends."""
    word = Image.new("L", ink.shape[::-1])
    font = ImageFont.load_default(round(height * rng.uniform(0.9, 1.3)))
    text = str(rng.choice(WORDS))
    ImageDraw.Draw(word).text((x, top + height), text, fill=255, font=font, anchor="ls")
    np.maximum(ink, np.asarray(word, np.float32) / 255, out=ink)
    return x + font.getlength(text) + 0.2 * height


def _stroke(
    ink: np.ndarray, sign: str, x: float, top: float, height: float, pen: float, lean: float,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Draw a sign; return where it ends."""
    above, below = rng.uniform(0.0, 0.35, 2)
    wide = {"/": lean * (1 + above + below), ".": 0.05, ",": 0.12, "-": 0.4, "=": 0.5}.get(
        sign, 0.22 if sign in "()" else rng.uniform(0.4, 0.65)
    )
    low = rng.uniform(0.92, 1.02)
    strokes = {
        "/": [[(wide, -above), (0, 1 + below)]],
        "(": [[(wide, -above), (0.05, 0.2), (0, 0.5), (0.05, 0.8), (wide, 1 + below)]],
        ")": [[(0, -above), (wide - 0.05, 0.2), (wide, 0.5), (wide - 0.05, 0.8), (0, 1 + below)]],
        "+": [[(0, 0.55), (wide, 0.55)],
              [(wide / 2, 0.55 - wide / 2), (wide / 2, 0.55 + wide / 2)]],
        "x": [[(0, 0.6 - wide / 2), (wide, 0.6 + wide / 2)],
              [(wide, 0.6 - wide / 2), (0, 0.6 + wide / 2)]],
        "=": [[(0, 0.42), (wide, 0.42)], [(0, 0.68), (wide, 0.68)]],
        "-": [[(0, 0.55), (wide, 0.52)]],
        ".": [[(0, low), (wide, low)]],
        ",": [[(wide, low), (0, low + 0.22)]],
    }[sign]  # fmt: skip
    for points in strokes:
        path = np.array([(x + column * height, top + row * height) for column, row in points])
        cv2.polylines(
            ink, [np.rint(8 * path).astype(np.int32)], False, 1.0, round(pen), cv2.LINE_AA, 3
        )
    return x + wide * height
