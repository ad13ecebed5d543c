"""Struck-out numbers, taken off a page before it is read, and what is left of them."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Ink
from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.strikes import STRIKE, find_struck, is_scribble
from tenfold.reading.components import Boxes, find_components
from tenfold.reading.line_reader import typical_height
from tenfold.reading.marks import ScoredDigit
from tenfold.reading.selection import Part, Row
from tenfold.reading.settings import ReaderSettings


def without_struck(
    ink: Ink, height: float, settings: ReaderSettings
) -> tuple[Ink, tuple[Mark, ...]]:
    """Take struck-out numbers off a page.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        height: Height of a typical digit, in pixels.
        settings: The settings of reading.

    Returns:
        The ink without them, and a mark for each.
    """
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    parts, boxes = find_components(stroke, height / 8, settings.highest_struck * height)
    alive = np.asarray(boxes.any(axis=1))
    wide = alive & (boxes[:, 2] - boxes[:, 0] >= STRIKE.length * height)
    wide &= boxes[:, 3] - boxes[:, 1] >= settings.lowest_struck * height
    wide &= (boxes[:, 0] > 0) & (boxes[:, 2] < ink.shape[1])  # a rule may reach the border
    struck: list[int] = []
    marks = []
    for part in np.flatnonzero(wide)[: settings.most_struck]:
        left, top, right, bottom = boxes[part].tolist()
        own = parts[top:bottom, left:right] == part
        whole = (0, right - left)
        found: tuple[tuple[int, int], tuple[int, int]] | None = (whole, whole)
        if not is_scribble(own.astype(np.uint8), height):
            found = find_struck(np.where(own, ink[top:bottom, left:right], np.float32(0)), height)
        if found is None:
            continue
        strike, digits = found
        inside = _within(boxes, alive, (left + strike[0], top, left + strike[1], bottom))
        members = [one for one in inside if one != part]
        struck += [int(part), *members]
        first = min([left + digits[0], *boxes[members, 0].tolist()])
        width = max([left + digits[1], *boxes[members, 2].tolist()]) - first
        marks.append(Mark(ink[top:bottom, first:][:, :width], (first, top, width, bottom - top)))
    if not struck:
        return ink, ()
    gone = np.isin(parts, struck)
    near = cv2.dilate(gone.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(gone | (near & (parts == 0)), np.float32(0), ink), tuple(marks)


def is_struck(mark: Mark, settings: ReaderSettings) -> bool:
    """Return whether the only mark of a page is a number that is struck out.

    A slanted strike may be higher than the digits.

    Args:
        mark: The mark.
        settings: The settings of reading.
    """
    height = mark.box[3]
    return any(
        find_struck(mark.ink, share * height) is not None for share in settings.struck_shares
    )


def with_struck(
    rows: Sequence[Row],
    marks: Sequence[Sequence[Mark]],
    struck: Sequence[tuple[Mark, ScoredDigit]],
    settings: ReaderSettings,
) -> list[Row]:
    """Return rows with what is struck out.

    In a number it is a rejected digit. What stands apart from numbers is left out.

    Args:
        rows: What was read, without what is struck out.
        marks: The marks of each row.
        struck: What is struck out, and the digit that it resembles.
        settings: The settings of reading.
    """
    rows = list(rows)
    for mark, (digit, _) in struck:
        scored = ScoredDigit(replace(digit, rejected=True), 1.0)  # makes nothing doubtful
        place = next((n for n, row in enumerate(marks) if _is_in(mark, row, settings)), None)
        if place is None:
            rows.append(Row(0, [Part([scored], [], is_number=False)], [mark.box]))
            continue
        parts = list(rows[place].parts)
        before = sum(bool(part.digits) and _left(part.digits[0]) < _left(scored) for part in parts)
        part = parts[max(0, before - 1)]
        parts[max(0, before - 1)] = replace(
            part, digits=sorted([*part.digits, scored], key=_left), lattice=None
        )
        rows[place] = replace(rows[place], parts=parts)
    return rows


def _left(scored: ScoredDigit) -> int:
    return scored.digit.box[0]


def _is_in(struck: Mark, row: Sequence[Mark], settings: ReaderSettings) -> bool:
    """Return whether a mark of a row is so near to what is struck out that both are one number."""
    x, y, width, height = struck.box
    space = settings.space * typical_height(row, settings.lowest_digit_share)
    return any(
        max(left - (x + width), x - (left + across)) < space and top < y + height / 2 < top + down
        for left, top, across, down in (mark.box for mark in row)
    )


def _within(boxes: Boxes, alive: NDArray[np.bool_], box: tuple[int, int, int, int]) -> list[int]:
    """Return the components in the box of struck digits: strokes that the strike misses."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = alive & (middle >= box[:2]).all(axis=1) & (middle < box[2:]).all(axis=1)
    found: list[int] = np.flatnonzero(inside).tolist()
    return found
