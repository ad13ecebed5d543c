"""Hands that are hard to read, made from MNIST's training images: pictures of one digit each.

Four families: `slanted` (a strong slant, stretched, another pen), `forms` (each digit has another
form), `crops` (cut out of a line, with parts of neighbors and rules) and `strings` (the same, with
other forms and more of the neighbors). A hand keeps its slant, pen and forms; each digit varies.
"""

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Gray, Images, Ink, Labels
from tenfold.data.mnist import load_mnist

FAMILIES = ("slanted", "forms", "crops", "strings")

SCALE = 3
"""A digit is drawn this many times as large as in MNIST."""

FORMS = {"slanted": 2.0, "forms": 6.5, "crops": 2.0, "strings": 3.0}
"""Standard deviation of the fixed warp of each digit, in pixels of the larger digit."""

NEIGHBORS = {"slanted": 0.0, "forms": 0.0, "crops": 0.5, "strings": 0.65}
"""Chance of a neighbor on each side."""


class Hand:
    """One hand of a family.

    Args:
        family: One of `FAMILIES`.
        seed: Decides the hand and all that it writes.
    """

    def __init__(self, family: str, seed: int) -> None:
        self._rng = rng = np.random.default_rng((FAMILIES.index(family), seed))
        self._images, labels = load_mnist("train")
        self._of_label = [np.flatnonzero(labels == label) for label in range(len(DIGITS))]
        sign, strong = rng.choice([-1, 1]), family == "slanted"
        self._shear = sign * rng.uniform(0.55, 0.9) if strong else rng.uniform(0.1, 0.4)
        self._aspect = np.exp(rng.uniform(-0.45, 0.45) if strong else rng.uniform(-0.3, 0.1))
        self._degrees = rng.uniform(-25, 25) if strong else rng.uniform(-8, 8)
        self._pen = int(rng.integers(-2, 4))
        self._warps = [self._warp(FORMS[family]) for _ in DIGITS]
        self._neighbors = NEIGHBORS[family]

    def pictures(self, per_class: int) -> tuple[list[Gray], Labels]:
        """Return pictures of different digits, dark ink on light paper, and their labels."""
        labels = np.repeat(np.arange(len(DIGITS), dtype=np.uint8), per_class)
        chosen = [self._rng.choice(of, per_class, replace=False) for of in self._of_label]
        pairs = zip(labels, np.concatenate(chosen), strict=True)
        return [self._picture(int(label), int(index)) for label, index in pairs], labels

    def _warp(self, amount: float) -> npt.NDArray[np.float32]:
        """Return a smooth displacement, float32 (2, h, w)."""
        field = self._rng.normal(0, amount, (2, 4, 4)).astype(np.float32)
        side = SCALE * SIDE
        return np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC)
                         for one in field])  # fmt: skip

    def _digit(self, label: int, index: int) -> Ink:
        """Return the ink of one digit as this hand writes it, cropped."""
        rng, side = self._rng, SCALE * SIDE
        image = self._images[index].astype(np.float32) / 255
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        large = np.clip((large - 0.5) * 1.8 + 0.5, 0, 1)
        across, down = self._warps[label] + self._warp(1.2)
        y, x = np.mgrid[:side, :side].astype(np.float32)
        large = cv2.remap(large, x + across, y + down, cv2.INTER_LINEAR)
        angle = np.deg2rad(self._degrees + rng.normal(0, 4))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = np.array([[1, -self._shear - rng.normal(0, 0.06)], [0, 1]])
        matrix = turn @ slant @ np.diag([self._aspect * np.exp(rng.normal(0, 0.06)), 1.0])
        place = np.array([side, side]) - matrix @ np.array([side, side]) / 2
        large = cv2.warpAffine(large, np.column_stack([matrix, place]), (2 * side, 2 * side))
        kernel = np.ones((abs(self._pen) + 1,) * 2, np.uint8)
        large = (cv2.dilate if self._pen > 0 else cv2.erode)(large, kernel)
        rows, columns = np.nonzero(large > 0.3)
        if rows.size == 0:
            return np.ones((20, 5), np.float32)
        return np.asarray(large[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])

    def _picture(self, label: int, index: int) -> Gray:
        rng = self._rng
        digit = self._digit(label, index)
        ink = self._in_line(digit) if self._neighbors else np.pad(digit, len(digit) // 7)
        scale = rng.uniform(40, 64) / len(ink)
        ink = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        paper, pen = rng.uniform(190, 230), rng.uniform(40, 100)
        shade = cv2.resize(rng.normal(0, 8, (3, 3)), ink.shape[::-1],
                           interpolation=cv2.INTER_CUBIC)  # fmt: skip
        gray = paper + shade - ink * (paper - pen) + rng.normal(0, 5, ink.shape)
        return np.clip(gray, 0, 255).astype(np.uint8)

    def _in_line(self, digit: Ink) -> Ink:
        """Return a crop around a digit in a line, with what lies beside it."""
        rng = self._rng
        height, width = digit.shape
        margin = 200
        line = np.zeros((height + 2 * margin, width + 2 * margin), np.float32)
        _put(line, digit, margin, margin)
        for left in (True, False):
            if rng.random() >= self._neighbors:
                continue
            label = int(rng.integers(len(DIGITS)))
            other = self._digit(label, int(rng.choice(self._of_label[label])))
            gap = round(rng.normal(0.05, 0.1) * height)
            y = margin + (height - len(other)) // 2 + round(rng.normal(0, 0.08) * height)
            _put(line, other, y, margin - other.shape[1] - gap if left else margin + width + gap)
        thick = max(2, round(0.05 * height))
        if rng.random() < 0.3:
            beside = width + rng.uniform(0.02, 0.3) * height
            x = margin + round(beside if rng.random() < 0.5 else -rng.uniform(0.05, 0.3) * height)
            line[:, x : x + thick] = np.maximum(line[:, x : x + thick], 0.9)
        if rng.random() < 0.25:
            y = margin + height - round(rng.uniform(-0.1, 0.15) * height)
            line[y : y + thick] = np.maximum(line[y : y + thick], 0.9)
        if rng.random() < 0.3:
            point = (margin + width + round(0.1 * height), margin + height - 3)
            cv2.circle(line, point, max(2, round(0.06 * height)), 1.0, -1)
        left_edge, right_edge = np.round(rng.uniform(0, 0.5, 2) * height).astype(int)
        top, bottom = np.round(rng.uniform(0.05, 0.2, 2) * height).astype(int)
        crop = line[margin - top : margin + height + bottom,
                    margin - left_edge : margin + width + right_edge]  # fmt: skip
        return np.asarray(cv2.GaussianBlur(crop, (3, 3), 0.7), np.float32)


def _put(line: Ink, ink: Ink, y: int, x: int) -> None:
    """Draw ink into a line, in place; what lies outside is left out."""
    top, left = max(0, y), max(0, x)
    part = ink[top - y :, left - x :]
    place = line[top : top + part.shape[0], left : left + part.shape[1]]
    np.maximum(place, part[: place.shape[0], : place.shape[1]], out=place)


def as_images(pictures: list[Gray]) -> Images:
    """Return pictures as the reader's network sees them; blank ones are black."""
    from tenfold.imaging.canvas import to_canvas

    canvases = [to_canvas(picture) for picture in pictures]
    blank = np.zeros((SIDE, SIDE), np.uint8)
    return np.stack([blank if canvas is None else canvas for canvas in canvases])
