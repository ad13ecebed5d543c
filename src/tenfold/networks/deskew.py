"""A digit's slant and width, measured and evened out, in operations of Keras.

The slant is how far the ink moves to the right from one row to the next, as the straight line
through its moments has it. Each row is moved back by that, about the center of mass.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE

LEAST_INK = 1e-3
"""Added to what is divided by, so that an empty image has a slant of 0."""

STEEPEST = 1.0
"""Pixels a row: an image is deskewed by 45 degrees at most. Two in a thousand of MNIST's training
images slant more, and what is no digit may lie flat."""

USUAL_SPREAD = 17.64
"""Square pixels: the variance of where ink stands in its row, to which `width` leads; 4.2 squared.
Three quarters of MNIST's training images, deskewed, are narrower, ones by far."""

LEAST_SPREAD = 0.05
"""Square pixels: nothing is taken for narrower. The narrowest training image has 0.16."""


def deskewing(name: str, shape: tuple[int, ...], width: float) -> Any:
    """Return a layer that sets images upright, float32 of any range and of one channel.

    It is a network of Keras's own operations, so that what holds it can be saved and loaded
    without tenfold. `tenfold.exporting.graph` says the same in ONNX, and `reader.h.in` in C.

    Args:
        name: Of the layer.
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

    ink = ops.sum(pixels, (1, 2), keepdims=True) + LEAST_INK
    column = mean(along)
    right, below = ops.subtract(along, column), ops.subtract(down, mean(down))
    slope = mean(below * right) / (mean(below * below) + LEAST_INK)
    moved = ops.clip(slope, -STEEPEST, STEEPEST) * below
    spread = ops.maximum(mean(ops.square(right - moved)), LEAST_SPREAD)
    stretch = ops.power(spread / USUAL_SPREAD, width / 2)
    # Taken from, not added: of a single image, Keras on TensorFlow (3.15) adds a column as a bias.
    place = ops.clip(column + right * stretch - ops.negative(moved), -1, SIDE)
    whole = ops.floor(place)
    # Beyond the image lie one column of zeros on the left and two on the right.
    padded = ops.pad(pixels, ((0, 0), (0, 0), (1, 2)))
    index = ops.cast(whole, "int32") + 1
    left = ops.take_along_axis(padded, index, 2)
    next_to_it = ops.take_along_axis(padded, index + 1, 2)
    upright = left + (place - whole) * (next_to_it - left)
    return keras.Model(images, ops.reshape(upright, (-1, *shape)), name=name)


def slanting_again(
    upright: npt.NDArray[np.float64], image: npt.NDArray[np.uint8], width: float
) -> npt.NDArray[np.float64]:
    """Return a map of a deskewed image as it lies on the image itself.

    Args:
        upright: float64 (28, 28), a value for each pixel of the deskewed image.
        image: uint8 (28, 28), the image before.
        width: 0 to 1, as it was deskewed.
    """
    places = np.arange(SIDE)
    ink = image / 255
    share = ink / (ink.sum() + LEAST_INK)
    column = (share * places).sum()
    right, below = places - column, places[:, None] - (share * places[:, None]).sum()
    slope = (share * below * right).sum() / ((share * below**2).sum() + LEAST_INK)
    rest = right - np.clip(slope, -STEEPEST, STEEPEST) * below
    spread = max(float((share * rest**2).sum()), LEAST_SPREAD)
    found = column + rest / (spread / USUAL_SPREAD) ** (width / 2)
    return np.stack([np.interp(at, places, row) for at, row in zip(found, upright, strict=True)])
