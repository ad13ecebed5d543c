"""Digits of which only the outlines are drawn, as on a sheet to trace."""

import cv2
import numpy as np

from tenfold.arrays import Gray

_SWELL = 9
"""Side of the square, in pixels, by which strokes are thickened before they are outlined."""


def outlined(image: Gray, rng: np.random.Generator, scale: int = 8) -> Gray:
    """Return the outline of a digit, dark on light, with lines of 3 to 8 pixels.

    Args:
        image: uint8 (28, 28), white on black.
        rng: Decides thickness and noise.
        scale: Pixels of the picture for each pixel of the image.
    """
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    stroke = cv2.dilate(np.where(large > 110, 255, 0).astype(np.uint8), np.ones((_SWELL, _SWELL)))
    line = int(rng.integers(3, 9))
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (line, line))
    edge = cv2.GaussianBlur(cv2.morphologyEx(stroke, cv2.MORPH_GRADIENT, pen), (0, 0), 1)
    gray = 235 - 180 * (edge / 255) + rng.normal(0, 2, edge.shape)
    return np.clip(gray, 0, 255).astype(np.uint8)
