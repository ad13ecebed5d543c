"""What is written in the fields of a registered page: ink without the print, as marks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.forms.base_lines import DARKEST, lift_points, without_rule
from tenfold.forms.blank import Blank, Place
from tenfold.forms.registration import Registered
from tenfold.imaging.ink import INK_SHARE, ink_of
from tenfold.imaging.page_ink import digit_height
from tenfold.imaging.picture import Picture
from tenfold.reading.boxes.cells import fill_cells
from tenfold.reading.layout import Page, find_rows
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.strikes import without_struck

# The following were set on forms drawn in code (tests/form_scenes.py) with MNIST's first 50,000
# training images and the fonts to learn from.

WITHIN = 0.5
"""A component belongs to a field if this share of its pixels lies in the field's box."""

LOWEST_DIGIT = 0.25
"""Least height of a digit, as a share of the height of its cell or box."""

SPECK = 0.09
"""A component smaller than this share of the height of a digit is a speck. A decimal point of a
fine pen has a tenth."""

NOISE = 0.05
"""A component smaller than this share of the height of the field is noise."""


def page_writing(page: Registered, blank: Blank) -> Ink | None:
    """Return the ink of a page, float32 (h, w), in multiples of the full ink of the writing.

    Writing over print is darker than the print, up to `DARKEST`. None if nothing is written.
    """
    shown = page.inside > 0
    level = int(np.median(page.gray[shown])) if shown.any() else 255
    gray = np.where(shown, page.gray, np.uint8(level)).astype(np.uint8)
    where = np.zeros(gray.shape, bool)
    for place in blank.places:
        where[place.part] = True
    where &= shown & ~blank.print
    ink = ink_of(gray, blank.square, ink_is_dark=blank.ink_is_dark, writing=where, most=DARKEST)
    if ink is not None:
        ink[~shown] = 0
    return ink


def field_writing(ink: Ink, place: Place) -> Ink:
    """Return the ink in a field, 0 to 1, in pixels of its part of the page, without its print.

    Strokes that cross walls and rules stay whole. Writing of other fields is left out.
    """
    dark = ink[place.part]
    part = np.minimum(dark, np.float32(1))
    part[place.words > 0] = 0
    for rule in place.rules:
        part = without_rule(part, dark, rule, place.box[3])
        if not rule.down:
            lift_points(part, rule, place.box[3])
    part[_on_walls(part, place)] = 0
    stroke = (part >= INK_SHARE).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    x, y, width, height = place.box
    inside = parts[max(0, y) : y + height, max(0, x) : x + width]
    share = np.bincount(inside.ravel(), minlength=count) / np.maximum(stats[:, 4], 1)
    stays = share >= WITHIN
    stays &= stats[:, 2:4].max(axis=1) >= NOISE * height
    stays[0] = False
    kept = stays[parts].astype(np.uint8)
    around = cv2.dilate(kept, np.ones((3, 3), np.uint8)) > 0
    part[~around | ((stroke > 0) & (kept == 0))] = 0
    return part


def _on_walls(ink: Ink, place: Place) -> NDArray[np.bool_]:
    """Return the pixels of walls, bool (h, w), without those where strokes cross a wall."""
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    gap = np.ones((place.wall_thickness + 2,) * 2, np.uint8)
    whole = cv2.morphologyEx(stroke & (1 - place.walls), cv2.MORPH_CLOSE, gap)
    on_walls: NDArray[np.bool_] = (place.walls > 0) & ((whole & stroke) == 0)
    return on_walls


def make_page(writing: Ink, gray: Gray, place: Place, settings: ReaderSettings) -> Page:
    """Return a field's writing as a page of marks, in cells or in rows.

    Args:
        writing: float32 (h, w), as `field_writing` returns it.
        gray: uint8 (h, w), the same part of the registered page.
        place: The field's place.
        settings: The settings of reading.
    """
    high, wide = gray.shape
    picture = Picture(gray, wide, high, 0)
    if place.field.cells:
        grid = fill_cells(writing, place.cells, settings)
        return Page(picture, (), (grid,), drawn=True)
    height = digit_height(writing, drawn=True)
    if height < LOWEST_DIGIT * place.box[3]:
        return Page(picture, (), drawn=True)
    writing, struck = without_struck(writing, height, settings)
    rows = find_rows(writing, height, settings, True, speck=SPECK)
    marks, low = (tuple(tuple(row[kind]) for row in rows) for kind in (0, 1))
    return Page(picture, marks, drawn=True, low_marks=low, struck=struck)
