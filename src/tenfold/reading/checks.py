"""Check digits as automata: Luhn, EAN, Damm, ISO 7064; all others by python-stdnum."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from tenfold.arrays import DIGITS
from tenfold.errors import MissingExtraError, UsageError
from tenfold.reading.ctc import SIGNS
from tenfold.reading.lattice import SPACE

_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip
"""The quasigroup of H. M. Damm (2004), as python-stdnum has it, too."""


@dataclass(frozen=True)
class Check:
    """An automaton that reads digits from the left, and takes no notice of signs.

    Attributes:
        start: The first state.
        step: Returns the state after a digit.
        ends: Returns whether a number may end in a state.
    """

    start: Any
    step: Callable[[Any, int], Any]
    ends: Callable[[Any], bool]

    def arcs(self, state: Any) -> Mapping[str, Any]:
        """See `tenfold.reading.automata.Acceptor`."""
        arcs = {digit: self.step(state, int(digit)) for digit in DIGITS}
        return arcs | dict.fromkeys(SIGNS + SPACE, state)

    def accepts(self, state: Any) -> bool:
        """See `tenfold.reading.automata.Acceptor`."""
        return self.ends(state)


def _alternating(weighted: Callable[[int], int]) -> Check:
    """Return the check that the sum is divisible by 10; the last digit counts as it is.

    Every second digit from the last counts as `weighted` says. Whether the number of digits is even
    is not known before the end: the sums for both cases are kept.
    """

    def step(state: tuple[int, int, bool], digit: int) -> tuple[int, int, bool]:
        if_even, if_odd, is_odd = state
        plain, other = digit, weighted(digit)
        if is_odd:
            return (if_even + plain) % 10, (if_odd + other) % 10, False
        return (if_even + other) % 10, (if_odd + plain) % 10, True

    return Check((0, 0, False), step, lambda state: state[1 if state[2] else 0] == 0)


def _prefix_sums(modulus: int) -> Check:
    """Return the check that digits weighted 1, 2, 3, ... from the last have a sum of remainder 0.

    That sum is the sum of the sums of all beginnings.
    """

    def step(state: tuple[int, int], digit: int) -> tuple[int, int]:
        total = (state[0] + digit) % modulus
        return total, (state[1] + total) % modulus

    return Check((0, 0), step, lambda state: state[1] == 0)


def _remainder(modulus: int, radix: int) -> Check:
    """Return the check of a pure system of ISO 7064: the number has remainder 1."""
    return Check(
        0, lambda state, digit: (state * radix + digit) % modulus, lambda state: state == 1
    )


CHECKS: dict[str, Check] = {
    "luhn": _alternating(lambda digit: sum(divmod(2 * digit, 10))),
    "ean": _alternating(lambda digit: 3 * digit),
    "damm": Check(0, lambda state, digit: int(_DAMM[state][digit]), lambda state: state == 0),
    "mod11": _prefix_sums(11),
    "mod_11_2": _remainder(11, 2),
    "mod_97_10": _remainder(97, 10),
    "mod_11_10": Check(
        5, lambda state, digit: ((state or 10) * 2 % 11 + digit) % 10, lambda state: state == 1
    ),
}
"""Checks that are automata. `mod11`: ISBN-10 and ISSN without X; `ean`: EAN, UPC, GTIN, ISBN-13."""


@cache
def stdnum_check(name: str) -> Callable[[str], bool]:
    """Return the check of a module of python-stdnum, such as `verhoeff` or `nl.bsn`.

    Raises:
        MissingExtraError: python-stdnum is not installed.
        UsageError: It has no such module.
    """
    try:
        import_module("stdnum")
    except ImportError:
        raise MissingExtraError(f"the check {name!r}", "checks") from None
    known = all(part.isidentifier() for part in name.split("."))
    try:
        check = import_module(f"stdnum.{name}").is_valid if known else None
    except (ImportError, AttributeError):
        check = None
    if check is None:
        raise UsageError(
            f"there is no check {name!r}: give {', '.join(CHECKS)}, or a module of python-stdnum "
            "such as verhoeff or nl.bsn"
        )
    return lambda text: bool(check(text))
