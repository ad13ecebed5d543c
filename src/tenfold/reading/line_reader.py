"""Segmentation-free line recognition: a network reads a line of digits as a whole (CTC).

Where digits are joined, cuts and a network for single digits go wrong: half a zero is a fine 6. And
a slash by itself is a fine 1: only what stands beside it tells them apart. The line network looks
at a strip 32 pixels high. For every fourth column it gives the probabilities of nothing and of the
digits, signs and other marks (`tenfold.reading.ctc`). It was trained on strips made of MNIST's
training images and of handwriting fonts (`tenfold.training.lines`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import DIGITS, Gray, Ink
from tenfold.classifiers.onnx import Session
from tenfold.imaging.canvas import WORK_SIDE, Mark
from tenfold.imaging.ink import median
from tenfold.reading.ctc import Placed, Steps, decode, decode_several
from tenfold.reading.results import Box
from tenfold.reading.settings import ReaderSettings

STRIP_HEIGHT = 32
"""Height of a strip, in pixels."""

STEP = 4
"""Columns of a strip for each step of the network, which halves the strip twice."""

MARGIN = 8
"""Columns of paper before and behind the ink."""

DIGIT_SHARE = 0.82
"""Height of a typical digit as a share of the strip's: the middle of the training strips' range."""


@dataclass(frozen=True)
class LineCharacter:
    """A character found in a line.

    Attributes:
        character: A digit, a sign, or `OTHER` (`tenfold.reading.ctc.CHARACTERS`).
        confidence: Its probability in its place, 0 to 1; see `tenfold.reading.ctc.decode`.
        digit: The likeliest digit in its place, 0 to 9; of a digit, itself.
        digit_probability: Probability that a digit stands in its place.
        mark: The ink between its neighbors.
        column: The column of the picture where the network sees it.
        digits: float32 (10,): the probability of each digit in its place.
    """

    character: str
    confidence: float
    digit: int
    digit_probability: float
    mark: Mark
    column: float
    digits: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(len(DIGITS), np.float32), compare=False, repr=False
    )

    @property
    def is_digit(self) -> bool:
        """Whether it is one of the ten digits."""
        return self.character in DIGITS


@dataclass(frozen=True, eq=False)
class SeenLine:
    """What the line network sees in a line.

    Attributes:
        characters: The likeliest characters, left to right.
        views: The steps of each view of the line, at several heights if they are not known.
        columns: For each view float64 (t,): the column of the picture in the middle of each step.
        weights: How likely each view is the right one; their sum is 1.
    """

    characters: tuple[LineCharacter, ...] = ()
    views: tuple[Steps, ...] = ()
    columns: tuple[NDArray[np.float64], ...] = ()
    weights: tuple[float, ...] = ()


class LineReader:
    """Reads lines of digits with a graph from `strips` uint8 [n, 32, w] to `probabilities`.

    Safe to use from several threads.

    Args:
        graph: The ONNX graph. Its probabilities are float32 [n, w / 4, 23]: nothing, and
            `tenfold.reading.ctc.CHARACTERS`. Weights in int8 have 7 bits.
        settings: The settings of reading; None takes the defaults.
        threads: Threads for one strip; 0 means one for each core that the process may use.
    """

    def __init__(
        self, graph: bytes, settings: ReaderSettings | None = None, threads: int = 0
    ) -> None:
        self._session = Session(graph, threads, wide_sums=False)
        self._settings = settings or ReaderSettings()

    def read_line(self, mark: Mark, height: float, middle: float) -> SeenLine:
        """Return the characters in a line, left to right, and the steps behind them.

        Args:
            mark: The ink of the whole line.
            height: Height of a typical digit, in pixels of that ink.
            middle: The row in which the middle of a typical digit lies.
        """
        scale = DIGIT_SHARE * STRIP_HEIGHT / height
        steps = self._steps(to_strip(mark.ink, scale, middle))
        found = self._characters(mark, decode(steps, self._settings), scale)
        return SeenLine(tuple(found), (steps,), (_middles(mark, steps, scale),), (1.0,))

    def read_strip(self, strip: Gray) -> str:
        """Return the characters on a strip, uint8 (32, w), white on black, as text."""
        return "".join(found.character for found in self.find_characters(strip))

    def find_characters(self, strip: Gray) -> list[Placed]:
        """Return the characters on a strip, with their confidences and their steps."""
        return decode(self._steps(strip), self._settings)

    def read_marks(self, marks: Sequence[Mark], low: Sequence[Mark] = ()) -> SeenLine:
        """Return the characters in marks that stand in a row; large marks are scaled down first.

        Args:
            marks: Marks as high as digits.
            low: Dots, commas and dashes beside them.
        """
        scale = min(1.0, WORK_SIDE / max(mark.box[3] for mark in marks))
        scaled = [_scaled(mark, scale) for mark in marks]
        found = self.read_line(*joined_marks(
            scaled, self._settings.lowest_digit_share, [_scaled(mark, scale) for mark in low]
        ))  # fmt: skip
        if scale == 1:
            return found
        characters = [
            replace(
                one,
                mark=Mark(one.mark.ink, _scaled_box(one.mark.box, 1 / scale)),
                column=one.column / scale,
            )
            for one in found.characters
        ]
        columns = tuple(columns / scale for columns in found.columns)
        return replace(found, characters=tuple(characters), columns=columns)

    def read_picture_of_line(self, ink: Ink, height: float = 0) -> SeenLine:
        """Return the characters in a picture of one line that fills most of the picture's height.

        The height of the digits is not known. The likeliest characters over several heights are
        returned.

        Args:
            ink: float32 (h, w), 0 paper to 1 full ink.
            height: Height of a typical mark, in pixels, near which the digits' is likelier; 0 if no
                mark was found.
        """
        mark = Mark(ink, (0, 0, ink.shape[1], ink.shape[0]))
        scales = [
            DIGIT_SHARE * STRIP_HEIGHT / (ink.shape[0] * share)
            for share in self._settings.line_digit_shares
        ]
        strips = [to_strip(ink, scale, ink.shape[0] / 2) for scale in scales]
        views = tuple(self._steps(strip) for strip in strips)
        weights = _height_weights(height / ink.shape[0], self._settings)
        best, found = decode_several(views, self._settings, weights)
        columns = tuple(
            _middles(mark, steps, scale) for steps, scale in zip(views, scales, strict=True)
        )
        characters = self._characters(mark, found, scales[best])
        return SeenLine(tuple(characters), views, columns, weights)

    def _steps(self, strip: Gray) -> Steps:
        (answers,) = self._session.run(["probabilities"], {"strips": strip[None]})
        steps: Steps = answers[0]
        return steps

    def _characters(self, mark: Mark, found: list[Placed], scale: float) -> list[LineCharacter]:
        """Return the characters found on a strip, each with its ink in the mark."""
        places = _columns(found, mark.ink.shape[1], scale)
        return [
            LineCharacter(
                one.character, one.confidence, one.digit, one.digit_probability, part,
                mark.box[0] + _column((one.first + one.end) / 2, scale), one.digits,
            )
            for one, (left, right) in zip(found, places, strict=True)
            if (part := _between(mark, left, right, self._settings.box_ink))
        ]  # fmt: skip


def to_strip(ink: Ink, scale: float, middle: float) -> Gray:
    """Return ink scaled into a strip, uint8 (32, w), white on black.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        scale: Pixels of the strip for each pixel of the ink.
        middle: The row of the ink that goes to the middle of the strip.
    """
    width = math.ceil((ink.shape[1] * scale + 2 * MARGIN) / STEP) * STEP
    if scale < 1:  # keeps thin strokes, which would fall between the pixels
        ink = cv2.GaussianBlur(ink, (0, 0), 0.4 / scale)
    move = np.array([[scale, 0, MARGIN], [0, scale, STRIP_HEIGHT / 2 - scale * middle]], np.float32)
    strip = cv2.warpAffine(ink, move, (width, STRIP_HEIGHT))
    gray: Gray = np.rint(255 * np.clip(strip, 0, 1)).astype(np.uint8)
    return gray


def joined_marks(
    marks: Sequence[Mark], lowest_digit_share: float, low: Sequence[Mark] = ()
) -> tuple[Mark, float, float]:
    """Return the marks of a line as one mark, with height and middle row of a typical digit in it.

    Args:
        marks: Marks with one pixel of ink for each pixel of their boxes.
        lowest_digit_share: See `typical_height`.
        low: Dots, commas and dashes beside them, which do not count for the height.
    """
    every = [*marks, *low]
    left, top = (min(mark.box[axis] for mark in every) for axis in (0, 1))
    right, bottom = (max(mark.box[axis] + mark.box[axis + 2] for mark in every) for axis in (0, 1))
    ink = np.zeros((bottom - top, right - left), np.float32)
    for mark in every:
        x, y, width, height = mark.box
        part = ink[y - top : y - top + height, x - left : x - left + width]
        np.maximum(part, mark.ink, out=part)
    typical = typical_height(marks, lowest_digit_share)
    middle = median([mark.box[1] + mark.box[3] / 2 for mark in marks]) - top
    return Mark(ink, (left, top, right - left, bottom - top)), typical, middle


def typical_height(marks: Sequence[Mark], lowest_digit_share: float) -> float:
    """Return the height of a typical digit among the marks of a line, in pixels.

    It is at least `lowest_digit_share` of the line's height from top to bottom.
    """
    top = min(mark.box[1] for mark in marks)
    bottom = max(mark.box[1] + mark.box[3] for mark in marks)
    return max(median([mark.box[3] for mark in marks]), lowest_digit_share * (bottom - top))


def _height_weights(share: float, settings: ReaderSettings) -> tuple[float, ...]:
    """Return how likely digits have each of the heights of `line_digit_shares`; the sum is 1.

    Args:
        share: Height of a typical mark as a share of the picture's, or 0 if it is not known.
        settings: The settings of reading.
    """
    shares = np.array(settings.line_digit_shares)
    away = np.log(shares / share) / settings.line_height_spread if share else 0 * shares
    weights = np.exp(-(away**2) / 2)
    return tuple((weights / weights.sum()).tolist())


def _scaled(mark: Mark, scale: float) -> Mark:
    """Return a mark with its box scaled, and with one pixel of ink for each pixel of the box."""
    box = _scaled_box(mark.box, scale)
    if mark.ink.shape[::-1] == box[2:]:
        return Mark(mark.ink, box)
    return Mark(cv2.resize(mark.ink, box[2:], interpolation=cv2.INTER_AREA), box)


def _scaled_box(box: Box, scale: float) -> Box:
    x, y, width, height = box
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return round(x * scale), round(y * scale), *size


def _columns(found: list[Placed], columns: int, scale: float) -> list[tuple[int, int]]:
    """Return first column and end of each character in the ink of a line.

    Two characters are separated in the middle between their steps.
    """
    edges = [0]
    for one, other in pairwise(found):
        edge = _column((one.end + other.first) / 2, scale)
        edges.append(round(min(max(edge, edges[-1] + 1), columns - 1)))
    return list(pairwise([*edges, columns])) if found else []


def _column(step: float, scale: float) -> float:
    """Return the column of the ink where a step begins. The first step sees the second four."""
    return ((step + 1) * STEP - MARGIN) / scale


def _middles(mark: Mark, steps: Steps, scale: float) -> NDArray[np.float64]:
    """Return the column of the picture in the middle of each step."""
    return np.array([mark.box[0] + _column(step + 0.5, scale) for step in range(len(steps))])


def _between(mark: Mark, left: int, right: int, box_ink: float) -> Mark | None:
    """Return the part of a mark between two columns, cut to its ink; None if there is none."""
    ink = mark.ink[:, left:right]
    rows, columns = (np.flatnonzero((ink > box_ink).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    top, bottom, first, last = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    place = (mark.box[0] + left + int(first), mark.box[1] + int(top))
    return Mark(ink[top:bottom, first:last], (*place, int(last - first), int(bottom - top)))
