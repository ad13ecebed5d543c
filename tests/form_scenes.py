"""Made forms: blank pages with fields, filled by made writers, scanned or photographed."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scenes import crop

from tenfold.augmentation.hands import DIGIT_HEIGHT, Hand

Rng = np.random.Generator
Box = tuple[int, int, int, int]

WIDTH, HEIGHT = 1240, 1754
"""A4 at 150 dpi."""

WORDS = (
    "Please write one digit in each box and use a black or blue pen",
    "Return this sheet before the end of the month to the address on the back",
    "Office use only", "Application for a refund of travel costs", "Examination sheet",
    "Report of a meter reading", "Members of the household", "Keep a copy for your files",
    "Questions are answered on working days from nine to noon", "Part two of three",
)  # fmt: skip


@dataclass(frozen=True)
class MadeField:
    """A field of a made form; `text` makes what is written in it."""

    name: str
    shape: str  # comb, boxes, box, line, tick
    box: Box
    cells: tuple[Box, ...]
    constraint: dict[str, Any] | None
    content: str

    def entry(self) -> dict[str, Any]:
        """Return the field's entry in a template."""
        entry: dict[str, Any] = {"name": self.name, "box": list(self.box)}
        if self.cells:
            entry["cells"] = [list(cell) for cell in self.cells]
        if self.shape == "tick":
            entry["kind"] = "tick"
        if self.constraint:
            entry["constraint"] = self.constraint
        return entry


@dataclass
class Sheet:
    """A blank form in the making: print as ink 0 to 1, and its fields."""

    ink: np.ndarray = field(default_factory=lambda: np.zeros((HEIGHT, WIDTH), np.float32))
    fields: list[MadeField] = field(default_factory=list)

    @property
    def gray(self) -> np.ndarray:
        """The blank page, uint8 (h, w)."""
        return np.rint(255 * (1 - self.ink)).astype(np.uint8)

    def rectangle(self, box: Box, thick: int, dark: float) -> None:
        x, y, w, h = box
        self.line((x, y), (x + w, y), thick, dark)
        self.line((x, y + h), (x + w, y + h), thick, dark)
        self.line((x, y), (x, y + h), thick, dark)
        self.line((x + w, y), (x + w, y + h), thick, dark)

    def line(self, one: tuple[int, int], other: tuple[int, int], thick: int, dark: float) -> None:
        drawn = np.zeros_like(self.ink)
        cv2.line(drawn, one, other, dark, thick)
        np.maximum(self.ink, drawn, out=self.ink)

    def print(self, text: str, x: int, y: int, height: int, dark: float = 1.0) -> int:
        """Print text with its top left at (x, y), and return where it ends."""
        font = ImageFont.load_default(height)
        image = Image.new("L", self.ink.shape[::-1])
        draw = ImageDraw.Draw(image)
        draw.text((x, y), text, 255, font)
        np.maximum(self.ink, dark * np.asarray(image, np.float32) / 255, out=self.ink)
        return int(x + draw.textlength(text, font))


CONTENTS: Mapping[str, dict[str, Any]] = {
    "number": {"pattern": "[0-9]{8}", "check": "luhn"},
    "postcode": {"pattern": "[0-9]{5}"},
    "day": {"pattern": "(0[1-9]|[12][0-9]|3[01])(0[1-9]|1[0-2])(19|20)[0-9]{2}"},
    "date": {"kind": "date", "minimum": "1900-01-01", "maximum": "2026-12-31"},
    "amount": {"kind": "decimal", "pattern": "[0-9]{1,4}[.,][0-9]{2}", "maximum": 5000},
    "count": {"kind": "integer", "minimum": 0, "maximum": 400},
    "meter": {"pattern": "[0-9]{6}"},
    "grade": {"choices": ["1", "2", "3", "4", "5", "6"]},
}


def luhn(digits: str) -> str:
    """Return the check digit of Luhn's algorithm."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def content(kind: str, rng: Rng) -> str:
    """Return what somebody writes in a field of this content."""
    if kind == "number":
        digits = "".join(map(str, rng.integers(0, 10, 7)))
        return digits + luhn(digits)
    if kind == "postcode":
        return "".join(map(str, rng.integers(0, 10, 5)))
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), rng.integers(1940, 2027)
    if kind == "day":
        return f"{day:02}{month:02}{year}"
    if kind == "date":
        sign = str(rng.choice(["-", "/", "."]))
        return (
            f"{year}-{month:02}-{day:02}"
            if sign == "-"
            else f"{day:02}{sign}{month:02}{sign}{year}"
        )
    if kind == "amount":
        return (
            f"{rng.integers(0, [10, 100, 1000, 5000][rng.integers(4)])}.{rng.integers(0, 100):02}"
        )
    if kind == "count":
        return str(rng.integers(0, [10, 100, 400][rng.integers(3)]))
    if kind == "meter":
        return "".join(map(str, rng.integers(0, 10, 6)))
    if kind == "grade":
        return str(rng.integers(1, 7))
    return "yes" if rng.random() < 0.5 else "no"


def made_form(rng: Rng) -> Sheet:
    """Return a blank form: a title, labels, and fields of all shapes, in random order."""
    sheet = Sheet()
    dark = float(rng.uniform(0.45, 1.0))
    thick = int(rng.integers(1, 4))
    cell = int(rng.integers(34, 48))
    y = int(rng.integers(70, 120))
    sheet.print(str(rng.choice(WORDS[2:7])), int(rng.integers(80, 400)), y, 44)
    y += 80
    for words in rng.choice(WORDS, 2, replace=False):
        sheet.print(str(words), 90, y, 24)
        y += 36
    y += 30
    kinds = [
        ("number", "comb"), ("postcode", "boxes"), ("day", "comb"), ("date", "line"),
        ("amount", "line"), ("amount", "box"), ("count", "box"), ("meter", "comb"),
        ("grade", "boxes"), ("date", "line"), ("amount", "line"), ("tick", "tick"),
        ("tick", "tick"), ("tick", "tick"), ("tick", "tick"),
    ]  # fmt: skip
    order = [kinds[place] for place in rng.permutation(len(kinds))]
    lengths = {"number": 8, "postcode": 5, "day": 8, "meter": 6, "grade": 1}
    x = 90
    for number, (kind, shape) in enumerate(order, start=1):
        gap = int(rng.integers(6, 16)) if shape == "boxes" else 0
        wide = {"comb": lengths.get(kind, 0) * cell, "boxes": lengths.get(kind, 0) * (cell + gap),
                "line": 8 * cell, "box": 5 * cell, "tick": cell * 2 // 3}[shape]  # fmt: skip
        label = {"tick": "tick if it applies"}.get(
            kind, f"{kind} of the {rng.choice(['house', 'trip', 'member'])}"
        )
        if x > 90 and x + max(wide, 12 * len(label) + 40) > WIDTH - 80:
            x, y = 90, y + 2 * cell + 50
        sheet.print(f"{number} {label}", x, y, 20)
        _add(
            sheet,
            f"{kind} {number}",
            kind,
            shape,
            (x, y + 34),
            (cell, gap, wide),
            (thick, dark),
            lengths,
            rng,
        )
        x += max(wide, 12 * len(label)) + int(rng.integers(50, 120))
    y += 2 * cell + 100
    while y < HEIGHT - 120:
        sheet.print(str(rng.choice(WORDS)), 90, y, int(rng.integers(18, 26)))
        y += int(rng.integers(60, 120))
    return sheet


def _add(
    sheet: Sheet,
    name: str,
    kind: str,
    shape: str,
    at: tuple[int, int],
    sizes: tuple[int, int, int],
    wall: tuple[int, float],
    lengths: Mapping[str, int],
    rng: Rng,
) -> None:
    (x, y), (cell, gap, wide), (thick, dark) = at, sizes, wall
    cells: tuple[Box, ...] = ()
    high = cell if shape != "tick" else wide
    box = (x, y, wide, high)
    if shape in ("comb", "boxes"):
        cells = tuple((x + n * (cell + gap), y, cell, cell) for n in range(lengths[kind]))
        for one in cells:
            sheet.rectangle(one, thick, dark)
        if shape == "boxes":
            box = (x, y, wide - gap, high)
    elif shape == "line":
        high = round(1.2 * cell)
        box = (x, y, wide, high)
        sheet.line((x, y + high), (x + wide, y + high), thick, dark)
        box = (x, y, wide, high + 4)
    else:
        sheet.rectangle(box, thick, dark)
    sheet.fields.append(MadeField(name, shape, box, cells, CONTENTS.get(kind), kind))


@dataclass(frozen=True)
class Writer:
    """One invented writer: digits of MNIST or of a font, in one size, slant and pen."""

    digits: Sequence[np.ndarray]
    labels: np.ndarray
    hand: Hand
    with_font: bool
    size: float
    slant: float
    gap: float
    pen: float

    @classmethod
    def random(
        cls, digits: Sequence[np.ndarray], labels: np.ndarray, hands: Sequence[Hand], rng: Rng
    ) -> "Writer":
        return cls(
            digits, labels, hands[int(rng.integers(len(hands)))], rng.random() < 0.4,
            rng.uniform(0.55, 0.78), rng.normal(0, 0.08), rng.uniform(0.08, 0.3),
            rng.uniform(0.65, 1.0),
        )  # fmt: skip

    def glyph(self, character: str, height: float, rng: Rng) -> tuple[np.ndarray, float]:
        """Return the ink of a character, and how far below the top of the digits it begins."""
        if character in string.digits and not self.with_font:
            image = self.digits[int(rng.choice(np.flatnonzero(self.labels == int(character))))]
            ink, top = crop(image, height * rng.uniform(0.92, 1.08)), 0.0
        else:
            glyph = self.hand.glyphs[character]
            scale = height / DIGIT_HEIGHT
            size = (
                max(2, round(glyph.ink.shape[1] * scale)),
                max(2, round(glyph.ink.shape[0] * scale)),
            )
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            ink = cv2.resize(glyph.ink.astype(np.float32) / 255, size, interpolation=way)
            top = glyph.top * height
        lean = (self.slant + rng.normal(0, 0.02)) * ink.shape[0]
        move = np.array([[1, -lean / ink.shape[0], max(lean, 0) + 1], [0, 1, 0]], np.float32)
        ink = cv2.warpAffine(ink, move, (ink.shape[1] + int(abs(lean)) + 3, ink.shape[0]))
        return np.clip(1.3 * ink, 0, 1), top


def fill(sheet: Sheet, values: Mapping[str, str], writer: Writer, rng: Rng) -> np.ndarray:
    """Return the writing on a form, float32 (h, w), 0 to 1; a field without a value stays empty."""
    ink = np.zeros_like(sheet.ink)
    for one in sheet.fields:
        text = values.get(one.name, "")
        if one.shape == "tick":
            if text == "yes":
                _tick(ink, one.box, rng)
        elif one.cells:
            for (x, y, w, h), character in zip(one.cells, text, strict=False):
                mark, _ = writer.glyph(character, writer.size * h, rng)
                slack = max(0.0, h - mark.shape[0]) / 2
                middle = y + h / 2 + rng.uniform(-0.5, 0.6) * slack
                left = x + w / 2 - mark.shape[1] / 2 + rng.uniform(-0.1, 0.1) * w
                paint(ink, mark, left, middle - mark.shape[0] / 2)
        elif text:
            _write_line(ink, one, text, writer, rng)
    return ink * np.float32(writer.pen)


def _write_line(ink: np.ndarray, one: MadeField, text: str, writer: Writer, rng: Rng) -> None:
    x, y, wide, high = one.box
    height = writer.size * high * (0.9 if one.shape == "line" else 0.85)
    for _ in range(8):
        marks = [writer.glyph(character, height, rng) for character in text]
        gaps = writer.gap * height * rng.uniform(0.7, 1.3, len(marks))
        length = sum(mark.shape[1] for mark, _ in marks) + gaps[1:].sum()
        if length < 0.94 * wide:
            break
        height *= 0.9
    room = wide - length
    at = x + max(3.0, rng.uniform(0.04, 0.4) * room)
    base = y + high * (0.92 if one.shape == "line" else 0.84) + rng.uniform(-0.06, 0.02) * high
    climb = rng.normal(0, 0.012)
    for (mark, top), gap in zip(marks, gaps, strict=True):
        wobble = rng.normal(0, 0.03) * height
        paint(ink, mark, at, base - height + top + wobble - climb * (at - x))
        at += mark.shape[1] + gap


def _tick(ink: np.ndarray, box: Box, rng: Rng) -> None:
    x, y, w, h = box
    middle = np.array([x + w / 2, y + h / 2]) + rng.normal(0, 0.08, 2) * w
    side = w * rng.uniform(0.35, 0.65)
    if rng.random() < 0.6:
        paths = [np.array([[-1, -1], [1, 1]]), np.array([[1, -1], [-1, 1]])]
    else:
        paths = [np.array([[-0.8, 0], [-0.2, 0.8], [1.1, -1.2]])]
    for path in paths:
        points = np.rint(8 * (middle + side * (path + rng.normal(0, 0.1, path.shape))))
        cv2.polylines(
            ink, [points.astype(np.int32)], False, 1.0, int(rng.integers(2, 5)), cv2.LINE_AA, 3
        )


def paint(ink: np.ndarray, mark: np.ndarray, left: float, top: float) -> None:
    """Put a mark on the page with its top left at a place."""
    x, y = round(left), round(top)
    cut = mark[max(0, -y) :, max(0, -x) :]
    part = ink[max(0, y) :, max(0, x) :][: cut.shape[0], : cut.shape[1]]
    np.maximum(part, cut[: part.shape[0], : part.shape[1]], out=part)


def on_paper(sheet: Sheet, writing: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a filled page as float32 (h, w), share of the light that it reflects, 0 to 1."""
    pen = rng.uniform(0.7, 0.95)
    page: np.ndarray = (1 - 0.95 * sheet.ink) * (1 - pen * writing)
    return page.astype(np.float32)


def scanned(page: np.ndarray, rng: Rng, *, fax: bool = False, turned: bool = False) -> np.ndarray:
    """Return a scan, uint8 (h, w): rotated by up to 3 degrees, scaled and moved a little.

    Args:
        page: As `on_paper` returns it.
        rng: Source of the draws.
        fax: Two levels at 200 by 100 dots an inch, with specks.
        turned: Upside down.
    """
    high, wide = page.shape
    middle = (wide / 2, high / 2)
    turn = cv2.getRotationMatrix2D(
        middle, float(rng.uniform(-3, 3)), float(rng.uniform(0.94, 1.02))
    )
    turn[:, 2] += rng.uniform(-15, 15, 2)
    scale = rng.uniform(0.9, 1.35)
    turn *= scale
    size = (round(wide * scale), round(high * scale))
    paper = rng.uniform(0.9, 1.0)
    moved = cv2.warpAffine(page, turn, size, flags=cv2.INTER_AREA, borderValue=1.0)
    moved = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.4, 0.9))
    if fax:
        low = cv2.resize(moved, (1728, 1100), interpolation=cv2.INTER_AREA)
        low = low + rng.normal(0, 0.06, low.shape).astype(np.float32)
        bits = np.where(low > rng.uniform(0.6, 0.75), 255, 0).astype(np.uint8)
        specks = rng.random(bits.shape) < 0.0006
        bits[specks] = 255 - bits[specks]
        gray = cv2.resize(bits, (1728, 2200), interpolation=cv2.INTER_NEAREST)
    else:
        noisy = 255 * paper * moved + rng.normal(0, rng.uniform(1, 7), moved.shape)
        gray = compressed(np.clip(noisy, 0, 255).astype(np.uint8), rng)
    return np.ascontiguousarray(gray[::-1, ::-1]) if turned else gray


def photographed(page: np.ndarray, rng: Rng, *, turned: int = 0, lost: int = 0) -> np.ndarray:
    """Return a photo, uint8 (h, w): in perspective, on a desk, under uneven light.

    Args:
        page: As `on_paper` returns it.
        rng: Source of the draws.
        turned: Quarter turns clockwise.
        lost: Number of corners, 0 to 2, that the picture cuts off.
    """
    high, wide = page.shape
    long = rng.uniform(1700, 2300)
    size = (round(long * 0.75), round(long))
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    margin = rng.uniform(0.02, 0.07)
    frame = np.array([[margin, margin], [1 - margin, margin], [1 - margin, 1 - margin],
                      [margin, 1 - margin]]) * size  # fmt: skip
    ratio = wide / high / (size[0] / size[1])
    frame[:, 0] = size[0] / 2 + (frame[:, 0] - size[0] / 2) * min(1.0, ratio)
    frame += rng.uniform(-0.045, 0.045, (4, 2)) * size
    angle = np.radians(rng.uniform(-5, 5))
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    center = frame.mean(axis=0)
    frame = (frame - center) @ spin.T * 0.97 + center
    if lost:
        ends = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
        which = int(rng.integers(4))
        out = rng.uniform(0.02, 0.06) * size[0] * np.sign(ends[which] - np.array(size) / 2)
        push = ends[which] + out - frame[which]
        if lost == 2:  # both ends of a side
            axis = int(rng.integers(2))
            other = which ^ (1 if axis else 3)
            push[1 - axis] = 0
            push[axis] = max(push[axis], (ends[other] + out - frame[other])[axis], key=abs)
        frame += push
    warp = cv2.getPerspectiveTransform(corners, frame.astype(np.float32))
    sheet = cv2.warpPerspective(_curled(page, rng), warp, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones_like(page), warp, size)
    desk = cv2.resize(
        rng.uniform(0.15, 0.5, (9, 7)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC
    )
    scene = mask * sheet * rng.uniform(0.8, 0.97) + (1 - mask) * desk
    down, along = np.meshgrid(
        np.linspace(-1, 1, size[1]), np.linspace(-1, 1, size[0]), indexing="ij"
    )
    light = 0.8 + 0.15 * (rng.uniform(-1, 1) * down + rng.uniform(-1, 1) * along)
    if rng.random() < 0.5:
        edge = np.clip(
            (along * rng.uniform(-1, 1) + down * rng.uniform(-1, 1) - rng.uniform(0, 0.4)) * 6, 0, 1
        )
        light *= 1 - rng.uniform(0.15, 0.4) * edge
    scene = cv2.GaussianBlur(
        (255 * scene * light).astype(np.float32), (0, 0), rng.uniform(0.5, 1.1)
    )
    scene += rng.normal(0, rng.uniform(2, 6), scene.shape)
    gray = compressed(np.clip(scene, 0, 255).astype(np.uint8), rng)
    return np.ascontiguousarray(np.rot90(gray, -turned))


def _curled(page: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a page that does not lie quite flat."""
    rows, columns = np.indices(page.shape, dtype=np.float32)
    bend = rng.uniform(-5, 5) * np.sin(np.pi * columns / page.shape[1])
    return cv2.remap(
        page, columns, rows + bend.astype(np.float32), cv2.INTER_LINEAR, borderValue=1.0
    )


def compressed(gray: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a picture as a JPEG keeps it."""
    _, data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
