"""A second opinion: lines read again by RapidOCR's recognizer, and digits accepted if both agree.

RapidOCR (the extra `ocr`) brings the recognizer of PP-OCRv6 in its wheel: a network for text of
many languages, trained on other pictures than ours, so that it makes other errors. Only its file
is used, with all characters masked but digits and signs. Nothing is fetched.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tenfold.arrays import Gray
from tenfold.classifiers.onnx import Session
from tenfold.errors import MissingExtraError
from tenfold.imaging.page_ink import is_page_ink_dark
from tenfold.imaging.picture import Picture
from tenfold.reading.ctc import Steps, decode
from tenfold.reading.results import Box, Digit, Reading
from tenfold.reading.settings import ReaderSettings

SIGNS = ".,-/"
"""Characters that the recognizer may see beside digits. They count as no digit."""

HEIGHT = 48
"""Height of a line for the recognizer, in pixels: `Rec.rec_img_shape` in RapidOCR's config.yaml."""

LEAST_WIDTH = 320
"""Least width of a line, from the same setting. Narrower lines are padded with gray."""

WIDEST = 4096
"""Most columns of a line, about a hundred digits. A longer line is squeezed, so that hostile
pictures stay within 250 MB."""

MOST_COLUMNS = 65536
"""Columns of a page that are read, in about 7 s of one core. Lines below are rejected."""

MARGIN = 0.1
"""Paper above and below the digits of a line, in heights of the line. On pages made of MNIST
training images 0.05 and 0.2 read alike, and 0.35 a little worse (dev/reading.md)."""

SIDE = 0.5
"""Paper to the left and right of them, likewise: enough for a digit that our reader missed."""

RECOGNIZER = "PP-OCR*_rec_*.onnx"
"""The recognizer among the networks in the package's folder `models`."""


class SaidDigit(NamedTuple):
    """A digit, and the probability of it in its place, 0 to 1."""

    digit: int
    confidence: float


class SecondReader:
    """Reads lines of digits with the recognizer of PP-OCR. Safe to use from several threads.

    Args:
        graph: An ONNX graph from `x` float32 [n, 3, 48, w], -1 black to 1 white, to the
            probabilities [n, t, characters] of a blank and of the characters that its metadata
            lists.
        settings: The settings of reading; None takes the defaults.
    """

    def __init__(self, graph: bytes, settings: ReaderSettings | None = None) -> None:
        self._session = Session(graph, 1, name="RapidOCR's recognizer")
        self._settings = settings or ReaderSettings()
        ((self._output, _),) = self._session.outputs().items()
        ((self._input, _),) = self._session.inputs().items()
        characters = self._session.metadata()["character"].splitlines()
        self._no_digit = [0, *(1 + characters.index(sign) for sign in SIGNS)]
        self._digits = [1 + characters.index(str(digit)) for digit in range(10)]

    def read_line(self, gray: Gray) -> list[SaidDigit]:
        """Return the digits in a picture of one line, left to right.

        Args:
            gray: uint8 (h, w), dark ink on light paper, cut out close to the digits.
        """
        found = decode(self._steps(gray), self._settings)
        return [SaidDigit(one.digit, one.confidence) for one in found]

    def _steps(self, gray: Gray) -> Steps:
        columns = _columns(gray)
        line = np.zeros((HEIGHT, max(LEAST_WIDTH, columns)), np.float32)
        line[:, :columns] = cv2.resize(gray, (columns, HEIGHT)) / np.float32(127.5) - 1
        colors = np.repeat(line[None, None], 3, axis=1)
        ((said,),) = self._session.run([self._output], {self._input: colors})
        steps = np.column_stack([said[:, self._no_digit].sum(axis=1), said[:, self._digits]])
        total = np.maximum(steps.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        shares: Steps = steps / total
        return shares

    def confirm(self, reading: Reading, picture: Picture) -> Reading:
        """Return a reading in which a digit is accepted if both readers are sure of it together.

        Args:
            reading: What was read in the picture.
            picture: The picture, in the orientation of the reading.
        """
        known: dict[Digit, Digit] = {}
        for digits, said in self.read_again(reading, picture):
            known |= zip(digits, confirmed(digits, said, self._settings.threshold), strict=True)

        def new(digits: Sequence[Digit]) -> tuple[Digit, ...]:
            return tuple(known[digit] for digit in digits)

        grids = tuple(
            replace(
                grid, cells=tuple(replace(cell, digits=new(cell.digits)) for cell in grid.cells)
            )
            for grid in reading.grids
        )
        lines = tuple(replace(line, digits=new(line.digits)) for line in reading.lines)
        return replace(reading, lines=lines, grids=grids)

    def read_again(
        self, reading: Reading, picture: Picture
    ) -> Iterator[tuple[Sequence[Digit], list[SaidDigit]]]:
        """Yield digits that were read, and what this reader says in their place; see `confirm`.

        The digits are those of a cell, of which the walls are left out, or the others of a line.
        """
        cells = [cell for grid in reading.grids for cell in grid.cells if cell.digits]
        boxed = {digit for cell in cells for digit in cell.digits}
        beside = (tuple(d for d in line.digits if d not in boxed) for line in reading.lines)
        parts: list[tuple[tuple[Digit, ...], Gray]] = [
            *((cell.digits, _pixels(picture, [cell.box])) for cell in cells),
            *((row, _pixels(picture, [d.box for d in row], SIDE, MARGIN)) for row in beside if row),
        ]
        inverted = not is_page_ink_dark(picture.gray)
        columns = 0
        for digits, gray in parts:
            read = columns < MOST_COLUMNS
            yield digits, self.read_line(255 - gray if inverted else gray) if read else []
            columns += max(LEAST_WIDTH, _columns(gray))


def _columns(gray: Gray) -> int:
    """Return the width of a line for the recognizer, in pixels."""
    height, width = gray.shape
    return int(min(WIDEST, math.ceil(HEIGHT * width / height)))


def confirmed(
    digits: Sequence[Digit], said: Sequence[SaidDigit], threshold: float
) -> tuple[Digit, ...]:
    """Return the digits of a line with the confidence that both readers have in them.

    The odds of both readers are multiplied, as if they erred independently. Where they differ the
    digit stays our guess, and is rejected.

    Args:
        digits: What our reader found.
        said: What the other reader found in the same line.
        threshold: Confidence of both together below which a digit is rejected.
    """
    opinions = opinions_on([one.digit for one in digits], said)
    found = []
    for one, (same, probability) in zip(digits, opinions, strict=True):
        right, wrong = one.confidence * probability, (1 - one.confidence) * (1 - probability)
        confidence = right / (right + wrong) if right else 0.0
        rejected = not same or confidence < threshold
        found.append(replace(one, confidence=confidence, rejected=rejected))
    return tuple(found)


def opinions_on(digits: Sequence[int], said: Sequence[SaidDigit]) -> list[tuple[bool, float]]:
    """Return whether each digit was also said, and how probable it is by what was said.

    Both rows are aligned. A digit that was said in place of ours, or beside ours and in addition,
    contradicts ours with its confidence. One that only we found is contradicted by its neighbors.
    """
    matcher = SequenceMatcher(None, digits, [one.digit for one in said], autojunk=False)
    blocks = matcher.get_opcodes()
    found = [(False, 0.0)] * len(digits)
    for kind, start, end, first, last in blocks:
        if kind == "equal":
            found[start:end] = [(True, one.confidence) for one in said[first:last]]
    for kind, start, end, first, last in blocks:
        if kind != "equal":
            rivals = said[first:last] or said[max(0, first - 1) : first + 1]
            doubt = 1 - max((one.confidence for one in rivals), default=1.0)
            places = range(start, end) or range(max(0, start - 1), min(len(digits), start + 1))
            for place in places:
                found[place] = (False, doubt)
    return found


def _pixels(picture: Picture, boxes: Sequence[Box], side: float = 0, margin: float = 0) -> Gray:
    """Return the pixels of the picture around boxes.

    Args:
        picture: The picture.
        boxes: In pixels of the whole picture.
        side: Paper to the left and right of them, in heights of all boxes together.
        margin: Paper above and below them, likewise.
    """
    edges = np.array(boxes)
    left, top = edges[:, :2].min(axis=0)
    right, bottom = (edges[:, :2] + edges[:, 2:]).max(axis=0)
    beside, above = side * (bottom - top), margin * (bottom - top)
    rows, columns = picture.gray.shape
    across, down = columns / picture.width, rows / picture.height
    x, y = max(0, math.floor((left - beside) * across)), max(0, math.floor((top - above) * down))
    end, base = math.ceil((right + beside) * across), math.ceil((bottom + above) * down)
    return picture.gray[y:base, x:end]


def load_second_reader(settings: ReaderSettings) -> SecondReader:
    """Load the recognizer that the package rapidocr brings.

    Raises:
        MissingExtraError: The package is missing, or has no such network.
    """
    return SecondReader(recognizer_file().read_bytes(), settings)


def recognizer_file() -> Path:
    """Return the file of the recognizer in the package rapidocr, which is not imported.

    Raises:
        MissingExtraError: The package is missing, or has no such network.
    """
    package = find_spec("rapidocr")
    for folder in (package and package.submodule_search_locations) or ():
        for path in Path(folder, "models").glob(RECOGNIZER):
            return path
    raise MissingExtraError("a second opinion", "ocr")
