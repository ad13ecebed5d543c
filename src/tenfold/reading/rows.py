"""Marks that stand in a row -> digits: alone and together, numbers apart from words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np

from tenfold.classifiers.base import predict_scored
from tenfold.imaging.canvas import Mark, mark_to_canvas
from tenfold.imaging.decoding import Picture
from tenfold.imaging.ink import Gray, ink_of
from tenfold.reading.line_reader import Found, typical_height
from tenfold.reading.results import Box, Digit
from tenfold.reading.shipped import Models
from tenfold.reading.splitting import Cuts

LESS_SURE = 0.35
"""A line read as a whole may be so much less sure, in mean log likelihood, than digit by digit:
half of a zero is a fine 6 to who sees nothing else. Set on pages made of MNIST training images."""

SEVERAL, SEEN = 3, 0.6
"""Of so many marks in a row the line's network, which has seen words, too, finds such a share to be
digits, or they are a word."""

SPACE = 0.4
"""A gap of so many heights parts words from numbers."""

MOSTLY = 0.85
"""Where it finds a smaller share of a row to be digits, words are looked for between the spaces."""

NUMBER, LEAST, SURELY = 0.75, 2, 0.85
"""What stands beside a word is a number if such a share of its marks, and so many, are digits, of
which the line's network is so sure on average. As all on words here, set on pages like those of
benchmarks/words.py."""

CALLED = 1 / 3
"""A line is not read as a whole unless so many of its marks are called: letters seldom are."""

LONG, LONGEST = 1.3, 12.0
"""A picture so many times as wide as high may be one line, cut out close."""

Scored = tuple[Digit, float]
"""A digit, and how sure it is that it is one, 0 to 1."""


@dataclass(frozen=True)
class Row:
    """Digits that stand in a row, each with its score; the scores of its marks, each for itself.

    `stays`: whether it is a line of digits, if the line's network has told.
    """

    digits: list[Scored]
    alone: list[float]
    stays: bool | None = None


class RowReader:
    """Reads the rows of one picture.

    Args:
        models: What names digits, and what reads lines.
        picture: Where the marks stand.
        threshold: A digit whose score falls below it is rejected.
        whole_lines: Rows that are read badly digit by digit are read as a whole, too.
    """

    def __init__(
        self, models: Models, picture: Picture, *, threshold: float, whole_lines: bool
    ) -> None:
        self._models = models
        self._picture = picture
        self._threshold = threshold
        self._whole_lines = whole_lines

    def name(self, marks: Sequence[Mark]) -> list[Scored]:
        """Return the digit that each mark is, with its digit score."""
        images = [mark_to_canvas(mark.ink) for mark in marks]
        if not images:
            return []
        return self._call(images, [_whole_box(mark.box, self._picture) for mark in marks])

    def read(self, marks: list[Mark], alone: list[Scored], cuts: Cuts) -> list[Row]:
        """Read marks that stand in a row: one row, or where words stand in it, its parts.

        Args:
            marks: Left to right.
            alone: The digit that each is, with its score.
            cuts: Cuts apart those that are several digits.
        """
        pieces = cuts.split(marks, [score for _, score in alone], self._models.classifier)
        whole = dict(zip(map(id, marks), alone, strict=True))
        new = iter(self.name([piece for piece in pieces if id(piece) not in whole]))
        named = [whole.get(id(piece)) or next(new) for piece in pieces]
        scores = [score for _, score in named]
        if not self._whole_lines:
            return [Row(named, scores)]
        called = sum(score >= self._threshold for score in scores)
        found = self._models.line_reader.read_line(marks)
        if len(pieces) >= SEVERAL and len(found) < MOSTLY * len(pieces):
            parts = self._parts(marks)
            if len(parts) > 1:
                return [row for part in parts for row in self._part(*part, whole, cuts)]
            if len(found) < SEEN * len(pieces):
                return [Row(named, scores, stays=False)]
        if called < CALLED * len(scores):
            return [Row(named, scores)]
        well = len(pieces) == len(marks) and called == len(scores)
        if well and len(found) <= len(named):  # two digits may look like one, but not the reverse
            return [Row(named, scores)]
        together = self._if_sure(found, _mean_log(scores) - LESS_SURE)
        return [Row(together or named, scores, stays=True if together else None)]

    def one_line(self, scores: list[float]) -> list[Scored]:
        """Read the picture as one line; nothing if it is none, or if its marks are far surer."""
        height, width = self._picture.gray.shape
        ink = ink_of(self._picture.gray) if LONG <= width / height <= LONGEST else None
        if ink is None:
            return []
        found = self._models.line_reader.read_whole(ink)
        return self._if_sure(found, _mean_log(scores) - LESS_SURE)

    def _parts(self, marks: list[Mark]) -> list[tuple[list[Mark], bool]]:
        """Part a row where words begin and end; say of each part whether it is words."""
        told = [(group, self._is_word(group)) for group in _between_spaces(marks)]
        return [
            ([mark for group, _ in groups for mark in group], words)
            for words, groups in groupby(told, key=lambda one: one[1])
        ]

    def _is_word(self, marks: list[Mark]) -> bool:
        if len(marks) < SEVERAL:
            return False
        return len(self._models.line_reader.read_line(marks)) < SEEN * len(marks)

    def _part(
        self, marks: list[Mark], words: bool, alone: dict[int, Scored], cuts: Cuts
    ) -> list[Row]:
        """Read a part of a row in which there are words."""
        named = [alone[id(mark)] for mark in marks]
        if not words:
            found = self._models.line_reader.read_line(marks)
            sure = _mean_log([one.confidence for one in found]) >= math.log(SURELY)
            if sure and len(found) >= max(LEAST, NUMBER * len(marks)):
                return self.read(marks, named, cuts)
        return [Row(named, [score for _, score in named], stays=False)]

    def _if_sure(self, found: list[Found], surer_than: float) -> list[Scored]:
        """Return what was found in a line, if that is sure."""
        if not found or _mean_log([one.confidence for one in found]) <= surer_than:
            return []
        seen = [digit for digit, _ in self.name([one.mark for one in found])]
        return [
            (
                replace(digit, digit=one.digit, confidence=one.confidence,
                        rejected=one.confidence < self._threshold),
                one.confidence,
            )
            for digit, one in zip(seen, found, strict=True)
        ]  # fmt: skip

    def _call(self, images: list[Gray], boxes: list[Box]) -> list[Scored]:
        """Return the digit on each canvas, with its digit score."""
        probabilities, scores = predict_scored(self._models.classifier, np.stack(images))
        return [
            (
                Digit(
                    int(row.argmax()), float(row.max()), box, bool(score < self._threshold), image
                ),
                float(score),
            )
            for box, row, score, image in zip(boxes, probabilities, scores, images, strict=True)
        ]


def _between_spaces(marks: list[Mark]) -> list[list[Mark]]:
    """Part marks, left to right, where there is a space."""
    space = SPACE * typical_height(marks)
    groups = [marks[:1]]
    end = 0
    for before, mark in pairwise(marks):
        end = max(end, before.box[0] + before.box[2])
        if mark.box[0] - end > space:
            groups.append([])
        groups[-1].append(mark)
    return groups


def _mean_log(scores: list[float]) -> float:
    return float(np.mean(np.log(np.maximum(scores, 1e-3)))) if scores else -math.inf


def _whole_box(box: Box, picture: Picture) -> Box:
    """Return a box in `picture.gray` as one in pixels of the whole picture."""
    rows, columns = picture.gray.shape
    across, down = picture.width / columns, picture.height / rows
    x, y, width, height = box
    left, top = round(x * across), round(y * down)
    return left, top, round((x + width) * across) - left, round((y + height) * down) - top
