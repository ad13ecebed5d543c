"""Geometry of training images: shift, rotation, scale, shear and stroke thickness."""

import numpy as np

from tenfold.arrays import SIDE, Images
from tenfold.recipes.recipe import Augmentation

Rng = np.random.Generator


def move(images: Images, augmentation: Augmentation, rng: Rng) -> Images:
    """Return the images, each shifted, rotated, scaled and sheared by its own random draws.

    Shifts are whole pixels if nothing else moves. Pixels that come into view are black.

    Args:
        images: uint8 (n, 28, 28).
        augmentation: The largest change of each kind. If all are 0, the images come back as they
            are.
        rng: Source of the draws; the same state gives the same images.
    """
    if augmentation.rotation_degrees or augmentation.scale or augmentation.shear:
        return _transform(images, augmentation, rng)
    if augmentation.shift_pixels:
        return _shift(images, int(augmentation.shift_pixels), rng)
    return images


def thicken(images: Images, most: float, rng: Rng) -> Images:
    """Return the images with strokes thicker or thinner, each by its own random draw.

    Args:
        images: uint8 (n, 28, 28).
        most: The largest weight, 0..1, of each pixel's brightest or darkest neighbor; 1 moves the
            edges of strokes by a pixel.
        rng: Source of the draws.
    """
    import cv2

    # Up, down, left, right: a square would thicken slanted strokes more than upright ones.
    neighbors = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    changed = np.empty_like(images)
    weights = rng.uniform(-most, most, len(images))
    for source, target, weight in zip(images, changed, weights, strict=True):
        extreme = (cv2.dilate if weight > 0 else cv2.erode)(source, neighbors)
        cv2.addWeighted(source, 1 - abs(weight), extreme, abs(weight), 0, dst=target)
    return changed


def _shift(images: Images, pixels: int, rng: Rng) -> Images:
    count = len(images)
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
    rows, columns = rng.integers(0, 2 * pixels + 1, (2, count))
    shifted: Images = windows[np.arange(count), rows, columns]
    return shifted


def _transform(images: Images, augmentation: Augmentation, rng: Rng) -> Images:
    import cv2

    count = len(images)
    most = np.log1p(augmentation.scale)
    angle = np.radians(rng.uniform(-1, 1, count) * augmentation.rotation_degrees)
    factors = np.exp(rng.uniform(-most, most, (2, count)))
    shear = rng.uniform(-1, 1, count) * augmentation.shear
    shift = rng.uniform(-1, 1, (count, 2)) * augmentation.shift_pixels
    cos, sin = np.cos(angle), np.sin(angle)
    # Rotation times shear times scaling, about the center of the image.
    matrices = np.empty((count, 2, 3))
    matrices[:, 0, 0] = cos * factors[0]
    matrices[:, 0, 1] = (cos * shear - sin) * factors[1]
    matrices[:, 1, 0] = sin * factors[0]
    matrices[:, 1, 1] = (sin * shear + cos) * factors[1]
    center = np.full(2, (SIDE - 1) / 2)
    matrices[:, :, 2] = center - matrices[:, :, :2] @ center + shift
    moved = np.empty_like(images)
    for source, target, matrix in zip(images, moved, matrices, strict=True):
        cv2.warpAffine(source, matrix, (SIDE, SIDE), dst=target)
    return moved
