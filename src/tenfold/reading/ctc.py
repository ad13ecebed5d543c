"""CTC decoding: the likeliest row of characters behind a network's steps, and their confidences.

At every step the network gives the probabilities of nothing and of the digits, signs and others. A
character lasts for some steps, and a step with nothing separates equal neighbors (connectionist
temporal classification: A. Graves et al., ICML 2006). Greedy decoding takes the likeliest answer of
each step, which need not give the likeliest row: a digit half seen at three steps is seen at none
of them. So hill climbing changes single characters of the greedy row until no change is likelier.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import DIGITS
from tenfold.reading.settings import ReaderSettings

SIGNS = ".,-/:()+$=x"
"""The signs that the line network tells apart; x is the sign of multiplication."""

OTHER = "?"
"""A letter, or a mark that is neither a digit nor a known sign."""

CHARACTERS = "".join(DIGITS) + SIGNS + OTHER
"""What the network's outputs stand for, from the second on; the first stands for nothing."""

Steps = NDArray[np.float32]
"""float32 (t, 23): at each of t steps the probabilities of nothing and of the characters."""

_Row = list[int]
_Floats = NDArray[np.float64]
_Likelihood = Callable[[list[_Row]], _Floats]


@dataclass(frozen=True)
class Placed:
    """A character and its place on the steps.

    Attributes:
        character: One of `CHARACTERS`.
        confidence: Probability of the character in its place, 0 to 1.
        first: Its first step.
        end: The step after its last.
        digit: The likeliest digit in this place, 0 to 9.
        digit_probability: Probability that a digit stands here; of a digit, its confidence.
        digits: float32 (10,): the probability of each digit in this place.
    """

    character: str
    confidence: float
    first: int
    end: int
    digit: int
    digit_probability: float
    digits: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(len(DIGITS), np.float32), compare=False, repr=False
    )


def decode(steps: Steps, settings: ReaderSettings) -> list[Placed]:
    """Return the characters of a line, left to right.

    The confidence of a character is the probability of the row among the rows in which this
    character is another one or missing, or in which one more digit stands beside it. A sign more or
    less does not make the digits beside it doubtful.
    """
    found = []
    for first, end in _parts(steps[:, 0] < settings.paper_probability):
        part = steps[first:end].astype(np.float64)
        placed = _greedy(part)
        if len(placed) <= settings.searched_digits and len(part) <= settings.searched_steps:
            # Relative to the likeliest of each step, so that the product over many stays above 0.
            relative = part / part.max(axis=1, keepdims=True)
            row = [CHARACTERS.index(one.character) for one in placed]
            alphabet = _alphabet([relative], settings)
            climbed = _climb(partial(likelihoods, relative), row, alphabet, settings)
            placed = _placed(relative, *climbed)
        found += [replace(one, first=first + one.first, end=first + one.end) for one in placed]
    return found


def decode_several(
    views: Sequence[Steps], settings: ReaderSettings, weights: Sequence[float] | None = None
) -> tuple[int, list[Placed]]:
    """Return the likeliest characters of a line that the network saw in several views.

    Which view is right is not known, so the likelihood of a row is its weighted mean over the
    views. The search starts with the best of the rows that single views give.

    Args:
        views: The steps of each view, at other heights of the line for example.
        settings: The settings of reading.
        weights: How likely each view is the right one, above 0; None takes all as equally likely.

    Returns:
        The number of the view in which this row is likeliest, and its characters there.
    """
    alone = [decode(steps, settings) for steps in views]
    texts = {tuple(CHARACTERS.index(one.character) for one in found) for found in alone}
    rows = [list(row) for row in texts if row]
    long = bool(rows) and max(map(len, rows)) > settings.searched_digits
    if not rows or long or max(map(len, views)) > settings.searched_steps:
        confidences = [float(np.mean([d.confidence for d in found] or [0])) for found in alone]
        best = int(np.argmax(confidences))
        return best, alone[best]
    peaks = [steps.max(axis=1, keepdims=True).astype(np.float64) for steps in views]
    relative = [steps / peak for steps, peak in zip(views, peaks, strict=True)]
    logs = np.array([np.log(peak).sum() for peak in peaks])
    logs += 0 if weights is None else np.log(weights)
    each = np.array([likelihoods(one, rows) for one in relative])
    each = each * np.exp(logs - logs.max())[:, None]
    kept = np.flatnonzero(each.max(axis=1) > settings.negligible_likelihood * each.max())
    shares = np.exp(logs[kept] - logs[kept].max())

    def mean_likelihood(rows: list[_Row]) -> _Floats:
        mean: _Floats = shares @ np.array([likelihoods(relative[view], rows) for view in kept])
        return mean

    start = rows[int(each.sum(axis=0).argmax())]
    alphabet = _alphabet([relative[view] for view in kept], settings)
    row, confidences_of_row, digits = _climb(mean_likelihood, start, alphabet, settings)
    shown = kept[int((shares * [likelihoods(relative[view], [row])[0] for view in kept]).argmax())]
    return int(shown), _placed(relative[shown], row, confidences_of_row, digits)


def _parts(written: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield first step and end of each run of steps on which something is written."""
    edges = np.flatnonzero(np.diff(written, prepend=False, append=False))
    return zip(map(int, edges[::2]), map(int, edges[1::2]), strict=True)


def _greedy(part: _Floats) -> list[Placed]:
    """Return the likeliest answer of each step, equal neighbors merged: greedy decoding."""
    likeliest = part.argmax(axis=1)
    starts = np.flatnonzero(np.diff(likeliest, prepend=-1)).tolist()
    found = []
    for start, end in pairwise([*starts, len(part)]):
        if answer := likeliest[start]:
            surest = part[start + int(part[start:end, answer].argmax())]
            digits, confidence = surest[1 : len(DIGITS) + 1], float(surest[answer])
            is_digit = answer <= len(DIGITS)
            digit = int(answer) - 1 if is_digit else int(digits.argmax())
            probability = confidence if is_digit else float(digits.sum())
            found.append(
                Placed(
                    CHARACTERS[answer - 1], confidence, start, end, digit, probability,
                    digits.astype(np.float32),
                )
            )  # fmt: skip
    return found


def _placed(part: _Floats, row: _Row, confidences: _Floats, digits: _Floats) -> list[Placed]:
    """Return the characters of a row at the steps where the row is likeliest.

    Args:
        part: The steps.
        row: The characters.
        confidences: (n,), the confidence of each.
        digits: (n, 10), the probability of each digit in the place of each.
    """
    return [
        Placed(
            CHARACTERS[character], float(confidence), *place, int(among.argmax()),
            float(confidence if character < len(DIGITS) else among.sum()),
            among.astype(np.float32),
        )
        for character, confidence, place, among in zip(
            row, confidences, _places(part, row), digits, strict=True
        )
    ]  # fmt: skip


def _alphabet(views: Sequence[_Floats], settings: ReaderSettings) -> list[int]:
    """Return the characters that are not negligible at every step of every view."""
    peaks = np.max([view.max(axis=0) for view in views], axis=0)[1:]
    return np.flatnonzero(peaks > settings.negligible_likelihood).tolist()


def _climb(
    likelihood: _Likelihood, row: _Row, alphabet: list[int], settings: ReaderSettings
) -> tuple[_Row, _Floats, _Floats]:
    """Change single characters of a row until no change is likelier: hill climbing.

    Returns:
        The row, the confidence of each of its characters, and (n, 10) the probability of each digit
        in the place of each.
    """
    while True:
        changes = list(_changes(row, alphabet))
        found = likelihood([row, *(changed for changed, _, _ in changes)])
        best = int(found.argmax())
        if not best or len(row) > settings.searched_digits:
            break
        row = changes[best - 1][0]
    rivals = np.full(len(row), found[0])
    digits = np.zeros((len(row), len(DIGITS)))
    for place, character in enumerate(row):
        if character < len(DIGITS):
            digits[place, character] = found[0]
    for (_, places, digit), rival in zip(changes, found[1:], strict=True):
        rivals[places] += rival
        if digit is not None:
            digits[places[0], digit] = rival
    return row, found[0] / rivals, digits / rivals[:, None]


def _changes(row: _Row, alphabet: list[int]) -> Iterator[tuple[_Row, list[int], int | None]]:
    """Yield each row that differs by one character of an alphabet.

    Yields:
        The row, the places of the characters it contradicts, and the digit that takes the first of
        these places, or None.
    """
    for place, character in enumerate(row):
        before, behind = row[:place], row[place + 1 :]
        yield before + behind, [place], None
        for other in alphabet:
            if other != character:
                digit = other if other < len(DIGITS) else None
                yield [*before, other, *behind], [place], digit
    for place in range(len(row) + 1):
        near = [near for near in (place - 1, place) if 0 <= near < len(row)]
        for other in alphabet:
            # A character before its equal gives the same row as behind it.
            if place == len(row) or row[place] != other:
                beside = near if other < len(DIGITS) else []
                yield [*row[:place], other, *row[place:]], beside, None


def likelihoods(part: _Floats, rows: list[_Row]) -> _Floats:
    """Return the probability of each row of characters, summed over its alignments to the steps."""
    states, may_skip = _states(rows)
    said = part[:, states]
    reached = np.zeros(states.shape)
    reached[:, :2] = said[0, :, :2]
    for now in said[1:]:
        before = reached.copy()
        before[:, 1:] += reached[:, :-1]
        before[:, 2:] += reached[:, :-2] * may_skip[:, 2:]
        reached = before * now
    ends = 2 * np.array([len(row) for row in rows])
    each = np.arange(len(rows))
    likely: _Floats = reached[each, ends] + np.where(ends, reached[each, ends - 1], 0)
    return likely


def _states(rows: list[_Row]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the states of each row, and which state may follow the one two before it.

    The states are nothing, character, nothing, character, ... nothing. A character may follow the
    one before it at once, unless both are equal.
    """
    states = np.zeros((len(rows), 2 * max(map(len, rows)) + 1), np.int64)
    for line, row in zip(states, rows, strict=True):
        line[1 : 2 * len(row) : 2] = np.array(row, int) + 1
    may_skip = np.zeros(states.shape, bool)
    may_skip[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return states, may_skip


def _places(part: _Floats, row: _Row) -> list[tuple[int, int]]:
    """Return first step and end of each character in the likeliest alignment of a row (Viterbi)."""
    (states,), (may_skip,) = _states([row])
    best = np.zeros(len(states))
    best[:2] = part[0, states[:2]]
    came = []
    for now in part[1:]:
        ways = np.zeros((3, len(states)))
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = best[:-2] * may_skip[2:]
        came.append(ways.argmax(axis=0))
        best = ways.max(axis=0) * now[states]
    at = len(states) - 1
    if row and best[at - 1] > best[at]:
        at -= 1
    path = [at]
    for steps in reversed(came):
        at -= int(steps[at])
        path.append(at)
    laid = np.array(path[::-1])
    runs = [np.flatnonzero(laid == state) for state in range(1, len(states), 2)]
    return [(int(run[0]), int(run[-1]) + 1) for run in runs]
