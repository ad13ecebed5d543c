"""Training images disturbed: patches turned light for dark, uneven light, noise, filters, strokes.

A network that has seen only clean scans goes wrong where a picture is not one. The disturbances are
general ones, each drawn anew and most of them with random shapes, so that none is learned by heart;
up to three fall on one image (as in AugMix, D. Hendrycks et al., arXiv 1912.02781). None is one of
the functions of MNIST-C (`tenfold.evaluation.corruptions`), which stay for measuring.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE

Image = npt.NDArray[np.float32]
Images = npt.NDArray[np.uint8]
Rng = np.random.Generator

AT_ONCE = (0.6, 0.3, 0.1)
"""How often one, two or three disturbances fall on an image."""


def disturb(images: Images, share: float, rng: Rng) -> Images:
    """Return the images, a part of them disturbed.

    Args:
        images: uint8 (n, 28, 28), white ink on black.
        share: How likely each image is to be disturbed, 0..1.
        rng: Where the draws come from.

    Returns:
        A new uint8 (n, 28, 28).
    """
    disturbed = images.copy()
    for place in np.flatnonzero(rng.random(len(images)) < share):
        count = 1 + int(rng.choice(len(AT_ONCE), p=AT_ONCE))
        image = images[place].astype(np.float32) / 255
        for kind in rng.choice(len(DISTURBANCES), count, replace=False):
            image = np.clip(DISTURBANCES[kind](image, rng), 0, 1)
        disturbed[place] = np.rint(255 * image)
    return disturbed


def _patches(image: Image, rng: Rng) -> Image:
    """Turn light for dark in patches of random shape: where a smooth random field is high."""
    return np.where(_field(rng, 2, 5) > rng.uniform(0.25, 0.75), 1 - image, image)


def _veil(image: Image, rng: Rng) -> Image:
    """Lay light of a smooth random field over it, which takes contrast away."""
    share = np.float32(rng.uniform(0.2, 0.8))
    return (1 - share) * image + share * _field(rng, 2, 7)


def _tones(image: Image, rng: Rng) -> Image:
    """Squeeze the tones between two levels, bent by a power."""
    low = rng.uniform(0, 0.6)
    high = max(rng.uniform(0.4, 1), low + 0.2)
    bent: Image = (low + (high - low) * image ** np.exp(rng.normal(0, 0.6))).astype(np.float32)
    return bent


def _grain(image: Image, rng: Rng) -> Image:
    """Add Gaussian noise, fine or coarse; round to a few tones, now and then."""
    side = SIDE // int(rng.choice([1, 1, 2, 4]))
    noise = rng.normal(0, rng.uniform(0.1, 0.5), (side, side)).astype(np.float32)
    way = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    noisy: Image = np.clip(image + cv2.resize(noise, (SIDE, SIDE), interpolation=way), 0, 1)
    if rng.random() < 0.3:
        levels = int(rng.integers(1, 4))
        noisy = np.rint(noisy * np.float32(levels)) * np.float32(1 / levels)
    return noisy


def _filtered(image: Image, rng: Rng) -> Image:
    """Filter it with random weights and mix that with it (Z. Xu et al., arXiv 2007.13003)."""
    side = int(rng.choice([3, 5, 7]))
    filtered = cv2.filter2D(image, -1, rng.standard_normal((side, side)).astype(np.float32))
    if rng.random() < 0.3:
        filtered = np.abs(filtered)
    share = np.float32(rng.uniform(0, 1))
    return _stretched(share * image + (1 - share) * _stretched(filtered))


def _spectrum(image: Image, rng: Rng) -> Image:
    """Make some of its waves stronger and others weaker: the phases tell the digit."""
    waves = np.fft.rfft2(image)
    waves *= np.exp(rng.normal(0, rng.uniform(0.2, 1), waves.shape))
    return _stretched(np.fft.irfft2(waves, image.shape).astype(np.float32))


def _smoothed(image: Image, rng: Rng) -> Image:
    """Take the mean or the median of the pixels around."""
    smoothed: Image
    if rng.random() < 0.3:
        smoothed = cv2.medianBlur(image, 3)
    else:
        smoothed = cv2.blur(image, (int(rng.integers(1, 5)), int(rng.integers(1, 5))))
    return smoothed


def _wavering(image: Image, rng: Rng) -> Image:
    """Move every pixel a little, its neighbors nearly alike: a hand that shakes."""
    knots = int(rng.integers(4, 15))
    moves = rng.normal(0, rng.uniform(0.3, 1.2), (2, knots, knots)).astype(np.float32)
    down, across = (cv2.resize(m, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for m in moves)
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    moved: Image = cv2.remap(image, columns + across, rows + down, cv2.INTER_LINEAR)
    return moved


def _strokes(image: Image, rng: Rng) -> Image:
    """Draw one to three strokes across, bowed or with a few corners; some are of paper, not ink."""
    for _ in range(int(rng.integers(1, 4))):
        points = rng.uniform(-4, SIDE + 4, (int(rng.integers(2, 7)), 2))
        if rng.random() < 0.5:
            points = _bowed(points[:3] if len(points) > 2 else points)
        drawn = np.zeros((SIDE, SIDE), np.uint8)
        path = [np.rint(8 * points).astype(np.int32)]
        cv2.polylines(drawn, path, False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3)
        stroke = drawn * np.float32(rng.uniform(0.5, 1) / 255)
        image = image * (1 - stroke) if rng.random() < 0.3 else np.maximum(image, stroke)
    return image


def _bowed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return points along the Bezier curve of two or three points."""
    along = np.linspace(0, 1, 12)[:, None]
    if len(points) == 2:
        return points
    start, middle, end = points
    bow: npt.NDArray[np.float64] = (
        (1 - along) ** 2 * start + 2 * along * (1 - along) * middle + along**2 * end
    )
    return bow


def _blots(image: Image, rng: Rng) -> Image:
    """Cover it here and there with discs and rectangles of any gray."""
    covered = image.copy()
    for _ in range(int(rng.integers(1, 6))):
        x, y = (int(at) for at in rng.integers(0, SIDE, 2))
        gray = float(rng.choice([0.0, 1.0, rng.random()]))
        if rng.random() < 0.5:
            cv2.circle(covered, (x, y), int(rng.integers(1, 4)), gray, -1, cv2.LINE_AA)
        else:
            wide, high = (int(side) for side in rng.integers(1, 8, 2))
            covered[y : y + high, x : x + wide] = gray
    return covered


def _field(rng: Rng, least: int, most: int) -> Image:
    """Return a smooth random field float32 (28, 28), 0 to 1, from a grid of random values."""
    shape = rng.integers(least, most, 2)
    values = rng.random((int(shape[0]), int(shape[1])), dtype=np.float32)
    return _stretched(cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))


def _stretched(image: Image) -> Image:
    """Return an image whose darkest pixel is 0 and whose lightest is 1."""
    low, high = float(image.min()), float(image.max())
    return (image - np.float32(low)) / np.float32(max(high - low, 1e-6))


DISTURBANCES: tuple[Callable[[Image, Rng], Image], ...] = (
    _patches,
    _veil,
    _tones,
    _grain,
    _filtered,
    _spectrum,
    _smoothed,
    _wavering,
    _strokes,
    _blots,
)
"""All equally likely."""
