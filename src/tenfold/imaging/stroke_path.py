"""The stroke that runs through a connected component from its first column to its last."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.rules import Rule, measured

# The following were set by hand on scenes made of MNIST training images (tests/strike_scenes.py).

MOVE = 0.35
"""What a step to the row above or below costs. A column in the middle of a stroke counts 1, one at
its edge from 0.5 on, and paper -1."""

MIDDLE = 3.0
"""Ink this many pixels from the edge of its stroke is in the middle."""

INKED = 0.95
"""Least share of its columns that are ink."""

STEEPEST = 0.4
"""Greatest slope of the path, in pixels per pixel, against its slope as a whole."""


def stroke_through(ink: Ink, height: int, thickest: int) -> Rule | None:
    """Return the stroke that runs from the first ink to the last, straight or wavy, if any does.

    It is the path from column to column with most ink, found by dynamic programming.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink, with paper around.
        height: Height of a typical digit, in pixels: slopes are taken over half of it.
        thickest: Greatest thickness of the stroke, in pixels.
    """
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    inked = np.flatnonzero(stroke.any(axis=0))
    if not inked.size:
        return None
    first, end = int(inked[0]), int(inked[-1]) + 1
    depth = cv2.distanceTransform(stroke, cv2.DIST_L2, 3)[:, first:end]
    path = _best_path(np.where(depth > 0, 0.5 + 0.5 * np.minimum(depth / MIDDLE, 1), -1.0))
    if (depth[path, np.arange(end - first)] > 0).mean() < INKED:
        return None
    half = height // 2
    smooth = cv2.blur(path[None].astype(np.float32), (half | 1, 1), borderType=cv2.BORDER_REPLICATE)
    middle = smooth[0]
    slope = (middle[-1] - middle[0]) / len(middle)
    if np.abs(middle[half:] - middle[:-half] - slope * half).max(initial=0) > STEEPEST * half:
        return None
    return measured(ink, Rule(False, first, middle, thickest, 1.0))


def _best_path(gain: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the row at each column of the path that gains most, float (h, n) each."""
    rows, columns = gain.shape
    best = gain[:, 0]
    came_from = np.zeros((columns, rows), np.int64)
    every = np.arange(rows)
    for column in range(1, columns):
        around = np.pad(best, 1, constant_values=-np.inf)
        choices = np.stack([around[:-2] - MOVE, best, around[2:] - MOVE])
        chosen = choices.argmax(axis=0)
        came_from[column] = every + chosen - 1
        best = choices[chosen, every] + gain[:, column]
    path = np.empty(columns, np.int64)
    path[-1] = best.argmax()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = came_from[column, path[column]]
    return path
