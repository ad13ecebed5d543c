"""Signs between digits, which the line network tells from digits: a slash alone looks like a 1."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tenfold.imaging.canvas import Mark
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


def checked(
    pieces: Sequence[Mark],
    digits: Sequence[ScoredDigit],
    line: Sequence[LineCharacter],
    known: Mapping[Mark, LineCharacter],
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
        entries.append((piece.box[0] + piece.box[2] / 2, entry))
    entries += [
        (one.column, one)
        for one in line
        if not one.is_digit and one.character != OTHER and id(one) not in matched
    ]
    return [entry for _, entry in sorted(entries, key=lambda pair: pair[0])]


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


def _is_doubtful(found: LineCharacter, scored: ScoredDigit, settings: ReaderSettings) -> bool:
    """Return whether a mark is no digit for certain although the line network sees none.

    An accepted digit is taken for another mark only if the line network is sure of it.
    """
    if found.character == OTHER:
        least = settings.sign_digit_probability
    else:
        least = settings.doubtful_digit_probability
    return scored.digit.rejected or found.digit_probability < least


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
