"""Words beside numbers: told by what the line network reads in a row, and by its spaces."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

from tenfold.arrays import DIGITS
from tenfold.imaging.canvas import Mark
from tenfold.reading.ctc import OTHER
from tenfold.reading.line_reader import LineCharacter, LineReader, typical_height
from tenfold.reading.marks import ScoredDigit
from tenfold.reading.selection import mean_log
from tenfold.reading.settings import ReaderSettings

HIGH_SIGNS = "/()+$=x"
"""Signs that are marks as high as digits, or nearly."""


def may_hold_words(marks: int, found: str, settings: ReaderSettings) -> bool:
    """Return whether words may stand in a row, alone or beside numbers.

    Args:
        marks: Number of marks or pieces of marks in the row, each as high as a digit.
        found: The characters that the line network finds in them.
        settings: The settings of reading.
    """
    marks, digits = _without_signs(marks, found)
    return marks >= settings.word_marks and digits < settings.mixed_row_digit_share * marks


def is_word(marks: int, found: str, settings: ReaderSettings) -> bool:
    """Return whether marks are a word; see `may_hold_words`."""
    marks, digits = _without_signs(marks, found)
    if OTHER in found and not digits:
        return marks >= settings.other_marks
    return marks >= settings.word_marks and digits < settings.word_digit_share * marks


def _without_signs(marks: int, found: str) -> tuple[int, int]:
    """Return the number of marks that are no signs, and that of digits."""
    return marks - sum(one in HIGH_SIGNS for one in found), sum(one in DIGITS for one in found)


def is_number_beside_word(
    marks: int, found: str, confidences: Sequence[float], settings: ReaderSettings
) -> bool:
    """Return whether marks beside a word are a number.

    Args:
        marks: Number of marks.
        found: The characters that the line network finds in them.
        confidences: The confidences of the digits among these.
        settings: The settings of reading.
    """
    marks, _ = _without_signs(marks, found)
    fewest = max(settings.number_digits, settings.number_digit_share * marks)
    confident = mean_log(confidences) >= math.log(settings.number_confidence)
    return confident and len(confidences) >= fewest


def words_and_numbers(
    known: Mapping[Mark, ScoredDigit],
    line: Sequence[LineCharacter],
    line_reader: LineReader,
    settings: ReaderSettings,
) -> list[tuple[list[Mark], bool]]:
    """Split a row where words begin and end; return each group and whether it is words.

    Args:
        known: The marks of the row, left to right, and the digit that each is by itself.
        line: What the line network reads in the row.
        line_reader: Reads groups that may be words once more, alone.
        settings: The settings of reading.
    """
    groups: list[list[Mark]] = []
    for group in _split_at_spaces(list(known), settings):
        if groups and not _has_digit(groups[-1], line) and not _has_digit(group, line):
            groups[-1] += group  # letters of one word, or words
        else:
            groups.append(group)
    words = [_is_group_word(group, known, line, line_reader, settings) for group in groups]
    for place in range(1, len(groups) - 1):
        if len(groups[place]) == 1 and not words[place - 1] and not words[place + 1]:
            words[place] = False  # one mark between numbers separates them
    return [
        ([mark for group, _ in equal for mark in group], of_words)
        for of_words, equal in groupby(zip(groups, words, strict=True), key=lambda one: one[1])
    ]


def _is_group_word(
    marks: list[Mark],
    known: Mapping[Mark, ScoredDigit],
    line: Sequence[LineCharacter],
    line_reader: LineReader,
    settings: ReaderSettings,
) -> bool:
    found = text_of(_over(marks, line))
    if (OTHER in found or not found) and not _has_digit(marks, line):
        rejected = any(known[mark].digit.rejected for mark in marks)
        if len(marks) >= settings.other_marks or rejected:
            return True
    if len(marks) < settings.word_marks:
        return False
    own = line_reader.read_marks(marks).characters
    return is_word(len(marks), text_of(own), settings)


def _over(marks: Sequence[Mark], line: Sequence[LineCharacter]) -> list[LineCharacter]:
    """Return the characters that the line network sees between the first and the last mark."""
    left, right = marks[0].box[0], max(mark.box[0] + mark.box[2] for mark in marks)
    return [one for one in line if left <= one.column < right]


def _has_digit(marks: Sequence[Mark], line: Sequence[LineCharacter]) -> bool:
    return any(one.is_digit for one in _over(marks, line))


def text_of(line: Sequence[LineCharacter]) -> str:
    """Return the characters that the line network reads."""
    return "".join(one.character for one in line)


def _split_at_spaces(marks: Sequence[Mark], settings: ReaderSettings) -> list[list[Mark]]:
    """Split marks, left to right, into groups between spaces."""
    space = settings.space * typical_height(marks, settings.lowest_digit_share)
    groups = [list(marks[:1])]
    end = 0
    for before, mark in pairwise(marks):
        end = max(end, before.box[0] + before.box[2])
        if mark.box[0] - end > space:
            groups.append([])
        groups[-1].append(mark)
    return groups
