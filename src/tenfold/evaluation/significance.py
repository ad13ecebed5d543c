"""Several classifiers on the same images: who is better, by how sure a margin, and where."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tenfold.errors import TenfoldError

Right = npt.NDArray[np.bool_]
"""bool (n,): whether a classifier reads each image right."""


@dataclass(frozen=True)
class PairTest:
    """McNemar's test of two classifiers on the same images.

    Attributes:
        better: The one with more images right, or the first of two alike.
        worse: The other.
        only_better: Images that only the better one reads right.
        only_worse: Images that only the other does.
        p: How often a difference this large, either way, comes by chance; 0..1.
        p_holm: The same, corrected for asking about several pairs at once (Holm 1979).
    """

    better: str
    worse: str
    only_better: int
    only_worse: int
    p: float
    p_holm: float


@dataclass(frozen=True)
class OwnError:
    """An image that one classifier reads wrong.

    Attributes:
        index: Its place in the arrays given.
        label: The true digit.
        predicted: What the classifier takes it for.
        confidence: How sure it is, 0..1.
        others_right: How many of the other classifiers read it right.
    """

    index: int
    label: int
    predicted: int
    confidence: float
    others_right: int


def mcnemar(first: Right, second: Right) -> float:
    """Return the p of McNemar's exact test: only images on which the two differ count.

    Two-sided, from the binomial distribution itself (McNemar 1947; Dietterich 1998 recommends the
    test for classifiers trained once).

    Args:
        first: bool (n,), which images one reads right.
        second: bool (n,), the same for the other.
    """
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    differ, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(differ, k) for k in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**differ))


def rank(right: Mapping[str, Right]) -> list[str]:
    """Return the names, the most images right first; of two alike the one given first."""
    return sorted(right, key=lambda name: -int(right[name].sum()))


def compare_neighbors(right: Mapping[str, Right]) -> list[PairTest]:
    """Test each classifier against the next in rank.

    Args:
        right: For each classifier bool (n,), of the same images.
    """
    order = rank(right)
    neighbors = list(pairwise(order))
    ps = [mcnemar(right[a], right[b]) for a, b in neighbors]
    corrected = holm(ps)
    return [
        PairTest(
            better,
            worse,
            int((right[better] & ~right[worse]).sum()),
            int((right[worse] & ~right[better]).sum()),
            p,
            p_holm,
        )
        for (better, worse), p, p_holm in zip(neighbors, ps, corrected, strict=True)
    ]


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values corrected for being several: the chance of even one false alarm.

    S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    corrected, highest = [1.0] * len(ps), 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = highest
    return corrected


def own_errors(
    y_true: npt.NDArray[np.uint8], answers: Mapping[str, npt.NDArray[np.float32]], k: int = 12
) -> dict[str, list[OwnError]]:
    """Return for each classifier the errors that are most its own.

    Those come first that the most others read right, then those it is surest of.

    Args:
        y_true: Labels (n,), 0..9.
        answers: For each classifier float32 (n, 10), its probabilities.
        k: How many at most.

    Raises:
        TenfoldError: The arrays do not fit each other.
    """
    if any(y_prob.shape != (len(y_true), 10) for y_prob in answers.values()):
        raise TenfoldError(f"give probabilities of shape ({len(y_true)}, 10) of each classifier")
    right = {name: y_prob.argmax(axis=1) == y_true for name, y_prob in answers.items()}
    count = np.sum(list(right.values()), axis=0)
    found = {}
    for name, y_prob in answers.items():
        wrong = np.flatnonzero(~right[name])
        confidence = y_prob.max(axis=1)
        order = wrong[np.lexsort((-confidence[wrong], -count[wrong]))][:k]
        found[name] = [
            OwnError(
                int(i),
                int(y_true[i]),
                int(y_prob[i].argmax()),
                float(confidence[i]),
                int(count[i]),
            )
            for i in order
        ]
    return found
