"""The ink of a page: its sheet cut out, its ink found, and the height of its digits measured."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.imaging.ink import INK_SHARE, PAPER_SQUARE, ink_of, is_ink_dark
from tenfold.imaging.polarity import are_strokes_dark
from tenfold.imaging.sheet import cut_out_sheet

# The following were set by hand on pages made of MNIST training images (tests/scenes.py).

FIRST_SQUARE = 0.2
"""`PAPER_SQUARE` of a page until the height of its digits is known."""

SQUARE_HEIGHTS = 1.5
"""Side of that square in heights of a digit, once the height is known."""

HALVED_SIDE = 600
"""Pages whose shorter side has this many pixels or more are halved to find the digits' height."""

LOWEST_HALVED = 10.0
"""If digits are lower than this many pixels on the halved page, the whole page is used: some digits
may be lost."""

MOST_FRAMES = 30
"""Number of hollow components, the largest first, that are tested for being frames."""

HOLLOW = 0.3
"""Ink covers less than this share of what a frame encloses."""

LEAST_FILL = 0.1
"""A component counts less if it fills less than this share of its box, by the square of the
share."""

RECTANGLE = 0.85
"""A frame encloses at least this share of the smallest rectangle around it, tilted or not; an
ellipse encloses 0.79."""


def page_ink(gray: Gray, *, drawn: bool = False) -> tuple[Ink, float] | None:
    """Separate ink from paper on a page, and measure the height of its digits.

    What surrounds the sheet holds no ink.

    Args:
        gray: uint8 (h, w).
        drawn: The page was drawn on a clean sheet, so that nothing large is a rule or a frame, and
            nothing surrounds the sheet.

    Returns:
        float32 (h, w), 0 paper to 1 full ink, and the height of a typical digit in pixels; None if
        nothing looks like a digit.
    """
    dark = is_page_ink_dark(gray)
    if drawn:
        return _sheet_ink(gray, dark, drawn)
    sheet = cut_out_sheet(gray, ink_is_dark=dark)
    found = _sheet_ink(sheet.gray, dark, drawn)
    if found is None or sheet.gray.shape == gray.shape:
        return found
    ink = np.zeros(gray.shape, np.float32)
    rows, columns = sheet.gray.shape
    ink[sheet.top : sheet.top + rows, sheet.left : sheet.left + columns] = found[0]
    return ink, found[1]


def is_page_ink_dark(gray: Gray) -> bool:
    """Return whether ink is darker than paper: by thin strokes, or else by which covers more.

    Args:
        gray: uint8 (h, w).
    """
    look = _halved(gray) if min(gray.shape) >= HALVED_SIDE else gray
    dark = are_strokes_dark(look)
    if dark is None:
        dark = is_ink_dark(look)
    if dark is None:
        dark = _dark_covers_less(look)
    return dark


def _dark_covers_less(gray: Gray) -> bool:
    """Return whether dark ink covers less than light ink: paper between strokes covers more."""
    inks = (ink_of(gray, FIRST_SQUARE, ink_is_dark=dark) for dark in (True, False))
    dark, light = (1.0 if ink is None else float((ink >= INK_SHARE).mean()) for ink in inks)
    return dark <= light


def _sheet_ink(gray: Gray, dark: bool, drawn: bool) -> tuple[Ink, float] | None:
    """Return the ink of a sheet and the height of its digits, or None.

    Ink is found twice, because the square of `ink_of` depends on the height of the digits.
    """
    halves = min(gray.shape) >= HALVED_SIDE
    height = 0.0
    if halves:
        first = ink_of(_halved(gray), FIRST_SQUARE, ink_is_dark=dark)
        height = 2 * digit_height(first, drawn=drawn)
    if height < 2 * LOWEST_HALVED:
        height = digit_height(ink_of(gray, FIRST_SQUARE, ink_is_dark=dark), drawn=drawn)
    square = min(PAPER_SQUARE, SQUARE_HEIGHTS * height / min(gray.shape)) or PAPER_SQUARE
    ink = ink_of(gray, square, ink_is_dark=dark)
    if ink is None:
        return None
    height = 2 * digit_height(_halved(ink), drawn=drawn) if halves else 0.0
    if height < 2 * LOWEST_HALVED:
        height = digit_height(ink, drawn=drawn)
    return (ink, height) if height else None


def _halved(values: NDArray[Any]) -> Any:
    return cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def digit_height(ink: Ink | None, *, drawn: bool) -> float:
    """Return the height of a typical digit at this scale, or 0 if nothing looks like a digit.

    It is the median height of connected components, weighted by their ink so that specks count
    little. Frames and components that span the page are no digits.
    """
    if ink is None:
        return 0.0
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    stats = stats[1:]
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4].astype(float)
    page = np.array(stroke.shape)
    # Digits may touch along the whole line; long components with little ink are rules or frames.
    likely = (height >= 4) & (height > width / 12)
    fill = area / (width * height)
    if not drawn:
        upright = likely & (width <= height / 12)
        likely &= ~upright if np.any(likely & ~upright) else True
        likely &= (height < page[0] / 3) | (width < page[1] / 4) | (fill > 0.2)
        hollow = np.flatnonzero(likely & (fill < HOLLOW))
        largest = hollow[np.argsort(-width[hollow] * height[hollow])][:MOST_FRAMES]
        frames = [number for number in largest if _is_frame(parts, int(number) + 1, stats[number])]
        if likely.sum() > len(frames):
            likely[frames] = False
    if not likely.any():
        return 0.0
    order = np.argsort(height[likely])
    # Remains of rules and frames fill little of their box.
    weight = np.cumsum((area * np.minimum(1, fill / LEAST_FILL) ** 2)[likely][order])
    middle = int(np.searchsorted(weight, weight[-1] / 2))
    return float(height[likely][order][middle])


def _is_frame(parts: NDArray[np.int32], number: int, stat: NDArray[np.int32]) -> bool:
    """Tell whether a component is the outline of a rectangle, tilted or not, with cells or not."""
    x, y, width, height, area = map(int, stat)
    part = (parts[y : y + height, x : x + width] == number).astype(np.uint8)
    outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    inside = cv2.contourArea(outlines[0])
    sides = cv2.minAreaRect(outlines[0])[1]
    return area < HOLLOW * inside and inside > RECTANGLE * sides[0] * sides[1]
