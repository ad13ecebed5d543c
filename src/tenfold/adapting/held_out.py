"""What adapting gained, measured on digits that were held out of it."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Labels
from tenfold.evaluation.significance import Correct, mcnemar, paired_interval, wilson_interval

FOLDS = 5
"""The digits are split into this many parts; each is held out of a network that learns the rest."""

ENOUGH = 1000
"""From this many digits on, only one part is held out: 200 digits are enough to measure on, and
fine-tuning takes longer."""

MAX_ERROR_RATE = 0.01
"""Highest error rate among the accepted digits that were held out."""

THRESHOLDS = np.round(np.arange(0.3, 1.0, 0.01), 2)
"""Candidates for the threshold; 0.1 is the score of ten equal probabilities."""


@dataclass(frozen=True)
class Gain:
    """Accuracy before and after adapting, on the same digits.

    Attributes:
        n: Number of digits that were held out.
        accuracy_before: Share that the original model reads correctly.
        accuracy_after: Share that the adapted networks read correctly; none had learned the digit.
        interval_before: Wilson's 95% interval of `accuracy_before`.
        interval_after: Wilson's 95% interval of `accuracy_after`.
        gain: `accuracy_after` - `accuracy_before`.
        gain_interval: Its 95% interval, for paired proportions (Agresti and Min 2005).
        corrected: Number of digits that only the adapted networks read correctly.
        broken: Number of digits that only the original model reads correctly.
        p: Two-sided p value of McNemar's exact test.
        accepted: Share of the digits that the new threshold accepts.
        accepted_error: Error rate among these; None if there are none.
    """

    n: int
    accuracy_before: float
    accuracy_after: float
    interval_before: tuple[float, float]
    interval_after: tuple[float, float]
    gain: float
    gain_interval: tuple[float, float]
    corrected: int
    broken: int
    p: float
    accepted: float
    accepted_error: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready values."""
        return asdict(self)


def folds_of(labels: Labels, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the places of the digits that are held out, part by part.

    Every digit from 0 to 9 has the same share of each part, as far as their numbers allow.

    Args:
        labels: uint8 (n,).
        seed: Decides the parts.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    by_label = order[np.argsort(labels[order], kind="stable")]
    for fold in range(FOLDS if len(labels) < ENOUGH else 1):
        yield np.sort(by_label[fold::FOLDS])


def measure_gain(before: Correct, after: Correct, accepted: npt.NDArray[np.bool_]) -> Gain:
    """Compare the original model with the adapted networks on the digits that were held out.

    Args:
        before: bool (n,), the digits that the original model reads correctly.
        after: bool (n,), those that the adapted networks read correctly.
        accepted: bool (n,), those that the new threshold accepts.
    """
    n = len(before)
    right, wrong = int(after[accepted].sum()), int((~after[accepted]).sum())
    return Gain(
        n=n,
        accuracy_before=float(before.mean()),
        accuracy_after=float(after.mean()),
        interval_before=wilson_interval(int(before.sum()), n),
        interval_after=wilson_interval(int(after.sum()), n),
        gain=float(after.mean() - before.mean()),
        gain_interval=paired_interval(before, after),
        corrected=int((after & ~before).sum()),
        broken=int((before & ~after).sum()),
        p=mcnemar(before, after),
        accepted=(right + wrong) / n,
        accepted_error=wrong / (right + wrong) if right + wrong else None,
    )


def choose_threshold(
    scores: npt.NDArray[np.float64],
    correct: Correct,
    mark_scores: npt.NDArray[np.float32],
    accepted_marks: float,
) -> float:
    """Return the lowest threshold that accepts few errors and few marks that are no digits.

    Args:
        scores: float64 (n,), digit scores of the digits that were held out.
        correct: bool (n,), those that were read correctly.
        mark_scores: float32 (m,), digit scores of made-up marks that are no digits.
        accepted_marks: Share of the marks that may be accepted.

    Returns:
        The first of `THRESHOLDS` at which at most `MAX_ERROR_RATE` of the accepted digits are wrong
        and at most `accepted_marks` of the marks are accepted; the last one if there is none.
    """
    for threshold in THRESHOLDS:
        accepted = scores >= threshold
        errors = int((accepted & ~correct).sum())
        few_errors = errors <= math.floor(MAX_ERROR_RATE * int(accepted.sum()))
        if few_errors and float((mark_scores >= threshold).mean()) <= accepted_marks:
            return float(threshold)
    return float(THRESHOLDS[-1])
