"""The likeliest digits behind what a network says step by step, and how sure each of them is.

At every step the network gives the probabilities of none and of the ten digits; a digit goes on for
some steps, and none parts equal neighbors (connectionist temporal classification: A. Graves et
al., ICML 2006). The likeliest answers of all steps, strung together, need not be the likeliest
row of digits: one that is half seen at three steps is seen at none of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

PAPER = 0.999
"""A step that is none with such a probability parts the line: what stands left and right of it has
nothing to do with each other."""

MOST, LONGEST = 12, 200
"""Digits and steps between two such steps, at most, of which every change is tried: no number is
longer, and noise is soon read."""

Steps = NDArray[np.float32]
"""Probabilities (t, 11) at t steps: of none, 0, 1, ... 9."""

NEGLIGIBLE = 1e-3
"""A way of looking at a line counts for nothing if all rows are so much less likely in it."""

_Row = list[int]
_Floats = NDArray[np.float64]
_Likely = Callable[[list[_Row]], _Floats]


@dataclass(frozen=True)
class Spotted:
    """A digit, 0 to 9; how sure it is, 0 to 1; its first step, and the one after its last."""

    digit: int
    confidence: float
    first: int
    end: int


def spotted(steps: Steps) -> list[Spotted]:
    """Return the digits, left to right.

    Each is as sure as its row is among the rows in which it is another digit or missing, or in
    which one more stands beside it.
    """
    found = []
    for first, end in _parts(steps[:, 0] < PAPER):
        part = steps[first:end].astype(np.float64)
        strung = _strung(part)
        if len(strung) <= MOST and len(part) <= LONGEST:
            # Against the likeliest of each step, so that the product over many does not vanish.
            strung = _judged(part / part.max(axis=1, keepdims=True), strung)
        found += [replace(one, first=first + one.first, end=first + one.end) for one in strung]
    return found


def likeliest(ways: Sequence[Steps]) -> tuple[int, list[Spotted]]:
    """Return the digits that are likeliest when a line was looked at in several ways.

    Which way is right is not known, so the likelihood of a row is the mean of what it is in each:
    of the rows that any way gives, the best counts, and the better ones that changes lead to.

    Args:
        ways: What is said of the line, at other heights for example.

    Returns:
        The number of the way in which this row is likeliest, and the digits at their steps there.
    """
    alone = [spotted(steps) for steps in ways]
    rows = [list(row) for row in {tuple(one.digit for one in found) for found in alone} if row]
    if not rows or max(map(len, rows)) > MOST or max(map(len, ways)) > LONGEST:
        sure = [float(np.mean([one.confidence for one in found] or [0])) for found in alone]
        return int(np.argmax(sure)), alone[int(np.argmax(sure))]
    peaks = [steps.max(axis=1, keepdims=True).astype(np.float64) for steps in ways]
    parts = [steps / peak for steps, peak in zip(ways, peaks, strict=True)]
    most = np.array([np.log(peak).sum() for peak in peaks])
    each = (
        np.array([likelihoods(part, rows) for part in parts]) * np.exp(most - most.max())[:, None]
    )
    kept = np.flatnonzero(each.max(axis=1) > NEGLIGIBLE * each.max())
    weights = np.exp(most[kept] - most[kept].max())

    def likely(rows: list[_Row]) -> _Floats:
        said = np.array([likelihoods(parts[way], rows) for way in kept])
        mean: _Floats = weights @ said
        return mean

    row, confidences = _climbed(likely, rows[int(each.sum(axis=0).argmax())])
    shown = kept[int((weights * [likelihoods(parts[way], [row])[0] for way in kept]).argmax())]
    return int(shown), _laid(parts[shown], row, confidences)


def _parts(written: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Give first and end of each run of steps on which something is written."""
    edges = np.flatnonzero(np.diff(written, prepend=False, append=False))
    return zip(map(int, edges[::2]), map(int, edges[1::2]), strict=True)


def _strung(part: _Floats) -> list[Spotted]:
    """Return the likeliest answers, strung together."""
    likeliest = part.argmax(axis=1)
    starts = np.flatnonzero(np.diff(likeliest, prepend=-1)).tolist()
    return [
        Spotted(int(answer) - 1, float(part[start:end, answer].max()), start, end)
        for start, end in pairwise([*starts, len(part)])
        if (answer := likeliest[start])
    ]


def _judged(part: _Floats, strung: list[Spotted]) -> list[Spotted]:
    """Return the likeliest row that changes of single digits lead to."""
    row, confidences = _climbed(partial(likelihoods, part), [one.digit for one in strung])
    return _laid(part, row, confidences)


def _laid(part: _Floats, row: _Row, confidences: _Floats) -> list[Spotted]:
    """Return the digits of a row where they lie likeliest on the steps."""
    return [
        Spotted(digit, float(confidence), *place)
        for digit, confidence, place in zip(row, confidences, _places(part, row), strict=True)
    ]


def _climbed(likely: _Likely, row: _Row) -> tuple[_Row, _Floats]:
    """Change a row digit by digit until that makes it no likelier, and say how sure each is."""
    while True:
        changes = list(_changes(row))
        found = likely([row, *(changed for changed, _ in changes)])
        best = int(found.argmax())
        if not best or len(row) > MOST:
            break
        row = changes[best - 1][0]
    rivals = np.full(len(row), found[0])
    for (_, concerned), rival in zip(changes, found[1:], strict=True):
        rivals[concerned] += rival
    return row, found[0] / rivals


def _changes(row: _Row) -> Iterator[tuple[_Row, list[int]]]:
    """Give every row that differs by a digit, with the places of the digits put in doubt by it."""
    for place, digit in enumerate(row):
        before, behind = row[:place], row[place + 1 :]
        yield before + behind, [place]
        for other in range(10):
            if other != digit:
                yield [*before, other, *behind], [place]
    for place in range(len(row) + 1):
        beside = [near for near in (place - 1, place) if 0 <= near < len(row)]
        for digit in range(10):
            # Before its equal, it is the same row as behind it.
            if place == len(row) or row[place] != digit:
                yield [*row[:place], digit, *row[place:]], beside


def likelihoods(part: _Floats, rows: list[_Row]) -> _Floats:
    """Return the probability of each row of digits, over all ways of laying it onto the steps."""
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
    """Return none, digit, none, digit, ... none for each row, and which may follow two behind.

    Digits may follow the digit before at once, unless both are equal.
    """
    states = np.zeros((len(rows), 2 * max(map(len, rows)) + 1), np.int64)
    for line, row in zip(states, rows, strict=True):
        line[1 : 2 * len(row) : 2] = np.array(row, int) + 1
    may_skip = np.zeros(states.shape, bool)
    may_skip[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return states, may_skip


def _places(part: _Floats, row: _Row) -> list[tuple[int, int]]:
    """Return first and end of each digit where the row lies likeliest on the steps."""
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
