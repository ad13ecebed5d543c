"""Circles: rings drawn around digits, erased if what they hold looks like a digit."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.reading.boxes.settings import BoxSettings


def without_circles(ink: Ink, settings: BoxSettings) -> Ink:
    """Return the ink without circles and ellipses that hold something like a digit.

    A ring with nothing in it is a 0. A digit may touch its circle.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        settings: The settings of reading.
    """
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    round_ones = (np.minimum(width, height) >= settings.smallest_circle) & (
        np.maximum(width, height) <= 1.8 * np.minimum(width, height)
    )
    # A ring covers little of its box, and holds most of it.
    round_ones &= area <= settings.circle_area_share * width * height
    round_ones[0] = False
    numbers = np.flatnonzero(round_ones)
    if not 0 < len(numbers) <= settings.most_circles:
        return ink
    erased = ink
    for number in numbers:
        x, y, w, h = (int(value) for value in stats[number, :4])
        part = np.s_[max(0, y - 3) : y + h + 3, max(0, x - 3) : x + w + 3]
        ring = _ring((parts[part] == number).astype(np.uint8), stroke[part], settings)
        if ring is not None:
            if erased is ink:
                erased = ink.copy()
            erased[part][cv2.dilate(ring, np.ones((5, 5), np.uint8)) > 0] = 0
    return erased


def _ring(part: Gray, stroke: Gray, settings: BoxSettings) -> Gray | None:
    """Return the pixels of a ring in a component that is one, alone or with a digit at it.

    Args:
        part: uint8 (h, w), 1 on the component, cut to it.
        stroke: uint8 (h, w), 1 on all strokes there.
        settings: The settings of reading.
    """
    outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    if len(outline) < 20:
        return None
    # A margin of paper, which a circle at the border of the page lacks.
    part, stroke = (cv2.copyMakeBorder(one, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
                    for one in (part, stroke))  # fmt: skip
    whole, held = np.zeros_like(part), np.zeros_like(part)
    cv2.ellipse(whole, cv2.fitEllipseDirect(outline + 3), (1,), -1)
    cv2.drawContours(held, [outline + 3], -1, (1,), -1)
    common = np.count_nonzero(whole & held) / np.count_nonzero(whole | held)
    if common < settings.circle_share:
        return None
    depth = cv2.distanceTransform(whole, cv2.DIST_L2, 3)
    thickness = _thickness(depth, part)
    _, _, width, height = cv2.boundingRect(part)
    if thickness is None or thickness > settings.circle_stroke * min(width, height):
        return None
    inner = (depth > thickness + 1).astype(np.uint8)
    _, marks, held, _ = cv2.connectedComponentsWithStats(stroke & inner, connectivity=8)
    if len(held) < 2:
        return None
    largest = 1 + int(held[1:, 4].argmax())
    x, y, w, h, area = (int(value) for value in held[largest])
    near = cv2.dilate((marks == largest).astype(np.uint8), np.ones((5, 5), np.uint8))
    contacts, _ = cv2.connectedComponents(near & stroke & (1 - inner), connectivity=8)
    if contacts > 2:  # the bar of a barred zero
        return None
    if area < 0.4 * thickness * max(w, h):  # a scratch
        return None
    least, most = settings.held_in_circle
    away = abs(x + w / 2 - part.shape[1] / 2) / width, abs(y + h / 2 - part.shape[0] / 2) / height
    if not least * height <= h <= most * height or w > most * width or max(away) > 0.2:
        return None
    ring: Gray = (part & (1 - inner))[3:-3, 3:-3]
    return ring


def _thickness(depth: NDArray[np.float32], part: Gray) -> float | None:
    """Return how thick a ring is, in pixels: the depth at which most of it has ended."""
    for reach in range(1, int(depth.max())):
        rim = (depth > reach) & (depth <= reach + 1)
        if part[rim].mean() < 0.4:
            return float(reach)
    return None
