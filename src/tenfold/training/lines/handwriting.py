"""One invented writer: digits and all that stands beside digits, drawn on a board.

The digits are MNIST's, brought to a common height, slant, weight and width. Digits may touch or be
joined by strokes and loops, and take the forms that MNIST lacks
(`tenfold.augmentation.digit_forms`). Dots, dashes, signs and printed words are not digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from tenfold.arrays import Gray, Images, Ink
from tenfold.augmentation.digit_forms import FORMS
from tenfold.augmentation.non_digits import HERSHEY_FONTS
from tenfold.augmentation.strokes import Point, bezier, crop_to_ink, draw_stroke

Rng = np.random.Generator

BOARD = (64, 560)
"""Height and width of the board, in pixels; it is scaled into a strip."""

LEFT = 40
"""Column in which writing begins."""

RIGHT_MARGIN = 30
"""Columns at the end of the board that stay free."""

FAINT = 60
"""Brightness up to which a pixel does not count as ink when digits and words are cropped."""

SIGNS = "#$*=+xRE"
"""Signs beside amounts."""

LETTERS = "aabcdeeefghiijklllmnoooopqrrsssttuuvwxyzzBDGIOQSTZL"
"""Letters of words. Letters that look like digits come more often than in any language."""


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

    @classmethod
    def random(cls, rng: Rng) -> "Handwriting":
        """Return a random handwriting."""
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
                   rng.uniform(0.2, 1) if rng.random() < 0.5 else 1.0)  # fmt: skip

    @property
    def top(self) -> float:
        """First row of a typical digit."""
        return 20 + (30 - self.height) / 2

    def write(
        self, board: Ink, digits: list[int], by_digit: Sequence[Images], rng: Rng
    ) -> tuple[list[int], float]:
        """Write digits on the board, from its left.

        Args:
            board: float32, of the size BOARD; 0 paper to 1 full ink.
            digits: The digits to write.
            by_digit: Images of each digit 0 to 9, uint8 (n, 28, 28), white ink on black.
            rng: Source of the draws.

        Returns:
            The digits that the board had room for, and the column in which they end.
        """
        x, before = float(LEFT), None
        for number, digit in enumerate(digits):
            image = by_digit[digit][rng.integers(len(by_digit[digit]))]
            for used, (which, _, make) in zip(self.forms, FORMS, strict=True):
                if used and digit == which and rng.random() < 0.8:
                    image = make(image, rng)
            high = max(6, self.height * np.exp(rng.normal(0, 0.09)))
            if digit == 0:
                small = self.zero_height == 1 and rng.random() < 0.3
                high = max(6, high * (rng.uniform(0.55, 0.95) if small else self.zero_height))
            ink = self._ink(crop_to_ink(image, FAINT), digit, high, rng)
            columns = np.flatnonzero(ink.max(0) > 0.3)
            first, last = (columns[0], columns[-1]) if columns.size else (0, ink.shape[1] - 1)
            width = max(2.0, last - first + 1 - abs(self.slant) * high * 0.75)
            small = digit == 0 and high < 0.9 * self.height
            lower = (self.height - high) * (self.zero_place if small else 0.5)
            y = self.top + rng.normal(0, self.jitter) * self.height + self.slope * x + lower
            left, top = round(x - first), round(np.clip(y, 0, BOARD[0] - 1 - ink.shape[0]))
            if left + ink.shape[1] >= BOARD[1] - RIGHT_MARGIN:
                return digits[:number], x
            _lay(board, ink, left, top)
            if before is not None and self.joins and rng.random() < 0.6:
                self._join(board, before, (x, top), high, rng)
            if digit in (0, 6, 8, 9) and self.loops and rng.random() < 0.5:
                self._loop(board, (x + width, top), high, rng)
            before = (x + width, top)
            x += width + self.gap + rng.normal(0, 0.05) * self.height
            if rng.random() < 0.08:
                x = self._dot(board, x, rng)
        return digits, x

    def add_dashes(self, board: Ink, end: float, rng: Rng) -> float:
        """Draw dashes behind, in 4 of 10 cases; return the column in which all ends."""
        kind = rng.random()
        if kind >= 0.4:
            return end
        if kind < 0.15:
            return self._equals(board, end, rng)
        for _ in range(int(rng.integers(1, 3))):
            y = self.top + self.height * rng.uniform(0.3, 0.7)
            start = end + rng.uniform(0.1, 0.5) * self.height
            stop = start + rng.uniform(0.3, 1.0) * self.height
            points = [(start, y), (stop, y + rng.normal(0, 0.05) * self.height)]
            draw_stroke(board, points, float(rng.uniform(0.7, 1)), int(rng.integers(1, 4)))
        return float(end + rng.uniform(0.5, 1.3) * self.height)

    def add_sign(self, board: Ink, end: float, rng: Rng) -> float:
        """Print a sign before or behind, in 12 of 100 cases; return the column where all ends."""
        if rng.random() >= 0.12:
            return end
        text, font = str(rng.choice(list(SIGNS))), int(rng.integers(0, 4))
        scale, thickness = self.height / 22 * rng.uniform(0.6, 1.1), int(rng.integers(1, 3))
        (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
        behind = rng.random() < 0.5
        away = rng.uniform(0.15, 0.6) * self.height
        x = end + away if behind else LEFT - away - width
        place = int(x), int(self.top + self.height)
        printed = np.zeros(BOARD, np.uint8)  # OpenCV prints on nothing else
        cv2.putText(printed, text, place, font, scale, 255, thickness, cv2.LINE_AA)
        np.maximum(board, printed * np.float32(rng.uniform(0.6, 1) / 255), out=board)
        return float(x + width if behind else end)

    def add_word(self, board: Ink, start: float, letters: int, rng: Rng) -> float:
        """Print a word from a column on, as far as there is room; return where it ends."""
        text = "".join(rng.choice(list(LETTERS), letters))
        if rng.random() < 0.3:
            text = text.upper()
        ink = _printed(text, self.height * rng.uniform(0.8, 1.3), rng)
        left, top = round(start), round(self.top + rng.normal(0, 0.08) * self.height)
        ink = ink[: BOARD[0] - top, : BOARD[1] - RIGHT_MARGIN - left]
        _lay(board, ink * np.float32(rng.uniform(0.7, 1)), left, top)
        return float(left + ink.shape[1])

    def _ink(self, image: Gray, digit: int, high: float, rng: Rng) -> Ink:
        """Return a digit at its size, weight and slant."""
        scale = high / image.shape[0]
        width = max(2, image.shape[1] * scale * self.width * np.exp(rng.normal(0, 0.1)))
        if digit == 1:
            width = max(2, image.shape[1] * scale)
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

    def _dot(self, board: Ink, x: float, rng: Rng) -> float:
        """Draw a dot or a comma; return the column where writing goes on."""
        y = int(self.top + self.height + self.slope * x)
        radius = rng.uniform(0.05, 0.1) * self.height
        start = x + rng.uniform(0, 0.1) * self.height
        end = (start - rng.uniform(0, 0.15) * self.height, y + rng.uniform(0, 0.25) * self.height)
        draw_stroke(board, [(start, y), end], 1.0, max(1, int(2 * radius)))
        return float(x + rng.uniform(0.1, 0.5) * self.height)

    def _equals(self, board: Ink, end: float, rng: Rng) -> float:
        """Draw two short strokes or dots, one above the other; return where they end."""
        start = end + rng.uniform(0.1, 0.5) * self.height
        long = rng.choice([rng.uniform(0.02, 0.08), rng.uniform(0.2, 0.6)]) * self.height
        middle, apart = self.height * rng.uniform(0.3, 0.75), self.height * rng.uniform(0.15, 0.35)
        tilt, thickness = rng.normal(0, 0.1) * long, int(rng.integers(1, 4))
        for side in (-0.5, 0.5):
            x, y = start + rng.normal(0, 0.04) * self.height, self.top + middle + side * apart
            draw_stroke(board, [(x, y), (x + long, y + tilt)], 1.0, thickness)
        return float(start + long)


def _lay(board: Ink, ink: Ink, left: int, top: int) -> None:
    """Lay ink on the board: where both have ink, the darker stays."""
    part = board[top : top + ink.shape[0], left : left + ink.shape[1]]
    np.maximum(part, ink, out=part)


def _printed(text: str, height: float, rng: Rng) -> Ink:
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
