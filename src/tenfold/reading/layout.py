"""Layout: a picture taken apart, once, into a page of rows of marks; no network is needed.

Rules and specks are left out. What is left is grouped into marks, and marks into rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Ink
from tenfold.imaging.canvas import Mark, find_mark
from tenfold.imaging.ink import INK_SHARE, median
from tenfold.imaging.page_ink import digit_height, page_ink
from tenfold.imaging.picture import Picture
from tenfold.reading.boxes.cells import PageGrid, split_off_grids
from tenfold.reading.boxes.circles import without_circles
from tenfold.reading.components import Boxes, find_components, join_components, mark_of
from tenfold.reading.marks import is_dot
from tenfold.reading.rules import ruled_page_ink, without_bands, without_rules
from tenfold.reading.separators import Slash, find_slashes, without_separators
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.strikes import is_struck, without_struck

_MarkRow = tuple[list[Mark], list[Mark]]
"""The marks of a row, and the low marks beside them: dots, commas, dashes."""

_BoxedGroup = tuple[list[int], list[int]]
"""The box of a group of components as left, top, right, bottom, and their numbers."""


@dataclass(frozen=True, eq=False)
class Page:
    """A picture in one orientation, taken apart into rows of marks.

    Attributes:
        picture: The pixels, in this orientation; enlarged if the digits are small.
        rows: The marks of each row outside of grids, left to right; rows top to bottom.
        grids: Combs, tables and grids, with the marks in their cells.
        rotation: Degrees clockwise by which the picture was rotated: 0, 90, 180 or 270.
        drawn: Whether the picture was drawn on a clean sheet, upright and without rules.
        low_marks: Dots, commas, dashes and specks in each row, left to right.
        struck: Struck-out numbers, in no order.
        slashes: Slashes between cells, in no order.
    """

    picture: Picture
    rows: tuple[tuple[Mark, ...], ...]
    grids: tuple[PageGrid, ...] = ()
    rotation: int = 0
    drawn: bool = False
    low_marks: tuple[tuple[Mark, ...], ...] = ()
    struck: tuple[Mark, ...] = ()
    slashes: tuple[Slash, ...] = ()

    @property
    def marks(self) -> list[Mark]:
        """All marks: those of the rows, then those of the grids."""
        return [mark for row in self.rows for mark in row] + [
            mark for grid in self.grids for cell in grid.cells for mark in cell.marks
        ]


def make_page(
    picture: Picture,
    settings: ReaderSettings,
    *,
    rotation: int = 0,
    drawn: bool = False,
) -> Page:
    """Take a picture apart into marks that may be digits, or digits that touch.

    If nothing is small enough to be one of several digits, the page may hold one large digit.

    Args:
        picture: Dark ink on light or light on dark; `load_picture` bounds its size.
        settings: The settings of reading.
        rotation: Degrees clockwise by which the picture was rotated before: 0, 90, 180 or 270.
        drawn: The picture was drawn on a clean sheet: nothing large is a rule or a frame.
    """
    found = page_ink(picture.gray, drawn=drawn)
    if found is None and not drawn:
        found = ruled_page_ink(picture.gray)
    if found is None:
        mark = find_mark(picture.gray)
        if mark is None:
            return Page(picture, (), (), rotation, drawn)
        if not drawn and is_struck(mark, settings):
            return Page(picture, (), (), rotation, drawn, struck=(mark,))
        return Page(picture, ((mark,),), (), rotation, drawn, ((),))
    small = max(picture.gray.shape) <= settings.enlarged_side and found[1] < settings.small_digit
    if small and not drawn:
        # The pixels are too coarse for thin strokes and for the gaps beside walls.
        picture = replace(picture, gray=_enlarged(picture.gray))
        found = np.clip(settings.small_ink * _enlarged(found[0]), 0, 1), 2 * found[1]
    rows, grids, struck, slashes = _take_apart(*found, settings, drawn)
    high, low = (tuple(tuple(row[kind]) for row in rows) for kind in (0, 1))
    return Page(picture, high, grids, rotation, drawn, low, struck, slashes)


def _enlarged(values: NDArray[Any]) -> Any:
    return cv2.resize(values, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def _take_apart(
    ink: Ink, height: float, settings: ReaderSettings, drawn: bool
) -> tuple[list[_MarkRow], tuple[PageGrid, ...], tuple[Mark, ...], tuple[Slash, ...]]:
    """Return the rows, the grids, the struck-out numbers, and the slashes between cells."""
    if drawn:
        return find_rows(ink, height, settings, drawn), (), (), ()
    # A base line with digits on it is no strike: boxes come first.
    outside, grids = split_off_grids(without_circles(ink, settings), settings)
    slashes = find_slashes(outside, grids, settings)
    around, struck = without_struck(without_separators(outside, slashes), height, settings)
    if outside is not ink:
        height = digit_height(around, drawn=drawn)
        cells = [mark.box[3] for grid in grids for cell in grid.cells for mark in cell.marks]
        height = max(height, settings.lowest_mark * median(cells)) if cells else height
        if not height:
            return [], grids, struck, slashes
        rows = find_rows(around, height, settings, drawn)
        rows = _without_lines(rows, around, median(cells), settings) if cells else rows
        return _outside_of(grids, rows, settings), grids, struck, slashes
    return find_rows(around, height, settings, drawn), grids, struck, slashes


def _without_lines(
    rows: list[_MarkRow], ink: Ink, height: float, settings: ReaderSettings
) -> list[_MarkRow]:
    """Return rows beside grids without what may be part of another grid.

    That is a narrow stroke higher than the digits in the grids, and what the page's border cuts.
    """
    high, wide = ink.shape

    def stays(mark: Mark) -> bool:
        x, y, w, h = mark.box
        whole = x > 0 and y > 0 and x + w < wide and y + h < high
        return whole and h <= max(settings.highest_beside_grid * height, 4 * w)

    kept = [([mark for mark in row if stays(mark)], low) for row, low in rows]
    return [(row, low) for row, low in kept if row]


def _outside_of(
    grids: Sequence[PageGrid], rows: Sequence[_MarkRow], settings: ReaderSettings
) -> list[_MarkRow]:
    """Return rows without marks that are remains of the walls of cells."""
    boxes = [cell.box for grid in grids for cell in grid.cells]

    def stays(mark: Mark) -> bool:
        x, y, w, h = mark.box
        across, down = x + w / 2, y + h / 2
        return not any(
            abs(across - left - wide / 2) < wide / 2 + settings.wall_remains * high
            and top < down < top + high
            for left, top, wide, high in boxes
        )

    kept = [([mark for mark in row if stays(mark)], low) for row, low in rows]
    return [(row, low) for row, low in kept if row]


def find_rows(
    ink: Ink, height: float, settings: ReaderSettings, drawn: bool, *, speck: float = 1 / 8
) -> list[_MarkRow]:
    """Return the marks of each row, and the low marks beside them.

    A dot as high as digits, which the line network would take for a 0, is a row of its own.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        height: Height of a typical digit, in pixels.
        settings: The settings of reading.
        drawn: There are no rules in the ink.
        speck: What is smaller than this share of the height is left out.
    """
    if not drawn:
        ink, height = without_rules(ink, height)
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    if not drawn:
        stroke = without_bands(ink, max(1, round(settings.rule_heights * height)), settings)
    parts, boxes = find_components(stroke, speck * height, 4 * height)
    alive = np.flatnonzero(boxes.any(axis=1))
    if len(alive) > settings.most_components:
        return []
    rows = _group_rows(boxes, join_components(boxes, alive, height), height, settings)

    def cut_out(groups: list[list[int]]) -> list[Mark]:
        return [mark_of(ink, parts, members, boxes) for members in groups]

    found: list[_MarkRow] = []
    for high, low in rows:
        marks = cut_out(high)
        dots = [mark for mark in marks if is_dot(mark.ink)]
        if digits := [mark for mark in marks if mark not in dots]:
            found.append((digits, cut_out(low)))
        found += [([dot], []) for dot in dots]
    return found


def _group_rows(
    boxes: Boxes, groups: list[list[int]], height: float, settings: ReaderSettings
) -> list[tuple[list[list[int]], list[list[int]]]]:
    """Group marks into rows; those too low beside their neighbors are apart in each row."""

    def box(members: list[int]) -> list[int]:
        low, high = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
        return [*map(int, low), *map(int, high)]

    marks = sorted(((box(members), members) for members in groups), key=lambda mark: mark[0][0])
    if not marks:
        return []
    typical = median([mark[3] - mark[1] for mark, _ in marks])
    lowest = max(settings.lowest_mark_heights * height, settings.lowest_mark * typical)
    rows: list[list[_BoxedGroup]] = []
    small: list[_BoxedGroup] = []
    for mark in marks:
        if mark[0][3] - mark[0][1] < lowest:
            small.append(mark)
            continue
        best = max(rows, key=lambda row: _overlap(row[-1][0], mark[0]), default=None)
        if best is not None and _overlap(best[-1][0], mark[0]) >= 0.4:
            best.append(mark)
        else:
            rows.append([mark])
    kept = []
    for row in rows:
        tall = median([mark[3] - mark[1] for mark, _ in row])
        middle = median([(mark[1] + mark[3]) / 2 for mark, _ in row])
        punctuation = [m for m in row if _is_punctuation(m[0], tall, middle, settings)]
        kept.append([m for m in row if m not in punctuation])
        small += punctuation
    kept.sort(key=lambda row: median([(mark[1] + mark[3]) / 2 for mark, _ in row]))
    return [
        ([members for _, members in row], [members for _, members in low])
        for row, low in zip(kept, _low_marks(kept, small, settings), strict=True)
    ]


def _low_marks(
    rows: list[list[_BoxedGroup]], small: list[_BoxedGroup], settings: ReaderSettings
) -> list[list[_BoxedGroup]]:
    """Return the low marks of each row, left to right; none where a pattern makes them many."""
    if not rows:
        return []
    low: list[list[_BoxedGroup]] = [[] for _ in rows]
    edges = np.array([
        (row[0][0][0], median([box[1] for box, _ in row]),
         max(box[2] for box, _ in row), median([box[3] for box, _ in row]))
        for row in rows
    ])  # fmt: skip
    heights = edges[:, 3] - edges[:, 1]
    beside, above = settings.low_mark_reach * heights, settings.low_mark_rise * heights
    edges += np.stack([-beside, -above, beside, above], axis=1)
    for mark in sorted(small, key=lambda mark: mark[0][0]):
        x, y = (mark[0][0] + mark[0][2]) / 2, (mark[0][1] + mark[0][3]) / 2
        inside = (edges[:, 0] <= x) & (x < edges[:, 2]) & (edges[:, 1] <= y) & (y < edges[:, 3])
        for number in np.flatnonzero(inside)[:1]:
            low[number].append(mark)
    return [
        beside if len(beside) <= len(row) else [] for row, beside in zip(rows, low, strict=True)
    ]


def _is_punctuation(box: list[int], tall: float, middle: float, settings: ReaderSettings) -> bool:
    height = box[3] - box[1]
    comma = height < settings.comma_share * tall and box[1] > middle
    return height < settings.lowest_mark * tall or comma


def _overlap(one: list[int], other: list[int]) -> float:
    """Return which share of the lower of two boxes stands beside the other, 0 to 1."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return float(shared / max(1, min(one[3] - one[1], other[3] - other[1])))
