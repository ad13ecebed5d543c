"""Straight lines on a page: long thin runs of ink, and dashed ones."""

from dataclasses import dataclass

import cv2
import numpy as np

from tenfold.arrays import Gray, Ink
from tenfold.reading.boxes.dashes import find_dashed
from tenfold.reading.boxes.settings import BoxSettings


@dataclass(frozen=True, eq=False)
class Lines:
    """The pixels of straight lines on a page; each is uint8 (h, w), 1 on a line.

    Attributes:
        across: Lines from left to right.
        down: Lines from top to bottom.
        ink: All ink, also where a stroke hides a line.
        dashes: The dashes of dashed and dotted lines.
        thickest: Greatest thickness of a line, in pixels.
    """

    across: Gray
    down: Gray
    ink: Gray
    dashes: Gray
    thickest: int


def find_lines(ink: Ink, settings: BoxSettings) -> Lines:
    """Find lines: runs of ink that are straight, thin and longer than a stroke's turn, and dashes.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        settings: The settings of reading.
    """
    side = max(ink.shape)
    thickest = round(settings.thickest_line + side * settings.thickest_line_growth)
    shortest = round(settings.shortest_wall + side * settings.shortest_wall_growth)
    levels = (ink * 255).astype(np.uint8)
    square = np.ones((thickest, thickest), np.uint8)
    thin = cv2.morphologyEx(levels, cv2.MORPH_TOPHAT, square)
    faint = (thin >= settings.faintest_wall * 255).astype(np.uint8)
    across, down, dashes = find_dashed(faint, thin, settings)
    across |= _straight(faint, 0, shortest)
    down |= _straight(faint, 1, shortest)
    inked = (levels >= settings.faintest_wall * 255).astype(np.uint8)
    return Lines(across, down, inked, dashes, thickest)


def _straight(faint: Gray, axis: int, length: int) -> Gray:
    """Return the runs along an axis of at least this length, in pixels."""
    beside = np.ones((3, 1) if axis == 0 else (1, 3), np.uint8)
    along = np.ones((1, length) if axis == 0 else (length, 1), np.uint8)
    near = cv2.dilate(faint, beside)  # a line that is tilted runs on in the row beside
    runs: Gray = cv2.morphologyEx(near, cv2.MORPH_OPEN, along) & faint
    return runs


def not_shorter(lines: Gray, axis: int, length: float) -> Gray:
    """Return the lines that are at least this long, in pixels."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    long = stats[:, cv2.CC_STAT_WIDTH + axis] >= length
    long[0] = False
    found: Gray = long[parts].astype(np.uint8)
    return found
