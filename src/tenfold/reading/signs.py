"""Signs between digits, which the line network tells from digits: a slash alone looks like a 1."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tenfold.arrays import DIGITS, Ink
from tenfold.imaging.canvas import Mark
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.picture import Picture
from tenfold.reading.ctc import OTHER
from tenfold.reading.lattice import SEPARATING, Place, character_step
from tenfold.reading.line_reader import LineCharacter
from tenfold.reading.marks import ScoredDigit, digit_place, in_whole_picture
from tenfold.reading.results import Digit, Sign
from tenfold.reading.settings import ReaderSettings

Entry = ScoredDigit | LineCharacter
"""What stands in a place of a row: a digit, or a character that is no digit."""


def sign_marks(
    marks: Sequence[Mark],
    digits: Sequence[ScoredDigit],
    line: Sequence[LineCharacter],
    settings: ReaderSettings,
) -> dict[Mark, LineCharacter]:
    """Return the marks in which the line network sees one sign and nothing else.

    Args:
        marks: The marks of a row.
        digits: The digit that each mark is by itself. A mark that is one by itself is no OTHER.
        line: What the line network reads in the row.
        settings: The settings of reading.
    """
    found = {}
    for mark, scored in zip(marks, digits, strict=True):
        over = [one for one in line if mark.box[0] <= one.column < mark.box[0] + mark.box[2]]
        if len(over) == 1 and _is_sign(over[0], scored, settings):
            found[mark] = over[0]
    return found


def without_slashes(
    pieces: Sequence[Mark],
    digits: Sequence[ScoredDigit],
    line: Sequence[LineCharacter],
    settings: ReaderSettings,
) -> list[ScoredDigit]:
    """Return digits of a row; each 1 that may be a slash is rejected.

    A slash leans to the right. The line network must give a digit some probability there. If the
    mark also reaches below the digits beside it, or if it is like a slash in the row, the network
    must be sure of a digit.

    Args:
        pieces: The marks of the row that are no signs, split into digits, left to right.
        digits: The digit that each piece is by itself.
        line: What the line network reads in the row. A mark without neighbors is no slash.
        settings: The settings of reading.
    """
    found = list(digits)
    slashes = [
        one.mark
        for one in line
        if one.character == "/" and one.digit_probability < settings.slash_probability
    ]
    for place, (piece, scored) in enumerate(zip(pieces, digits, strict=True)):
        looks = scored.digit.digit == 1 and not scored.digit.rejected and len(line) > 1
        if not looks or slant_of(piece.ink) < settings.slash_slant:
            continue
        beside = [pieces[other] for other in (place - 1, place + 1) if 0 <= other < len(pieces)]
        suspect = bool(beside) and _reach_below(piece, beside) > settings.slash_descent
        suspect = suspect or any(_are_alike(piece, slash, settings) for slash in slashes)
        seen = _character_over(piece, line)
        least = settings.suspect_slash_probability if suspect else settings.slash_probability
        if seen is not None and seen.digit_probability < least:
            found[place] = scored._replace(digit=replace(scored.digit, rejected=True))
    return found


def slant_of(ink: Ink) -> float:
    """Return how far ink leans: pixels to the right for each pixel up, by its moments.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink. Without a pixel of half of it, 0.
    """
    rows, columns = np.nonzero(ink >= INK_SHARE)
    if not rows.size:
        return 0.0
    down, across = rows - rows.mean(), columns - columns.mean()
    return -float(down @ across) / max(float(down @ down), 1.0)


def _reach_below(mark: Mark, beside: Sequence[Mark]) -> float:
    """Return how far a mark reaches below the mean of its neighbors, in heights of these."""
    bottom = float(np.mean([one.box[1] + one.box[3] for one in beside]))
    height = float(np.mean([one.box[3] for one in beside]))
    return (mark.box[1] + mark.box[3] - bottom) / height


def _are_alike(one: Mark, other: Mark, settings: ReaderSettings) -> bool:
    """Return whether two strokes are about as high and lean alike."""
    heights = one.box[3] / other.box[3]
    slants = slant_of(one.ink) - slant_of(other.ink)
    tolerance = settings.slash_likeness
    return abs(heights - 1) < tolerance and abs(slants) < tolerance


def checked(
    pieces: Sequence[Mark],
    digits: Sequence[ScoredDigit],
    line: Sequence[LineCharacter],
    known: Mapping[Mark, LineCharacter],
    whole: Collection[Mark],
    settings: ReaderSettings,
) -> list[Entry]:
    """Return digits and signs of a row, left to right.

    A piece in which the line network sees a sign is one. If a digit is about as likely, the piece
    is a rejected digit.

    Args:
        pieces: The marks of the row that are no signs, split into digits.
        digits: The digit that each piece is by itself.
        line: What the line network reads in the row.
        known: The marks that are signs.
        whole: The marks of the row; the other pieces were cut off them.
        settings: The settings of reading.
    """
    entries: list[tuple[float, Entry]] = [(one.column, one) for one in known.values()]
    matched = set(map(id, known.values()))
    for piece, scored in zip(pieces, digits, strict=True):
        found = _character_over(piece, line)
        entry: Entry = scored
        if found is not None and not found.is_digit and id(found) not in matched:
            if _is_sign(found, scored, settings):
                entry = found
            elif _is_doubtful(found, scored, settings):
                entry = scored._replace(digit=replace(scored.digit, rejected=True))
            if found.character != OTHER:  # which may be a whole word
                matched.add(id(found))
        elif piece not in whole and _is_disputed(found, scored, settings):
            entry = scored._replace(digit=replace(scored.digit, rejected=True))
        entries.append((piece.box[0] + piece.box[2] / 2, entry))
    entries += [
        (one.column, one)
        for one in line
        if not one.is_digit and one.character != OTHER and id(one) not in matched
    ]
    return [entry for _, entry in sorted(entries, key=lambda pair: pair[0])]


def sure_marks(
    marks: Sequence[Mark],
    alone: Sequence[ScoredDigit],
    line: Sequence[LineCharacter],
    settings: ReaderSettings,
) -> list[Mark]:
    """Return the marks that are one digit for certain: both networks accept the same one alone.

    Args:
        marks: Marks as high as digits.
        alone: The digit that each mark is by itself.
        line: What the line network reads in their row.
        settings: The settings of reading.
    """

    def is_sure(mark: Mark, scored: ScoredDigit) -> bool:
        over = [one for one in line if mark.box[0] <= one.column < mark.box[0] + mark.box[2]]
        return (
            not scored.digit.rejected
            and len(over) == 1
            and over[0].character == str(scored.digit.digit)
            and over[0].confidence >= settings.threshold
        )

    return [mark for mark, scored in zip(marks, alone, strict=True) if is_sure(mark, scored)]


def agreed(entries: Sequence[Entry], digits: Sequence[ScoredDigit]) -> list[Entry]:
    """Return what the line network reads; where pieces show the same digit, the surer one counts.

    Args:
        entries: What the line network reads in a row.
        digits: The digit that each piece of the row is by itself. If there are more or fewer than
            in `entries`, none is compared.
    """
    read = [one for one in entries if isinstance(one, ScoredDigit)]
    if len(read) != len(digits):
        return list(entries)
    alone = iter(digits)
    return [
        other
        if isinstance(one, ScoredDigit)
        and (other := next(alone)).digit.digit == one.digit.digit
        and other.score > one.score
        else one
        for one in entries
    ]


def with_traces(entries: Sequence[Entry], line: Sequence[LineCharacter]) -> list[Entry]:
    """Return what the line network reads; what parts numbers leaves a trace if it may be a digit.

    As where it is no digit for certain, its score is the probability that it is none.

    Args:
        entries: What the line network reads in a row; none if it is not confident.
        line: The characters behind them.
    """
    places = [place for place, one in enumerate(line) if one.is_digit]
    return [
        one._replace(score=1 - one.score)
        if isinstance(one, ScoredDigit)
        and seen.character in SEPARATING
        and places[0] < place < places[-1]
        else one
        for place, (one, seen) in enumerate(zip(entries, line, strict=False))
    ]


def digits_and_signs(
    entries: Sequence[Entry], picture: Picture
) -> tuple[list[ScoredDigit], list[Sign]]:
    """Return the digits of a row, and its signs.

    A sign that separates numbers, between two digits, is a rejected digit too. Its score is the
    probability that it is no digit: it makes nothing doubtful. In a row without digits, such marks
    are rejected digits with the score of a digit, so that the page tells that they are left out.
    """
    places = [place for place, one in enumerate(entries) if isinstance(one, ScoredDigit)]
    digits, signs = [], []
    for place, one in enumerate(entries):
        if isinstance(one, ScoredDigit):
            digits.append(one)
            continue
        box = in_whole_picture(one.mark.box, picture)
        if one.character != OTHER:
            signs.append(Sign(one.character, one.confidence, box))
        guess = Digit(one.digit, one.digit_probability, box, rejected=True)
        if one.character in SEPARATING and not places:
            digits.append(ScoredDigit(guess, one.digit_probability))
        elif one.character in SEPARATING and places[0] < place < places[-1]:
            digits.append(ScoredDigit(guess, 1 - one.digit_probability))
    return digits, signs


def entry_place(one: Entry, picture: Picture, settings: ReaderSettings) -> Place:
    """Return where a digit or sign begins and ends, in the whole picture, and its step."""
    if isinstance(one, ScoredDigit):
        return digit_place(*one, settings)
    box = in_whole_picture(one.mark.box, picture)
    step = character_step(one.character, one.confidence, one.digits)
    return box[0], box[0] + box[2], step


def sign_place(sign: Sign) -> Place:
    """Return where a sign that stands apart from digits begins and ends, and its step."""
    left, _, width, _ = sign.box
    no_digits = np.zeros(len(DIGITS), np.float32)
    return left, left + width, character_step(sign.character, sign.confidence, no_digits)


def _is_doubtful(found: LineCharacter, scored: ScoredDigit, settings: ReaderSettings) -> bool:
    """Return whether a mark is no digit for certain although the line network sees none.

    An accepted digit is taken for another mark only if the line network is sure of it.
    """
    if found.character == OTHER:
        least = settings.sign_digit_probability
    else:
        least = settings.doubtful_digit_probability
    return scored.digit.rejected or found.digit_probability < least


def _is_disputed(
    found: LineCharacter | None, scored: ScoredDigit, settings: ReaderSettings
) -> bool:
    """Return whether the line network sees another digit than a piece of a mark, or none there."""
    if found is None:
        return True
    return found.is_digit and bool(found.digits[scored.digit.digit] < settings.disputed_piece)


def _is_sign(found: LineCharacter, scored: ScoredDigit, settings: ReaderSettings) -> bool:
    """Return whether a mark is the sign that the line network sees, not the digit it looks like."""
    accepted_other = found.character == OTHER and not scored.digit.rejected
    unlikely = found.digit_probability < settings.sign_digit_probability
    return not found.is_digit and unlikely and not accepted_other


def _character_over(piece: Mark, line: Sequence[LineCharacter]) -> LineCharacter | None:
    """Return the character that the line network sees where a piece stands, if any."""
    left, width = piece.box[0], piece.box[2]
    over = [one for one in line if left <= one.column < left + width]
    if over:
        middle = left + width / 2
        return min(over, key=lambda one: abs(one.column - middle))
    return next(
        (
            one
            for one in line
            if one.character == OTHER
            and one.mark.box[0] <= left + width / 2 < one.mark.box[0] + one.mark.box[2]
        ),
        None,
    )
