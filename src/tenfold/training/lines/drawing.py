"""Ink for strips: printed words, glyphs that are not the same twice, and how they are laid down."""

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from tenfold.arrays import Gray, Ink
from tenfold.augmentation.hands import GRID
from tenfold.augmentation.non_digits import HERSHEY_FONTS
from tenfold.augmentation.strokes import crop_to_ink

Rng = np.random.Generator

FAINT = 60
"""Brightness up to which a pixel does not count as ink when digits and words are cropped."""


def paint(board: Ink, ink: Ink, left: int, top: int) -> None:
    """Lay ink on the board: where both have ink, the darker stays. What lies outside is lost."""
    ink = ink[max(0, -top) :, max(0, -left) :]
    part = board[max(0, top) :, max(0, left) :][: ink.shape[0], : ink.shape[1]]
    np.maximum(part, ink[: part.shape[0], : part.shape[1]], out=part)


def warped(ink: Gray, rng: Rng) -> Gray:
    """Return a glyph with a coarse warp, so that it is not the same twice."""
    margin = 3
    wide = np.pad(ink, margin)
    rows, columns = np.indices(wide.shape, dtype=np.float32)
    strength = rng.uniform(0.3, 1.6)
    moved = [
        cv2.resize(knots, wide.shape[::-1], interpolation=cv2.INTER_CUBIC)
        for knots in rng.normal(0, strength, (2, GRID, GRID)).astype(np.float32)
    ]
    other = cv2.remap(wide, columns + moved[0], rows + moved[1], cv2.INTER_LINEAR)
    cropped = crop_to_ink(other, FAINT)
    return np.asarray(cropped if cropped.size else ink, np.uint8)


def printed(text: str, height: float, rng: Rng) -> Ink:
    """Return a word of a height in one of OpenCV's fonts or in Pillow's."""
    number = int(rng.integers(len(HERSHEY_FONTS) + 1))
    thickness = int(rng.integers(1, 4))
    page = np.zeros((120, 60 * len(text) + 40), np.uint8)
    if number < len(HERSHEY_FONTS):
        cv2.putText(page, text, (20, 75), HERSHEY_FONTS[number], 1.5, 255, thickness, cv2.LINE_AA)
    else:
        image = PIL.Image.fromarray(page)
        font = PIL.ImageFont.load_default(50)
        PIL.ImageDraw.Draw(image).text((20, 20), text, fill=255, font=font)
        page = np.array(image)
    word = crop_to_ink(page, FAINT)
    width = word.shape[1] * height / word.shape[0] * np.exp(rng.normal(0, 0.15))
    size = max(2, round(width)), max(2, round(height))
    ink = cv2.resize(word, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(np.clip(ink * rng.uniform(1, 2), 0, 1), np.float32)
