"""Signs drawn by strokes, in the height, slant and pen of a writer."""

from dataclasses import dataclass

import numpy as np

from tenfold.arrays import Ink
from tenfold.augmentation.strokes import Point, bezier, draw_stroke
from tenfold.training.lines.texts import TIMES

Rng = np.random.Generator

S_CURVE = ((0.9, 0.2), (0.6, 0.03), (0.2, 0.1), (0.1, 0.3), (0.45, 0.48), (0.85, 0.65),
           (0.85, 0.88), (0.45, 0.98), (0.05, 0.82))  # fmt: skip
"""Points along the S of a dollar sign, in its width and height."""


@dataclass(frozen=True)
class SignPen:
    """Draws signs on a board.

    Attributes:
        board: float32 (h, w), 0 paper to 1 full ink.
        left: The column where a sign begins.
        top: The row where the writer's digits begin.
        height: Height of a digit, in pixels.
        slant: Tangent of the writer's slant.
        thickness: Thickness of the pen, in pixels.
    """

    board: Ink
    left: float
    top: float
    height: float
    slant: float
    thickness: float

    def draw(self, sign: str, rng: Rng) -> float:
        """Draw a sign; return the column in which it ends."""
        lines = _SHAPES[sign](self.slant, rng)
        leftmost = min(float(line[:, 0].min()) for line in lines)
        rightmost = max(float(line[:, 0].max()) for line in lines)
        ink = float(rng.uniform(0.8, 1))
        whole = int(self.thickness)
        thickness = max(1, whole + int(rng.random() < self.thickness - whole))
        for line in lines:
            across = self.left + self.thickness / 2 + (line[:, 0] - leftmost) * self.height
            down = self.top + line[:, 1] * self.height
            draw_stroke(self.board, np.stack([across, down], axis=1), ink, thickness)
        return float(self.left + self.thickness + (rightmost - leftmost) * self.height)


_Lines = list[np.ndarray]
"""Strokes through points (n, 2): column and row in heights; a digit reaches from row 0 to 1."""


def _leaning(points: list[Point], slant: float, rng: Rng, jitter: float = 0.03) -> np.ndarray:
    """Return points moved to the right as they are above the line, and a little by chance."""
    moved = np.array(points) + rng.normal(0, jitter, (len(points), 2))
    moved[:, 0] += slant * (1 - moved[:, 1])
    return moved


def _slash(slant: float, rng: Rng) -> _Lines:
    top, bottom = rng.uniform(-0.4, 0.12), rng.uniform(0.88, 1.4)
    lean = rng.uniform(max(0.15, slant + 0.12), max(0.6, slant + 0.5))
    bend = rng.normal(0, 0.04)
    middle = (lean * (1 - (top + bottom) / 2) + bend, (top + bottom) / 2)
    return [bezier([(lean * (1 - top), top), middle, (lean * (1 - bottom), bottom)])]


def _bracket(slant: float, rng: Rng, side: int) -> _Lines:
    top, bottom = rng.uniform(-0.35, 0.05), rng.uniform(0.95, 1.35)
    depth, middle = rng.uniform(0.2, 0.6), rng.uniform(0.4, 0.6)
    points = [(side * depth / 2, top), (-side * depth / 2, middle), (side * depth / 2, bottom)]
    return [bezier(_leaning(points, slant, rng))]


def _cross(slant: float, rng: Rng) -> _Lines:
    middle, half = rng.uniform(0.45, 0.68), rng.uniform(0.18, 0.4)
    long = half * rng.uniform(0.8, 1.3)
    return [_leaning([(-half, middle), (half, middle)], 0.3 * slant, rng),
            _leaning([(0, middle - long), (0, middle + long)], slant, rng)]  # fmt: skip


def _times(slant: float, rng: Rng) -> _Lines:
    middle, half = rng.uniform(0.45, 0.72), rng.uniform(0.16, 0.36)
    long = half * rng.uniform(0.8, 1.2)
    return [_leaning([(-half, middle - long), (half, middle + long)], 0.5 * slant, rng),
            _leaning([(half, middle - long), (-half, middle + long)], slant / 2, rng)]  # fmt: skip


def _equals(slant: float, rng: Rng) -> _Lines:
    middle, apart = rng.uniform(0.4, 0.72), rng.uniform(0.1, 0.22)
    long, tilt = rng.uniform(0.25, 0.75), rng.normal(0, 0.05)
    return [_leaning([(0, middle + side), (long, middle + side + tilt)], slant, rng, 0.02)
            for side in (-apart, apart)]  # fmt: skip


def _dash(slant: float, rng: Rng) -> _Lines:
    middle, long = rng.uniform(0.35, 0.7), rng.uniform(0.18, 0.9)
    return [_leaning([(0, middle), (long, middle)], 0, rng)]


def _dot(slant: float, rng: Rng) -> _Lines:
    return [_spot(rng.uniform(0.9, 1.05), rng)]


def _colon(slant: float, rng: Rng) -> _Lines:
    upper, lower = rng.uniform(0.2, 0.45), rng.uniform(0.7, 1.0)
    return [_spot(row, rng, slant * (1 - row)) for row in (upper, lower)]


def _comma(slant: float, rng: Rng) -> _Lines:
    start, long = rng.uniform(0.85, 1.0), rng.uniform(0.16, 0.4)
    away = long * rng.uniform(0.1, 0.8)
    return [
        bezier([(0, start), (rng.uniform(-0.02, 0.06), start + long / 2), (-away, start + long)])
    ]


def _dollar(slant: float, rng: Rng) -> _Lines:
    wide, top, bottom = rng.uniform(0.4, 0.7), rng.uniform(-0.1, 0.15), rng.uniform(0.85, 1.1)
    curve = [(wide * x, top + (bottom - top) * y) for x, y in S_CURVE]
    first, last = top - rng.uniform(0.05, 0.25), bottom + rng.uniform(0.05, 0.25)
    bars = (0.5,) if rng.random() < 0.7 else (0.38, 0.62)
    lines = [_leaning([(wide * at, first), (wide * at, last)], slant, rng, 0.01) for at in bars]
    return [_leaning(curve, slant, rng, 0.02), *lines]


def _spot(row: float, rng: Rng, column: float = 0.0) -> np.ndarray:
    """Return a short stroke, which a pen makes a dot of."""
    reach = rng.uniform(0.0, 0.05, 2) * (rng.choice([-1, 1]), 1)
    return np.array([(column, row), (column + reach[0] + 0.02, row + reach[1])])


_SHAPES = {
    "/": _slash,
    "(": lambda slant, rng: _bracket(slant, rng, 1),
    ")": lambda slant, rng: _bracket(slant, rng, -1),
    "+": _cross,
    TIMES: _times,
    "=": _equals,
    "-": _dash,
    ".": _dot,
    ",": _comma,
    ":": _colon,
    "$": _dollar,
}
