"""The likeliest rows of a lattice that an automaton accepts, and their share of all such rows.

The forward and backward algorithms sum over all alignments of all accepted rows at once, over the
product of automaton and steps. A prefix search (A. Graves et al., ICML 2006) then extends the
beginning whose accepted rows are likeliest together, until a whole row is likelier than the rest
of each beginning: so the first row found is the likeliest one, exactly.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.reading.automata import Automaton
from tenfold.reading.ctc import OTHER
from tenfold.reading.lattice import ALPHABET, FLOOR, SPACE, Lattice, Segment

MOST_EXTENDED = 2000
"""Most beginnings that are extended in one search, about a second's work. Where the likeliest row
has a share of 1%, a hundred for each of its characters are enough."""

IMPOSSIBLE = 1e-9
"""What is less likely than this share of all accepted rows together is taken to be impossible."""

_Floats = NDArray[np.float64]

_Stands: TypeAlias = tuple[_Floats, _Floats]
"""For a view of a segment, (t + 1, n) twice: the probability that the characters of each of n
beginnings stand up to each step, with nothing at it, and with the last character at it."""


@dataclass(frozen=True)
class FoundRow:
    """A row of characters that the automaton accepts.

    Attributes:
        text: Its characters.
        share: Its probability among all accepted rows, 0 to 1.
        rest: Probability of all accepted rows that are not found yet.
    """

    text: str
    share: float
    rest: float


class RowSearch:
    """A lattice and an automaton, ready to give rows.

    Args:
        lattice: The line.
        automaton: What is accepted.
        ignored: Characters of which nothing stays in a row: they count as nothing.
        other: Characters that count as `OTHER`.

    Attributes:
        log_likelihood: Natural logarithm of the probability that any accepted row stands in the
            line, among all rows of characters; -inf if none can.
    """

    def __init__(
        self, lattice: Lattice, automaton: Automaton, ignored: str = "", other: str = ""
    ) -> None:
        self._tables = _Tables(automaton)
        self._parts: list[list[_View]] = []
        scale = 0.0
        for segment in lattice.segments:
            if segment.after_space and SPACE in self._tables.characters:
                self._parts.append([_View(_space_step(self._tables.characters), 1.0)])
            views, log_scale = _scaled(segment, self._tables.characters, ignored, other)
            self._parts.append(views)
            scale += log_scale
        begin = self._go_backward()
        self._total = float(begin[0])
        self._least = IMPOSSIBLE * self._total
        self.log_likelihood = math.log(self._total) + scale if self._total > 0 else -math.inf

    def _go_backward(self) -> _Floats:
        """Fill the views' backward tables; return the value of each state at the beginning."""
        tables = self._tables
        after = tables.accepting.astype(np.float64)
        for views in reversed(self._parts):
            before = np.zeros_like(after)
            for view in views:
                before += view.weight * tables.backward(view, after)
            after = before
        return after

    def rows(self) -> Iterator[FoundRow]:
        """Yield the accepted rows, likeliest first.

        Ends early if the search takes more than `MOST_EXTENDED` extensions.
        """
        if not self._total > 0:
            return
        first = _Prefix("", 0, -1, 0, *self._empty())
        rest = self._total
        heap: list[tuple[float, int, _Prefix | str]] = [(-self._total, 0, first)]
        count = extended = 0
        while heap:
            negative, _, found = heapq.heappop(heap)
            if isinstance(found, str):
                rest = max(0.0, rest + negative)
                yield FoundRow(found, -negative / self._total, rest / self._total)
                continue
            if extended == MOST_EXTENDED:
                return
            extended += 1
            whole = float(found.begins[-1][found.number])
            if self._tables.accepting[found.state] and whole > 0:
                count += 1
                heapq.heappush(heap, (-whole, count, found.text))
            for mass, prefix in self._extended(found):
                count += 1
                heapq.heappush(heap, (-mass, count, prefix))

    def _empty(self) -> tuple[list[_Floats], list[list[_Stands | None]]]:
        """Return where the empty beginning stands: see `_Prefix`."""
        begins = [np.ones(1)]
        stands: list[list[_Stands | None]] = []
        for views in self._parts:
            end = np.zeros(1)
            stands.append([])
            for view in views:
                nothing = np.cumprod([1.0, *view.steps[:, 0]])[:, None]
                blank = begins[-1] * view.weight * nothing
                stands[-1].append((blank, np.zeros_like(blank)))
                end = end + blank[-1]
            begins.append(end)
        return begins, stands

    def _extended(self, prefix: "_Prefix") -> Iterator[tuple[float, "_Prefix"]]:
        """Yield each beginning that is one character longer, with its accepted rows' likelihood."""
        tables = self._tables
        arcs = tables.arcs_of(prefix.state)
        if not arcs.size:
            return
        columns, pairs = tables.columns[arcs], tables.pairs[arcs]
        mass = np.zeros(len(arcs))
        begins = [np.zeros(len(arcs))]
        stands: list[list[_Stands | None]] = []
        for views, stood in zip(self._parts, prefix.stands, strict=True):
            end = np.zeros(len(arcs))
            stands.append([])
            for view, before in zip(views, stood, strict=True):
                if before is None and begins[-1].max() <= self._least:
                    stands[-1].append(None)
                    continue
                said = view.steps[:, columns]
                new = np.zeros_like(said)
                if before is not None:
                    came, held = (one[:-1, prefix.number, None] for one in before)
                    # The same character again needs a step with nothing before it.
                    new = said * (came + held * (columns != prefix.column))
                    mass += np.einsum("ta,ta->a", new, view.backward[1:, pairs])
                blank = np.zeros((len(said) + 1, len(arcs)))
                mark = np.zeros_like(blank)
                blank[0] = view.weight * begins[-1]
                for step, nothing in enumerate(view.steps[:, 0]):
                    blank[step + 1] = nothing * (blank[step] + mark[step])
                    mark[step + 1] = said[step] * mark[step] + new[step]
                end += blank[-1] + mark[-1]
                likely = max(blank.max(), mark.max()) > self._least
                stands[-1].append((blank, mark) if likely else None)
            begins.append(end)
        for number, arc in enumerate(arcs):
            if mass[number] > 0:
                text = prefix.text + tables.characters[columns[number] - 1]
                state, column = int(tables.targets[arc]), int(columns[number])
                yield float(mass[number]), _Prefix(text, state, column, number, begins, stands)


@dataclass(frozen=True, eq=False)
class _Prefix:
    """The beginning of a row.

    Attributes:
        text: Its characters.
        state: The state of the automaton behind it.
        column: The column of its last character in the steps, or -1.
        number: Its number among the beginnings that were made with it, in the arrays below.
        begins: For the begin of each segment, and the end of the last, (n,): the probability that
            exactly these characters stand before.
        stands: For each view of each segment where they stand; None where that is impossible.
    """

    text: str
    state: int
    column: int
    number: int
    begins: list[_Floats]
    stands: list[list[_Stands | None]]


class _View:
    """One view of a segment: its steps (t, 1 + characters), its weight, its backward table.

    `backward` (t + 1, pairs) holds the likelihood of all that may follow each step, for each state
    and the character that led there at this step.
    """

    def __init__(self, steps: _Floats, weight: float) -> None:
        self.steps = steps
        self.weight = weight
        self.backward = np.zeros((0, 0))


class _Tables:
    """The arcs of an automaton as arrays, and what follows them, step by step.

    A pair is a state and a character that leads to it. CTC needs to know the last character.
    """

    def __init__(self, automaton: Automaton) -> None:
        used = automaton.characters
        self.characters = "".join(ALPHABET[one] for one in used)
        self.accepting = automaton.accepting
        self._states = len(automaton.accepting)
        sources, among = np.nonzero(automaton.targets[:, used] >= 0)
        self.targets = automaton.targets[:, used][sources, among]
        self.columns = among + 1
        self._sources = sources
        keys = self.targets.astype(np.int64) * (len(used) + 1) + self.columns
        distinct, self.pairs = np.unique(keys, return_inverse=True)
        self._pair_states = distinct // (len(used) + 1)
        self._pair_columns = distinct % (len(used) + 1)
        # The arc that leads from a pair's state by the pair's own character, or one past the last.
        own = np.full((self._states, len(used) + 1), len(sources))
        own[sources, self.columns] = np.arange(len(sources))
        self._own = own[self._pair_states, self._pair_columns]
        self._first = np.searchsorted(sources, np.arange(self._states + 1))

    def arcs_of(self, state: int) -> NDArray[np.int64]:
        """Return the numbers of the arcs that leave a state."""
        return np.arange(self._first[state], self._first[state + 1])

    def backward(self, view: "_View", after: _Floats) -> _Floats:
        """Fill a view's backward table; return the value of each state before its first step.

        Args:
            view: The view.
            after: (states,): the value of each state behind its last step.
        """
        count = len(view.steps)
        view.backward = np.zeros((count + 1, len(self._pair_states)))
        view.backward[count] = after[self._pair_states]
        blank = after
        for step in range(count - 1, -1, -1):
            said, following = view.steps[step], view.backward[step + 1]
            by_arc = np.append(said[self.columns] * following[self.pairs], 0.0)
            new = np.bincount(self._sources, by_arc[:-1], self._states)
            others = np.maximum(new[self._pair_states] - by_arc[self._own], 0)
            nothing = said[0] * blank
            view.backward[step] = (
                nothing[self._pair_states] + said[self._pair_columns] * following + others
            )
            blank = nothing + new
        return blank


def _scaled(
    segment: Segment, characters: str, ignored: str, other: str
) -> tuple[list[_View], float]:
    """Return the views of a segment with the columns of some characters, and their log scale.

    Each step is relative to its likeliest answer, so that products over many steps stay above 0.
    """
    kept = [1 + ALPHABET.index(one) for one in characters if one != SPACE]
    folded = [0, *(1 + ALPHABET.index(one) for one in ignored if one != SPACE)]
    views, logs = [], []
    for steps in segment.views:
        columns = np.zeros((len(steps), 1 + len(characters)))
        columns[:, 0] = steps[:, folded].sum(axis=1)
        at = [1 + characters.index(ALPHABET[one - 1]) for one in kept]
        columns[:, at] = steps[:, kept]
        if other:
            merged = [1 + ALPHABET.index(one) for one in other]
            columns[:, 1 + characters.index(OTHER)] = steps[:, merged].sum(axis=1)
        columns = np.maximum(columns, FLOOR)
        if SPACE in characters:
            columns[:, 1 + characters.index(SPACE)] = 0
        peaks = columns.max(axis=1, keepdims=True)
        views.append(columns / peaks)
        logs.append(float(np.log(peaks).sum()))
    most = max(logs)
    weights = [
        weight * math.exp(log - most) for weight, log in zip(segment.weights, logs, strict=True)
    ]
    return [_View(*pair) for pair in zip(views, weights, strict=True)], most


def _space_step(characters: Sequence[str]) -> _Floats:
    """Return one step that holds a space, which is one of the characters."""
    step = np.zeros((1, 1 + len(characters)))
    step[0, 1 + characters.index(SPACE)] = 1
    return step
