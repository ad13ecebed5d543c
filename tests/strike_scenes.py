"""Scenes made of MNIST training images: struck-out numbers, alone or with a corrected number."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from rule_scenes import Box, Sheet


@dataclass(frozen=True)
class Scene:
    """A picture and what should be read in it.

    Attributes:
        picture: uint8 (h, w).
        right: The digits that are not struck out; lines separated by a line feed.
    """

    picture: np.ndarray
    right: str


class _Pen:
    """Strokes by one hand over the digits of a sheet."""

    def __init__(self, sheet: Sheet, height: float) -> None:
        self.sheet, self.height, self.rng = sheet, height, sheet.rng
        self.pen = max(1.0, float(self.rng.uniform(0.04, 0.13)) * height)
        self.dark = float(self.rng.uniform(0.8, 1.0))

    def stroke(self, x0: float, y0: float, x1: float, y1: float, *, wave: float = 0.02) -> None:
        """Draw a stroke that bends a little."""
        t = np.linspace(0, 1, 60)
        bends = self.rng.normal(0, wave) * self.height * np.sin(np.pi * t * self.rng.integers(1, 4))
        points = np.stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + bends], axis=1)
        self.sheet.line(points, self.pen, self.dark)

    def ends(self, left: float, right: float, *, room: float = np.inf) -> tuple[float, float]:
        """Return where a stroke begins and ends beside digits; now and then far behind them."""
        far = 3.0 if self.rng.random() < 0.2 else 1.3
        behind = min(self.rng.uniform(0.05, far), room)
        return (
            left - self.rng.uniform(0.05, 0.8) * self.height,
            min(right + behind * self.height, self.sheet.ink.shape[1] - 0.2 * self.height),
        )


def _strike(sheet: Sheet, how: str, boxes: list[Box], height: float, room: float = np.inf) -> None:
    """Strike digits out.

    Args:
        sheet: The sheet.
        how: A "line", a "wavy" one, a "slant", "two" lines, a "zigzag", a "cross", a "scribble", or
            "each" digit by itself.
        boxes: The boxes of the digits.
        height: Height of a typical digit, in pixels.
        room: Free space behind the digits, in heights.
    """
    rng, pen = sheet.rng, _Pen(sheet, height)
    left, right = boxes[0][0], boxes[-1][2]
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    middle = (top + bottom) / 2
    x0, x1 = pen.ends(left, right, room=room)
    if how in ("line", "wavy", "two"):
        for shift in (-0.15, 0.15) if how == "two" else (0.0,):
            y = middle + (shift + rng.uniform(-0.1, 0.1)) * height
            tilt = rng.uniform(-1, 1) * min(0.3 * height, np.tan(np.radians(8)) * (x1 - x0)) / 2
            pen.stroke(x0, y - tilt, x1, y + tilt, wave=0.06 if how == "wavy" else 0.02)
            x0, x1 = pen.ends(left, right, room=room)
    elif how in ("slant", "cross"):
        pen.stroke(x0, bottom + rng.uniform(-0.2, 0.2) * height, x1,
                   top + rng.uniform(-0.2, 0.2) * height)  # fmt: skip
        if how == "cross":
            x0, x1 = pen.ends(left, right, room=room)
            pen.stroke(x0, top, x1, bottom)
    elif how == "zigzag":
        turns = max(4, round((x1 - x0) / (height * rng.uniform(0.2, 0.5))))
        x = np.linspace(x0, x1, turns)
        rows = middle + height * np.where(np.arange(turns) % 2, 0.35, -0.35)
        rows += rng.normal(0, 0.06, turns) * height
        sheet.line(np.stack([x, rows], axis=1), pen.pen, pen.dark)
    elif how == "scribble":
        loops = (x1 - x0) / (height * rng.uniform(0.15, 0.35))
        t = np.linspace(0, 2 * np.pi * loops, round(40 * loops))
        round_ = height * rng.uniform(0.25, 0.45)
        x = x0 + (x1 - x0) * t / t[-1] + round_ * np.sin(t)
        sheet.line(np.stack([x, middle + round_ * np.cos(t)], axis=1), pen.pen, pen.dark)
    else:
        for left, top, right, bottom in boxes:
            reach = rng.uniform(0.1, 0.3) * height
            if rng.random() < 0.5:
                pen.stroke(left - reach, bottom, right + reach, top)
            else:
                y = (top + bottom) / 2
                pen.stroke(left - reach, y, right + reach, y + rng.uniform(-0.2, 0.1) * height)


def _height(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(18), np.log(90))))


def _struck(sheet: Sheet, how: str) -> Scene:
    """Draw a number that is struck out."""
    rng, height = sheet.rng, _height(sheet.rng)
    count = int(rng.integers(2, 8))
    sheet.blank(height * rng.uniform(2.5, 4), height * (count * 1.15 + rng.uniform(4, 8)))
    feet = sheet.ink.shape[0] / 2 + height / 2 + rng.uniform(-0.2, 0.2) * height
    _, boxes = sheet.digits(count, rng.uniform(1.5, 3) * height, feet, height)
    _strike(sheet, how, boxes, height)
    return Scene(sheet.picture(degrees=rng.uniform(-2, 2)), "")


def _way(rng: np.random.Generator) -> str:
    return str(rng.choice(["line", "line", "two", "wavy", "slant"]))


def _corrected_beside(sheet: Sheet) -> Scene:
    """Draw a struck-out number, and the corrected one behind it."""
    rng, height = sheet.rng, _height(sheet.rng)
    counts = [int(count) for count in rng.integers(2, 6, 2)]
    sheet.blank(height * rng.uniform(2.5, 4), height * (sum(counts) * 1.25 + 7))
    feet = sheet.ink.shape[0] / 2 + height / 2 + rng.uniform(-0.2, 0.2) * height
    _, boxes = sheet.digits(counts[0], rng.uniform(1.5, 3) * height, feet, height)
    gap = rng.uniform(0.9, 2)
    _strike(sheet, _way(rng), boxes, height, room=gap - 0.5)
    text, _ = sheet.digits(counts[1], boxes[-1][2] + gap * height, feet, height)
    return Scene(sheet.picture(degrees=rng.uniform(-2, 2)), text)


def _corrected_above(sheet: Sheet) -> Scene:
    """Draw a struck-out number, and the corrected one above it."""
    rng, height = sheet.rng, _height(sheet.rng)
    counts = [int(count) for count in rng.integers(2, 6, 2)]
    sheet.blank(height * rng.uniform(4, 5), height * (max(counts) * 1.25 + 5))
    feet = sheet.ink.shape[0] - rng.uniform(0.8, 1.2) * height
    x = rng.uniform(1.5, 3) * height
    _, boxes = sheet.digits(counts[0], x, feet, height)
    _strike(sheet, _way(rng), boxes, height)
    above = rng.uniform(0.7, 1.0) * height
    text, _ = sheet.digits(
        counts[1], x + rng.uniform(-0.5, 0.5) * height, feet - 1.6 * height, above
    )
    return Scene(sheet.picture(degrees=rng.uniform(-2, 2)), text)


def _in_a_list(sheet: Sheet) -> Scene:
    """Draw lines of numbers one below the other, some of them struck out."""
    rng = sheet.rng
    height = float(np.exp(rng.uniform(np.log(18), np.log(60))))
    lines = int(rng.integers(3, 7))
    sheet.blank(height * (lines * 2 + 1.5), height * rng.uniform(11, 16))
    texts = []
    for number in range(lines):
        feet = (2 * number + 2) * height
        x = rng.uniform(1.5, 2.5) * height
        text, boxes = sheet.digits(int(rng.integers(2, 7)), x, feet, height)
        if rng.random() < 0.4:
            _strike(sheet, _way(rng), boxes, height)
        else:
            texts.append(text)
    return Scene(sheet.picture(degrees=rng.uniform(-1, 1)), "\n".join(texts))


def _joined(sheet: Sheet) -> Scene:
    """Draw a number whose digits touch, some joined by a stroke; nothing is struck out."""
    rng, height = sheet.rng, _height(sheet.rng)
    count = int(rng.integers(2, 7))
    sheet.blank(height * rng.uniform(2.5, 4), height * (count * 1.25 + rng.uniform(4, 8)))
    feet = sheet.ink.shape[0] / 2 + height / 2
    text, boxes = sheet.digits(count, rng.uniform(1, 3) * height, feet, height)
    pen = _Pen(sheet, height)
    for one, other in pairwise(boxes):
        if rng.random() < 0.4:
            y = feet - rng.uniform(0.2, 0.8) * height
            pen.stroke(one[2] - 0.2 * height, y, other[0] + 0.2 * height, y, wave=0)
    return Scene(sheet.picture(degrees=rng.uniform(-2, 2)), text)


KINDS = {
    "struck by a line": lambda sheet: _struck(sheet, "line"),
    "struck by a wavy line": lambda sheet: _struck(sheet, "wavy"),
    "struck by a slant": lambda sheet: _struck(sheet, "slant"),
    "struck by two lines": lambda sheet: _struck(sheet, "two"),
    "struck by a zigzag": lambda sheet: _struck(sheet, "zigzag"),
    "struck by a cross": lambda sheet: _struck(sheet, "cross"),
    "scribbled over": lambda sheet: _struck(sheet, "scribble"),
    "each digit struck": lambda sheet: _struck(sheet, "each"),
    "corrected beside": _corrected_beside,
    "corrected above": _corrected_above,
    "in a list": _in_a_list,
    "joined": _joined,
}
"""Kinds of scenes, and what draws one of each."""


def scene(kind: str, seed: int, mnist: tuple[np.ndarray, np.ndarray]) -> Scene:
    """Draw a scene; see `rule_scenes.scene`."""
    rng = np.random.default_rng([list(KINDS).index(kind), seed, 7])
    return KINDS[kind](Sheet(rng, mnist))


def judge(text: str, one: Scene) -> tuple[bool, bool]:
    """Return whether a reading is right, and whether a wrong digit in it is accepted.

    Of struck-out digits nothing stays, or a "?". Lines that hold nothing else do not count.
    """
    lines = [line for line in text.split("\n") if line.strip("?")]
    found = "\n".join(line.strip("?") for line in lines) if one.right else text.strip("?\n")
    rest = iter(one.right)
    return found == one.right, not all(c in rest for c in text if c.isdigit())
