"""Digits cut out of a line of writing: with bits of their neighbors, or cut badly.

The reader tries cuts in a line, and a network judges the pieces (`tenfold.reading.splitting`). The
network must read a digit that still has a bit of its neighbor, and must reject a piece that is half
a digit or more than one.
"""

import cv2
import numpy as np

from tenfold.arrays import Gray, Images, Ink
from tenfold.augmentation.strokes import crop_to_ink
from tenfold.imaging.canvas import center_by_mass, fit

HEIGHT = 40
"""Height of a typical digit in the line, in pixels."""

SHARPENING = 1.6
"""Factor of contrast after a digit is scaled up, which blurs its edges: they become as sharp as
MNIST's again."""

MIN_WHOLE = 0.9
"""A good cut holds at least this share of the digit's ink."""

MAX_FOREIGN = 0.15
"""A good cut's ink is the neighbors' by this share at most."""

BROKEN, MIXED = 0.75, 0.3
"""A bad cut holds at most the first share of the digit's ink, or at least the second share of its
ink is the neighbors'. Between good and bad lie pieces that may pass for the digit."""

MIN_ASPECT = 0.4
"""Width of a bad cut as a share of its height; a narrower one would look like a 1."""

RULED = 0.2
"""Share of good cuts that also hold a part of a rule or another stroke."""

FAINT = 0.6
"""Strongest ink of an image whose strokes could not be told from paper once they are sharpened."""

CUT_TRIES = 8
"""Number of cuts to try before the digit is left as it is."""


def with_leftovers(digit: Gray, images: Images, rng: np.random.Generator) -> Gray:
    """Return a digit as a good cut leaves it: nearly whole, with bits of its neighbors.

    Args:
        digit: uint8 (28, 28), white ink on black.
        images: uint8 (n, 28, 28), to take neighbors from.
        rng: Source of the draws.

    Returns:
        uint8 (28, 28).
    """
    for _ in range(CUT_TRIES):
        line = _Line(digit, images, rng, gap=rng.uniform(-0.15, 0.1))
        piece, whole, foreign = line.cut(*rng.normal(0, 0.07 * HEIGHT, 2))
        if whole >= MIN_WHOLE and foreign <= MAX_FOREIGN:
            if rng.random() < RULED:
                _rule(piece, rng)
            return center_by_mass(fit(piece))
    return digit


def badly_cut(digit: Gray, images: Images, rng: np.random.Generator) -> Gray | None:
    """Return what a bad cut leaves: a part of a digit, two digits, or parts of two.

    Arguments and image are as in `with_leftovers`. Returns None if the piece may pass for a digit.
    """
    line = _Line(digit, images, rng, gap=rng.uniform(-0.15, 0.2))
    start, end = line.span
    wide = end - start
    kind = rng.integers(3)
    left, right = rng.normal(0, 0.07 * HEIGHT, 2)
    if kind != 1:  # too narrow on one side, or shifted
        left = rng.uniform(0.3, 0.7) * wide
    if kind != 0:  # too wide on one side, or shifted
        right = rng.uniform(0.2, 1.0) * HEIGHT
    piece, whole, foreign = line.cut(*((left, right) if rng.random() < 0.5 else (-right, -left)))
    if not piece.size or piece.shape[1] < MIN_ASPECT * piece.shape[0]:
        return None
    if whole > BROKEN and foreign < MIXED:
        return None
    return center_by_mass(fit(piece))


def _rule(piece: Ink, rng: np.random.Generator) -> None:
    """Draw a thin stroke across the piece: mostly a level rule, else a line with a few bends."""
    height, width = piece.shape
    bends = int(rng.integers(2, 6)) if rng.random() < 0.4 else 2
    across = (
        np.sort(rng.uniform(0, width, bends))
        if rng.random() < 0.5
        else np.linspace(0, width, bends)
    )
    down = rng.uniform(0, height) + rng.normal(0, 2 if bends == 2 else 0.1 * height, bends)
    points = np.rint(np.stack([across, down], axis=1)).astype(np.int32)
    thick = int(rng.integers(1, 4))
    cv2.polylines(piece, [points], False, float(rng.uniform(0.4, 1)), thick, cv2.LINE_AA)


class _Line:
    """Three digits in a row with one slant, to cut the middle one out along the slant."""

    def __init__(self, digit: Gray, images: Images, rng: np.random.Generator, gap: float) -> None:
        slant = rng.uniform(-0.1, 0.5)
        beside = images[rng.integers(0, len(images), 2)]
        self._layers = []
        """Of each digit: its ink, its first row, and the column of each pixel without slant; and
        by how many columns it moves."""
        for one in (digit, *beside):
            ink = _scaled(one, HEIGHT * rng.uniform(0.8, 1.2))
            top = rng.normal(0, 0.08 * HEIGHT) - ink.shape[0] / 2
            rows, columns = np.indices(ink.shape, dtype=np.float32)
            self._layers.append([ink, round(top), columns + slant * (rows + top)])
        middle, left, right = (layer[2][layer[0] > 0.3] for layer in self._layers)
        self.span = float(middle.min()), float(middle.max()) + 1
        room = gap * HEIGHT
        self._layers[1].append(round(self.span[0] - room - left.max() - 1))
        self._layers[2].append(round(self.span[1] + room - right.min()))
        self._layers[0].append(0)

    def cut(self, left: float, right: float) -> tuple[Ink, float, float]:
        """Cut the middle digit out.

        Args:
            left: Pixels from the digit's first column to the cut; positive is to the right.
            right: Pixels from the digit's last column to the cut.

        Returns:
            The piece, float32 (h, w); the share of the digit's ink in it; and the share of its ink
            that is the neighbors'.
        """
        start, end = self.span[0] + left, self.span[1] + right
        kept = []
        for ink, _, columns, move in self._layers:
            inside = (columns + move >= start) & (columns + move < end)
            kept.append(np.where(inside, ink, np.float32(0)))
        own, *others = (float(ink.sum()) for ink in kept)
        tops = [layer[1] for layer in self._layers]
        moves = [layer[3] for layer in self._layers]
        top, first = min(tops), min(moves)
        bottom = max(t + ink.shape[0] for t, ink in zip(tops, kept, strict=True))
        last = max(m + ink.shape[1] for m, ink in zip(moves, kept, strict=True))
        piece = np.zeros((bottom - top, last - first), np.float32)
        for ink, t, m in zip(kept, tops, moves, strict=True):
            place = piece[t - top :, m - first :][: ink.shape[0], : ink.shape[1]]
            np.maximum(place, ink, out=place)
        whole = own / float(self._layers[0][0].sum())
        return crop_to_ink(piece), whole, sum(others) / max(own + sum(others), 1e-6)


def _scaled(digit: Gray, height: float) -> Ink:
    """Return a digit cut to its ink and scaled so that its longer side is `height`.

    A blank image, which data of other sources may hold, becomes a speck; faint ink becomes full.
    """
    ink = crop_to_ink(np.float32(1 / 255) * digit)
    if not ink.size:
        return np.ones((2, 2), np.float32)
    if ink.max() < FAINT:
        ink = ink / ink.max()
    scale = height / max(ink.shape)
    size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
    large = cv2.resize(ink, size, interpolation=cv2.INTER_CUBIC)
    sharp: Ink = np.clip((large - 0.5) * SHARPENING + 0.5, 0, 1)
    return sharp
