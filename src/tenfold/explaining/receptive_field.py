"""Where in the image a unit of a layer looks."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.errors import UsageError
from tenfold.recipes.layers import (
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
class Field:
    """The squares of the image that the units of a layer see, all alike.

    Attributes:
        size: Side of the square in pixels; it may reach beyond the image.
        step: Distance between the squares of neighboring units, in pixels.
        first: Middle of the square of the first unit, in pixels from the first pixel's middle.
    """

    size: int
    step: int
    first: float

    def middle(self, unit: int) -> float:
        """Return the middle of what a unit in some row (or column) sees, in pixels."""
        return self.first + self.step * unit

    def crop(self, image: npt.NDArray[np.uint8], row: int, column: int) -> npt.NDArray[np.uint8]:
        """Return what a unit sees of an image, uint8 (size, size); black beyond its edge."""
        around = np.pad(image, self.size)
        top, left = (
            self.size + int(np.floor(self.middle(unit) - (self.size - 1) / 2))
            for unit in (row, column)
        )
        seen: npt.NDArray[np.uint8] = around[top : top + self.size, left : left + self.size]
        return seen

    def spread(self, maps: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return a map of a layer at the size of the image, each value in the middle it sees.

        Args:
            maps: Floats (rows, columns); between the middles it is drawn linearly.

        Returns:
            float64 (28, 28).
        """
        at = np.arange(SIDE)
        middles = [self.middle(unit) for unit in range(len(maps))]
        tall = np.stack([np.interp(at, middles, column) for column in maps.T], axis=1)
        return np.stack([np.interp(at, middles, row) for row in tall])


def field_of(recipe: Recipe, name: str) -> Field:
    """Return what the units of a layer of images see (A. Araujo et al., Distill 2019).

    Raises:
        UsageError: There is no such layer, or it gives one row of values.
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
            case MaxPool(pool):
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
            return Field(size, step, first)
    raise UsageError(f"no layer of images is named {name!r}")


def convolutions(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the convolutions, in their order."""
    names = zip(layer_names(recipe), recipe.layers, strict=True)
    return tuple(name for name, layer in names if isinstance(layer, Conv))
