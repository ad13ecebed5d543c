"""Regular expressions as automata that are explored state by state.

interegular parses a pattern. Its parts are chained by Thompson's construction (CACM 11, 1968); a
state is the set of all places in the chain that a text may have reached. Only states that a field
reaches are made, because a pattern may have exponentially many.
"""

from collections.abc import Mapping
from typing import Any

from tenfold.errors import UsageError
from tenfold.reading.ctc import OTHER
from tenfold.reading.lattice import ALPHABET, SPACE

MOST_PLACES = 2000
"""Most places of a pattern with its repetitions written out: about 1,000 characters."""

MOST_EXPLORED = 100_000
"""Most places that the explored states of a pattern hold together: about 0.5 s of work.
`[0-9]*7[0-9]{11}` needs 59,394, and each further digit twice as many."""


class Pattern:
    """The texts that match a regular expression as a whole.

    Args:
        pattern: A regular expression. `^` at its beginning and `$` at its end may be left out.

    Raises:
        UsageError: It is none, needs more than a finite automaton, or is too long.
    """

    start = 0

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._places = _Places(pattern)
        self._explored = 0
        self._states: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self._arcs: dict[int, dict[str, int]] = {}
        self._number(frozenset({0}))

    def arcs(self, state: int) -> Mapping[str, int]:
        """See `Acceptor`.

        Raises:
            UsageError: The states explored so far hold more than `MOST_EXPLORED` places.
        """
        if state not in self._arcs:
            self._explored += len(self._states[state])
            if self._explored > MOST_EXPLORED:
                raise UsageError(
                    f"the pattern {self._pattern!r} cannot be used: its automaton is too large; "
                    "give smaller numbers in { }, or fewer of * + ? |"
                )
            reached: dict[str, set[int]] = {}
            for place in self._states[state]:
                for characters, after in self._places.steps[place]:
                    for character in characters:
                        reached.setdefault(character, set()).add(after)
            if not self._places.names_space:
                reached.pop(SPACE, None)  # a dot does not stand for one
            self._arcs[state] = {
                one: self._number(frozenset(places)) for one, places in reached.items()
            }
        return self._arcs[state]

    def accepts(self, state: int) -> bool:
        """See `Acceptor`."""
        return self._places.end in self._states[state]

    def _number(self, places: frozenset[int]) -> int:
        """Return the number of the state of some places and of all that they jump to."""
        if places not in self._numbers:
            found, waiting = set(places), list(places)
            while waiting:
                for after in self._places.jumps[waiting.pop()]:
                    if after not in found:
                        found.add(after)
                        waiting.append(after)
            state = frozenset(found)
            if state not in self._numbers:
                self._numbers[state] = len(self._states)
                self._states.append(state)
            self._numbers[places] = self._numbers[state]
        return self._numbers[places]


class _Places:
    """The places of a pattern; 0 is the first.

    Attributes:
        steps: For each place the characters that may follow, and the place behind them.
        jumps: For each place those that are reached without a character.
        end: The last place.
        names_space: Whether the pattern has a space in it.
    """

    def __init__(self, pattern: str) -> None:
        from interegular import InvalidSyntax, Unsupported, parse_pattern

        self.steps: list[list[tuple[str, int]]] = [[]]
        self.jumps: list[list[int]] = [[]]
        self.names_space = False
        inner = pattern.removeprefix("^")
        if inner.endswith("$") and not inner.endswith("\\$"):
            inner = inner[:-1]
        try:
            if "(?#" in inner:
                raise Unsupported("a comment")
            self.end = self._add(parse_pattern(inner), 0, any_case=False)
        except (InvalidSyntax, AttributeError):  # to interegular, an unknown group is None
            problem = "a bracket is open, or its syntax is wrong"
        except Unsupported as error:
            problem = f"{error} is not supported"
        except RecursionError:
            problem = "its brackets are nested too deep"
        except OverflowError:
            problem = "it is too long with its repetitions written out: give smaller numbers"
        else:
            return
        raise UsageError(f"the pattern {pattern!r} cannot be used: {problem}")

    def _place(self, *before: int) -> int:
        """Add a place that is reached from others without a character.

        Raises:
            OverflowError: There are too many.
        """
        place = len(self.steps)
        if place == MOST_PLACES:
            raise OverflowError
        self.steps.append([])
        self.jumps.append([])
        for one in before:
            self.jumps[one].append(place)
        return place

    def _add(self, part: Any, begin: int, *, any_case: bool) -> int:
        """Add a part of a parsed pattern behind a place, and return the place behind the part."""
        from interegular import REFlags, Unsupported, patterns

        match part:
            case patterns.Pattern():
                flags = part.added_flags & ~part.removed_flags
                if flags & REFlags.MULTILINE:
                    raise Unsupported("the flag m")
                inside = (any_case or REFlags.I in flags) and REFlags.I not in part.removed_flags
                return self._place(
                    *[self._add(one, begin, any_case=inside) for one in part.options]
                )
            case patterns._Concatenation():
                for one in part.parts:
                    begin = self._add(one, begin, any_case=any_case)
                return begin
            case patterns._Repeated():
                return self._add_repeated(part, begin, any_case=any_case)
            case patterns._NonCapturing():
                raise Unsupported("a look-around")
            case patterns._CharGroup():
                named = set(part.chars)
                if any_case:
                    named |= {one.lower() for one in named} | {one.upper() for one in named}
                self.names_space |= SPACE in named
                characters = "".join(one for one in ALPHABET if (one in named) != part.negated)
            case patterns._DOT:
                characters = ALPHABET
            case _:
                return begin  # empty, as (?i) is
        end = self._place()
        self.steps[begin].append((characters.replace(OTHER, ""), end))
        return end

    def _add_repeated(self, part: Any, begin: int, *, any_case: bool) -> int:
        """Add a part as often as it is repeated; see `_add`."""
        from interegular import InvalidSyntax

        if part.max is not None and part.max < part.min:
            raise InvalidSyntax
        for _ in range(part.min):
            begin = self._add(part.base, self._place(begin), any_case=any_case)
        if part.max is None:
            loop = self._place(begin)
            self.jumps[self._add(part.base, loop, any_case=any_case)].append(loop)
            return loop
        ends = [begin]
        for _ in range(part.max - part.min):
            ends.append(self._add(part.base, self._place(ends[-1]), any_case=any_case))
        return self._place(*ends)
