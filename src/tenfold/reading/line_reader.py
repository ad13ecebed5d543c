"""A line of digits read as a whole, by a network that sees each digit beside its neighbors.

Where digits are written into each other, cuts and a network for single digits go wrong: half a zero
is a fine 6. This network looks at a strip 32 pixels high, and says every fourth column which digit
stands there, or none (`tenfold.reading.ctc`). It was trained on strips made of MNIST's training
images (`tenfold.training.lines`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from tenfold.classifiers.onnx import make_session
from tenfold.imaging.canvas import WORK_SIDE, Mark
from tenfold.imaging.ink import Gray, Ink, median
from tenfold.reading.ctc import Spotted, Steps, likeliest, spotted
from tenfold.reading.results import Box

HIGH = 32
"""Height of a strip, in pixels."""

STEP = 4
"""Columns of a strip for each answer: the network halves it twice."""

MARGIN = 8
"""Columns of paper before and behind the ink."""

DIGIT_SHARE = 0.82
"""Height of a typical digit as a share of the strip's: the middle of what the network was shown."""

HEIGHTS = (0.95, 0.82, 0.72, 0.63, 0.55, 0.48)
"""Shares of a picture of one line that a digit's height may be; see `LineReader.read_whole`."""

INK_EDGE = 0.1
"""Share of full ink from which a column belongs to a digit's box."""

TALLEST = 0.68
"""A digit is taken to be no lower than this part of the line's ink from top to bottom."""


@dataclass(frozen=True)
class Found:
    """A digit found in a strip.

    Attributes:
        digit: 0 to 9.
        confidence: How sure it is in its place, 0 to 1; see `tenfold.reading.ctc.spotted`.
        mark: The ink between its neighbors.
    """

    digit: int
    confidence: float
    mark: Mark


class LineReader:
    """Reads lines of digits with a graph from `strips` uint8 [n, 32, w] to `probabilities`.

    Safe to use from several threads.

    Args:
        graph: The ONNX graph. Its probabilities are float32 [n, w / 4, 11]: none, 0, 1, ... 9.
    """

    def __init__(self, graph: bytes) -> None:
        self._session = make_session(graph, 1)

    def read(self, mark: Mark, height: float, middle: float) -> list[Found]:
        """Return the digits in a line, left to right.

        Args:
            mark: The ink of the whole line.
            height: Of a typical digit, in pixels of that ink.
            middle: The row in which the middle of a typical digit lies.
        """
        scale = DIGIT_SHARE * HIGH / height
        return _found(mark, spotted(self._steps(to_strip(mark.ink, scale, middle))), scale)

    def read_strip(self, strip: Gray) -> list[int]:
        """Return the digits on a strip, uint8 (32, w), white on black."""
        return [one.digit for one in spotted(self._steps(strip))]

    def read_line(self, marks: Sequence[Mark]) -> list[Found]:
        """Return the digits in marks that stand in a row; large ones are reduced first."""
        scale = min(1.0, WORK_SIDE / max(mark.box[3] for mark in marks))
        found = self.read(*line_of([_scaled(mark, scale) for mark in marks]))
        if scale == 1:
            return found
        return [
            replace(one, mark=Mark(one.mark.ink, _scaled_box(one.mark.box, 1 / scale)))
            for one in found
        ]

    def read_whole(self, ink: Ink) -> list[Found]:
        """Return the digits in a picture of one line, whose height fills most of the picture.

        How high they are is not known: the digits count that are likeliest over a few heights.
        """
        mark = Mark(ink, (0, 0, ink.shape[1], ink.shape[0]))
        scales = [DIGIT_SHARE * HIGH / (ink.shape[0] * share) for share in HEIGHTS]
        strips = [to_strip(ink, scale, ink.shape[0] / 2) for scale in scales]
        way, found = likeliest([self._steps(strip) for strip in strips])
        return _found(mark, found, scales[way])

    def _steps(self, strip: Gray) -> Steps:
        (answers,) = self._session.run(["probabilities"], {"strips": strip[None]})
        steps: Steps = answers[0]
        return steps


def to_strip(ink: Ink, scale: float, middle: float) -> Gray:
    """Return ink scaled into a strip, uint8 (32, w), white on black.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        scale: Pixels of the strip for each of the ink.
        middle: The row that comes to the strip's middle.
    """
    width = math.ceil((ink.shape[1] * scale + 2 * MARGIN) / STEP) * STEP
    if scale < 1:  # or thin strokes fall between the pixels
        ink = cv2.GaussianBlur(ink, (0, 0), 0.4 / scale)
    move = np.array([[scale, 0, MARGIN], [0, scale, HIGH / 2 - scale * middle]], np.float32)
    strip = cv2.warpAffine(ink, move, (width, HIGH))
    gray: Gray = np.rint(255 * np.clip(strip, 0, 1)).astype(np.uint8)
    return gray


def line_of(marks: Sequence[Mark]) -> tuple[Mark, float, float]:
    """Return the marks of a line as one, with the height and middle row of a typical digit in it.

    Args:
        marks: At the resolution of the picture they were found in, one pixel a pixel.
    """
    left, top = (min(mark.box[axis] for mark in marks) for axis in (0, 1))
    right, bottom = (max(mark.box[axis] + mark.box[axis + 2] for mark in marks) for axis in (0, 1))
    ink = np.zeros((bottom - top, right - left), np.float32)
    for mark in marks:
        x, y, width, height = mark.box
        part = ink[y - top : y - top + height, x - left : x - left + width]
        np.maximum(part, mark.ink, out=part)
    middle = median([mark.box[1] + mark.box[3] / 2 for mark in marks]) - top
    return Mark(ink, (left, top, right - left, bottom - top)), typical_height(marks), middle


def typical_height(marks: Sequence[Mark]) -> float:
    """Return the height of a typical digit among the marks of a line, in pixels."""
    top = min(mark.box[1] for mark in marks)
    bottom = max(mark.box[1] + mark.box[3] for mark in marks)
    return max(median([mark.box[3] for mark in marks]), TALLEST * (bottom - top))


def _scaled(mark: Mark, scale: float) -> Mark:
    """Return a mark with its box scaled, and one pixel of ink for each of that box."""
    box = _scaled_box(mark.box, scale)
    if mark.ink.shape[::-1] == box[2:]:
        return Mark(mark.ink, box)
    return Mark(cv2.resize(mark.ink, box[2:], interpolation=cv2.INTER_AREA), box)


def _scaled_box(box: Box, scale: float) -> Box:
    x, y, width, height = box
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return round(x * scale), round(y * scale), *size


def _found(mark: Mark, spots: list[Spotted], scale: float) -> list[Found]:
    """Return what was spotted on a strip with the ink of each, as it is in the mark."""
    places = _columns(spots, mark.ink.shape[1], scale)
    return [
        Found(one.digit, one.confidence, part)
        for one, (left, right) in zip(spots, places, strict=True)
        if (part := _between(mark, left, right))
    ]


def _columns(found: list[Spotted], columns: int, scale: float) -> list[tuple[int, int]]:
    """Return first and last column of each digit in a strip, the last not included.

    Two digits part in the middle between their steps.
    """
    edges = [0]
    for one, other in pairwise(found):
        edge = ((one.end + other.first) / 2 * STEP - MARGIN) / scale
        edges.append(round(min(max(edge, edges[-1] + 1), columns - 1)))
    return list(pairwise([*edges, columns])) if found else []


def _between(mark: Mark, left: int, right: int) -> Mark | None:
    """Return the part of a mark between two columns, cut to its ink; None if there is none."""
    ink = mark.ink[:, left:right]
    rows, columns = (np.flatnonzero((ink > INK_EDGE).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    top, bottom, first, last = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    place = (mark.box[0] + left + int(first), mark.box[1] + int(top))
    return Mark(ink[top:bottom, first:last], (*place, int(last - first), int(bottom - top)))
