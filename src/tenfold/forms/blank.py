"""The blank page of a form, taken apart once: its print, and the walls and rules of each field."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink
from tenfold.errors import UsageError
from tenfold.forms.registration import Reference
from tenfold.forms.template import FormField, Template
from tenfold.imaging.ink import ink_of, median
from tenfold.imaging.page_ink import is_page_ink_dark
from tenfold.imaging.rules import RULE, Rule, find_rules
from tenfold.reading.boxes.enclosed import enclosed_cells
from tenfold.reading.boxes.grids import FoundCell
from tenfold.reading.boxes.lines import Lines, find_lines
from tenfold.reading.boxes.search import find_boxes
from tenfold.reading.boxes.walls import line_thickness
from tenfold.reading.results import Box
from tenfold.reading.settings import ReaderSettings

# The following were set on forms drawn in code (tests/form_scenes.py) with MNIST's first 50,000
# training images and the fonts to learn from.

MARGIN = 0.4
"""Writing may reach out of a field by this share of the field's height."""

PRINT = 0.2
"""Share of full ink from which a pixel of the blank page is print."""

PRINT_EDGE = 5
"""Side of the square by which print is widened, in pixels: edges blur, and places are known to a
pixel or so."""

SQUARE_HEIGHTS = 1.5
"""Side of the square in which paper is sought, in heights of a field (`ink_of`)."""

SAME_CELL = 0.6
"""A cell of the template is a cell found on the page if they share this much of both together."""

PRINTED_RULE = replace(RULE, thickness=0.4)
"""What counts as a line to write on. Nothing is written on the blank page, so that a thick one
cannot be a stroke."""

BLANK_ERROR = "the template's page is blank: give the page of the form with its print"


@dataclass(frozen=True, eq=False)
class Place:
    """Where a field is on the page, and what is printed there.

    Attributes:
        field: The field.
        crop: Left, top, width and height of the part of the page that is looked at. All other
            attributes are in pixels of this part.
        box: The field's box.
        cells: The cells inside their walls; of a field without cells the box itself.
        walls: uint8 (h, w), 1 on lines, with their edges; all 0 if lines do not close the field.
        wall_thickness: Thickness of these lines with their edges, in pixels.
        rules: Lines to write on, of a field without walls.
        words: uint8 (h, w), 1 on print that is neither wall nor rule.
        print: uint8 (h, w), 1 on all print.
    """

    field: FormField
    crop: Box
    box: Box
    cells: tuple[FoundCell, ...]
    walls: Gray
    wall_thickness: int
    rules: tuple[Rule, ...]
    words: Gray
    print: Gray

    @property
    def part(self) -> tuple[slice, slice]:
        """The rows and columns of the page that are looked at."""
        x, y, width, height = self.crop
        return slice(y, y + height), slice(x, x + width)


class Blank:
    """The blank page of a template.

    Attributes:
        reference: The page, prepared for registration.
        ink_is_dark: Whether print is darker than paper.
        square: Side of the square in which paper is sought, as a share of the page's shorter side.
        print: bool (h, w), True on print.
        places: The place of each field, in their order.

    Args:
        template: The template.
        settings: The settings of reading.

    Raises:
        UsageError: The page is missing, or nothing is printed on it.
    """

    def __init__(self, template: Template, settings: ReaderSettings) -> None:
        gray = template.gray
        self.reference = Reference(gray)
        self.ink_is_dark = is_page_ink_dark(gray)
        heights = [field.box[3] for field in template.fields]
        self.square = min(0.2, SQUARE_HEIGHTS * max(24.0, median(heights)) / min(gray.shape))
        ink = ink_of(gray, self.square, ink_is_dark=self.ink_is_dark)
        if ink is None:
            raise UsageError(BLANK_ERROR)
        lines = find_lines(ink, settings)
        cells = find_boxes(lines, settings)[0] + enclosed_cells(lines.across | lines.down, settings)
        edge = np.ones((PRINT_EDGE, PRINT_EDGE), np.uint8)
        dark = (ink >= PRINT).astype(np.uint8)
        straight = cv2.dilate(lines.across | lines.down, np.ones((3, 3), np.uint8))
        words = cv2.dilate(dark & (1 - straight), edge)
        found = _Print(ink, lines, cells, cv2.dilate(dark, edge), words)
        self.print: NDArray[np.bool_] = found.all > 0
        self.places = tuple(_place(field, found) for field in template.fields)


@dataclass(frozen=True, eq=False)
class _Print:
    """The print of a whole page: ink, lines, the cells they enclose, all print, and words."""

    ink: Ink
    lines: Lines
    cells: Sequence[FoundCell]
    all: Gray
    words: Gray


def _place(field: FormField, print: _Print) -> Place:
    high, wide = print.ink.shape
    x, y, width, height = field.box
    margin = round(MARGIN * min(height, width))
    left, top = max(0, x - margin), max(0, y - margin)
    right, bottom = min(wide, x + width + margin), min(high, y + height + margin)
    part = np.s_[top:bottom, left:right]
    boxes = field.cells or (field.box,)
    found = [_found_cell(box, print.cells) for box in boxes]
    outlines = [
        (cell.outline if cell else _rectangle(box)) - np.array([left, top])
        for box, cell in zip(boxes, found, strict=True)
    ]
    alone = bool(field.cells)  # one character in each
    cells = [FoundCell(one, 0, 0, number, alone) for number, one in enumerate(outlines)]
    closed = all(found)
    lines = [one[part] for one in (print.lines.across, print.lines.down)]
    straight = lines[0] | lines[1] if closed else np.zeros_like(lines[0])
    walls = cv2.dilate(straight, np.ones((PRINT_EDGE, PRINT_EDGE), np.uint8))
    thickness = max(line_thickness(one, axis) for axis, one in enumerate(lines))
    rules = [] if closed else find_rules(print.ink[part], height / 2, PRINTED_RULE)
    return Place(
        field,
        (left, top, right - left, bottom - top),
        (x - left, y - top, width, height),
        tuple(cells),
        walls,
        thickness + PRINT_EDGE - 1,
        tuple(rules),
        print.words[part],
        print.all[part],
    )


def _rectangle(box: Box) -> NDArray[np.int32]:
    x, y, width, height = box
    right, bottom = x + width - 1, y + height - 1
    return np.array([[x, y], [right, y], [right, bottom], [x, bottom]], np.int32)


def _found_cell(box: Box, cells: Sequence[FoundCell]) -> FoundCell | None:
    """Return the cell on the page that a box of the template means, or None."""
    x, y, width, height = box
    best, share = None, SAME_CELL
    for cell in cells:
        left, top, wide, high = cell.box
        across = min(x + width, left + wide) - max(x, left)
        down = min(y + height, top + high) - max(y, top)
        if across <= 0 or down <= 0:
            continue
        both = across * down
        union = width * height + wide * high - both
        if both / union >= share:
            best, share = cell, both / union
    return best
