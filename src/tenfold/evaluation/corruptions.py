"""The 15 corruptions of MNIST-C, re-implemented, to measure robustness.

Kinds and strengths are those of N. Mu and J. Gilmer, "MNIST-C: A Robustness Benchmark for Computer
Vision", arXiv 1906.02337. Code and random draws are not, so the images differ from the published
arrays. No recipe trains on these functions.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Images

_MIDDLE = (SIDE - 1) / 2

Image = npt.NDArray[np.float32]
"""float32 (28, 28), 0 black to 1 white."""

Rng = np.random.Generator


def corrupt(images: Images, name: str, seed: int = 0) -> Images:
    """Return the images with one kind of corruption.

    Args:
        images: uint8 (n, 28, 28), white ink on black.
        name: One of CORRUPTIONS.
        seed: Seed of the random draws; each image has its own draws.

    Returns:
        uint8 (n, 28, 28).
    """
    rng = np.random.default_rng((seed, list(CORRUPTIONS).index(name)))
    function = CORRUPTIONS[name]
    corrupted = np.empty_like(images)
    for source, target in zip(images, corrupted, strict=True):
        image = function(source.astype(np.float32) / 255, rng)
        target[...] = np.rint(255 * np.clip(image, 0, 1))
    return corrupted


def _shot_noise(image: Image, rng: Rng) -> Image:
    return (rng.poisson(image * 3) / 3).astype(np.float32)


def _impulse_noise(image: Image, rng: Rng) -> Image:
    hit, white = rng.random(image.shape) < 0.17, rng.random(image.shape) < 0.5
    return np.where(hit, white.astype(np.float32), image)


def _glass_blur(image: Image, rng: Rng) -> Image:
    soft = _blurred(image, 0.7)
    for _ in range(2):
        swaps = rng.random(image.shape) < 0.5
        ways = rng.integers(-1, 1, (*image.shape, 2))  # up and left only, as in the publication
        for y in range(SIDE - 1, 1, -1):
            for x in range(SIDE - 1, 1, -1):
                if swaps[y, x]:
                    down, right = ways[y, x]
                    here, there = soft[y, x], soft[y + down, x + right]
                    soft[y, x], soft[y + down, x + right] = there, here
    return _blurred(soft, 0.7)


def _motion_blur(image: Image, rng: Rng) -> Image:
    """Smear to one side by half a Gaussian of 3 pixels, 10 pixels long."""
    angle = math.radians(rng.uniform(-45, 45))
    weights = np.exp(-0.5 * (np.arange(11) / 3) ** 2)
    smeared = np.zeros_like(image)
    for distance, weight in enumerate(weights / weights.sum()):
        move = (distance * math.cos(angle), distance * math.sin(angle))
        smeared += np.float32(weight) * _warped(image, np.eye(2), move, cv2.BORDER_REPLICATE)
    return smeared


def _shear(image: Image, rng: Rng) -> Image:
    shear = rng.choice([-0.4, 0.4])
    return _warped(image, np.array([[1, -math.sin(shear)], [0, math.cos(shear)]]))


def _scale(image: Image, rng: Rng) -> Image:
    return _warped(image, np.eye(2) / 0.7)


def _rotate(image: Image, rng: Rng) -> Image:
    angle = rng.choice([-0.4, 0.4])
    cos, sin = math.cos(angle), math.sin(angle)
    return _warped(image, np.array([[cos, -sin], [sin, cos]]))


def _brightness(image: Image, rng: Rng) -> Image:
    return image + np.float32(0.5)


def _translate(image: Image, rng: Rng) -> Image:
    return _warped(image, np.eye(2), tuple(rng.choice([-3.0, 3.0], 2)))


def _stripe(image: Image, rng: Rng) -> Image:
    striped = image.copy()
    striped[:, :7] = 1 - striped[:, :7]
    striped[:, 21:] = 1 - striped[:, 21:]
    return striped


def _fog(image: Image, rng: Rng) -> Image:
    brightest = float(image.max())
    thick = 3.0
    return (image + thick * _cloud(rng)) * np.float32(brightest / (brightest + thick))


def _cloud(rng: Rng) -> Image:
    """Return a corner of a fractal of 256x256, 0 to 1, by the diamond-square algorithm.

    The random displacement shrinks by 1.4 with every halving of the step.
    """
    side, displacement = 256, 100.0
    cloud = np.zeros((side, side))
    step = side
    while step >= 2:
        half = step // 2
        corners = cloud[::step, ::step]
        around = corners + np.roll(corners, -1, axis=0)
        around = around + np.roll(around, -1, axis=1)
        cloud[half::step, half::step] = _displaced_mean(around, displacement, rng)
        middles = cloud[half::step, half::step]
        above = middles + np.roll(middles, 1, axis=0) + corners + np.roll(corners, -1, axis=1)
        cloud[::step, half::step] = _displaced_mean(above, displacement, rng)
        beside = middles + np.roll(middles, 1, axis=1) + corners + np.roll(corners, -1, axis=0)
        cloud[half::step, ::step] = _displaced_mean(beside, displacement, rng)
        step, displacement = half, displacement / 1.4
    cloud -= cloud.min()
    part: Image = (cloud / cloud.max())[:SIDE, :SIDE].astype(np.float32)
    return part


def _displaced_mean(
    sums: npt.NDArray[np.float64], displacement: float, rng: Rng
) -> npt.NDArray[np.float64]:
    # The published code multiplies by the displacement twice.
    return sums / 4 + displacement * rng.uniform(-displacement, displacement, sums.shape)


def _spatter(image: Image, rng: Rng) -> Image:
    liquid = _blurred(rng.normal(0.65, 0.3, image.shape).astype(np.float32), 1)
    drops = _blurred((liquid > 0.65).astype(np.float32), 1.5)
    drops[drops < 0.8] = 0
    return image * (1 - drops) + np.float32(63 / 255) * drops


def _dotted_line(image: Image, rng: Rng) -> Image:
    first, last = rng.integers(0, 27, 2)
    line = _line(0, first, 27, last)
    for start in range(0, SIDE, 4):
        line[:, start : start + 2] = 0
    return image + line


def _zigzag(image: Image, rng: Rng) -> Image:
    first, last, wide, high = 2.0, 25.0, 2.0, 2.0
    left = float(rng.integers(0, 27))
    right = left + float(rng.integers(-5, 5))
    angle = math.atan((right - left) / (last - first))
    length = (last - first) / math.cos(angle)
    corners = [(0.0, 0.0)]
    for number in range(int((length - wide) // (2 * wide)) + 1):
        corners.append(((2 * number + 1) * wide, (-1) ** number * high))
    end = 2 * wide * (length // (2 * wide))
    if length != end:
        corners.append((length, corners[-1][1] / (2 * (length - end))))
    cos, sin = math.cos(angle), math.sin(angle)
    points = [(first + cos * x - sin * y, left + sin * x + cos * y) for x, y in corners]
    for (x0, y0), (x1, y1) in pairwise(points):
        image = np.minimum(image + _line(x0, y0, x1, y1), 1)
    return image


def _canny_edges(image: Image, rng: Rng) -> Image:
    # Sigma 1, thresholds 0.1 and 0.2 for pixels of 0 to 1; the weights of OpenCV's Sobel sum to 4.
    soft = np.rint(255 * _blurred(image, 1)).astype(np.uint8)
    edges = cv2.Canny(soft, 0.1 * 4 * 255, 0.2 * 4 * 255, L2gradient=True)
    drawn: Image = (edges > 0).astype(np.float32)
    return drawn


def _line(x0: float, y0: float, x1: float, y1: float) -> Image:
    """Return a line from left to right, 0 to 1, that fades out within 2.3 pixels vertically."""
    if x0 == x1:
        return np.zeros((SIDE, SIDE), np.float32)
    columns, rows = np.arange(SIDE)[None, :], np.arange(SIDE)[:, None]
    away = np.abs(rows - (y0 + (y1 - y0) / (x1 - x0) * (columns - x0)))
    line = np.log(1 - np.minimum(away, 2.3 - 1e-10) / 2.3) + 1
    line[:, : max(0, math.floor(x0))] = 0
    line[:, max(0, math.ceil(x1)) :] = 0
    faded: Image = np.clip(line, 0, 1).astype(np.float32)
    return faded


def _blurred(image: Image, sigma: float) -> Image:
    blurred: Image = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return blurred


def _warped(
    image: Image,
    matrix: npt.NDArray[np.float64],
    move: tuple[float, ...] = (0.0, 0.0),
    border: int = cv2.BORDER_CONSTANT,
) -> Image:
    """Return an image whose pixel p is the source's at matrix @ p + move, about the center."""
    middle = np.full(2, _MIDDLE)
    full = np.column_stack([matrix, middle - matrix @ middle + move])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped: Image = cv2.warpAffine(image, full, (SIDE, SIDE), flags=flags, borderMode=border)
    return warped


CORRUPTIONS: dict[str, Callable[[Image, Rng], Image]] = {
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "glass_blur": _glass_blur,
    "motion_blur": _motion_blur,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted_line": _dotted_line,
    "zigzag": _zigzag,
    "canny_edges": _canny_edges,
}
"""The function of each kind, by its published name."""
