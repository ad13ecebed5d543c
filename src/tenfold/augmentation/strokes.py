"""Strokes drawn between fractions of pixels, and images cut to their ink."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
"""Column and row, in pixels and fractions of them."""


def draw_stroke(
    board: NDArray[Any], points: Sequence[Point] | NDArray[np.float64], ink: float, thickness: int
) -> None:
    """Draw straight lines through points on an image, in place, with smooth edges.

    Args:
        board: uint8 or float32 (h, w).
        points: Two or more (column, row).
        ink: Value of a full pixel, in the image's range.
        thickness: Pixels.
    """
    path = [(8 * np.asarray(points)).astype(np.int32)]  # OpenCV takes eighths of pixels
    cv2.polylines(board, path, False, ink, thickness, cv2.LINE_AA, 3)


def bezier(points: Sequence[Point] | NDArray[np.float64], count: int = 9) -> NDArray[np.float64]:
    """Return points along a quadratic Bezier curve, float64 (count, 2).

    Args:
        points: Start, control point and end.
        count: Number of points to return.
    """
    t = np.linspace(0, 1, count)[:, None]
    start, control, end = np.asarray(points, np.float64)
    curve: NDArray[np.float64] = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    return curve


def crop_to_ink(image: NDArray[Any], paper: float = 0) -> NDArray[Any]:
    """Return the part of an image (h, w) that holds ink; (0, w) if there is none.

    Args:
        image: Bright ink on dark paper, of any range.
        paper: The brightest value that is not ink.
    """
    rows, columns = (np.flatnonzero((image > paper).any(axis=axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else image[:0]
