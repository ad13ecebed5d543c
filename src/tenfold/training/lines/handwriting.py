"""One invented writer: digits, signs and words, drawn on a board.

The digits are MNIST's or a handwriting font's, brought to a common height, slant, weight and width.
MNIST's may touch or be joined by strokes and loops, and take the forms that MNIST lacks
(`tenfold.augmentation.digit_forms`). Signs are strokes or the font's; words are the font's or
printed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tenfold.arrays import Gray, Images, Ink
from tenfold.augmentation.digit_forms import FORMS
from tenfold.augmentation.hands import DIGIT_HEIGHT, Glyph, Hand
from tenfold.augmentation.strokes import Point, bezier, crop_to_ink, draw_stroke
from tenfold.training.lines.drawing import FAINT, paint, printed, warped
from tenfold.training.lines.signs import SignPen
from tenfold.training.lines.texts import TIMES, UNKNOWN

Rng = np.random.Generator

BOARD = (64, 560)
"""Height and width of the board, in pixels; it is scaled into a strip."""

LEFT = 40
"""Column in which writing begins."""

RIGHT_MARGIN = 30
"""Columns at the end of the board that stay free."""

LONGEST = 9.4
"""Length of a text, at most, in heights of a digit: more would be scaled down in a strip."""

FONT_DIGITS = 0.38
"""Share of writers whose digits are a font's."""

TOKENS = re.compile(r"[A-Za-z]+|.")
"""Words, and every other character by itself."""


@dataclass(frozen=True)
class Writers:
    """What digits, signs and words are made of.

    Attributes:
        by_digit: Images of each digit 0 to 9, uint8 (n, 28, 28), white ink on black.
        hands: Handwriting fonts.
        no_digits: Glyphs that are neither digits nor signs.
    """

    by_digit: Sequence[Images]
    hands: Sequence[Hand]
    no_digits: Sequence[Glyph]


@dataclass(frozen=True)
class Written:
    """A character or a word on the board, and the columns where it begins and ends."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Handwriting:
    """How one writer writes.

    Attributes:
        height: Height of a typical digit, in pixels.
        slant: Tangent of the slant.
        width: Factor of width.
        gap: Pixels between digits; negative for digits that overlap.
        weight: Strokes thicker (above 0) or thinner, as in `augmentation.geometry.thicken`.
        forms: For each of FORMS, whether the writer uses it.
        joins: Whether strokes join digits.
        loops: Whether round digits have a loop at the top.
        slope: Rows that the line falls in each column.
        jitter: Standard deviation of a digit's place, as a share of the height.
        zero_height: Height of a 0, as a share of other digits'.
        zero_place: Where a small 0 stands: 0 at the top, 1 on the line.
        pen: Thickness of the pen that draws signs, in pixels.
        hand: The font of words, of some signs, and of the digits if `font_digits`.
        font_digits: Whether the digits are the font's, not MNIST's.
    """

    height: float
    slant: float
    width: float
    gap: float
    weight: float
    forms: tuple[bool, ...]
    joins: bool
    loops: bool
    slope: float
    jitter: float
    zero_height: float
    zero_place: float
    pen: float
    hand: Hand
    font_digits: bool

    @classmethod
    def random(cls, hands: Sequence[Hand], rng: Rng) -> "Handwriting":
        """Return a random handwriting, with one of the fonts."""
        height = rng.uniform(15, 29)
        slant = rng.uniform(-0.15, 0.55) if rng.random() < 0.7 else 0.0
        width = np.exp(rng.normal(0.05, 0.18))
        gaps = [rng.uniform(-0.15, 0.05), rng.uniform(0, 0.3), rng.uniform(0.2, 0.8)]
        gap = rng.choice(gaps) * height
        weight = rng.uniform(-0.5, 0.8)
        joins, loops = rng.random(2) < (0.35, 0.25)
        forms = tuple(rng.random() < share for _, share, _ in FORMS)
        return cls(height, slant, width, gap, weight, forms, joins, loops,
                   rng.normal(0, 0.03), rng.uniform(0, 0.08),
                   rng.uniform(0.4, 0.8) if rng.random() < 0.25 else 1.0,
                   rng.uniform(0.2, 1) if rng.random() < 0.5 else 1.0,
                   height * np.exp(rng.normal(np.log(0.1), 0.3)),
                   hands[int(rng.integers(len(hands)))], rng.random() < FONT_DIGITS)  # fmt: skip

    @property
    def top(self) -> float:
        """First row of a typical digit."""
        return 20 + (30 - self.height) / 2

    def write(
        self, board: Ink, text: str, writers: Writers, rng: Rng
    ) -> tuple[list[Written], float]:
        """Write a text on the board, from its left.

        Args:
            board: float32, of the size BOARD; 0 paper to 1 full ink.
            text: Digits, signs, words, unknown marks and spaces.
            writers: What they are made of.
            rng: Source of the draws.

        Returns:
            What there was room for, and the column in which it ends.
        """
        x, end, before = float(LEFT), float(LEFT), None
        room = min(BOARD[1] - RIGHT_MARGIN, LEFT + LONGEST * self.height)
        written: list[Written] = []
        for token in TOKENS.findall(text):
            if token == " ":
                x, before = x + rng.uniform(0.25, 0.9) * self.height, None
                continue
            if x + self.height * (0.3 if token in ".,:-" else 0.8) > room:
                break
            start, joined = x, before
            if token.isdigit():
                end, before = self._digit(board, x, int(token), writers.by_digit, before, rng)
            elif token in UNKNOWN:
                end = self._unknown(board, x, token, writers.no_digits, rng)
            elif token.isalpha():
                end = self._word(board, x, token, room, rng)
            else:
                end = self._sign(board, x, token, rng)
            x = end + self.gap + rng.normal(0, 0.05) * self.height
            if before is joined:
                # No stroke joins what is no digit. A sign stands a little apart.
                before = None
                x = end + max(self.gap, 0) + rng.uniform(0, 0.25) * self.height
                if token == "/":
                    x -= rng.uniform(0, 0.35) * (end - start)
            written.append(Written(token, start, end))
        return written, end

    def _digit(
        self, board: Ink, x: float, digit: int, by_digit: Sequence[Images],
        before: Point | None, rng: Rng,
    ) -> tuple[float, Point]:  # fmt: skip
        """Draw a digit; return the column and the point where it ends."""
        high = max(6, self.height * np.exp(rng.normal(0, 0.09)))
        if self.font_digits:
            glyph = self.hand.glyphs[str(digit)]
            return self._glyph(board, x, glyph, rng), (x, self.top)
        image = by_digit[digit][rng.integers(len(by_digit[digit]))]
        for used, (which, _, make) in zip(self.forms, FORMS, strict=True):
            if used and digit == which and rng.random() < 0.8:
                image = make(image, rng)
        if digit == 0:
            small = self.zero_height == 1 and rng.random() < 0.3
            high = max(6, high * (rng.uniform(0.55, 0.95) if small else self.zero_height))
        ink = self._ink(crop_to_ink(image, FAINT), high, rng, wide=digit != 1)
        small = digit == 0 and high < 0.9 * self.height
        lower = (self.height - high) * (self.zero_place if small else 0.5)
        width, top = self._lay(board, ink, x, lower, high, rng)
        if before is not None and self.joins and rng.random() < 0.6:
            self._join(board, before, (x, top), high, rng)
        if digit in (0, 6, 8, 9) and self.loops and rng.random() < 0.5:
            self._loop(board, (x + width, top), high, rng)
        return x + width, (x + width, top)

    def _glyph(self, board: Ink, x: float, glyph: Glyph, rng: Rng) -> float:
        """Draw a glyph; return the column where it ends."""
        unit = self.height * np.exp(rng.normal(0, 0.04))
        high = max(2.0, glyph.ink.shape[0] / DIGIT_HEIGHT * unit)
        ink = self._ink(warped(glyph.ink, rng), high, rng)
        return x + self._lay(board, ink, x, glyph.top * self.height, high, rng)[0]

    def _lay(
        self, board: Ink, ink: Ink, x: float, lower: float, high: float, rng: Rng
    ) -> tuple[float, int]:
        """Lay ink on the board from a column on; return its width and its first row."""
        columns = np.flatnonzero(ink.max(0) > 0.3)
        first, last = (columns[0], columns[-1]) if columns.size else (0, ink.shape[1] - 1)
        width = max(2.0, last - first + 1 - abs(self.slant) * high * 0.75)
        y = self.top + rng.normal(0, self.jitter) * self.height + self.slope * x + lower
        top = round(np.clip(y, 0, max(0, BOARD[0] - 1 - ink.shape[0])))
        paint(board, ink, round(x - first), top)
        return width, top

    def _sign(self, board: Ink, x: float, sign: str, rng: Rng) -> float:
        """Draw a sign; return the column where it ends."""
        glyph = self.hand.glyphs.get("x" if sign == TIMES else sign)
        if glyph and rng.random() < (0.75 if self.font_digits else 0.25):
            return self._glyph(board, x, glyph, rng)
        top = self.top + self.slope * x + rng.normal(0, self.jitter) * self.height
        return SignPen(board, x, top, self.height, self.slant, self.pen).draw(sign, rng)

    def _unknown(self, board: Ink, x: float, mark: str, glyphs: Sequence[Glyph], rng: Rng) -> float:
        """Draw a mark that is neither digit nor sign; return the column where it ends."""
        if len(glyphs) and rng.random() < 0.7:
            return self._glyph(board, x, glyphs[int(rng.integers(len(glyphs)))], rng)
        return self._print(board, x, mark, BOARD[1], rng)

    def _word(self, board: Ink, x: float, word: str, room: float, rng: Rng) -> float:
        """Write or print a word, as far as there is room; return the column where it ends."""
        glyphs = [self.hand.glyphs.get(letter) for letter in word]
        if rng.random() < 0.35 or not all(glyphs):
            return self._print(board, x, word, room, rng)
        end = x
        for glyph in filter(None, glyphs):
            if end > x and end + glyph.advance * self.height > room:
                break
            end = self._glyph(board, end, glyph, rng) + rng.uniform(0, 0.1) * self.height
        return end

    def _print(self, board: Ink, x: float, text: str, room: float, rng: Rng) -> float:
        """Print a word or a mark, as far as there is room; return the column where it ends."""
        ink = printed(text, self.height * rng.uniform(0.8, 1.3), rng)
        top = round(self.top + rng.normal(0, 0.08) * self.height)
        ink = ink[:, : round(max(room - x, self.height))]
        paint(board, ink * np.float32(rng.uniform(0.7, 1)), round(x), top)
        return float(x + ink.shape[1])

    def _ink(self, image: Gray, high: float, rng: Rng, *, wide: bool = True) -> Ink:
        """Return a mark at its size, weight and slant; its width is the writer's if `wide`."""
        scale = high / image.shape[0]
        width = image.shape[1] * scale
        width = max(2, width * self.width * np.exp(rng.normal(0, 0.1)) if wide else width)
        lean = self.slant * high
        matrix = np.array([[width / image.shape[1], -lean / image.shape[0], max(lean, 0) + 1],
                           [0, scale, 1]], np.float32)  # fmt: skip
        size = int(width + abs(lean) + 4), int(high + 3)
        ink = cv2.warpAffine(image.astype(np.float32) / 255, matrix, size, flags=cv2.INTER_LINEAR)
        ink = np.clip((ink - 0.5) * (1 + 0.5 * max(1, scale)) + 0.5, 0, 1)
        if abs(self.weight) > 0.15:
            around = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
            other = (cv2.dilate if self.weight > 0 else cv2.erode)(ink, around)
            ink = (1 - abs(self.weight)) * ink + abs(self.weight) * other
        return np.asarray(ink, np.float32)

    def _join(self, board: Ink, before: Point, here: Point, high: float, rng: Rng) -> None:
        """Draw a stroke from the digit before to this one."""
        start = (before[0] + rng.uniform(-0.15, 0.0) * self.height,
                 before[1] + rng.uniform(0, 0.9) * high)  # fmt: skip
        end = (here[0] + rng.uniform(0, 0.15) * self.height + self.slant * high * 0.4,
               here[1] + rng.uniform(0, 0.8) * high)  # fmt: skip
        if rng.random() < 0.5:
            path = np.array([start, end])
        else:  # the stroke sags or rises between the digits
            middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + rng.normal(0, 0.2) * high
            path = bezier([start, middle, end])
        draw_stroke(board, path, 1.0, int(rng.integers(1, 4)))

    def _loop(self, board: Ink, end: Point, high: float, rng: Rng) -> None:
        """Draw a small loop, or half of one, at the top of a round digit, where a pen leaves it."""
        x = end[0] + self.slant * high - rng.uniform(0, 0.35) * high
        y = end[1] + rng.uniform(-0.05, 0.2) * high
        across, down = rng.uniform(0.06, 0.2) * high, rng.uniform(0.04, 0.1) * high
        start, sweep = rng.uniform(0, 360), rng.uniform(150, 360)
        center, axes = (int(8 * x), int(8 * y)), (int(8 * across), int(8 * down))
        tilt, thickness = float(rng.uniform(-40, 10)), int(rng.integers(1, 3))
        cv2.ellipse(
            board, center, axes, tilt, start, start + sweep, 1.0, thickness, cv2.LINE_AA, 3
        )  # fmt: skip
