"""Which other pages a doubtful page may be: one of outlined digits, or one that is rotated."""

import math
from dataclasses import replace

import numpy as np

from tenfold.imaging.ink import median
from tenfold.imaging.outlines import filled
from tenfold.imaging.page_ink import page_ink
from tenfold.reading.layout import Page, find_rows, make_page
from tenfold.reading.settings import ReaderSettings

ROTATIONS = (90, 270, 180)
"""Degrees clockwise, likeliest first."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it, without their whole parts, lie evenly between 0 and 1, however many they are."""


def needed_score(score: float, settings: ReaderSettings) -> float:
    """Return the mean digit score above which a page of this score is rotated."""
    gained = score + settings.orientation_gain
    enough = 1 - settings.orientation_rest * (1 - score)
    return max(settings.orientation_score, min(gained, enough))


def with_outlines_filled(page: Page, settings: ReaderSettings) -> Page | None:
    """Return the page with what its ink encloses filled; None if that is too little for outlines.

    Args:
        page: The page.
        settings: The settings of reading.
    """
    found = page_ink(page.picture.gray)
    solid = None if found is None else filled(found[0], settings.outline_share)
    if solid is None:
        return None
    gray = np.rint(255 * (1 - solid)).astype(np.uint8)
    return make_page(replace(page.picture, gray=gray), settings, rotation=page.rotation)


def rotated(page: Page, degrees: int, settings: ReaderSettings) -> Page:
    """Return the page of a picture rotated by 90, 180 or 270 degrees clockwise."""
    return make_page(page.picture.rotated(degrees), settings, rotation=degrees)


def rotated_sample(page: Page, degrees: int, settings: ReaderSettings) -> Page | None:
    """Return some rows of a rotated page, to be read before all of it; None of few marks.

    The rows hold at least `orientation_sample` marks. They are spread over the page, because
    print may stand at the top. If there are grids with some marks, only these are taken.

    Args:
        page: The page, not rotated.
        degrees: 90, 180 or 270, clockwise.
        settings: The settings of reading.
    """
    in_cells = [mark for grid in page.grids for cell in grid.cells for mark in cell.marks]
    marks = in_cells if len(in_cells) >= settings.orientation_cells else page.marks
    if len(marks) <= settings.orientation_sample:
        return None
    ink = np.zeros(page.picture.gray.shape, np.float32)
    for mark in marks:
        x, y, width, height = mark.box
        part = ink[y : y + height, x : x + width]
        np.maximum(part, mark.ink, out=part)
    ink = np.ascontiguousarray(np.rot90(ink, -degrees // 90))
    typical = median([mark.box[3 if degrees == 180 else 2] for mark in marks])
    found = find_rows(ink, typical, settings, drawn=True)
    rows, count = [], 0
    for number in sorted(range(len(found)), key=lambda number: number * GOLDEN % 1):
        if count < settings.orientation_sample:
            row = found[number][0][: settings.orientation_sample]
            rows.append(tuple(row))
            count += len(row)
    picture = page.picture.rotated(degrees)
    return Page(picture, tuple(rows), rotation=degrees, low_marks=((),) * len(rows))
