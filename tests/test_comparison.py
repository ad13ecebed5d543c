"""Tests between classifiers agree with figures by hand and by brute force."""

import math

import numpy as np
import pytest

from tenfold.errors import TenfoldError
from tenfold.evaluation.metrics import distinctive_errors
from tenfold.evaluation.significance import compare_neighbors, holm, mcnemar, rank


def right(*wrong: int, n: int = 20) -> np.ndarray:
    found = np.ones(n, bool)
    found[list(wrong)] = False
    return found


def test_mcnemar_by_hand() -> None:
    # Only the first is correct on six images, only the second on one: 2 (C(7,0) + C(7,1)) / 2^7.
    assert mcnemar(right(0), right(1, 2, 3, 4, 5, 6)) == pytest.approx(16 / 128)
    assert mcnemar(right(0, 1), right(0, 1)) == 1
    assert mcnemar(right(0), right(1)) == 1


def test_mcnemar_on_many_images() -> None:
    first, second = np.ones(10_000, bool), np.ones(10_000, bool)
    first[:300], second[300:900] = False, False
    # The normal approximation agrees in the order of magnitude.
    approximate = math.erfc((600 - 300 - 1) / math.sqrt(900) / math.sqrt(2))
    assert mcnemar(first, second) == pytest.approx(approximate, rel=0.5)
    assert mcnemar(first, second) == mcnemar(second, first)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert holm([]) == []


def test_neighbors_in_rank() -> None:
    known = {"worst": right(0, 1, 2, 3, 4, 5, 6, 7, 8), "best": right(0), "middle": right(1, 2)}
    assert rank(known) == ["best", "middle", "worst"]
    first, second = compare_neighbors(known)
    assert (first.better, first.worse, first.only_better, first.only_worse) == (
        "best", "middle", 2, 1,
    )  # fmt: skip
    assert (second.better, second.worse) == ("middle", "worst")
    assert second.p == pytest.approx(2 / 128)
    assert second.p_holm == pytest.approx(4 / 128)
    assert compare_neighbors({"alone": right()}) == []


def test_distinctive_errors() -> None:
    labels = np.array([0, 1, 2, 3], np.uint8)
    sure = np.eye(10, dtype=np.float32)[labels] * 0.9 + 0.01
    weak = sure.copy()
    weak[1] = np.eye(10)[7] * 0.5 + 0.05  # two are wrong here
    weak[2] = np.eye(10)[8] * 0.6 + 0.04  # only this one is wrong
    other = sure.copy()
    other[1] = np.eye(10)[7]
    found = distinctive_errors(labels, {"weak": weak, "other": other, "sure": sure})
    assert [(e.index, e.predicted, e.others_right) for e in found["weak"]] == [(2, 8, 2), (1, 7, 1)]
    assert found["weak"][0].confidence == pytest.approx(0.64)
    assert found["sure"] == []
    with pytest.raises(TenfoldError, match="shape"):
        distinctive_errors(labels, {"short": sure[:2]})
