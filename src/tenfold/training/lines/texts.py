"""What people write in a line: numbers, amounts, dates, times, telephone numbers, sums, words."""

from collections.abc import Sequence

import numpy as np

from tenfold.arrays import DIGITS
from tenfold.reading.ctc import OTHER, SIGNS

Rng = np.random.Generator

MOST_DIGITS = 7
"""Digits of a plain number, at most."""

LETTERS = "aabcdeeefghiijklllmnoooopqrrsssttuuvwxyzzBDGIOQSTZL"
"""Letters of words. Letters that look like digits come more often than in any language."""

LONE = "aCcdEeFfHhKkMmNnpRrWw"
"""Letters that stand alone: handwriting does not make them look like digits or signs."""

UNKNOWN = "#%&@"
"""Marks that are neither digits nor known signs."""

TIMES = "*"
"""How texts write the sign of multiplication, which is x for the network: no letter is meant."""

FORMATS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.13, ("d.dd", "dd.dd", "ddd.dd", "d,dd", "dd,dd", "ddd,dd", "d.ddd,dd", "d,ddd.dd", "d.ddd",
            "dd,-", "ddd.-", "dd.-", "$d.dd", "$ dd", "$ddd", "dd.dd $", "dd $", "d,d", "d.d")),
    (0.15, ("d/d/dd", "dd/dd/dd", "dd/dd/dddd", "d/dd", "dd/dd", "d/d/dddd", "dd/d/dd", "d-d-dd",
            "dd-dd-dd", "dd-dd-dddd", "dd.dd.dd", "d.d.dddd", "dddd-dd-dd", "dd/dddd", "d/d",
            "dd / dd", "d / d / dd")),
    (0.05, ("(dd) ddd dddd", "(ddd) ddd", "ddd-dddd", "+dd d ddd", "ddd dd dd", "(d)", "(dd)",
            "(ddd)", "d)", "dd)", "(d dd)", "dd (d)", "dddd (dd)")),
    (0.03, ("d:dd", "dd:dd", "dd:dd:dd", "d : d")),
    (0.08, ("d+d", "d + d", "dd+dd", "dd + d=", "d*d", "d * d", "dd*d=", "d-d", "dd - d", "d+d=dd",
            "d=d", "dd = d", "d*d=dd", "d+d+d", "d?d", "d ? d", "dd?d")),
    (0.05, ("-d", "-dd", "-d.dd", "+dd", "- ddd", "dd.", "d. dd", "--dd", "=ddd", "ddd-")),
    (0.08, ("w dd", "w: dd", "w. ddd", "w ddd", "dd w", "d w", "ddd w", "w: d.dd", "w d w", "l dd",
            "dd l", "? ddd", "ddd ?", "w. d", "dd, w")),
    (0.37, ("",)),
)  # fmt: skip
"""Shares of strips and their texts: d is a digit, w a word, l a letter that stands alone and ? an
unknown mark. The empty text is a plain number. The rest of the strips shows words alone."""

KNOWN = {*DIGITS, *SIGNS} - {"x"}
"""What is written as it is said."""

ROWS_OF_ONE = 0.07
"""Share of plain numbers that repeat a single digit. Half of these rows are ones."""

OFTEN_ONE = 0.12
"""Share of digits beside signs that are 1 for certain: a 1 is what signs are taken for."""


def random_text(rng: Rng) -> str:
    """Return a text; a letter in it is part of a word, and a space parts what stands apart."""
    kind = rng.random()
    for share, templates in FORMATS:
        kind -= share
        if kind < 0:
            template = templates[rng.integers(len(templates))]
            return "".join(_drawn(one, rng) for one in template) or _number(rng)
    return _word(rng) if rng.random() < 0.7 else f"{_word(rng)} {_word(rng)}"


def target(tokens: Sequence[str]) -> str:
    """Return what the line network is to say of a text.

    Args:
        tokens: Digits, signs, words and unknown marks. Each letter of a word is one OTHER.
    """
    return "".join(
        "x" if one == TIMES else one if one in KNOWN else OTHER * len(one) for one in tokens
    )


def _drawn(one: str, rng: Rng) -> str:
    if one == "d":
        return "1" if rng.random() < OFTEN_ONE else str(rng.integers(10))
    if one == "w":
        return _word(rng)
    choices = {"l": LONE, "?": UNKNOWN}.get(one)
    return choices[rng.integers(len(choices))] if choices else one


def _number(rng: Rng) -> str:
    count = int(rng.integers(1, MOST_DIGITS + 1))
    if rng.random() < ROWS_OF_ONE:
        digit = "1" if rng.random() < 0.5 else str(rng.integers(10))
        return digit * (count + 3 if digit == "1" else count)
    zeros = int(rng.integers(1, count + 1)) if rng.random() < 0.25 else 0  # as amounts have
    digits = "".join(map(str, rng.integers(0, 10, count - zeros))) + "0" * zeros
    ending = rng.random()  # what is drawn behind an amount, so that nothing is added to it
    if ending < 0.1:
        return digits + str(rng.choice(["-", "--", "=", ".-"]))
    if ending < 0.16:
        return " ".join([digits[: count // 2], digits[count // 2 :]]).strip()
    return digits


def _word(rng: Rng) -> str:
    text = "".join(rng.choice(list(LETTERS), int(rng.integers(3, 9))))
    case = rng.random()
    return text.upper() if case < 0.25 else text.capitalize() if case < 0.55 else text
