"""Ones with a flag, as much of the world writes them and MNIST's writers did not."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.imaging.canvas import center_by_mass, fit, stroke_width

Image = npt.NDArray[np.uint8]

ENLARGE = 4
"""The stroke is added at so many times the size, and scaled down with the rest."""


def with_flag(one: Image, rng: np.random.Generator, longest: float = 0.5) -> Image:
    """Return a one with a stroke from its top down to the left.

    Args:
        one: uint8 (28, 28), white ink on black, a digit 1.
        rng: Draws the flag's length, from a fifth of the digit's, and its slope, 30 to 65 degrees
            below level: a seven's bar is nearer to level.
        longest: The longest flag there may be, as a share of the digit's height.

    Returns:
        uint8 (28, 28).
    """
    large = cv2.resize(one, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_CUBIC)
    wide = np.pad(large, ((0, 0), (large.shape[1] // 2, 0)))
    rows, columns = np.nonzero(wide >= 128)
    if rows.size == 0:
        return one
    height = np.ptp(rows) + 1
    thick = max(1, round(stroke_width(np.float32(1 / 255) * wide)))
    top = rows.min() + thick // 2
    start = (round(float(columns[rows <= top].mean())), int(top))
    length, slope = height * rng.uniform(0.2, longest), math.radians(rng.uniform(30, 65))
    end = (round(start[0] - length * math.cos(slope)), round(top + length * math.sin(slope)))
    cv2.line(wide, start, end, 255, thick, cv2.LINE_AA)
    rows, columns = (np.flatnonzero(wide.any(axis=axis)) for axis in (1, 0))
    ink = wide[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return center_by_mass(fit(np.float32(1 / 255) * ink))
