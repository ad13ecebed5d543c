"""Finite automata over the characters of a line: what a field allows, as a table of states."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import DIGITS
from tenfold.errors import UsageError
from tenfold.reading.lattice import ALPHABET, READABLE, SPACE

MOST_ARCS = 200_000
"""Most arcs of an automaton: about 1 s of work, and what 40,000 choices of eight digits need."""


class Acceptor(Protocol):
    """An automaton that is explored state by state. Every state can be hashed."""

    @property
    def start(self) -> Any:
        """The first state."""

    def arcs(self, state: Any) -> Mapping[str, Any]:
        """Return the states that follow a state, by the character that leads there."""

    def accepts(self, state: Any) -> bool:
        """Return whether a text may end in a state."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """A deterministic automaton without states from which no end is reached; 0 is its first state.

    Attributes:
        targets: int32 (states, 23): the state that follows by each character of `ALPHABET`, or -1.
        accepting: bool (states,): whether a text may end in a state.
    """

    targets: NDArray[np.int32]
    accepting: NDArray[np.bool_]

    @property
    def characters(self) -> list[int]:
        """The numbers, in `ALPHABET`, of the characters that occur in its texts."""
        return np.flatnonzero((self.targets >= 0).any(axis=0)).tolist()

    @property
    def fewest_digits(self) -> int:
        """The least number of digits in one of its texts."""
        weights = np.array([one in DIGITS for one in ALPHABET], np.float64)
        before, fewest = None, np.where(np.arange(len(self.accepting)) == 0, 0, np.inf)
        arcs = self.targets >= 0
        while before is None or (before != fewest).any():  # Bellman and Ford's shortest paths
            before = fewest.copy()
            np.minimum.at(fewest, self.targets[arcs], (before[:, None] + weights)[arcs])
        return int(fewest[self.accepting].min())


class Loop:
    """All texts of some characters."""

    start = 0

    def __init__(self, characters: Iterable[str]) -> None:
        self._arcs = dict.fromkeys(characters, 0)

    def arcs(self, state: int) -> Mapping[str, int]:
        """See `Acceptor`."""
        return self._arcs

    def accepts(self, state: int) -> bool:
        """See `Acceptor`."""
        return True


class Intersection:
    """The texts that several automata accept."""

    def __init__(self, parts: Sequence[Acceptor]) -> None:
        self._parts = parts
        self.start = tuple(part.start for part in parts)

    def arcs(self, state: tuple[Any, ...]) -> dict[str, Any]:
        """See `Acceptor`."""
        all_arcs = [part.arcs(one) for part, one in zip(self._parts, state, strict=True)]
        fewest = min(all_arcs, key=len)
        return {
            character: tuple(arcs[character] for arcs in all_arcs)
            for character in fewest
            if all(character in arcs for arcs in all_arcs)
        }

    def accepts(self, state: tuple[Any, ...]) -> bool:
        """See `Acceptor`."""
        return all(part.accepts(one) for part, one in zip(self._parts, state, strict=True))


class WithoutSpaces:
    """The texts that an automaton accepts, with their spaces left out.

    Args:
        inner: The automaton. Its texts may hold spaces.
    """

    def __init__(self, inner: Acceptor) -> None:
        self._inner = inner
        self.start = self._with_spaces({inner.start})

    def _with_spaces(self, states: set[Any]) -> frozenset[Any]:
        found, waiting = set(states), list(states)
        while waiting:
            after = self._inner.arcs(waiting.pop()).get(SPACE)
            if after is not None and after not in found:
                found.add(after)
                waiting.append(after)
        return frozenset(found)

    def arcs(self, state: frozenset[Any]) -> dict[str, frozenset[Any]]:
        """See `Acceptor`."""
        reached: dict[str, set[Any]] = {}
        for one in state:
            for character, after in self._inner.arcs(one).items():
                if character != SPACE:
                    reached.setdefault(character, set()).add(after)
        return {character: self._with_spaces(states) for character, states in reached.items()}

    def accepts(self, state: frozenset[Any]) -> bool:
        """See `Acceptor`."""
        return any(self._inner.accepts(one) for one in state)


def with_spaces(acceptor: Acceptor, text: str) -> str:
    """Return the shortest text that an automaton accepts and that gives a text without its spaces.

    Args:
        acceptor: The automaton.
        text: Accepted by `WithoutSpaces(acceptor)`.
    """
    reached: dict[Any, str] = {acceptor.start: ""}
    for character in [*text, ""]:
        waiting = list(reached)
        while waiting:  # spaces
            state = waiting.pop()
            after = acceptor.arcs(state).get(SPACE)
            if after is not None and after not in reached:
                reached[after] = reached[state] + SPACE
                waiting.append(after)
        if character:
            reached = {
                after: before + character
                for state, before in reached.items()
                if (after := acceptor.arcs(state).get(character)) is not None
            }
    ends = [found for state, found in reached.items() if acceptor.accepts(state)]
    return min(ends, key=len, default=text)


class Choices:
    """A list of texts, as a tree of their beginnings."""

    start = 0

    def __init__(self, texts: Sequence[str]) -> None:
        self._arcs: list[dict[str, int]] = [{}]
        self._ends = set()
        for text in texts:
            state = 0
            for character in text:
                if character not in self._arcs[state]:
                    self._arcs[state][character] = len(self._arcs)
                    self._arcs.append({})
                state = self._arcs[state][character]
            self._ends.add(state)

    def arcs(self, state: int) -> Mapping[str, int]:
        """See `Acceptor`."""
        return self._arcs[state]

    def accepts(self, state: int) -> bool:
        """See `Acceptor`."""
        return state in self._ends


def compiled(acceptor: Acceptor) -> Automaton:
    """Return an automaton as a table, without states from which no end is reached.

    Raises:
        UsageError: It accepts no text, or has more than `MOST_ARCS` arcs.
    """
    numbers: dict[Hashable, int] = {acceptor.start: 0}
    states: list[Any] = [acceptor.start]
    arcs: list[tuple[int, int, int]] = []
    for number, state in enumerate(states):  # grows meanwhile
        for character, after in acceptor.arcs(state).items():
            if after not in numbers:
                numbers[after] = len(states)
                states.append(after)
            if character in ALPHABET:
                arcs.append((number, ALPHABET.index(character), numbers[after]))
        if len(arcs) > MOST_ARCS:
            raise UsageError(
                f"the field needs an automaton of more than {MOST_ARCS:,} arcs: give fewer "
                "choices, a shorter pattern or length, or fewer conditions"
            )
    accepting = np.array([acceptor.accepts(state) for state in states])
    table = np.array(arcs, np.int32).reshape(-1, 3)
    useful = _reaching_an_end(table, accepting)
    if not useful[0]:
        raise UsageError(
            f"no text of {READABLE} satisfies the field: its conditions may contradict each other"
        )
    kept = np.flatnonzero(useful)
    new = np.full(len(states), -1, np.int32)
    new[kept] = np.arange(len(kept))
    targets = np.full((len(states), len(ALPHABET)), -1, np.int32)
    targets[table[:, 0], table[:, 1]] = new[table[:, 2]]
    return _minimized(targets[kept], accepting[kept])


def _minimized(targets: NDArray[np.int32], accepting: NDArray[np.bool_]) -> Automaton:
    """Return an automaton with states that accept the same ends made one (Moore's algorithm)."""
    classes = accepting.astype(np.int64)
    distinct = np.unique(targets, axis=1)  # most characters lead where others do
    count = 0
    while classes.max() + 1 > count:
        count = int(classes.max()) + 1
        before = classes
        for column in distinct.T:  # integers are sorted much faster than rows
            after = np.where(column >= 0, before[column], count)
            _, classes = np.unique(classes * (count + 1) + after, return_inverse=True)
    # The first state stays the first.
    order = np.argsort(np.unique(classes, return_index=True)[1], kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    classes = number[classes]
    one_of_each = np.unique(classes, return_index=True)[1]
    new = np.where(targets >= 0, classes[targets], -1)[one_of_each].astype(np.int32)
    return Automaton(new, accepting[one_of_each])


def _reaching_an_end(arcs: NDArray[np.int32], accepting: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return from which states an end is reached.

    Args:
        arcs: int32 (n, 3): state, character, next state.
        accepting: bool (states,).
    """
    useful = accepting.copy()
    while True:
        more = arcs[useful[arcs[:, 2]], 0]
        if useful[more].all():
            return useful
        useful[more] = True
