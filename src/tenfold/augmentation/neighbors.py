"""Digits as they come out of a line of writing: with bits of their neighbors, or cut badly.

The reader tries cuts, and a network judges the pieces (`tenfold.reading.splitting`). So the network
should know a digit that still has a bit of its neighbor, and a piece that is half a digit or more
than one.
"""

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.imaging.canvas import center_by_mass, fit

Image = npt.NDArray[np.uint8]

HEIGHT = 40
"""Height of a typical digit in the line, in pixels."""

CRISP = 1.6
"""Scaling up makes edges softer by about so much; what comes out must be as crisp as MNIST."""

WHOLE = 0.9
"""A piece that holds so much of a digit's ink, and little else, is that digit."""

FOREIGN = 0.15
"""Share of a piece's ink that may be its neighbors'."""

BROKEN, MIXED = 0.75, 0.3
"""A piece that holds less of the digit, or more of its neighbors, is no digit."""

NARROWEST = 0.4
"""A bad piece narrower than this part of its height would look like a 1."""

RULED = 0.2
"""Share of digits with leftovers that have some of a rule or another stroke, too."""

TRIES = 8


def with_leftovers(digit: Image, images: Image, rng: np.random.Generator) -> Image:
    """Return a digit as a good cut leaves it: nearly whole, with bits of what stood beside it.

    Args:
        digit: uint8 (28, 28), white ink on black.
        images: uint8 (n, 28, 28), to take neighbors from.
        rng: Where the draws come from.

    Returns:
        uint8 (28, 28).
    """
    for _ in range(TRIES):
        line = _Line(digit, images, rng, gap=rng.uniform(-0.15, 0.1))
        piece, whole, foreign = line.cut(*rng.normal(0, 0.07 * HEIGHT, 2))
        if whole >= WHOLE and foreign <= FOREIGN:
            if rng.random() < RULED:
                _rule(piece, rng)
            return center_by_mass(fit(piece))
    return digit


def badly_cut(digit: Image, images: Image, rng: np.random.Generator) -> Image | None:
    """Return what a bad cut leaves: a part of a digit, two at once, or parts of two.

    Args and the image returned are as with `with_leftovers`; None if what came out might pass for
    a digit.
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
    if not piece.size or piece.shape[1] < NARROWEST * piece.shape[0]:
        return None
    if whole > BROKEN and foreign < MIXED:
        return None
    return center_by_mass(fit(piece))


def _rule(piece: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    """Draw a thin stroke across, anywhere: mostly a level rule, or one with a few bends."""
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
    """Three digits in a row that leans, the middle one asked for; cut along the lean."""

    def __init__(self, digit: Image, images: Image, rng: np.random.Generator, gap: float) -> None:
        self._lean = rng.uniform(-0.1, 0.5)
        beside = images[rng.integers(0, len(images), 2)]
        self._layers = []
        """Ink of each digit, where its rows begin, and in which column each pixel lies, had the
        line been set upright."""
        for one in (digit, *beside):
            ink = _scaled(one, HEIGHT * rng.uniform(0.8, 1.2))
            top = rng.normal(0, 0.08 * HEIGHT) - ink.shape[0] / 2
            rows, columns = np.indices(ink.shape, dtype=np.float32)
            self._layers.append([ink, round(top), columns + self._lean * (rows + top)])
        middle, left, right = (layer[2][layer[0] > 0.3] for layer in self._layers)
        self.span = float(middle.min()), float(middle.max()) + 1
        room = gap * HEIGHT
        self._layers[1].append(round(self.span[0] - room - left.max() - 1))
        self._layers[2].append(round(self.span[1] + room - right.min()))
        self._layers[0].append(0)

    def cut(self, left: float, right: float) -> tuple[npt.NDArray[np.float32], float, float]:
        """Cut the middle digit out, so many pixels to the right of where it begins and ends.

        Returns:
            Its ink, float32 (h, w); how much of the digit's ink that holds; how much of it is of
            others.
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
        return _cropped(piece), whole, sum(others) / max(own + sum(others), 1e-6)


def _scaled(digit: Image, height: float) -> npt.NDArray[np.float32]:
    """Return a digit cut to its ink and scaled to a height, float32, 0 to 1."""
    ink = _cropped(np.float32(1 / 255) * digit)
    scale = height / max(ink.shape)
    size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
    large = cv2.resize(ink, size, interpolation=cv2.INTER_CUBIC)
    crisp: npt.NDArray[np.float32] = np.clip((large - 0.5) * CRISP + 0.5, 0, 1)
    return crisp


def _cropped(ink: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows, columns = (np.flatnonzero((ink > 0).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else ink[:0]
