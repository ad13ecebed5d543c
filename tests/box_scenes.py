"""Pages of boxes made of MNIST digits: fields, tables, sudoku photos, frames, circles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from scenes import crop

Images = Sequence[np.ndarray]

FIELDS = ("shared walls", "separate", "open", "short walls")
"""Kinds of fields of single cells."""


@dataclass
class Sheet:
    """A page in the making: ink of the lines and of the digits, 0 to 1, and what is written."""

    height: int
    width: int
    lines: np.ndarray = field(init=False)
    digits: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.lines = np.zeros((self.height, self.width), np.float32)
        self.digits = np.zeros((self.height, self.width), np.float32)

    def line(self, one: tuple[float, float], other: tuple[float, float], thick: float) -> None:
        """Draw a line between two points (x, y)."""
        a, b = (tuple(round(16 * float(v)) for v in point) for point in (one, other))
        cv2.line(self.lines, a, b, 1.0, max(1, round(thick)), cv2.LINE_AA, 4)

    def box(self, x: float, y: float, width: float, height: float, thick: float) -> None:
        for one, other in (
            ((x, y), (x + width, y)),
            ((x, y + height), (x + width, y + height)),
            ((x, y), (x, y + height)),
            ((x + width, y), (x + width, y + height)),
        ):
            self.line(one, other, thick)  # fmt: skip

    def write(self, image: np.ndarray, x: float, y: float, height: float) -> None:
        """Write a digit of a height with its middle at (x, y)."""
        mark = crop(image, height)
        top, left = round(y - mark.shape[0] / 2), round(x - mark.shape[1] / 2)
        cut = mark[max(0, -top) :, max(0, -left) :]
        part = self.digits[max(0, top) :, max(0, left) :][: cut.shape[0], : cut.shape[1]]
        np.maximum(part, cut[: part.shape[0], : part.shape[1]], out=part)

    def picture(
        self,
        rng: np.random.Generator,
        *,
        gray: float,
        tilt: float = 0.0,
        dark: bool = False,
        paper: float = 250.0,
        ink: float = 25.0,
        noise: float = 2.0,
        warp: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the page as uint8 (h, w).

        Args:
            rng: Draws the noise.
            gray: Level of the lines on light paper.
            tilt: Degrees by which the page is rotated.
            dark: Light ink on dark paper.
            paper: Level of the paper.
            ink: Level of full ink.
            noise: Standard deviation.
            warp: A perspective (3, 3) in place of the tilt.
        """
        if warp is None:
            middle = (self.width / 2, self.height / 2)
            warp = np.vstack([cv2.getRotationMatrix2D(middle, tilt, 1.0), [0, 0, 1]])
        size = (self.width, self.height)
        lines, digits = (
            cv2.warpPerspective(one, warp, size, flags=cv2.INTER_LINEAR)
            for one in (self.lines, self.digits)
        )
        page = paper - (paper - gray) * lines
        page = np.minimum(page, paper - (paper - ink) * digits)
        page = 255 - page if dark else page
        page += rng.normal(0, noise, page.shape)
        return np.clip(page, 0, 255).astype(np.uint8)


def field_scene(
    kind: str, images: Images, rng: np.random.Generator, *, dark: bool | None = None
) -> np.ndarray:
    """Return a page with one field, a digit in each cell.

    Lines are 1 to 4 pixels wide and 60 to 200 gray, tilted by 0 to 2 degrees; digits have 40 to
    90% of the cell's height.
    """
    high = rng.uniform(32, 90)
    wide = high * (rng.uniform(0.75, 1.1) if kind != "separate" else rng.uniform(0.85, 1.1))
    thick = int(rng.integers(1, 5))
    gap = rng.uniform(0.12, 0.5) * wide if kind == "separate" else 0.0
    margin = rng.uniform(0.6, 2.0) * high
    count = len(images)
    sheet = Sheet(round(high + 2 * margin), round(count * (wide + gap) + 2 * margin))
    left, top = margin, margin
    share = rng.uniform(0.4, 0.9)
    for place, image in enumerate(images):
        x = left + place * (wide + gap)
        if kind == "separate":
            sheet.box(x, top, wide, high, thick)
        height = high * min(0.9, share * rng.uniform(0.92, 1.08))
        slack = max(0.0, high - height - 2 * thick) / 2
        sheet.write(
            image,
            x + wide / 2 + rng.uniform(-0.08, 0.08) * wide,
            top + high / 2 + rng.uniform(-0.8, 0.8) * slack,
            height,
        )
    if kind != "separate":
        short = rng.uniform(0.25, 0.5) if kind == "short walls" else 1.0
        right = left + count * wide
        sheet.line((left, top + high), (right, top + high), thick)
        if kind == "shared walls":
            sheet.line((left, top), (right, top), thick)
        for place in range(count + 1):
            x = left + place * wide
            sheet.line((x, top + high * (1 - short)), (x, top + high), thick)
    return sheet.picture(
        rng,
        gray=rng.uniform(60, 200),
        tilt=rng.uniform(-2, 2),
        dark=rng.random() < 0.25 if dark is None else dark,
        noise=rng.uniform(0, 4),
    )


def date_scene(kind: str, images: Images, rng: np.random.Generator) -> np.ndarray:
    """Return a page with eight boxes, and slashes printed between them: dd/dd/dddd.

    Walls are as in `field_scene`. Slashes are 0.55 to 1.15 times as high as the boxes.
    """
    high = rng.uniform(32, 90)
    wide, thick = high * rng.uniform(0.75, 1.1), int(rng.integers(1, 5))
    gap = rng.uniform(0.12, 0.5) * wide if kind == "separate" else 0.0
    room, margin = rng.uniform(0.45, 1.2) * high, rng.uniform(0.6, 2.0) * high
    sheet = Sheet(round(high + 2 * margin), round(8 * (wide + gap) + 2 * (room + margin)))
    share, lean = rng.uniform(0.4, 0.9), rng.uniform(0.2, 0.5)
    size, pen = high * rng.uniform(0.55, 1.15), high * rng.uniform(0.02, 0.07)
    x, middle = margin, margin + high / 2
    for place, image in enumerate(images):
        if place in (2, 4):
            x += room
            at = x - (room + gap) / 2
            sheet.line(
                (at + lean * size / 2, middle - size / 2),
                (at - lean * size / 2, middle + size / 2),
                pen,
            )
        height = high * min(0.9, share * rng.uniform(0.92, 1.08))
        slack = max(0.0, high - height - 2 * thick) / 2
        sheet.write(image, x + wide / 2, middle + rng.uniform(-0.8, 0.8) * slack, height)
        if kind != "open":
            sheet.box(x, margin, wide, high, thick)
        else:
            sheet.line((x, margin + high), (x + wide, margin + high), thick)
            for wall in (x, x + wide):
                sheet.line((wall, margin), (wall, margin + high), thick)
        x += wide + gap
    return sheet.picture(
        rng,
        gray=rng.uniform(60, 200),
        tilt=rng.uniform(-2, 2),
        dark=rng.random() < 0.2,
        noise=rng.uniform(0, 4),
    )


def table_scene(rows: Sequence[Sequence[Images]], rng: np.random.Generator) -> np.ndarray:
    """Return a page with a table; each cell holds the images of a number, or nothing."""
    high = rng.uniform(26, 80)
    longest = max(len(cell) for row in rows for cell in row)
    wide = high * rng.uniform(0.9, 2.2) + (longest - 1) * 0.6 * high
    thick = int(rng.integers(1, 5) if high > 40 else rng.integers(1, 3))
    margin = rng.uniform(0.6, 2.0) * high
    columns = len(rows[0])
    sheet = Sheet(round(len(rows) * high + 2 * margin), round(columns * wide + 2 * margin))
    for number in range(len(rows) + 1):
        y = margin + number * high
        sheet.line((margin, y), (margin + columns * wide, y), thick)
    for number in range(columns + 1):
        x = margin + number * wide
        sheet.line((x, margin), (x, margin + len(rows) * high), thick)
    share = rng.uniform(0.45, 0.85)
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            height = share * high
            step = 0.85 * height
            x = margin + (place + 0.5) * wide - (len(cell) - 1) * step / 2
            x += rng.uniform(-0.1, 0.1) * (wide - len(cell) * step)
            y = margin + (number + 0.5) * high + rng.uniform(-0.03, 0.03) * high
            for image in cell:
                sheet.write(image, x, y, height * rng.uniform(0.92, 1.05))
                x += step
    return sheet.picture(
        rng,
        gray=rng.uniform(40, 200),
        tilt=rng.uniform(-2, 2),
        dark=rng.random() < 0.2,
        noise=rng.uniform(0, 4),
    )


def sudoku_scene(
    cells: Sequence[Sequence[np.ndarray | None]], rng: np.random.Generator
) -> np.ndarray:
    """Return a photo of a sudoku in perspective, under uneven light."""
    side = rng.uniform(48, 84)
    whole = 9 * side
    margin = rng.uniform(0.8, 2.5) * side
    sheet = Sheet(round(whole + 2 * margin), round(whole + 2 * margin))
    thin, thick = int(rng.integers(1, 3)), int(rng.integers(3, 6))
    for number in range(10):
        at, width = margin + number * side, thick if number % 3 == 0 else thin
        sheet.line((margin, at), (margin + whole, at), width)
        sheet.line((at, margin), (at, margin + whole), width)
    share = rng.uniform(0.5, 0.8)
    for number, row in enumerate(cells):
        for place, image in enumerate(row):
            if image is not None:
                x, y = (margin + (at + 0.5 + rng.uniform(-0.07, 0.07)) * side
                        for at in (place, number))  # fmt: skip
                sheet.write(image, x, y, share * side * rng.uniform(0.9, 1.1))
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (sheet.width, sheet.height)
    angle = np.radians(rng.uniform(-4, 4))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = corners.mean(axis=0)
    moved = (corners - middle) @ turn.T * 0.92 + middle
    moved += rng.uniform(-0.05, 0.05, (4, 2)) * sheet.width
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    page = sheet.picture(
        rng, gray=rng.uniform(40, 150), ink=rng.uniform(20, 90), noise=0, warp=warp
    ).astype(np.float32)
    down, along = np.meshgrid(*(np.linspace(-1, 1, size) for size in page.shape), indexing="ij")
    page *= 0.78 + 0.14 * (rng.uniform(-1, 1) * down + rng.uniform(-1, 1) * along)
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.4, 1.2)) + rng.normal(0, 4, page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def dashed_scene(images: Images, rng: np.random.Generator) -> np.ndarray:
    """Return a page with a dashed or dotted box around a number, or around nothing."""
    height = rng.uniform(30, 70)
    wide, high = (len(images) + rng.uniform(1, 4)) * height, rng.uniform(1.8, 4) * height
    thick = int(rng.integers(1, 5))
    dash = rng.uniform(1.5, 8) * thick + 1
    gap = rng.uniform(0.6, 1.4) * dash + thick
    margin = rng.uniform(0.5, 2) * height
    sheet = Sheet(round(high + 2 * margin), round(wide + 2 * margin))
    for start in np.arange(0, wide - dash, dash + gap):
        for y in (margin, margin + high):
            sheet.line((margin + start, y), (margin + start + dash, y), thick)
    for start in np.arange(0, high - dash, dash + gap):
        for x in (margin, margin + wide):
            sheet.line((x, margin + start), (x, margin + start + dash), thick)
    x = margin + wide / 2 - (len(images) - 1) * height / 2
    for image in images:
        sheet.write(image, x, margin + high / 2, height * rng.uniform(0.9, 1.1))
        x += height
    return sheet.picture(
        rng, gray=rng.uniform(20, 160), tilt=rng.uniform(-2, 2), dark=rng.random() < 0.2
    )


def boxed_scene(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture of one digit in a box."""
    sheet, (x, y, wide, high) = _around_one(
        rng, sides=(40, 160), widths=(0.8, 1.3), margins=(0.3, 2)
    )
    sheet.box(x - wide / 2, y - high / 2, wide, high, int(rng.integers(1, 6)))
    height = rng.uniform(0.4, 0.9) * high
    sheet.write(image, x + rng.uniform(-0.08, 0.08) * wide, y, height)
    return sheet.picture(
        rng, gray=rng.uniform(20, 200), tilt=rng.uniform(-3, 3), dark=rng.random() < 0.25
    )


def circled_scene(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture of one digit in a circle or an ellipse."""
    sheet, (x, y, wide, high) = _around_one(
        rng, sides=(60, 200), widths=(0.85, 1.3), margins=(0.15, 1)
    )
    middle, axes = (round(16 * x), round(16 * y)), (round(8 * wide), round(8 * high))
    thick = int(rng.integers(2, max(3, round(high / 18))))
    turn = rng.uniform(-15, 15)
    cv2.ellipse(sheet.lines, middle, axes, turn, 0, 360, 1.0, thick, cv2.LINE_AA, 4)
    sheet.write(image, x, y, rng.uniform(0.35, 0.65) * high)
    return sheet.picture(rng, gray=rng.uniform(20, 120), dark=rng.random() < 0.25)


def _around_one(
    rng: np.random.Generator,
    *,
    sides: tuple[float, float],
    widths: tuple[float, float],
    margins: tuple[float, float],
) -> tuple[Sheet, tuple[float, float, float, float]]:
    """Return a sheet for a box or a circle, and its middle (x, y), width and height.

    Args:
        rng: Draws sizes.
        sides: Least and greatest height, in pixels.
        widths: Least and greatest width, in heights.
        margins: Least and greatest margin, in heights.
    """
    side = rng.uniform(*sides)
    wide = side * rng.uniform(*widths)
    margin = rng.uniform(*margins) * side
    sheet = Sheet(round(side + 2 * margin), round(wide + 2 * margin))
    return sheet, (margin + wide / 2, margin + side / 2, wide, side)
