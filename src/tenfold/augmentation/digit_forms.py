"""Forms of digits that much of the world writes and MNIST lacks, made from MNIST's digits.

The recipe `reader` trains with `CLEAR_FORMS`, which show without the line around a digit; the line
network trains with all (`FORMS`).
"""

import math
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from tenfold.arrays import SIDE, Gray
from tenfold.augmentation.strokes import Point, bezier, crop_to_ink, draw_stroke
from tenfold.imaging.canvas import center_by_mass, fit, stroke_width

Rng = np.random.Generator

INK = 100
"""A pixel above this value belongs to a stroke."""

ENLARGE = 4
"""The upstroke is drawn at this many times the size, and scaled down with the digit."""

MIN_FORK_ROWS = 5
"""A 4 is open if both of its upper strokes show in at least this many rows."""


def with_upstroke(one: Gray, rng: Rng, longest: float = 0.5) -> Gray:
    """Return a 1 with an upstroke: a stroke from its top down to the left.

    Args:
        one: uint8 (28, 28), white ink on black, a digit 1.
        rng: Draws the length, from 0.2 of the digit's height to `longest`, and the slope, 30 to 65
            degrees below level. The bar of a 7 is nearer to level.
        longest: Greatest length of the upstroke, as a share of the digit's height.

    Returns:
        uint8 (28, 28); an image without ink comes back unchanged.
    """
    large = cv2.resize(one, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_CUBIC)
    wide = np.pad(large, ((0, 0), (large.shape[1] // 2, 0)))
    rows, columns = np.nonzero(wide >= 128)
    if rows.size == 0:
        return one
    height = np.ptp(rows) + 1
    thick = max(1, round(stroke_width(np.float32(1 / 255) * wide)))
    top = rows.min() + thick // 2
    start = (round(float(columns[rows <= top].mean())), int(top))
    length, slope = height * rng.uniform(0.2, longest), math.radians(rng.uniform(30, 65))
    end = (round(start[0] - length * math.cos(slope)), round(top + length * math.sin(slope)))
    cv2.line(wide, start, end, 255, thick, cv2.LINE_AA)
    return center_by_mass(fit(np.float32(1 / 255) * crop_to_ink(wide)))


def with_base(one: Gray, rng: Rng) -> Gray:
    """Return a 1 (uint8 (28, 28), as the digits below) that stands on a short stroke."""
    rows, columns = np.nonzero(one > INK)
    if not rows.size:
        return one
    y = rows.max()
    return _with_bar(one, (columns[rows == y].mean(), y), rng.uniform(2.5, 6), (-1, 1), rng)


def with_curl(two: Gray, rng: Rng) -> Gray:
    """Return a 2 whose first stroke curls into its bow, perhaps far enough to close it."""
    rows, columns = np.nonzero(two > INK)
    if not rows.size:
        return two
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    upper = rows < rows.min() + 0.5 * high
    tip = int(columns[upper].argmin())
    x, y = float(columns[upper][tip]), float(rows[upper][tip])
    turn = (x + rng.uniform(-0.1, 0.15) * wide, y + rng.uniform(0.2, 0.5) * high)
    end = (x + rng.uniform(0.25, 0.75) * wide, y + rng.uniform(-0.05, 0.3) * high)
    curled = two.copy()
    draw_stroke(curled, bezier([(x, y), turn, end]), 255, int(rng.integers(1, 3)))
    return curled


def without_upper_stem(four: Gray, rng: Rng) -> Gray:
    """Return an open 4 whose stem begins at the crossbar, like a bolt of lightning.

    A closed 4 comes back unchanged.
    """
    fork = []
    for row in np.flatnonzero((four > INK).any(axis=1)):
        edges = np.flatnonzero(np.diff(four[row] > INK, prepend=False, append=False))
        if len(edges) == 4:
            fork.append((row, int(edges[1] + edges[2]) // 2))
        elif len(fork) >= MIN_FORK_ROWS:
            break
    if len(fork) < MIN_FORK_ROWS:
        return four
    cut = four.copy()
    for row, column in fork[: len(fork) - int(rng.integers(0, 3))]:
        cut[row, column:] = 0
    cut[: fork[0][0], :] = 0  # the stem's top, where it is higher than the other stroke
    return cut


def with_crossbar(seven: Gray, rng: Rng) -> Gray:
    """Return a 7 with a bar through its stem."""
    y = int(rng.integers(13, 18))
    columns = np.flatnonzero(seven[y] > INK)
    if not columns.size:
        return seven
    return _with_bar(seven, (columns.mean(), y), rng.uniform(3, 6), (-1.5, 1), rng)


def mirrored(nine: Gray, rng: Rng) -> Gray:
    """Return a 9 with its stem on the left, like a P, at the slant of an unmirrored 9."""
    slant = rng.uniform(0, 0.6)
    middle = (SIDE - 1) / 2
    matrix = np.array([[-1, -slant, SIDE - 1 + slant * middle], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(nine, matrix, (SIDE, SIDE)), np.uint8)


FORMS: tuple[tuple[int, float, Callable[[Gray, Rng], Gray]], ...] = (
    (1, 0.55, partial(with_upstroke, longest=0.9)),
    (1, 0.1, with_base),
    (2, 0.25, with_curl),
    (4, 0.3, without_upper_stem),
    (7, 0.25, with_crossbar),
    (9, 0.25, mirrored),
)
"""Digit, share of writers who use the form, and the function that makes it. The shares are
guesses."""

CLEAR_FORMS: tuple[tuple[int, float, Callable[[Gray, Rng], Gray]], ...] = (
    (1, 0.4, with_upstroke),
    (2, 0.25, with_curl),
    (4, 0.2, without_upper_stem),
    (7, 0.25, with_crossbar),
    (1, 0.1, with_base),
)
"""The forms that a single mark shows clearly. A mirrored 9 is a P, and a 1 whose upstroke is as
long as the stem is a Λ: a network trained with them accepts these letters (dev/reader.md)."""


def in_a_form(image: Gray, digit: int, rng: Rng) -> Gray:
    """Return a digit as written by a writer who may use any of `CLEAR_FORMS`, at their shares.

    Args:
        image: uint8 (28, 28), white ink on black.
        digit: Which digit it shows, 0..9.
        rng: Source of the draws.
    """
    for which, share, make in CLEAR_FORMS:
        if which == digit and rng.random() < share:
            image = make(image, rng)
    return image


def _with_bar(
    image: Gray, middle: Point, half: float, tilts: tuple[float, float], rng: Rng
) -> Gray:
    """Return an image with a bar: half its length in columns, and the range of half its fall."""
    x, y = middle
    tilt = rng.uniform(*tilts)
    barred = image.copy()
    ends = ((x - half, y - tilt), (x + half, y + tilt))
    draw_stroke(barred, ends, 255, int(rng.integers(1, 3)))
    return barred
