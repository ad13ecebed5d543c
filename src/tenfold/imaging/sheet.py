"""The sheet in a picture: desks, gaps at page edges and walls around it found, and filled."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from tenfold.arrays import Gray
from tenfold.imaging.ink import median, quantile

# Set by hand on pages made of MNIST training images (tests/light_scenes.py).

LOOK_SIDE = 512
"""Longest side of the reduced picture in which surroundings are found, in pixels."""

LEAST_SIDE = 16
"""A reduced picture with fewer pixels on its shorter side is all sheet."""

MOST_CUTS = 3
"""Surroundings of up to this many levels are cut off one after the other."""

LEVEL_STEP = 8
"""Surroundings are sought as what is darker than a level: every eighth of 255 is tried."""

SHARPNESS = 0.06
"""An edge is sharp if a region grows by less than this many pixels of the reduced picture along
its rim for each level. A shadow's edge is wider."""

LEAST_STEP = 0.15
"""Least step from surroundings to sheet, as a share of the sheet's level."""

LEAST_BORDER = 1 / 16
"""Surroundings take up at least this share of the picture's border."""

MOST_DENT = 0.05
"""A sheet is convex: its convex hull is larger by at most this share."""

LEAST_SHEET = 0.9
"""The sheet is at least this share of what is not surroundings: a thick stroke of a close crop
parts the paper instead."""

DARK = 0.55
"""Surroundings have at most this share of the sheet's level. Lighter ones decide nothing."""

TOO_DARK = 0.3
"""No shadow leaves less than this share of the light, so what is darker is no paper in shadow."""

WRITING_CONTRAST = 0.25
"""Least contrast of writing in a region, as a share of the region's level."""

WRITING_EXCESS = 2.0
"""There is writing if dark strokes cover this many times more than light ones: of a texture, both
cover alike."""

LEAST_WRITING = 8
"""Fewer pixels of the reduced picture are no writing."""


class Sheet(NamedTuple):
    """The part of a picture that holds the sheet.

    Attributes:
        gray: uint8 (h, w), cut out of the picture; surroundings that are left have the sheet's
            level.
        left: First column of the picture that was kept.
        top: First row of the picture that was kept.
    """

    gray: Gray
    left: int
    top: int


def cut_out_sheet(gray: Gray, *, ink_is_dark: bool = True) -> Sheet:
    """Cut the sheet out of a picture, and fill what surrounds it with the level of the sheet.

    Surroundings touch the picture's border, differ from the sheet as ink does by a sharp step, and
    leave a convex sheet. A shadow has a soft edge, or there is writing in it.

    Args:
        gray: uint8 (h, w).
        ink_is_dark: Whether ink is darker than the sheet.
    """
    sheet = Sheet(gray if ink_is_dark else 255 - gray, 0, 0)
    for _ in range(MOST_CUTS):
        inner = _cut(sheet.gray)
        if inner is None:
            break
        sheet = Sheet(inner.gray, sheet.left + inner.left, sheet.top + inner.top)
    return sheet if ink_is_dark else sheet._replace(gray=255 - sheet.gray)


def _cut(gray: Gray) -> Sheet | None:
    """Cut off the darkest surroundings, or return None if there are none."""
    reduction = max(1, math.ceil(max(gray.shape) / LOOK_SIDE))
    # The darkest pixel of each square, so that a thin gap stays.
    square = np.ones((reduction, reduction), np.uint8)
    look = cv2.erode(gray, square)[::reduction, ::reduction].copy()
    if min(look.shape) < LEAST_SIDE:
        return None
    lightest = cv2.dilate(gray, square)[::reduction, ::reduction]
    found = (_around_sheet(look, lightest, region) for region in _regions(look))
    around = next((one for one in found if one is not None), None)
    if around is None:
        return None
    paper = _spread(look, around)
    across, down = gray.shape[1], gray.shape[0]
    rows, columns = (np.flatnonzero((around == 0).any(axis=axis)) for axis in (1, 0))
    top, bottom = int(rows[0]) * reduction, min(down, (int(rows[-1]) + 1) * reduction)
    left, right = int(columns[0]) * reduction, min(across, (int(columns[-1]) + 1) * reduction)
    large = around.repeat(reduction, axis=0).repeat(reduction, axis=1)
    level = cv2.resize(paper, large.shape[::-1], interpolation=cv2.INTER_LINEAR)
    part = (slice(top, bottom), slice(left, right))
    return Sheet(np.where(large[part] > 0, level[part], gray[part]), left, top)


def _regions(look: Gray) -> Iterator[Gray]:
    """Yield regions at the border that end in a sharp step, the darkest first.

    Returns:
        uint8 (h, w), 1 for the region.
    """
    border = np.concatenate([look[0], look[-1], look[:, 0], look[:, -1]])
    light = quantile(look, 0.9)
    if np.mean(border < (1 - LEAST_STEP) * light) < LEAST_BORDER:
        return
    levels = range(int(border.min()) // LEVEL_STEP * LEVEL_STEP, int(light), LEVEL_STEP)
    regions = [_reached(look, level) for level in levels]
    areas = [int(region.sum()) for region in regions]
    step = max(1, math.ceil(LEAST_STEP * light / LEVEL_STEP))
    first = 0
    while first + step < len(regions):
        growth = SHARPNESS * LEVEL_STEP * _rim(regions[first])
        last = first
        while last + 1 < len(regions) and (
            areas[last + 1] - areas[first] <= growth * (last + 1 - first)
        ):
            last += 1
        if areas[first] and last - first >= step:
            yield regions[(first + last) // 2]
            first = last
        first += 1


def _reached(look: Gray, level: int) -> Gray:
    """Return uint8 (h, w), 1 for what is not lighter than a level and connected to the border."""
    dark = np.pad((look <= level).astype(np.uint8), 1, constant_values=1)
    cv2.floodFill(dark, None, (0, 0), 2)
    reached: Gray = (dark[1:-1, 1:-1] == 2).astype(np.uint8)
    return reached


def _rim(region: Gray) -> int:
    """Return the length of a region's outline inside the picture, in pixels."""
    return int((cv2.dilate(region, np.ones((3, 3), np.uint8)) & ~region).sum())


def _around_sheet(look: Gray, lightest: Gray, region: Gray) -> Gray | None:
    """Return all but the sheet, with its blurred edge, or None if the region surrounds no sheet."""
    border = np.concatenate([region[0], region[-1], region[:, 0], region[:, -1]])
    if border.mean() < LEAST_BORDER:
        return None
    count, parts, stats, _ = cv2.connectedComponentsWithStats(1 - region, connectivity=4)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, 4].argmax())
    if stats[largest, 4] < LEAST_SHEET * stats[1:, 4].sum():
        return None
    sheet = (parts == largest).astype(np.uint8)
    outlines, _ = cv2.findContours(sheet, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    hull = cv2.fillConvexPoly(np.zeros_like(look), cv2.convexHull(outline), 1)
    if hull.sum() > (1 + MOST_DENT) * stats[largest, 4]:
        return None
    around = 1 - sheet
    share = median(look[around > 0]) / max(1.0, median(look[sheet > 0]))
    if share > DARK or (share > TOO_DARK and _holds_writing(look, lightest, around)):
        return None
    blurred: Gray = cv2.dilate(around, np.ones((3, 3), np.uint8))
    return blurred


def _holds_writing(look: Gray, lightest: Gray, region: Gray) -> bool:
    square = np.ones((5, 5), np.uint8)
    inner = cv2.erode(region, square, iterations=4, borderValue=1) > 0
    if not inner.any():
        return False
    least = WRITING_CONTRAST * median(look[inner])
    hats = (
        cv2.morphologyEx(look, cv2.MORPH_BLACKHAT, square),
        cv2.morphologyEx(lightest, cv2.MORPH_TOPHAT, square),
    )
    dark, light = (int((hat[inner] > least).sum()) for hat in hats)
    return dark > LEAST_WRITING + WRITING_EXCESS * light


def _spread(look: Gray, around: Gray) -> Gray:
    """Return uint8 (h, w), the level of the sheet spread over its surroundings."""
    paper = cv2.morphologyEx(look, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, nearest = cv2.distanceTransformWithLabels(
        around, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    levels = np.zeros(int(nearest.max()) + 1, np.uint8)
    inside = around == 0
    levels[nearest[inside]] = paper[inside]
    spread: Gray = cv2.blur(levels[nearest], (9, 9))
    return spread
