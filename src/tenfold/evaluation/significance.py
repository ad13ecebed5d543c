"""Confidence intervals, spread over seeds, and tests between classifiers."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tenfold.errors import TenfoldError

Z_95 = 1.959963984540054
"""Standard normal quantile at 0.975, for two-sided 95% intervals."""

Correct = npt.NDArray[np.bool_]
"""bool (n,): whether the prediction for each image is correct."""


@dataclass(frozen=True)
class Summary:
    """One figure over several seeds.

    Attributes:
        mean: Arithmetic mean.
        sd: Standard deviation with n - 1 in the denominator; None for a single run, whose
            spread is unknown rather than zero.
        min: Smallest value.
        max: Largest value.
        n: Number of runs.
    """

    mean: float
    sd: float | None
    min: float
    max: float
    n: int


@dataclass(frozen=True)
class PairTest:
    """McNemar's test of two classifiers on the same images.

    Attributes:
        better: The classifier with more correct predictions; on a tie, the first.
        worse: The other classifier.
        only_better: Number of images on which only the better one is correct.
        only_worse: Number of images on which only the worse one is correct.
        p: Probability of a difference this large in either direction by chance, 0..1.
        p_holm: The same, corrected for testing several pairs (Holm 1979).
    """

    better: str
    worse: str
    only_better: int
    only_worse: int
    p: float
    p_holm: float


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a proportion, without continuity correction.

    The interval stays within 0..1 and is accurate near both ends, where accuracies on MNIST lie
    (Wilson 1927; Newcombe 1998, method 3).

    Args:
        successes: 0..n.
        n: Number of trials, at least 1.
    """
    proportion = successes / n
    center = proportion + Z_95**2 / (2 * n)
    half_width = Z_95 * (proportion * (1 - proportion) / n + Z_95**2 / (4 * n**2)) ** 0.5
    scale = 1 + Z_95**2 / n
    # The clip removes rounding errors only: exact ends lie within 0..1.
    return max(0.0, (center - half_width) / scale), min(1.0, (center + half_width) / scale)


def errors_interval(
    errors: int, sample: int, population: int, confidence: float = 0.95
) -> tuple[int, int]:
    """Return the exact interval of the number of errors in a population, from a random sample.

    The population is finite and the sample is drawn without replacement, so the number of errors
    in the sample is hypergeometric. The two one-sided tests are inverted, as Clopper and Pearson
    1934 do for the binomial; the ends are those of H. S. Konijn, "Statistical theory of sample
    survey design and analysis", 1973. A small sample of a large population has the ends of Clopper
    and Pearson; a sample of everything has no doubt left.

    Args:
        errors: Number of errors in the sample, 0..sample.
        sample: Size of the sample, at most `population`; of 0 the interval is everything.
        population: Size of the population.
        confidence: Least probability that the interval holds the true number, below 1.
    """
    tail = (1 - confidence) / 2
    most = population - (sample - errors)
    possible = range(errors, most + 1)
    lower = bisect_left(
        possible, tail, key=lambda k: 1 - _at_most(errors - 1, sample, population, k)
    )
    # The more errors k there are in all, the less likely so few in the sample: the first k that
    # makes them unlikely is out.
    upper = bisect_left(possible, -tail, key=lambda k: -_at_most(errors, sample, population, k))
    return possible[min(lower, len(possible) - 1)], possible[max(0, upper - 1)]


def _at_most(errors: int, sample: int, population: int, in_population: int) -> float:
    """Return the probability of at most `errors` errors in a sample drawn without replacement."""
    right, fewest = population - in_population, max(0, sample - (population - in_population))
    whole = _log_choose(population, sample)
    logs = (
        _log_choose(in_population, k) + _log_choose(right, sample - k) - whole
        for k in range(fewest, min(errors, in_population, sample) + 1)
    )
    return math.fsum(map(math.exp, logs))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def summarize(figures: Sequence[float]) -> Summary:
    """Return mean, standard deviation and range of one figure over the runs of several seeds.

    Args:
        figures: One finite value per run, such as the accuracy; at least one.

    Raises:
        TenfoldError: There is no value, or one is not finite.
    """
    values = np.asarray(figures, np.float64)
    if values.ndim != 1 or values.size == 0:
        raise TenfoldError(f"cannot summarize values of shape {values.shape}: give one per run")
    if not np.isfinite(values).all():
        raise TenfoldError("cannot summarize values that are not finite: leave failed runs out")
    return Summary(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if values.size > 1 else None,
        min=float(values.min()),
        max=float(values.max()),
        n=values.size,
    )


def mcnemar(first: Correct, second: Correct) -> float:
    """Return the two-sided p value of McNemar's exact test for two classifiers.

    Only the images on which exactly one is correct count, by the binomial distribution
    (McNemar 1947). Dietterich 1998 recommends the test for classifiers that are trained once.

    Args:
        first: bool (n,), the images on which one classifier is correct.
        second: bool (n,), the same for the other.
    """
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    differ, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(differ, k) for k in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**differ))


def paired_interval(first: Correct, second: Correct) -> tuple[float, float]:
    """Return the 95% interval of how much more accurate the second classifier is, a fraction.

    Wald's interval for paired proportions with 0.5 added to each of the four counts, which keeps
    its coverage near 95% for few images too (A. Agresti, Y. Min, "Simple improved confidence
    intervals for comparing matched proportions", 2005).

    Args:
        first: bool (n,), the images on which one classifier is correct.
        second: bool (n,), the same for the other.
    """
    n = len(first) + 2
    only_first = float((first & ~second).sum()) + 0.5
    only_second = float((second & ~first).sum()) + 0.5
    center = (only_second - only_first) / n
    half_width = Z_95 * (only_first + only_second - n * center**2) ** 0.5 / n
    return max(-1.0, center - half_width), min(1.0, center + half_width)


def rank(correct: Mapping[str, Correct]) -> list[str]:
    """Return the names of classifiers by falling number of correct predictions.

    Ties keep the given order.
    """
    return sorted(correct, key=lambda name: -int(correct[name].sum()))


def compare_neighbors(correct: Mapping[str, Correct]) -> list[PairTest]:
    """Test each classifier against the next one in the ranking.

    Args:
        correct: For each classifier bool (n,), for the same images.
    """
    neighbors = list(pairwise(rank(correct)))
    ps = [mcnemar(correct[a], correct[b]) for a, b in neighbors]
    return [
        PairTest(
            better,
            worse,
            int((correct[better] & ~correct[worse]).sum()),
            int((correct[worse] & ~correct[better]).sum()),
            p,
            p_holm,
        )
        for (better, worse), p, p_holm in zip(neighbors, ps, holm(ps), strict=True)
    ]


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values corrected so that they bound the chance of even one false positive.

    S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    corrected, highest = [1.0] * len(ps), 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = highest
    return corrected
