"""A decoded picture: its gray pixels, its size and its rotation."""

from dataclasses import dataclass

import numpy as np

from tenfold.arrays import Gray


@dataclass(frozen=True, eq=False)
class Picture:
    """The gray pixels of an upright picture.

    Attributes:
        gray: uint8 (h, w), 0 black to 255 white; smaller than the picture if that is large.
        width: Width of the whole picture, upright, in pixels.
        height: Height of the whole picture, upright, in pixels.
        orientation: Rotation of the stored pixels, degrees clockwise: 0, 90, 180 or 270.
    """

    gray: Gray
    width: int
    height: int
    orientation: int

    def rotated(self, degrees: int) -> "Picture":
        """Return the picture rotated further, by 90, 180 or 270 degrees clockwise."""
        width, height = self.width, self.height
        if degrees in (90, 270):
            width, height = height, width
        gray = np.ascontiguousarray(np.rot90(self.gray, -degrees // 90))
        return Picture(gray, width, height, (self.orientation + degrees) % 360)
