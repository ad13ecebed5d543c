"""The lattice of a line: how likely every row of characters is, given all that looked at the line.

The line network gives the probabilities of nothing and of each character step by step
(`tenfold.reading.ctc`). The classifier of single digits gives one step for each piece of ink. Where
both looked at the same stretch of a line, they are two views of it, and the probability of a row of
characters is the weighted mean over the views. Between sure paper, stretches are independent.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import DIGITS
from tenfold.reading.ctc import CHARACTERS, OTHER, SIGNS, Steps
from tenfold.reading.settings import ReaderSettings

SPACE = " "

ALPHABET = CHARACTERS + SPACE
"""The characters that rows consist of."""

NUMBER_SIGNS = ".,-/:"
"""Signs that belong to the text of numbers, dates and times."""

SEPARATING = "+=x" + OTHER
"""Signs between numbers. They leave a rejected digit, so that 4+6 does not become 46."""

READABLE = "digits, spaces and the signs " + " ".join(SIGNS)
"""What fields may consist of, for messages."""

Place: TypeAlias = tuple[float, float, Steps]
"""Where a piece of a line begins and ends, in columns of the picture, and its one step."""

FLOOR = 1e-6
"""Least probability of any answer at any step, so that every row is possible."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of a line, between sure paper.

    Attributes:
        views: float32 (t, 23) each: the steps of each view. A view without steps holds nothing.
        weights: Weight of each view; they add up to 1.
        left: The column of the picture where it begins, in pixels.
        after_space: Whether a space stands before it.
    """

    views: tuple[Steps, ...]
    weights: tuple[float, ...]
    left: float = 0.0
    after_space: bool = False


@dataclass(frozen=True, eq=False)
class Lattice:
    """All rows of characters that may stand in a line, each with its probability.

    Attributes:
        segments: Left to right. A row of the line is one of each segment, put together.
    """

    segments: tuple[Segment, ...]

    @classmethod
    def of_digits(cls, probabilities: Sequence[NDArray[np.float32]]) -> "Lattice":
        """Return the lattice of digits in places of their own, such as the cells of a comb.

        Args:
            probabilities: float32 (10,) for each place, left to right: those of the digits.
        """
        return cls(
            tuple(
                Segment((digit_step(place),), (1.0,), number)
                for number, place in enumerate(probabilities)
            )
        )

    @classmethod
    def joined(cls, lattices: Iterable["Lattice"]) -> "Lattice":
        """Return the lattice of a line that consists of several parts, ordered left to right."""
        segments = [segment for lattice in lattices for segment in lattice.segments]
        return cls(tuple(sorted(segments, key=lambda segment: segment.left)))


def lattice_of(
    places: Sequence[Place],
    views: Sequence[Steps],
    columns: Sequence[NDArray[np.float64]],
    settings: ReaderSettings,
    shares: Sequence[float] = (),
) -> Lattice:
    """Return the lattice of a line that was read piece by piece and by the line network.

    With one view of the line network, the line is split where the view shows sure paper, so that
    a row may be taken from the pieces here and from the network there.

    Args:
        places: For each piece that was read, left to right: the columns of the picture where it
            begins and ends, and its one step.
        views: The steps of each view of the line network; none if it did not look.
        columns: The column of the picture of each step of each view.
        settings: The settings of reading.
        shares: How likely each view is the right one; their sum is 1.
    """
    if len(views) != 1:
        pieces = _side_by_side([step for _, _, step in places])
        share = settings.pieces_share if views else 1.0
        weights = (share, *((1 - share) * one for one in shares))
        return Lattice((Segment((pieces, *views), weights, places[0][0] if places else 0.0),))
    ((steps,), (middles,)) = views, columns
    segments = []
    for left, inside, first, end in _stretches(places, steps, middles, settings):
        pieces = _side_by_side([places[one][2] for one in inside])
        weights = (settings.pieces_share, 1 - settings.pieces_share)
        segments.append(Segment((pieces, steps[first:end]), weights, left))
    return Lattice(tuple(segments))


def _stretches(
    places: Sequence[Place],
    steps: Steps,
    middles: NDArray[np.float64],
    settings: ReaderSettings,
) -> Iterator[tuple[float, list[int], int, int]]:
    """Yield each stretch of a line: its first column, its pieces, its first step and the end.

    The steps and the pieces of a stretch overlap; no stretch is without steps and pieces.
    """
    written = steps[:, 0] < settings.paper_probability
    edges = np.flatnonzero(np.diff(written, prepend=False, append=False))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    marks = [(left, right, [number], 0, 0) for number, (left, right, _) in enumerate(places)]
    half = float(middles[1] - middles[0]) / 2 if len(middles) > 1 else 0.0
    marks += [
        (middles[first] - half, middles[end - 1] + half, [], first, end) for first, end in runs
    ]
    stretch: tuple[float, float, list[int], int, int] | None = None
    for mark in sorted(marks, key=lambda mark: mark[0]):
        left, right, inside, first, end = mark
        if stretch is None or left >= stretch[1]:
            if stretch is not None:
                yield stretch[0], *stretch[2:]
            stretch = mark
            continue
        begin = min(stretch[3], first) if stretch[4] and end else max(stretch[3], first)
        stretch = (
            stretch[0], max(stretch[1], right), stretch[2] + inside, begin, max(stretch[4], end)
        )  # fmt: skip
    if stretch is not None:
        yield stretch[0], *stretch[2:]


def _side_by_side(pieces: Sequence[Steps]) -> Steps:
    """Return the steps of pieces one after the other: without nothing between them, 11 is a 1."""
    paper = np.zeros((1, len(CHARACTERS) + 1), np.float32)
    paper[0, 0] = 1
    steps = [step for piece in pieces for step in (paper, piece)]
    return np.concatenate(steps[1:]) if steps else paper[:0]


def digit_step(digits: NDArray[np.float32], nothing: float = 0.0) -> Steps:
    """Return one step that holds a digit.

    Args:
        digits: float32 (10,): the probability of each digit, given that a digit stands there.
        nothing: Probability that nothing stands there, 0 to 1.
    """
    step = np.zeros((1, len(CHARACTERS) + 1), np.float32)
    step[0, 0] = nothing
    step[0, 1 : len(DIGITS) + 1] = (1 - nothing) * digits / max(digits.sum(), FLOOR)
    return step


def character_step(character: str, confidence: float, digits: NDArray[np.float32]) -> Steps:
    """Return one step that holds a sign or another mark.

    Args:
        character: One of `CHARACTERS` that is no digit.
        confidence: Its probability, 0 to 1.
        digits: float32 (10,): the probability of each digit in its place.
    """
    step = np.zeros((1, len(CHARACTERS) + 1), np.float32)
    step[0, 1 : len(DIGITS) + 1] = digits
    step[0, 1 + CHARACTERS.index(character)] = confidence
    step[0, 0] = max(0.0, 1 - step.sum())
    return step


def is_readable(text: str) -> bool:
    """Return whether a text consists of characters that can be read: digits, signs, spaces."""
    return set(text) <= set(ALPHABET) - {OTHER}
