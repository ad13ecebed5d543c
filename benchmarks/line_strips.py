"""Strips to train on what reads lines as a whole: digits in a row, as papers show them.

Digits of a like height, slant, weight and width, near to each other, touching or joined by a
stroke or a loop, all of them bent; forms that MNIST lacks (digit_forms.py), small zeros, many
zeros; dots, commas, dashes, signs and words, which are no digits; waves and rules printed on the
paper; shadow, pale ink, noise. Nothing but MNIST's digits is of anybody's hand.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from tenfold.augmentation.digit_forms import FORMS
from tenfold.reading.line_reader import HIGH

WIDE = 192
"""Width of a strip to train on, in pixels."""

MOST = 7
"""Digits in it, at most."""

BOARD = (64, 560)
"""Height and width of what digits are written on before it is scaled into a strip."""

LEFT = 40
"""Where writing begins on it."""

SIGNS = "#$*=+xRE"
"""What stands before or behind amounts now and then, and is no digit."""

LETTERS = "aabcdeeefghiijklllmnoooopqrrsssttuuvwxyzzBDGIOQSTZL"
"""What words are made of: those that look like digits more often than in any language."""

WORDS, WITH_WORD = 0.15, 0.1
"""Of all strips so many show words alone, and so many a word beside the digits."""

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)  # fmt: skip
"""OpenCV's; Pillow's own is the seventh."""

Image = npt.NDArray[np.uint8]
Ink = npt.NDArray[np.float32]
Rng = np.random.Generator


def make_strip(by_digit: list[Image], rng: Rng) -> tuple[Image, list[int]]:
    """Make a strip.

    Args:
        by_digit: For each digit 0 to 9 its images, uint8 (n, 28, 28), white on black.
        rng: Where the draws come from.

    Returns:
        uint8 (32, 192), white on black, and the digits on it, left to right.
    """
    board = np.zeros(BOARD, np.float32)
    writing = _Writing.drawn(rng)
    what = rng.random()
    digits: list[int] = []
    if what < WORDS:
        end = writing.word(board, LEFT, int(rng.integers(2, 13)), rng)
    else:
        digits, end = writing.write(board, _digits(rng), by_digit, rng)
        end = writing.dashes(board, end, rng)
        end = writing.sign(board, end, rng)
    if WORDS <= what < WORDS + WITH_WORD:
        after = end + rng.uniform(0.3, 0.8) * writing.height
        end = writing.word(board, after, int(rng.integers(2, 6)), rng)
    if rng.random() < 0.6:
        board = _bent(board, rng)
    board *= np.float32(rng.uniform(0.8, 1))
    if rng.random() < 0.25:  # a pen that runs dry, or shadow that was not quite taken away
        first, last = rng.uniform(0.4, 1, 2)
        board *= np.linspace(first, last, BOARD[1], dtype=np.float32)
    board = _on_paper(board, writing, rng)
    return _seen(board, writing, end, rng), digits


def _digits(rng: Rng) -> list[int]:
    count = int(rng.integers(1, MOST + 1))
    if rng.random() < 0.25:  # many zeros at the end, as amounts have
        zeros = int(rng.integers(1, count + 1))
        return [int(d) for d in rng.integers(0, 10, count - zeros)] + [0] * zeros
    return [int(d) for d in rng.integers(0, 10, count)]


@dataclass(frozen=True)
class _Writing:
    """How somebody writes: height in pixels, slant, and the rest in heights or factors.

    `zero_high` is the height of zeros, `zero_low` how far down smaller ones stand: 1 on the line.
    """

    height: float
    lean: float
    wide: float
    gap: float
    weight: float
    forms: tuple[bool, ...]
    joins: bool
    loops: bool
    slope: float
    jitter: float
    zero_high: float
    zero_low: float

    @property
    def top(self) -> float:
        """The row in which a digit of the typical height begins."""
        return 20 + (30 - self.height) / 2

    @classmethod
    def drawn(cls, rng: Rng) -> "_Writing":
        height = rng.uniform(15, 29)
        lean = rng.uniform(-0.15, 0.55) if rng.random() < 0.7 else 0.0
        wide = np.exp(rng.normal(0.05, 0.18))
        gaps = [rng.uniform(-0.15, 0.05), rng.uniform(0, 0.3), rng.uniform(0.2, 0.8)]
        gap = rng.choice(gaps) * height
        weight = rng.uniform(-0.5, 0.8)
        joins, loops = rng.random(2) < (0.35, 0.25)
        forms = tuple(rng.random() < share for _, share, _ in FORMS)
        return cls(height, lean, wide, gap, weight, forms, joins, loops,
                   rng.normal(0, 0.03), rng.uniform(0, 0.08),
                   rng.uniform(0.4, 0.8) if rng.random() < 0.25 else 1.0,
                   rng.uniform(0.2, 1) if rng.random() < 0.5 else 1.0)  # fmt: skip

    def write(
        self, board: Ink, digits: list[int], by_digit: list[Image], rng: Rng
    ) -> tuple[list[int], float]:
        """Write digits on the board; return those there was room for, and where they end."""
        x, before = float(LEFT), None
        for number, digit in enumerate(digits):
            image = by_digit[digit][rng.integers(len(by_digit[digit]))]
            for chosen, (which, _, made) in zip(self.forms, FORMS, strict=True):
                if chosen and digit == which and rng.random() < 0.8:
                    image = made(image, rng)
            high = max(6, self.height * np.exp(rng.normal(0, 0.09)))
            if digit == 0:
                small = self.zero_high == 1 and rng.random() < 0.3
                high = max(6, high * (rng.uniform(0.55, 0.95) if small else self.zero_high))
            ink = self._ink(_cropped(image), digit, high, rng)
            columns = np.flatnonzero(ink.max(0) > 0.3)
            first, last = (columns[0], columns[-1]) if columns.size else (0, ink.shape[1] - 1)
            width = max(2.0, last - first + 1 - abs(self.lean) * high * 0.75)
            small = digit == 0 and high < 0.9 * self.height
            lower = (self.height - high) * (self.zero_low if small else 0.5)
            y = self.top + rng.normal(0, self.jitter) * self.height + self.slope * x + lower
            left, top = round(x - first), round(np.clip(y, 0, BOARD[0] - 1 - ink.shape[0]))
            if left + ink.shape[1] >= BOARD[1] - 30:
                return digits[:number], x
            part = board[top : top + ink.shape[0], left : left + ink.shape[1]]
            np.maximum(part, ink, out=part)
            if before is not None and self.joins and rng.random() < 0.6:
                self._join(board, before, (x, top), high, rng)
            if digit in (0, 6, 8, 9) and self.loops and rng.random() < 0.5:
                self._loop(board, (x + width, top), high, rng)
            before = (x + width, top)
            x += width + self.gap + rng.normal(0, 0.05) * self.height
            if rng.random() < 0.08:
                x = self._dot(board, x, rng)
        return digits, x

    def _ink(self, image: Image, digit: int, high: float, rng: Rng) -> Ink:
        """Return a digit at its size, leaning, float32 0 to 1."""
        scale = high / image.shape[0]
        width = max(2, image.shape[1] * scale * self.wide * np.exp(rng.normal(0, 0.1)))
        if digit == 1:
            width = max(2, image.shape[1] * scale)
        lean = self.lean * high
        move = np.array([[width / image.shape[1], -lean / image.shape[0], lean + 1],
                         [0, scale, 1]], np.float32)  # fmt: skip
        if lean < 0:
            move[0, 2] = 1
        size = int(width + abs(lean) + 4), int(high + 3)
        ink = cv2.warpAffine(image.astype(np.float32) / 255, move, size, flags=cv2.INTER_LINEAR)
        ink = np.clip((ink - 0.5) * (1 + 0.5 * max(1, scale)) + 0.5, 0, 1)
        if abs(self.weight) > 0.15:
            around = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
            other = (cv2.dilate if self.weight > 0 else cv2.erode)(ink, around)
            ink = (1 - abs(self.weight)) * ink + abs(self.weight) * other
        return np.asarray(ink, np.float32)

    def _join(
        self, board: Ink, before: tuple[float, int], here: tuple[float, int], high: float, rng: Rng
    ) -> None:
        """Draw a stroke from the digit before to this one."""
        a = (before[0] + rng.uniform(-0.15, 0.0) * self.height,
             before[1] + rng.uniform(0, 0.9) * high)  # fmt: skip
        b = (here[0] + rng.uniform(0, 0.15) * self.height + self.lean * high * 0.4,
             here[1] + rng.uniform(0, 0.8) * high)  # fmt: skip
        if rng.random() < 0.5:
            _line(board, a, b, 1.0, int(rng.integers(1, 4)))
        else:  # it sags or rises between them
            control = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + rng.normal(0, 0.2) * high)
            _curve(board, (a, control, b), int(rng.integers(1, 4)))

    def _loop(self, board: Ink, end: tuple[float, float], high: float, rng: Rng) -> None:
        """Draw a small loop, or half of one, at the top of a round digit, where a pen leaves it."""
        x = end[0] + self.lean * high - rng.uniform(0, 0.35) * high
        y = end[1] + rng.uniform(-0.05, 0.2) * high
        across, down = rng.uniform(0.06, 0.2) * high, rng.uniform(0.04, 0.1) * high
        start, sweep = rng.uniform(0, 360), rng.uniform(150, 360)
        center, axes = (int(8 * x), int(8 * y)), (int(8 * across), int(8 * down))
        tilt, thick = float(rng.uniform(-40, 10)), int(rng.integers(1, 3))
        cv2.ellipse(board, center, axes, tilt, start, start + sweep, 1.0, thick, cv2.LINE_AA, 3)

    def _dot(self, board: Ink, x: float, rng: Rng) -> float:
        """Draw a dot or a comma; return where writing goes on."""
        y = int(self.top + self.height + self.slope * x)
        radius = rng.uniform(0.05, 0.1) * self.height
        start = x + rng.uniform(0, 0.1) * self.height
        end = (start - rng.uniform(0, 0.15) * self.height, y + rng.uniform(0, 0.25) * self.height)
        _line(board, (start, y), end, 1.0, max(1, int(2 * radius)))
        return float(x + rng.uniform(0.1, 0.5) * self.height)

    def dashes(self, board: Ink, end: float, rng: Rng) -> float:
        """Draw a dash or two behind, now and then; return where all ends."""
        kind = rng.random()
        if kind >= 0.4:
            return end
        if kind < 0.15:
            return self._double(board, end, rng)
        for _ in range(int(rng.integers(1, 3))):
            y = self.top + self.height * rng.uniform(0.3, 0.7)
            a = end + rng.uniform(0.1, 0.5) * self.height
            b = a + rng.uniform(0.3, 1.0) * self.height
            to = (b, y + rng.normal(0, 0.05) * self.height)
            _line(board, (a, y), to, float(rng.uniform(0.7, 1)), int(rng.integers(1, 4)))
        return float(end + rng.uniform(0.5, 1.3) * self.height)

    def _double(self, board: Ink, end: float, rng: Rng) -> float:
        """Draw two short strokes or dots, one above the other; return where they end."""
        start = end + rng.uniform(0.1, 0.5) * self.height
        long = rng.choice([rng.uniform(0.02, 0.08), rng.uniform(0.2, 0.6)]) * self.height
        middle, apart = self.height * rng.uniform(0.3, 0.75), self.height * rng.uniform(0.15, 0.35)
        tilt, thick = rng.normal(0, 0.1) * long, int(rng.integers(1, 4))
        for side in (-0.5, 0.5):
            x, y = start + rng.normal(0, 0.04) * self.height, self.top + middle + side * apart
            _line(board, (x, y), (x + long, y + tilt), 1.0, thick)
        return float(start + long)

    def sign(self, board: Ink, end: float, rng: Rng) -> float:
        """Print a sign before or behind all, now and then; return where all ends."""
        if rng.random() >= 0.12:
            return end
        text, font = str(rng.choice(list(SIGNS))), int(rng.integers(0, 4))
        scale, thick = self.height / 22 * rng.uniform(0.6, 1.1), int(rng.integers(1, 3))
        (wide, _), _ = cv2.getTextSize(text, font, scale, thick)
        behind = rng.random() < 0.5
        away = rng.uniform(0.15, 0.6) * self.height
        x = end + away if behind else LEFT - away - wide
        place = int(x), int(self.top + self.height)
        printed = np.zeros(BOARD, np.uint8)  # OpenCV writes on nothing else
        cv2.putText(printed, text, place, font, scale, 255, thick, cv2.LINE_AA)
        np.maximum(board, printed * np.float32(rng.uniform(0.6, 1) / 255), out=board)
        return float(x + wide if behind else end)

    def word(self, board: Ink, start: float, letters: int, rng: Rng) -> float:
        """Print letters from a column on, as far as there is room; return where they end."""
        text = "".join(rng.choice(list(LETTERS), letters))
        if rng.random() < 0.3:
            text = text.upper()
        ink = _printed(text, self.height * rng.uniform(0.8, 1.3), rng)
        left, top = round(start), round(self.top + rng.normal(0, 0.08) * self.height)
        ink = ink[: BOARD[0] - top, : BOARD[1] - 30 - left]
        part = board[top : top + ink.shape[0], left : left + ink.shape[1]]
        np.maximum(part, ink * np.float32(rng.uniform(0.7, 1)), out=part)
        return float(left + ink.shape[1])


def _printed(text: str, height: float, rng: Rng) -> Ink:
    """Return a word in one of the fonts, its ink about so high, float32 (h, w), 0 to 1."""
    number = int(rng.integers(len(FONTS) + 1))
    thick = int(rng.integers(1, 4))
    page = np.zeros((120, 60 * len(text) + 40), np.uint8)  # OpenCV writes on nothing else
    if number < len(FONTS):
        cv2.putText(page, text, (20, 75), FONTS[number], 1.5, 255, thick, cv2.LINE_AA)
    else:
        image = PIL.Image.fromarray(page)
        font = PIL.ImageFont.load_default(50)
        PIL.ImageDraw.Draw(image).text((20, 20), text, fill=255, font=font)
        page = np.array(image)
    rows, columns = (np.flatnonzero((page > 60).any(axis=axis)) for axis in (1, 0))
    cut = page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = height / cut.shape[0]
    size = max(2, round(cut.shape[1] * scale * np.exp(rng.normal(0, 0.15)))), max(2, round(height))
    ink = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(np.clip(ink * rng.uniform(1, 2), 0, 1), np.float32)


def _bent(board: Ink, rng: Rng) -> Ink:
    """Return writing with its strokes bent, as no two hands write alike."""
    rows, columns = np.indices(BOARD, dtype=np.float32)
    reach = float(rng.uniform(5, 12))
    moved = []
    for _ in range(2):
        coarse = rng.normal(0, 1, (round(BOARD[0] / reach) + 2, round(BOARD[1] / reach) + 2))
        smooth = cv2.resize(coarse.astype(np.float32), BOARD[::-1], interpolation=cv2.INTER_CUBIC)
        moved.append(np.float32(rng.uniform(0.3, 1.5)) * smooth)
    return np.asarray(
        cv2.remap(board, columns + moved[0], rows + moved[1], cv2.INTER_LINEAR), np.float32
    )


def _on_paper(board: Ink, writing: _Writing, rng: Rng) -> Ink:
    """Print a pattern, a rule or the side of a frame on it."""
    if rng.random() < 0.5:
        strength = rng.uniform(0.05, 0.6)
        rows, columns = np.indices(board.shape, dtype=np.float32)
        kind = rng.integers(3)
        pitch, angle, bend = rng.uniform(3, 9), rng.uniform(0, np.pi), rng.uniform(15, 60)
        along = np.cos(angle) * columns + np.sin(angle) * rows
        across = rows * np.cos(angle) - columns * np.sin(angle)
        swing, phase = rng.uniform(0, 6), rng.uniform(0, 6)
        along = along + swing * np.sin(2 * np.pi * across / bend + phase)
        waves = np.clip((np.sin(2 * np.pi * along / pitch) - rng.uniform(-0.2, 0.8)) * 2, 0, 1)
        if kind == 1:  # crossed by others
            other = angle + rng.uniform(0.5, 2.5)
            along = np.cos(other) * columns + np.sin(other) * rows
            crossing = np.clip((np.sin(2 * np.pi * along / pitch) - 0.3) * 2, 0, 1)
            waves = np.maximum(waves, crossing)
        if kind == 2:  # dots
            waves = waves * np.clip(np.sin(2 * np.pi * across / pitch) * 2, 0, 1)
        board = np.maximum(board, np.float32(strength) * waves)
    if rng.random() < 0.25:
        below = rng.random() < 0.7
        y = writing.top + writing.height * (
            rng.uniform(1.0, 1.3) if below else -rng.uniform(0.05, 0.3))  # fmt: skip
        to = (float(BOARD[1]), y + rng.normal(0, 1.5))
        _line(board, (0, y), to, float(rng.uniform(0.4, 1)), 1)
    if rng.random() < 0.08:
        x = int(LEFT - rng.uniform(0.2, 0.6) * writing.height)
        cv2.line(board, (x, 0), (x, BOARD[0] - 1), float(rng.uniform(0.4, 1)), 1)
    return board


def _seen(board: Ink, writing: _Writing, end: float, rng: Rng) -> Image:
    """Scale it into a strip, by a rough guess of the digits' height; blur it, add noise."""
    scale = rng.uniform(0.72, 0.95) * HIGH / writing.height
    scale = min(scale, (WIDE - 6) / max(1, end - 34))
    down = HIGH / 2 - scale * (writing.top + writing.height / 2) + rng.normal(0, 1.5)
    room = WIDE - scale * (end - 34)
    right = rng.uniform(2, max(3, room - 2)) - scale * 36
    move = np.array([[scale, 0, right], [0, scale, down]], np.float32)
    way = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
    strip = cv2.warpAffine(board, move, (WIDE, HIGH), flags=way)
    if rng.random() < 0.4:
        strip = cv2.GaussianBlur(strip, (0, 0), rng.uniform(0.3, 0.8))
    if rng.random() < 0.6:
        strip = strip + rng.normal(0, rng.uniform(0.01, 0.12), strip.shape)
    if rng.random() < 0.3:
        strip = np.clip((strip - rng.uniform(0, 0.3)) / rng.uniform(0.4, 1), 0, 1)
    return np.asarray(255 * np.clip(strip, 0, 1), np.uint8)


def _cropped(image: Image) -> Image:
    rows, columns = (np.flatnonzero((image > 60).any(axis=axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _curve(board: Ink, through: tuple[tuple[float, float], ...], thick: int) -> None:
    """Draw a quadratic Bezier curve: start, control point, end."""
    start, control, end = (np.array(point) for point in through)
    t = np.linspace(0, 1, 9)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    cv2.polylines(board, [np.int32(8 * points)], False, 1.0, thick, cv2.LINE_AA, 3)


def _line(
    board: Ink, start: tuple[float, float], end: tuple[float, float], ink: float, thick: int
) -> None:
    """Draw a line between points given in fractions of pixels."""
    a, b = ((int(8 * x), int(8 * y)) for x, y in (start, end))
    cv2.line(board, a, b, ink, thick, cv2.LINE_AA, 3)
