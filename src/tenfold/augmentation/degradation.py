"""Degraded training images: inverted patches, uneven light, noise, random filters, strokes.

A network that has seen only clean scans fails on other pictures. The degradations are general, and
most have random shapes, so that the network cannot learn them by heart. One image gets up to three
(as in AugMix, D. Hendrycks et al., arXiv 1912.02781). No function of MNIST-C
(`tenfold.evaluation.corruptions`) is among them: those are for measuring.
"""

from collections.abc import Callable

import cv2
import numpy as np

from tenfold.arrays import SIDE, Images, Ink
from tenfold.augmentation.strokes import bezier

Rng = np.random.Generator

COUNT_SHARES = (0.6, 0.3, 0.1)
"""Shares of degraded images that get one, two and three degradations."""


def degrade(images: Images, share: float, rng: Rng) -> Images:
    """Return the images, some of them degraded.

    Args:
        images: uint8 (n, 28, 28), white ink on black.
        share: Probability that an image is degraded, 0..1.
        rng: Source of the draws.

    Returns:
        A new uint8 (n, 28, 28).
    """
    degraded = images.copy()
    for place in np.flatnonzero(rng.random(len(images)) < share):
        count = 1 + int(rng.choice(len(COUNT_SHARES), p=COUNT_SHARES))
        image = images[place].astype(np.float32) / 255
        for kind in rng.choice(len(DEGRADATIONS), count, replace=False):
            image = np.clip(DEGRADATIONS[kind](image, rng), 0, 1)
        degraded[place] = np.rint(255 * image)
    return degraded


def _inverted_patches(image: Ink, rng: Rng) -> Ink:
    """Invert the image in patches of random shape: where a smooth random field is high."""
    return np.where(_field(rng, 2, 5) > rng.uniform(0.25, 0.75), 1 - image, image)


def _veil(image: Ink, rng: Rng) -> Ink:
    """Mix the image with a smooth random field, which lowers the contrast."""
    share = np.float32(rng.uniform(0.2, 0.8))
    return (1 - share) * image + share * _field(rng, 2, 7)


def _tones(image: Ink, rng: Rng) -> Ink:
    """Compress the tones into a random range, after a random gamma correction."""
    low = rng.uniform(0, 0.6)
    high = max(rng.uniform(0.4, 1), low + 0.2)
    toned: Ink = (low + (high - low) * image ** np.exp(rng.normal(0, 0.6))).astype(np.float32)
    return toned


def _grain(image: Ink, rng: Rng) -> Ink:
    """Add Gaussian noise, fine or coarse; of 3 in 10 images keep only a few tones."""
    side = SIDE // int(rng.choice([1, 1, 2, 4]))
    noise = rng.normal(0, rng.uniform(0.1, 0.5), (side, side)).astype(np.float32)
    way = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    noisy: Ink = np.clip(image + cv2.resize(noise, (SIDE, SIDE), interpolation=way), 0, 1)
    if rng.random() < 0.3:
        levels = int(rng.integers(1, 4))
        noisy = np.rint(noisy * np.float32(levels)) * np.float32(1 / levels)
    return noisy


def _filtered(image: Ink, rng: Rng) -> Ink:
    """Mix the image with its convolution by random weights (Z. Xu et al., arXiv 2007.13003)."""
    side = int(rng.choice([3, 5, 7]))
    filtered = cv2.filter2D(image, -1, rng.standard_normal((side, side)).astype(np.float32))
    if rng.random() < 0.3:
        filtered = np.abs(filtered)
    share = np.float32(rng.uniform(0, 1))
    return _stretched(share * image + (1 - share) * _stretched(filtered))


def _spectrum(image: Ink, rng: Rng) -> Ink:
    """Change the amplitudes of the Fourier spectrum; the phases, kept, still show the digit."""
    spectrum = np.fft.rfft2(image)
    spectrum *= np.exp(rng.normal(0, rng.uniform(0.2, 1), spectrum.shape))
    return _stretched(np.fft.irfft2(spectrum, image.shape).astype(np.float32))


def _smoothed(image: Ink, rng: Rng) -> Ink:
    """Take the mean or the median of each pixel's surroundings."""
    smoothed: Ink
    if rng.random() < 0.3:
        smoothed = cv2.medianBlur(image, 3)
    else:
        smoothed = cv2.blur(image, (int(rng.integers(1, 5)), int(rng.integers(1, 5))))
    return smoothed


def _distorted(image: Ink, rng: Rng) -> Ink:
    """Distort the image smoothly, as a shaking hand does."""
    knots = int(rng.integers(4, 15))
    moves = rng.normal(0, rng.uniform(0.3, 1.2), (2, knots, knots)).astype(np.float32)
    down, across = (cv2.resize(m, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for m in moves)
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    moved: Ink = cv2.remap(image, columns + across, rows + down, cv2.INTER_LINEAR)
    return moved


def _strokes(image: Ink, rng: Rng) -> Ink:
    """Draw one to three strokes, curved or with corners; 3 in 10 erase instead."""
    for _ in range(int(rng.integers(1, 4))):
        points = rng.uniform(-4, SIDE + 4, (int(rng.integers(2, 7)), 2))
        if rng.random() < 0.5:
            points = bezier(points[:3], 12) if len(points) > 2 else points
        drawn = np.zeros((SIDE, SIDE), np.uint8)
        path = [np.rint(8 * points).astype(np.int32)]
        cv2.polylines(drawn, path, False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 3)
        stroke = drawn * np.float32(rng.uniform(0.5, 1) / 255)
        image = image * (1 - stroke) if rng.random() < 0.3 else np.maximum(image, stroke)
    return image


def _blots(image: Ink, rng: Rng) -> Ink:
    """Cover places with discs and rectangles of any gray."""
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


def _field(rng: Rng, least: int, most: int) -> Ink:
    """Return a smooth random field, float32 (28, 28), 0 to 1, from a grid of random values."""
    shape = rng.integers(least, most, 2)
    values = rng.random((int(shape[0]), int(shape[1])), dtype=np.float32)
    return _stretched(cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))


def _stretched(image: Ink) -> Ink:
    """Return the image with its contrast stretched to 0..1."""
    low, high = float(image.min()), float(image.max())
    return (image - np.float32(low)) / np.float32(max(high - low, 1e-6))


DEGRADATIONS: tuple[Callable[[Ink, Rng], Ink], ...] = (
    _inverted_patches,
    _veil,
    _tones,
    _grain,
    _filtered,
    _spectrum,
    _smoothed,
    _distorted,
    _strokes,
    _blots,
)
"""The degradations, all equally likely."""
