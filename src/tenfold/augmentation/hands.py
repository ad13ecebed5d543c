"""Other hands: glyphs of handwriting fonts, drawn as digits and as marks that are no digits.

MNIST's writers were Americans of about 1990. Handwriting fonts add barred sevens, ones with an
upstroke, letters and signs in the hand of the digits beside them, and the digits and letters of
other scripts. `hands.npz` holds the glyphs and `hands.json` tells where each font comes from; both
are made by `tools/fonts.py`. About one family in five is held back: no network learns from it, so
that it can judge.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from tenfold.arrays import DIGITS, SIDE, Gray, Images, Labels
from tenfold.augmentation.strokes import crop_to_ink
from tenfold.files import parse_json
from tenfold.imaging.canvas import center_by_mass, fit, set_stroke_width

Rng = np.random.Generator

PACK = Path(__file__).with_name("hands.npz")
CREDITS = Path(__file__).with_name("hands.json")

DIGIT_HEIGHT = 40
"""Median height of a font's ten digits in the pack, in pixels."""

LATIN = "".join(DIGITS) + ".,-/:()+$=" + string.ascii_letters
"""Characters packed of every handwriting font that has them."""

NO_DIGITS = (
    "+=$"
    "acdehkmnrvwxCEFHKMNRVWX"
    "αηκμπφχψωΓΞΠΣΦΨΩ"
    "ЖФЮЩШДИЯНПМХКжфющшянмхк"
    "٢٣٤٧۴۵۶۷سشصبتن"
    "६८अइकमलसहजग"
    "৩৮৯কমত"
    "๒๓๔๕๗๘กขคงทนมยลสห"
    "௧௨௩௪௫௬௮௯"
    "೫೯"
    "២៣៤៥៧៨៩"
    "൧൨൪൫"
    "אהחמצשת"
    "あいえおかけきせたなにぬねはふほまむめもやれわん二三四五六十"
)
"""Characters that no hand writes like a digit, of those a font may have.

Letters that a digit can look like are left out: O and o, l and I, S, Z, B, b, G, g, q, y (an open
4), U, A and Δ (a triangular 4), T and J (a 7), P and p (a mirrored 9), f, t, D and Q. So are
the signs . , - / : ( ), and their kin in other scripts: the zeros of all scripts, Persian 1, 8
and 9, Arabic 6, Devanagari 1 to 5, 7 and 9, Bengali 1, 2 and 4 to 7, Thai 1, 6 and 9, Khmer 1.
"""

GRID = 5
"""Knots of the warp along each side of a glyph (a 5x5 grid)."""

DRAWN_SIDE, BOARD = 64, 120
"""Longest side of a glyph while it is warped, and the side of the board, in pixels."""

PLACES = np.moveaxis(np.indices((BOARD, BOARD))[::-1], 0, -1).astype(np.float32) - (BOARD - 1) / 2
"""Column and row of each pixel of the board, from its middle: (BOARD, BOARD, 2)."""

GRAYS = 16
"""Number of gray levels in the pack."""

FAINT = 60
"""Brightness up to which a pixel of a warped glyph does not count as ink."""

PEN = 2.4
"""Median stroke width of MNIST's digits, in pixels of the 20 that a digit fills."""


@dataclass(frozen=True, eq=False)
class Glyph:
    """One character of a font. Lengths are in units of the height of the font's digits.

    Attributes:
        ink: uint8 (h, w), white on black, cropped to the ink; `DIGIT_HEIGHT` rows are one unit.
        top: From the top of the digits down to the first row; 1 is the baseline.
        left: From the pen's place right to the first column; negative if the ink begins before.
        advance: From the pen's place to that of the next character.
    """

    ink: Gray
    top: float
    left: float
    advance: float


@dataclass(frozen=True, eq=False)
class Hand:
    """One font.

    Attributes:
        name: Name of its npm package, without `@fontsource/`.
        family: Fonts of one family are alike, and are held back together.
        glyphs: The glyph of each character that the font has and the pack holds.
    """

    name: str
    family: str
    glyphs: Mapping[str, Glyph]


def load_hands(*, held_back: bool) -> tuple[Hand, ...]:
    """Return the handwriting fonts: hands with all ten digits, punctuation and letters.

    Args:
        held_back: The families held back to judge, instead of those to learn from.
    """
    return tuple(hand for hand in _load(held_back) if "0" in hand.glyphs)


def load_non_digits(*, held_back: bool) -> tuple[Glyph, ...]:
    """Return the glyphs of all fonts that no hand writes like a digit (`NO_DIGITS`).

    Args:
        held_back: Those of the fonts held back to judge, instead of those to learn from.
    """
    return tuple(
        glyph
        for hand in _load(held_back)
        for character, glyph in hand.glyphs.items()
        if character in NO_DIGITS
    )


def draw_glyph(glyph: Glyph, rng: Rng) -> Gray:
    """Draw a glyph as an image like MNIST's, anew each time.

    A coarse warp, the proportions, the slant, a rotation and the pen are random.

    Args:
        glyph: The glyph.
        rng: Source of the draws.

    Returns:
        uint8 (28, 28), white ink on black.
    """
    ink = glyph.ink
    height, width = ink.shape
    scale = max(height, width) / DRAWN_SIDE
    slant, turn = rng.normal(0.05, 0.15), rng.normal(0, np.radians(4))
    stretch = np.array([scale * np.exp(rng.normal(0, 0.12)), scale], np.float32)
    # Each place on the board shows this column and row of the glyph.
    shape = [[np.cos(turn), -np.sin(turn)], [np.sin(turn) + slant, np.cos(turn)]]
    moves = rng.normal(0, rng.uniform(0.01, 0.05) * DRAWN_SIDE, (GRID, GRID, 2))
    warp = cv2.resize(moves.astype(np.float32), (BOARD, BOARD), interpolation=cv2.INTER_CUBIC)
    middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    places = (PLACES @ np.array(shape, np.float32) + warp) * stretch + middle
    drawn = crop_to_ink(cv2.remap(ink, places, None, cv2.INTER_LINEAR), FAINT)
    pen = float(np.clip(PEN * np.exp(rng.normal(0, 0.2)), 1.6, 4))
    return center_by_mass(fit(set_stroke_width(np.float32(1 / 255) * drawn, (pen, pen))))


def draw_digits(labels: Labels, hands: Sequence[Hand], rng: Rng) -> Images:
    """Draw digits, each in a random hand.

    Args:
        labels: uint8 (n,), 0..9: the digits to draw.
        hands: Fonts to choose from.
        rng: Source of the draws.

    Returns:
        uint8 (n, 28, 28), white ink on black.
    """
    images = np.empty((len(labels), SIDE, SIDE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        hand = hands[int(rng.integers(len(hands)))]
        image[:] = draw_glyph(hand.glyphs[DIGITS[label]], rng)
    return images


@cache
def _load(held_back: bool) -> tuple[Hand, ...]:
    """Return all fonts to learn from, or all that are held back."""
    with np.load(PACK, allow_pickle=False) as pack:
        pixels = pack["pixels"].astype(np.uint8) * np.uint8(255 // (GRAYS - 1))
        sizes, places = pack["sizes"].tolist(), pack["places"].tolist()
        characters, fonts = pack["characters"].tolist(), pack["fonts"].tolist()
    listed = parse_json(CREDITS.read_text(encoding="utf-8"))["fonts"]
    glyphs: list[dict[str, Glyph]] = [{} for _ in listed]
    start = 0
    for character, font, (high, wide), place in zip(characters, fonts, sizes, places, strict=True):
        ink = pixels[start : start + high * wide].reshape(high, wide)
        start += high * wide
        if listed[font]["held_back"] == held_back:
            ink.flags.writeable = False
            glyphs[font][chr(character)] = Glyph(ink, *place)
    return tuple(
        Hand(font["name"], font["family"], MappingProxyType(own))
        for font, own in zip(listed, glyphs, strict=True)
        if own
    )
