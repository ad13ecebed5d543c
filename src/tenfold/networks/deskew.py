"""The layer Deskew in operations of Keras: slant and width measured and normalized.

The slant is the number of pixels by which the ink moves to the right from one row to the next, by
linear regression. Each row is moved back by the slant times its distance from the center of mass.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE

MIN_INK = 1e-3
"""Added to divisors, so that an empty image has a slant of 0."""

MAX_SLANT = 1.0
"""Pixels for each row: an image is deskewed by 45 degrees at most. Two in a thousand of MNIST's
training images slant more, and marks that are not digits may lie flat."""

TARGET_SPREAD = 17.64
"""Square pixels: the variance of the ink's columns to which `width` leads; 4.2 squared. Three
quarters of MNIST's training images, deskewed, are narrower, ones by far."""

MIN_SPREAD = 0.05
"""Square pixels: lower bound of the variance. The narrowest training image has 0.16."""


def deskewing(name: str, shape: tuple[int, ...], width: float) -> Any:
    """Return a layer that deskews images, float32 of any range and of one channel.

    The layer is a network of Keras's own operations, so that a network that contains it can be
    saved, and loaded without tenfold. `tenfold.exporting.graph` has the same in ONNX, and
    `reader.h.in` in C.

    Args:
        name: Name of the layer.
        shape: (28, 28, 1) or (1, 28, 28); images keep it.
        width: 0 to 1, as in `tenfold.recipes.layers.Deskew`.
    """
    import keras
    from keras import ops

    images = keras.Input(shape, name="slanting")
    pixels = ops.reshape(images, (-1, SIDE, SIDE))
    along = np.arange(SIDE, dtype=np.float32)[None, None, :]
    down = np.arange(SIDE, dtype=np.float32)[None, :, None]

    def mean(values: Any) -> Any:
        return ops.sum(pixels * values, (1, 2), keepdims=True) / ink

    ink = ops.sum(pixels, (1, 2), keepdims=True) + MIN_INK
    column = mean(along)
    right, below = ops.subtract(along, column), ops.subtract(down, mean(down))
    slope = mean(below * right) / (mean(below * below) + MIN_INK)
    moved = ops.clip(slope, -MAX_SLANT, MAX_SLANT) * below
    spread = ops.maximum(mean(ops.square(right - moved)), MIN_SPREAD)
    stretch = ops.power(spread / TARGET_SPREAD, width / 2)
    # Minus the negative: for a single image, Keras on TensorFlow (3.15) adds a column as a bias.
    place = ops.clip(column + right * stretch - ops.negative(moved), -1, SIDE)
    whole = ops.floor(place)
    # Beyond the image lie one column of zeros on the left and two on the right.
    padded = ops.pad(pixels, ((0, 0), (0, 0), (1, 2)))
    index = ops.cast(whole, "int32") + 1
    left = ops.take_along_axis(padded, index, 2)
    next_to_it = ops.take_along_axis(padded, index + 1, 2)
    upright = left + (place - whole) * (next_to_it - left)
    return keras.Model(images, ops.reshape(upright, (-1, *shape)), name=name)


def undo_deskewing(
    upright: npt.NDArray[np.float64], image: npt.NDArray[np.uint8], width: float
) -> npt.NDArray[np.float64]:
    """Return a map of a deskewed image as a map of the original image.

    Args:
        upright: float64 (28, 28), a value for each pixel of the deskewed image.
        image: uint8 (28, 28), the original image.
        width: 0 to 1, as in `tenfold.recipes.layers.Deskew`.
    """
    places = np.arange(SIDE)
    ink = image / 255
    share = ink / (ink.sum() + MIN_INK)
    column = (share * places).sum()
    right, below = places - column, places[:, None] - (share * places[:, None]).sum()
    slope = (share * below * right).sum() / ((share * below**2).sum() + MIN_INK)
    rest = right - np.clip(slope, -MAX_SLANT, MAX_SLANT) * below
    spread = max(float((share * rest**2).sum()), MIN_SPREAD)
    found = column + rest / (spread / TARGET_SPREAD) ** (width / 2)
    return np.stack([np.interp(at, places, row) for at, row in zip(found, upright, strict=True)])
