"""Labeled pictures read, and the errors counted at several coverages."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tenfold.errors import PictureError
from tenfold.evaluation.significance import wilson_interval
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading
from tenfold.scoring.picture_sets import LabeledPicture

SET_COVERAGES = (0.8, 0.95)
"""Coverages at which `summarize_set` gives the error rate."""


@dataclass(frozen=True)
class Outcome:
    """How the reading of one picture compares with its label.

    Attributes:
        correct: All best guesses are right, rejected ones included.
        accepted: There are digits, and none was rejected.
        confidence: Of the least confident digit; 0 if there is none.
        text: The best guesses, a line for each line of digits, rejected ones included.
        error: Why the picture could not be read; "" if it could. Such a picture is wrong.
    """

    correct: bool
    accepted: bool
    confidence: float
    text: str = ""
    error: str = ""


@dataclass(frozen=True)
class Covered:
    """The errors among the readings that are accepted.

    Attributes:
        coverage: Share of all readings that is accepted.
        n: Number of accepted readings.
        errors: Number of wrong ones among them.
        error_rate: `errors` / `n`; None if nothing is accepted.
        interval: Wilson's 95% interval of the error rate; None if nothing is accepted.
        confidence: The lowest confidence that is accepted; None if nothing is accepted.
    """

    coverage: float
    n: int
    errors: int
    error_rate: float | None
    interval: tuple[float, float] | None
    confidence: float | None


def read_pictures(
    reader: Reader,
    pictures: Sequence[LabeledPicture],
    progress: Callable[[], object] = lambda: None,
) -> list[Outcome]:
    """Read pictures, several at once; one that cannot be read is wrong and rejected.

    Args:
        reader: Reads them.
        pictures: What to read.
        progress: Called after each picture.
    """

    def read(labeled: LabeledPicture) -> Outcome:
        outcome = _read(reader, labeled)
        progress()
        return outcome

    with ThreadPoolExecutor() as pool:
        return list(pool.map(read, pictures))


def _read(reader: Reader, labeled: LabeledPicture) -> Outcome:
    try:
        reading = reader.read(labeled.picture, single=labeled.single)
    except PictureError as error:
        return Outcome(False, False, 0.0, error=str(error))
    digits = [digit for line in reading.lines for digit in line.digits]
    best = _best_guess(reading)
    read = ["".join(best)] if labeled.joined else best
    return Outcome(
        labeled.lines is not None and read == labeled.lines,
        bool(digits) and not any(digit.rejected for digit in digits),
        min((digit.confidence for digit in digits), default=0.0),
        "\n".join(best),
    )


def _best_guess(reading: Reading) -> list[str]:
    return ["".join(str(digit.digit) for digit in line.digits) for line in reading.lines]


def covered(outcomes: Sequence[Outcome], coverage: float) -> Covered:
    """Return the errors among the most confident readings.

    Args:
        outcomes: At least one.
        coverage: Share of the readings to accept, 0 to 1; at least one is.
    """
    most_confident = sorted(outcomes, key=lambda one: -one.confidence)
    return _covered(most_confident[: max(1, round(coverage * len(outcomes)))], len(outcomes))


def accepted(outcomes: Sequence[Outcome]) -> Covered:
    """Return the errors among the readings that the reader accepts."""
    return _covered([one for one in outcomes if one.accepted], len(outcomes))


def _covered(chosen: Sequence[Outcome], n: int) -> Covered:
    if not chosen:
        return Covered(0.0, 0, 0, None, None, None)
    errors = sum(not one.correct for one in chosen)
    return Covered(
        len(chosen) / n, len(chosen), errors, errors / len(chosen),
        wilson_interval(errors, len(chosen)), min(one.confidence for one in chosen),
    )  # fmt: skip


def summarize_set(name: str, outcomes: list[Outcome], *, no_digits: bool = False) -> dict[str, Any]:
    """Return a set's accuracy, coverage and error rates, as fractions.

    Args:
        name: Of the set.
        outcomes: One for each picture.
        no_digits: Nothing in the set is a digit, so that only the coverage has a meaning.

    Returns:
        `set`, `n`, `accuracy`, `accepted` (coverage), `accepted_error` (error rate among the
        accepted), and for each of `SET_COVERAGES` the error rate among the most confident
        readings, as `error_at_80%`. A figure without a meaning is None.
    """
    found = {"accepted_error": accepted(outcomes).error_rate} | {
        f"error_at_{share:.0%}": covered(outcomes, share).error_rate for share in SET_COVERAGES
    }
    row: dict[str, Any] = {
        "set": name,
        "n": len(outcomes),
        "accuracy": round(sum(one.correct for one in outcomes) / len(outcomes), 4),
        "accepted": round(accepted(outcomes).coverage, 4),
    }
    row |= {figure: None if rate is None else round(rate, 4) for figure, rate in found.items()}
    if no_digits:
        for figure in row.keys() - {"set", "n", "accepted"}:
            row[figure] = None
    return row
