"""Training images moved about, so that a network learns the digit and not its place."""

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.recipes.recipe import Augmentation

Images = npt.NDArray[np.uint8]


def augment(images: Images, augmentation: Augmentation, rng: np.random.Generator) -> Images:
    """Return the images, each moved by a draw of its own; what comes into view is black.

    Args:
        images: uint8 (n, 28, 28).
        augmentation: How far they may move. With everything at 0 they come back as they are.
        rng: Where the draws come from; the same state gives the same images.
    """
    if augmentation.rotation_degrees or augmentation.scale or augmentation.shear:
        images = _transform(images, augmentation, rng)
    elif augmentation.shift_pixels:
        images = _shift(images, int(augmentation.shift_pixels), rng)
    if augmentation.thickness:
        images = _thicken(images, augmentation.thickness, rng)
    if augmentation.disturbed:
        from tenfold.augmentation.degradation import disturb

        images = disturb(images, augmentation.disturbed, rng)
    return images


def _shift(images: Images, pixels: int, rng: np.random.Generator) -> Images:
    count = len(images)
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
    rows, columns = rng.integers(0, 2 * pixels + 1, (2, count))
    shifted: Images = windows[np.arange(count), rows, columns]
    return shifted


def _transform(images: Images, augmentation: Augmentation, rng: np.random.Generator) -> Images:
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


def _thicken(images: Images, most: float, rng: np.random.Generator) -> Images:
    import cv2

    # Up, down, left, right: a square would thicken slanted strokes more than upright ones.
    neighbors = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    changed = np.empty_like(images)
    weights = rng.uniform(-most, most, len(images))
    for source, target, weight in zip(images, changed, weights, strict=True):
        extreme = (cv2.dilate if weight > 0 else cv2.erode)(source, neighbors)
        cv2.addWeighted(source, 1 - abs(weight), extreme, abs(weight), 0, dst=target)
    return changed
