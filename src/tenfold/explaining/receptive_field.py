"""Receptive field: the square of the image that a unit of a layer sees."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Gray
from tenfold.errors import UsageError
from tenfold.recipes.layers import (
    AveragePool,
    Conv,
    Dense,
    Depthwise,
    Deskew,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
)
from tenfold.recipes.recipe import Recipe, describe, layer_names


@dataclass(frozen=True)
class ReceptiveField:
    """The squares of the image that the units of a layer see, one size for all.

    Attributes:
        size: Side of the square in pixels; it may reach beyond the image.
        step: Distance between the squares of neighboring units, in pixels.
        first: Center of the square of the first unit, in pixels from the center of the first pixel.
    """

    size: int
    step: int
    first: float

    def center(self, unit: int) -> float:
        """Return the center of the square of a unit in some row (or column), in pixels."""
        return self.first + self.step * unit

    def crop(self, image: Gray, row: int, column: int) -> Gray:
        """Return what a unit sees of an image, uint8 (size, size); black beyond its edge."""
        around = np.pad(image, self.size)
        top, left = (
            self.size + int(np.floor(self.center(unit) - (self.size - 1) / 2))
            for unit in (row, column)
        )
        seen: Gray = around[top : top + self.size, left : left + self.size]
        return seen

    def upsample(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return a feature map at the size of the image, by linear interpolation.

        Args:
            values: Floats (rows, columns); each value is placed at the center of its square.

        Returns:
            float64 (28, 28).
        """
        pixels = np.arange(SIDE)
        centers = [self.center(unit) for unit in range(len(values))]
        tall = np.stack([np.interp(pixels, centers, column) for column in values.T], axis=1)
        return np.stack([np.interp(pixels, centers, row) for row in tall])


def receptive_field(recipe: Recipe, name: str) -> ReceptiveField:
    """Return the receptive field of a layer (A. Araujo et al., Distill 2019).

    Raises:
        UsageError: There is no such layer, or its output has no rows and columns.
    """
    size, step, first = 1, 1, 0.0
    rows = {row.name: row.output_shape for row in describe(recipe)}
    side = SIDE
    for layer_name, layer in zip(layer_names(recipe), recipe.layers, strict=True):
        match layer:
            case Conv():
                same = layer.padding == "same"
                windows = [
                    (layer.reach, layer.stride, same),
                    (layer.pool, layer.pool_stride, False),
                ]
            case Depthwise():
                windows = [(layer.reach, 1, False)]
            case MaxPool(pool) | AveragePool(pool):
                windows = [(pool, pool, False)]
            case Deskew() | Dense() | Dropout() | Flatten() | GlobalAveragePool():
                windows = []
            case _:
                assert_never(layer)
        for width, stride, padded in windows:
            before = 0
            if padded:
                before = max((-(-side // stride) - 1) * stride + width - side, 0) // 2
            first += ((width - 1) / 2 - before) * step
            size += (width - 1) * step
            step *= stride
        if len(rows[layer_name]) != 3:
            break
        side = rows[layer_name][0]
        if layer_name == name:
            return ReceptiveField(size, step, first)
    raise UsageError(f"no layer with feature maps is named {name!r}")


def convolutions(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the convolutions, in order."""
    names = zip(layer_names(recipe), recipe.layers, strict=True)
    return tuple(name for name, layer in names if isinstance(layer, Conv))
