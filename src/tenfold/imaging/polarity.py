"""Polarity: whether ink is darker or lighter than paper, judged by thin structures."""

import cv2
import numpy as np

from tenfold.arrays import Gray

# Set on pages and close crops made of MNIST training images (dev/reading.md).

LEAST_SIDE = 8
"""The picture is halved until its shorter side has fewer pixels."""

LEAST_CONTRAST = 12
"""Least difference of a stroke from what is on both sides of it, of 255."""

THICK = 1 / 25
"""If strokes are wider than this share of the picture's shorter side, they decide nothing: in a
close crop the gaps and holes between strokes are as thin as they are."""


def are_strokes_dark(gray: Gray) -> bool | None:
    """Return whether thin dark structures outweigh thin light ones; None if strokes are thick.

    Strokes differ from what is on both sides of them. Edges of shadows, desks and walls differ
    from one side, and count for neither. The picture is halved again and again; each time, the
    black-hat and the top-hat transform find structures two pixels wide. Wider structures count
    less, by the square of their width, because strokes are narrower than the paper between them.

    Args:
        gray: uint8 (h, w).
    """
    square = np.ones((3, 3), np.uint8)
    side, found = min(gray.shape), []
    while min(gray.shape) >= LEAST_SIDE:
        ways = (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT)
        hats = [cv2.morphologyEx(gray, way, square) for way in ways]
        found.append([cv2.mean(cv2.subtract(hat, LEAST_CONTRAST))[0] for hat in hats])
        size = (gray.shape[1] // 2, gray.shape[0] // 2)
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    if not found:
        return None
    halvings = np.arange(len(found))
    weights = np.array(found) / 4.0 ** halvings[:, None]
    dark, light = weights.sum(axis=0)
    winner = weights[:, 0 if dark >= light else 1]
    if not winner.any():
        return None
    width = 2.0 ** (1 + np.average(halvings, weights=winner))
    return None if width > THICK * side else bool(dark >= light)
