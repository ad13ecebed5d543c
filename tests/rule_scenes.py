"""Scenes made of MNIST training images: digits on dark rules, underlined, and in small tables."""

from dataclasses import dataclass

import cv2
import numpy as np
from scenes import crop


@dataclass(frozen=True)
class Scene:
    """A picture and what should be read in it.

    Attributes:
        picture: uint8 (h, w).
        right: The digits of each line, lines separated by a line feed.
        single: Whether the picture holds one digit, to be read as one.
    """

    picture: np.ndarray
    right: str
    single: bool = False


Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


class Sheet:
    """Paper on which digits and lines are drawn; ink from 0 to 1, as float32 (h, w)."""

    def __init__(self, rng: np.random.Generator, mnist: tuple[np.ndarray, np.ndarray]) -> None:
        self.rng = rng
        self._images, self._labels = mnist
        self.ink = np.zeros((0, 0), np.float32)

    def blank(self, height: float, width: float) -> None:
        self.ink = np.zeros((round(height), round(width)), np.float32)

    def digits(
        self, count: int, x: float, feet: float, height: float, *, spread: float = 0.04
    ) -> tuple[str, list[Box]]:
        """Write a number with its feet about a row.

        Returns:
            The digits, and left, top, right and bottom of each.
        """
        gap = self.rng.uniform(0.12, 0.35) * height
        dark = self.rng.uniform(0.85, 1.0)
        text = ""
        boxes: list[Box] = []
        for _ in range(count):
            index = int(self.rng.integers(50_000, 60_000))
            mark = dark * crop(self._images[index], height * self.rng.uniform(0.9, 1.1))
            top = round(feet + self.rng.normal(0, spread) * height - mark.shape[0])
            left = round(x)
            part = self.ink[top : top + mark.shape[0], left : left + mark.shape[1]]
            np.maximum(part, mark[: part.shape[0], : part.shape[1]], out=part)
            text += str(self._labels[index])
            boxes.append((left, top, left + mark.shape[1], top + mark.shape[0]))
            x += mark.shape[1] + gap
        return text, boxes

    def line(self, points: np.ndarray, thick: float, dark: float) -> None:
        """Draw a line through points of shape (n, 2), x and y in pixels, with smooth edges."""
        finer = 4
        width = max(1, round(thick * finer))
        canvas = np.zeros(tuple(finer * side for side in self.ink.shape), np.uint8)
        moved = np.rint((points + 0.5) * finer).astype(np.int32)
        cv2.polylines(canvas, [moved.reshape(-1, 1, 2)], False, 255, width)
        covered = cv2.resize(canvas, self.ink.shape[::-1], interpolation=cv2.INTER_AREA)
        np.maximum(self.ink, dark * covered.astype(np.float32) / 255, out=self.ink)

    def rule(self, y: float, thick: float, dark: float, *, sag: float = 0.0) -> None:
        """Draw a rule across the sheet; it may stop short of the edges."""
        width = self.ink.shape[1]
        ends = self.rng.choice([0.0, 0.03]) * width
        x = np.linspace(ends, width - ends, 60)
        bend = sag * (1 - (2 * x / width - 1) ** 2)
        self.line(np.stack([x, y + bend], axis=1), thick, dark)

    def picture(self, *, degrees: float = 0.0) -> np.ndarray:
        """Return the sheet as a picture uint8 (h, w), rotated, dark on light or light on dark."""
        rng = self.rng
        ink = self.ink
        if degrees:
            middle = (ink.shape[1] / 2, ink.shape[0] / 2)
            rotation = cv2.getRotationMatrix2D(middle, degrees, 1)
            ink = cv2.warpAffine(ink, rotation, ink.shape[::-1], flags=cv2.INTER_LINEAR)
        paper, pen = rng.uniform(200, 250), rng.uniform(15, 80)
        gray = paper + (pen - paper) * ink + rng.normal(0, rng.uniform(0, 3), ink.shape)
        if rng.random() < 0.2:
            gray = 255 - gray
        return np.clip(gray, 0, 255).astype(np.uint8)


def _thickness(rng: np.random.Generator, height: float) -> float:
    return float(rng.uniform(1, min(6, max(1.5, 0.12 * height))))


def _ruled(sheet: Sheet, *, lines: int = 1, gray: bool = False, middle: bool = False,
           degrees: float = 0.0, sag: float = 0.0, margin: bool = False) -> Scene:  # fmt: skip
    """Draw numbers on rules, or with rules through the middle of them."""
    rng = sheet.rng
    height = float(np.exp(rng.uniform(np.log(22), np.log(90))))
    thick = _thickness(rng, height)
    dark = rng.uniform(0.35, 0.7) if gray else rng.uniform(0.7, 1.0)
    counts = [int(rng.integers(3, 8)) for _ in range(lines)]
    pitch = rng.uniform(1.7, 2.4) * height
    left = rng.uniform(0.5, 3) * height
    width = left + (max(counts) * 1.15 + rng.uniform(0.5, 12)) * height
    first = rng.uniform(2.0, 2.6) * height
    sheet.blank(first + (lines - 1) * pitch + rng.uniform(1.0, 2.0) * height, width)
    above = 0.5 * height if middle else rng.uniform(-0.04, 0.06) * height
    texts = []
    for number, count in enumerate(counts):
        feet = first + number * pitch
        text, _ = sheet.digits(count, left + rng.uniform(0, 0.5) * height, feet, height)
        texts.append(text)
        y = feet - above if middle else feet + above + thick / 2
        sheet.rule(y, thick, dark, sag=sag * rng.uniform(-1, 1) * height)
    if margin:
        x = left - rng.uniform(0.02, 0.4) * height
        sheet.line(np.array([[x, 0], [x, sheet.ink.shape[0]]]), thick, dark)
    return Scene(sheet.picture(degrees=degrees), "\n".join(texts))


def _single(sheet: Sheet) -> Scene:
    rng = sheet.rng
    side = rng.uniform(60, 400)
    height = rng.uniform(0.35, 0.65) * side
    sheet.blank(side, side * rng.uniform(0.9, 1.6))
    feet = side / 2 + height / 2 + rng.uniform(-0.05, 0.1) * side
    thick = _thickness(rng, height)
    x = sheet.ink.shape[1] / 2 - 0.4 * height + rng.uniform(-0.1, 0.1) * side
    text, _ = sheet.digits(1, x, feet, height)
    sheet.rule(feet + rng.uniform(-0.05, 0.05) * height, thick, rng.uniform(0.5, 1.0))
    return Scene(sheet.picture(degrees=rng.uniform(-3, 3) * rng.integers(0, 2)), text, single=True)


def number_on(sheet: Sheet) -> tuple[str, list[Box], float]:
    """Write a number on a sheet with room about it; return text, boxes and height."""
    rng = sheet.rng
    height = float(np.exp(rng.uniform(np.log(22), np.log(90))))
    count = int(rng.integers(2, 8))
    sheet.blank(height * rng.uniform(2.5, 4), height * (count * 1.15 + rng.uniform(4, 8)))
    feet = sheet.ink.shape[0] / 2 + height / 2 + rng.uniform(-0.2, 0.2) * height
    text, boxes = sheet.digits(count, rng.uniform(1.5, 3) * height, feet, height)
    return text, boxes, height


def _beside(sheet: Sheet) -> Scene:
    """Draw a number with a minus before it or a dash behind it, which strikes out nothing."""
    rng = sheet.rng
    text, boxes, height = number_on(sheet)
    length = rng.uniform(0.4, 0.7) * height
    before = rng.random() < 0.5
    x = boxes[0][0] - rng.uniform(0.2, 0.4) * height - length if before else (
        boxes[-1][2] + rng.uniform(0.2, 0.4) * height
    )  # fmt: skip
    y = (boxes[0][1] + boxes[0][3]) / 2 + rng.uniform(-0.1, 0.1) * height
    sheet.line(np.array([[x, y], [x + length, y]]), 0.09 * height, 0.95)
    return Scene(sheet.picture(), text)


def _underlined(sheet: Sheet) -> Scene:
    """Draw a number underlined, touching or not, which strikes out nothing."""
    rng = sheet.rng
    text, boxes, height = number_on(sheet)
    y = max(box[3] for box in boxes) + rng.uniform(-0.05, 0.25) * height
    x0, x1 = boxes[0][0] - rng.uniform(-0.2, 0.5) * height, boxes[-1][2] + 0.3 * height
    sheet.line(
        np.array([[x0, y], [x1, y + rng.uniform(-0.05, 0.05) * height]]), 0.08 * height, 0.95
    )
    return Scene(sheet.picture(), text)


def _small(sheet: Sheet, grid: bool) -> Scene:
    """Draw a table of digits 8 to 14 pixels high, in a gray grid or without."""
    rng = sheet.rng
    height = rng.uniform(8, 14)
    rows, columns = int(rng.integers(3, 10)), int(rng.integers(3, 7))
    cell = (rng.uniform(1.7, 2.6) * height, rng.uniform(1.8, 7) * height)
    margin = rng.uniform(2, 5) * height
    sheet.blank(rows * cell[0] + 2 * margin, columns * cell[1] + 2 * margin)
    dark, thick = rng.uniform(0.2, 0.45), int(rng.integers(1, 3))
    if grid:
        right, bottom = margin + columns * cell[1], margin + rows * cell[0]
        for at in (round(margin + row * cell[0]) for row in range(rows + 1)):
            sheet.ink[at : at + thick, round(margin) : round(right) + thick] = dark
        for at in (round(margin + column * cell[1]) for column in range(columns + 1)):
            sheet.ink[round(margin) : round(bottom) + thick, at : at + thick] = dark
    lines = []
    for row in range(rows):
        feet = margin + row * cell[0] + (cell[0] + thick + height) / 2
        text = ""
        for column in range(columns):
            x = margin + column * cell[1] + (cell[1] - 0.7 * height) * rng.uniform(0.4, 0.6)
            text += sheet.digits(1, x, feet, height, spread=0.02)[0]
        lines.append(text)
    return Scene(sheet.picture(), "\n".join(lines))


def _tilted(sheet: Sheet) -> Scene:
    return _ruled(sheet, degrees=sheet.rng.uniform(-3, 3))


def _notebook(sheet: Sheet) -> Scene:
    return _ruled(sheet, lines=int(sheet.rng.integers(2, 6)), degrees=sheet.rng.uniform(-1, 1))


KINDS = {
    "on a rule": _ruled,
    "on a gray rule": lambda sheet: _ruled(sheet, gray=True),
    "on a tilted rule": _tilted,
    "on a curved rule": lambda sheet: _ruled(sheet, sag=0.15),
    "notebook": _notebook,
    "rule through the middle": lambda sheet: _ruled(sheet, middle=True),
    "margin": lambda sheet: _ruled(sheet, margin=True),
    "single on a rule": _single,
    "underlined": _underlined,
    "beside a dash": _beside,
    "small table": lambda sheet: _small(sheet, grid=False),
    "small table in a grid": lambda sheet: _small(sheet, grid=True),
}
"""Kinds of scenes, and what draws one of each."""


def scene(kind: str, seed: int, mnist: tuple[np.ndarray, np.ndarray]) -> Scene:
    """Draw a scene.

    Args:
        kind: One of KINDS.
        seed: Scenes of a kind with another seed have other digits, sizes and gray levels.
        mnist: MNIST's training images and labels; the last 10,000 are used.
    """
    rng = np.random.default_rng([list(KINDS).index(kind), seed])
    return KINDS[kind](Sheet(rng, mnist))


def judge(text: str, one: Scene) -> tuple[bool, bool]:
    """Return whether a reading is right, and whether a wrong digit in it is accepted."""
    rest = iter(one.right)
    return text == one.right, not all(c in rest for c in text if c.isdigit())
