"""The proposal of a template: fields where a blank page has boxes, combs and lines to write on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.errors import UsageError
from tenfold.forms.template import FormField
from tenfold.imaging.ink import ink_of, median
from tenfold.imaging.page_ink import FIRST_SQUARE, is_page_ink_dark
from tenfold.reading.boxes.enclosed import enclosed_cells
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.boxes.lines import Lines, find_lines
from tenfold.reading.boxes.search import find_boxes
from tenfold.reading.results import Box
from tenfold.reading.settings import ReaderSettings

# The following were set by hand on forms drawn in code (tests/form_scenes.py).

PRINT = 0.3
"""Share of full ink from which a pixel is print."""

MOST_PRINT = 0.02
"""A cell in which print covers more than this share holds a word, and is no field."""

NARROW = 1.7
"""A cell wider than this factor of its height holds more than one digit."""

TICK_SHARE = 0.8
"""A lone square lower than this share of the typical cell of a comb is a tick."""

TICK_SIDE = 1 / 40
"""Without combs, lone squares lower than this share of the page's longer side are ticks."""

LARGEST_FIELD = 1 / 8
"""A cell higher than this share of the page frames other things."""

SHORTEST_LINE, LONGEST_LINE = 0.06, 0.85
"""Lines to write on have a length between these shares of the page's width."""

LINE_ROOM = 1 / 36
"""Height of the room over a line, as a share of the page's longer side: 8 mm on A4. If the cells on
the page are higher, it is as high as they are."""

THICKEST = 0.12
"""A line, and each dash of a dashed one, is lower than this share of the room; letters are not."""

LEAST_ROOM = 0.6
"""At least this share of the room over a line is free of print."""


def propose_fields(gray: Gray, settings: ReaderSettings | None = None) -> tuple[FormField, ...]:
    """Return a field for each comb, box and line on a blank page, top to bottom.

    Args:
        gray: uint8 (h, w), the blank page.
        settings: The settings of reading; None takes the defaults.

    Raises:
        UsageError: Nothing is printed on the page.
    """
    settings = settings or ReaderSettings()
    ink = ink_of(gray, FIRST_SQUARE, ink_is_dark=is_page_ink_dark(gray))
    if ink is None:
        raise UsageError("the page is blank: give the form with its print")
    lines = find_lines(ink, settings)
    cells = [cell for cell in _cells(lines, settings) if _is_free(cell, ink)]
    rows = list(_rows(cells))
    combs = [cell.box[3] for row in rows if len(row) > 1 for cell in row]
    side = max(gray.shape)
    highest_tick = TICK_SHARE * median(combs) if combs else TICK_SIDE * side
    found = [_field(row, highest_tick) for row in rows]
    room = max(round(LINE_ROOM * side), round(median(combs) if combs else 0))
    found += _writing_lines(lines, ink, [field.box for field in found], room)
    return tuple(_named(_in_reading_order(found)))


def _cells(lines: Lines, settings: ReaderSettings) -> list[FoundCell]:
    """Return the cells on a page: of combs and grids, then boxes that stand alone."""
    cells, _ = find_boxes(lines, settings)
    highest = LARGEST_FIELD * max(lines.across.shape)
    cells = [cell for cell in cells if cell.box[3] <= highest]
    taken = [cell.middle for cell in cells]
    for alone in enclosed_cells(lines.across | lines.down, settings):
        if alone.box[3] > highest or any(alone.holds(middle) for middle in taken):
            continue
        if not any(cell.holds(alone.middle) for cell in cells):
            number = 1 + max((cell.grid for cell in cells), default=-1)
            cells.append(replace(alone, grid=number))
            taken.append(alone.middle)
    return cells


def _is_free(cell: FoundCell, ink: Ink) -> bool:
    """Return whether nothing is printed in a cell."""
    x, y, width, height = cell.box
    edge = max(2, round(0.12 * min(width, height)))
    inside = ink[y + edge : y + height - edge, x + edge : x + width - edge]
    return bool(inside.size and (inside >= PRINT).mean() <= MOST_PRINT)


def _rows(cells: Sequence[FoundCell]) -> Iterator[list[FoundCell]]:
    """Yield cells that are one field: those of a comb together, wide ones alone."""
    order = sorted(cells, key=lambda cell: (cell.grid, cell.row, cell.box[0]))
    for _, group in groupby(order, key=lambda cell: (cell.grid, cell.row)):
        row: list[FoundCell] = []
        for cell in group:
            together = bool(row) and _are_one_field(row[-1], cell)
            if row and not together:
                yield row
                row = []
            row.append(cell)
        yield row


def _are_one_field(one: FoundCell, other: FoundCell) -> bool:
    """Return whether two neighbors in a row hold a digit each of one number."""
    narrow = all(cell.box[2] <= NARROW * cell.box[3] for cell in (one, other))
    gap = other.box[0] - (one.box[0] + one.box[2])
    return narrow and gap <= 0.8 * one.box[2]


def _field(row: Sequence[FoundCell], highest_tick: float) -> FormField:
    """Return the field of cells; it has no name yet."""
    boxes = tuple(cell.box for cell in row)
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes])
    left, top = corners[:, :2].min(axis=0).tolist()
    right, bottom = corners[:, 2:].max(axis=0).tolist()
    box = (left, top, right - left, bottom - top)
    if len(row) > 1:
        return FormField("", box, boxes)
    square = box[3] / NARROW <= box[2] <= NARROW * box[3]
    return FormField("", box, kind="tick" if square and box[3] <= highest_tick else "text")


def _writing_lines(lines: Lines, ink: Ink, taken: Sequence[Box], room: int) -> list[FormField]:
    """Return a field over each line that has room over it and belongs to no box.

    Args:
        lines: The lines on the page.
        ink: float32 (h, w), 0 paper to 1 full ink.
        taken: Boxes of other fields.
        room: Height of a field, in pixels.
    """
    high, wide = ink.shape
    print_ = (ink >= PRINT).astype(np.uint8)
    joined = cv2.morphologyEx(lines.across, cv2.MORPH_CLOSE, np.ones((3, 9), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    _, parts, sizes, _ = cv2.connectedComponentsWithStats(print_, connectivity=8)
    heights = sizes[:, cv2.CC_STAT_HEIGHT]
    found = []
    for x, y, width, height, _ in stats[1:].tolist():
        line = (x, y, width, height)
        if not SHORTEST_LINE * wide <= width <= LONGEST_LINE * wide or height > room / 3:
            continue
        free = _free_rows(print_[max(0, y - room) : y, x : x + width])
        ends = lines.down[max(0, y - 2) : y + height + 2, [max(0, x - 1), x + width - 1]]
        is_wall = bool(ends.any()) or any(_near(line, box) for box in taken)
        if is_wall or free < LEAST_ROOM * room or _is_word(heights, parts, line, room):
            continue
        bottom = min(high, y + height)
        found.append(FormField("", (x, y - free, width, bottom - y + free)))
    return found


def _is_word(heights: NDArray[np.int32], parts: NDArray[np.int32], line: Box, room: int) -> bool:
    """Return whether what looks like a line is the middle or the foot of letters.

    Args:
        heights: int32 (n,), the height of each connected component of the print.
        parts: int32 (h, w), the component of each pixel.
        line: What looks like a line.
        room: Height of a field, in pixels.
    """
    x, y, width, height = line
    inside = np.unique(parts[y : y + height, x : x + width])
    own = heights[inside[inside > 0]]
    return bool(own.size) and float(np.median(own)) > max(4, THICKEST * room)


def _free_rows(over: NDArray[np.uint8]) -> int:
    """Return the number of rows over a line, from the line up, in which nothing is printed."""
    inked = over.mean(axis=1)[::-1] > 0.01 if over.size else np.zeros(0, bool)
    first = 3  # the line's own blurred edge
    rest = np.flatnonzero(inked[first:])
    return int(rest[0] + first) if rest.size else len(inked)


def _near(line: Box, box: Box) -> bool:
    """Return whether a line is a wall of a box, or lies in it."""
    x, y, width, height = line
    left, top, wide, high = box
    edge = max(4, 0.2 * high)
    across = min(x + width, left + wide) - max(x, left)
    return across > 0 and top - edge <= y + height / 2 <= top + high + edge


def _in_reading_order(fields: Sequence[FormField]) -> list[FormField]:
    """Return fields row by row, left to right; fields of a row share most of their height."""
    rows: list[list[FormField]] = []
    for field in sorted(fields, key=lambda field: field.box[1] + field.box[3] / 2):
        _, top, _, height = rows[-1][0].box if rows else field.box
        if rows and field.box[1] + field.box[3] / 2 < top + height:
            rows[-1].append(field)
        else:
            rows.append([field])
    return [field for row in rows for field in sorted(row, key=lambda field: field.box[0])]


def _named(fields: Sequence[FormField]) -> Iterator[FormField]:
    counts = {"text": 0, "tick": 0}
    for field in fields:
        counts[field.kind] += 1
        what = "tick" if field.kind == "tick" else "field"
        yield replace(field, name=f"{what} {counts[field.kind]}")
