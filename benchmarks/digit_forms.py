"""Forms of digits that much of the world writes and MNIST's writers hardly did, made of theirs.

A two begins with a curl, a seven has a bar, a nine looks like a P, the stem of a four begins where
it is crossed, a one has a long flag or stands on a stroke.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.augmentation.digit_forms import with_flag

Image = npt.NDArray[np.uint8]
Rng = np.random.Generator

INK = 100
"""What is darker belongs to a stroke."""

LEAST_FORK = 5
"""Rows in which a four must show both of its upper strokes; a closed one shows fewer."""


def with_bar(image: Image, rng: Rng) -> Image:
    """Return a seven with a bar through its stem."""
    y = int(rng.integers(13, 18))
    columns = np.flatnonzero(image[y] > INK)
    if not columns.size:
        return image
    return _across(image, (columns.mean(), y), rng.uniform(3, 6), rng.uniform(-1.5, 1), rng)


def with_base(image: Image, rng: Rng) -> Image:
    """Return a one that stands on a short stroke."""
    rows, columns = np.nonzero(image > INK)
    if not rows.size:
        return image
    y = rows.max()
    foot = columns[rows == y].mean(), y
    return _across(image, foot, rng.uniform(2.5, 6), rng.uniform(-1, 1), rng)


def with_curl(image: Image, rng: Rng) -> Image:
    """Return a two whose first stroke curls into its bow, perhaps far enough to close it."""
    rows, columns = np.nonzero(image > INK)
    if not rows.size:
        return image
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    upper = rows < rows.min() + 0.5 * high
    tip = int(columns[upper].argmin())
    x, y = float(columns[upper][tip]), float(rows[upper][tip])
    turn = (x + rng.uniform(-0.1, 0.15) * wide, y + rng.uniform(0.2, 0.5) * high)
    end = (x + rng.uniform(0.25, 0.75) * wide, y + rng.uniform(-0.05, 0.3) * high)
    return _with_stroke(image, ((x, y), turn, end), rng)


def without_upper_stem(image: Image, rng: Rng) -> Image:
    """Return an open four whose stem begins where it is crossed, as a bolt of lightning does."""
    rows = np.flatnonzero((image > INK).any(axis=1))
    fork = []
    for row in rows:
        edges = np.flatnonzero(np.diff(image[row] > INK, prepend=False, append=False))
        if len(edges) == 4:
            fork.append((row, int(edges[1] + edges[2]) // 2))
        elif len(fork) >= LEAST_FORK:
            break
    if len(fork) < LEAST_FORK:
        return image
    left = image.copy()
    for row, column in fork[: len(fork) - int(rng.integers(0, 3))]:
        left[row, column:] = 0
    left[: fork[0][0], :] = 0  # the stem's top, where it is higher than the other stroke
    return left


def mirrored(image: Image, rng: Rng) -> Image:
    """Return a nine whose stem is on the left, like a P; it leans as far as others do."""
    lean = rng.uniform(0, 0.6)
    move = np.array([[-1, -lean, 27 + lean * 13.5], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(image, move, (28, 28)), np.uint8)


FORMS: tuple[tuple[int, float, Callable[[Image, Rng], Image]], ...] = (
    (1, 0.4, partial(with_flag, longest=0.9)),
    (1, 0.1, with_base),
    (2, 0.25, with_curl),
    (4, 0.2, without_upper_stem),
    (7, 0.25, with_bar),
    (9, 0.15, mirrored),
)
"""Digits, the share of writers who write them so, and how it is made. The shares are guesses."""


def _across(image: Image, middle: tuple[float, float], half: float, tilt: float, rng: Rng) -> Image:
    """Return an image with a stroke through a place, so long to either side, and so far down."""
    x, y = middle
    return _with_stroke(image, ((x - half, y - tilt), (x + half, y + tilt)), rng)


def _with_stroke(image: Image, through: tuple[tuple[float, float], ...], rng: Rng) -> Image:
    """Return an image with a line, or a quadratic Bezier curve: start, control point, end."""
    if len(through) == 3:
        t = np.linspace(0, 1, 9)[:, None]
        start, control, end = np.array(through)
        points = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    else:
        points = np.array(through)
    drawn = image.copy()
    thick = int(rng.integers(1, 3))
    cv2.polylines(drawn, [np.int32(8 * points)], False, 255, thick, cv2.LINE_AA, 3)
    return drawn
