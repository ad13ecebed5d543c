"""CTC decoding: rows of characters from probabilities step by step."""

from itertools import groupby, pairwise, product

import numpy as np
import pytest

from tenfold.reading import ctc
from tenfold.reading.ctc import decode, decode_several, likelihoods
from tenfold.reading.settings import ReaderSettings

SETTINGS = ReaderSettings()


def steps_of(answers: list[int], sure: float = 0.9999) -> np.ndarray:
    """Return steps that say these characters by their numbers, none as -1."""
    others = len(ctc.CHARACTERS)
    steps = np.full((len(answers), others + 1), (1 - sure) / others, np.float32)
    steps[np.arange(len(answers)), np.array(answers) + 1] = sure
    return steps


def row_of(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(answer - 1 for answer, _ in groupby(path) if answer)


def random_steps(count: int, seed: int, answers: int = 11) -> np.ndarray:
    steps = np.zeros((count, len(ctc.CHARACTERS) + 1))
    steps[:, :answers] = np.random.default_rng(seed).dirichlet(np.full(answers, 0.5), count)
    return steps


def test_the_likelihood_of_a_row_is_that_of_all_its_paths() -> None:
    steps = random_steps(5, seed=3, answers=4)  # none, 0, 1, 2
    sums: dict[tuple[int, ...], float] = {}
    for path in product(range(4), repeat=5):
        likely = float(np.prod(steps[np.arange(5), path]))
        sums[row_of(path)] = sums.get(row_of(path), 0) + likely
    rows = list(sums)
    found = likelihoods(steps, [list(row) for row in rows])
    np.testing.assert_allclose(found, [sums[row] for row in rows], rtol=1e-9)
    assert sum(found) == pytest.approx(1)
    assert likelihoods(steps, [[0, 0, 0, 0]])[0] == 0  # equal ones need none between


def test_plain_steps_give_their_digits_and_places() -> None:
    found = decode(steps_of([-1, 3, 3, -1, 3, 1, -1, -1, 0, -1]), SETTINGS)
    assert [one.digit for one in found] == [3, 3, 1, 0]
    assert [(one.first, one.end) for one in found] == [(1, 3), (4, 5), (5, 6), (8, 9)]
    assert all(0.99 < one.confidence <= 1 for one in found)
    assert decode(steps_of([-1] * 6), SETTINGS) == []
    assert decode(steps_of([-1] * 6)[:0], SETTINGS) == []


def test_a_digit_half_seen_at_several_steps_is_seen() -> None:
    steps = steps_of([-1, 7, -1, -1, -1, -1, 2, -1])
    for step in (3, 4, 5):
        steps[step] = 0
        steps[step, [0, 1 + 1]] = 0.6, 0.4  # none rather than a one, three times over
    found = decode(steps, SETTINGS)
    # P(no one) = 0.6 ** 3; all the other ways hold one.
    assert [one.digit for one in found] == [7, 1, 2]
    assert found[1].confidence == pytest.approx(1 - 0.6**3, abs=0.12)
    assert found[0].confidence > 0.99


def test_a_digit_that_may_be_missing_makes_those_beside_it_unsure() -> None:
    steps = steps_of([-1, 5, -1, 7, -1, 2, -1])
    steps[4] = 0
    steps[4, [0, 1 + 1]] = 0.6, 0.4
    found = decode(steps, SETTINGS)
    assert [one.digit for one in found] == [5, 7, 2]
    # Sure paper lies between the 5 and the doubt.
    assert [one.confidence for one in found] == pytest.approx([1, 0.6, 0.6], abs=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_no_change_of_a_digit_is_likelier(seed: int) -> None:
    steps = random_steps(9, seed)
    found = decode(steps.astype(np.float32), SETTINGS)
    row = [one.digit for one in found]
    likely = likelihoods(steps, [row])[0]
    others = [row[:place] + row[place + 1 :] for place in range(len(row))]
    others += [[*row[:p], d, *row[p + 1 :]] for p in range(len(row)) for d in range(10)]
    others += [[*row[:p], d, *row[p:]] for p in range(len(row) + 1) for d in range(10)]
    assert likelihoods(steps, others).max() <= likely * (1 + 1e-5)
    ends = [0, *(one.end for one in found)]
    assert all(one.first >= end for one, end in zip(found, ends, strict=False))
    assert all(one.first < one.end <= 9 for one in found)
    assert all(0 < one.confidence <= 1 for one in found)


@pytest.mark.parametrize("count", [150, 900, 4000])
def test_noise_of_any_length_is_read(count: int) -> None:
    # The likelihood of any row is below the least number there is.
    unsure = np.full((count, len(ctc.CHARACTERS) + 1), 0.02, np.float32)
    unsure[:, 0] = 0.4
    for steps in (random_steps(count, 1).astype(np.float32), unsure):
        found = decode(steps, SETTINGS)
        assert all(0 < one.confidence <= 1 for one in found)
        assert all(one.end <= other.first for one, other in pairwise(found))


def test_long_rows_are_read_as_they_are_strung_together(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = np.concatenate([steps_of([digit % 10, -1], sure=0.9) for digit in range(30)])
    monkeypatch.setattr(ctc, "likelihoods", lambda *_: pytest.fail("too long to try changes"))
    found = decode(steps, SETTINGS)
    assert [one.digit for one in found] == [digit % 10 for digit in range(30)]
    assert all(one.confidence == pytest.approx(0.9) for one in found)


def test_of_several_ways_the_row_counts_that_is_likeliest_in_their_mean() -> None:
    ways = [random_steps(count, seed=count, answers=4) for count in (4, 5, 6)]
    rows = sorted({row_of(path) for count in (4, 5, 6) for path in product(range(4), repeat=count)})
    each = np.array([likelihoods(way, [list(row) for row in rows]) for way in ways])
    mean = dict(zip(rows, each.mean(axis=0), strict=True))
    shown, found = decode_several([way.astype(np.float32) for way in ways], SETTINGS)
    row = tuple(one.digit for one in found)
    # No change of one digit makes it likelier, and none of what the ways say alone is.
    near = [tuple(changed) for changed, *_ in ctc._changes(list(row), list(range(4)))]
    alone = [tuple(one.digit for one in decode(way.astype(np.float32), SETTINGS)) for way in ways]
    assert mean[row] >= max(mean.get(other, 0) for other in near + alone if other)
    assert shown == each[:, rows.index(row)].argmax()


def test_a_likelier_view_counts_more() -> None:
    views = [steps_of([-1, 3, -1, 1, -1], 0.9), steps_of([-1, 8, -1, 1, -1], 0.9)]
    for weights, wanted in (((0.9, 0.1), [3, 1]), ((0.1, 0.9), [8, 1])):
        _, found = decode_several(views, SETTINGS, weights)
        assert [one.digit for one in found] == wanted


def test_what_one_way_hardly_sees_another_makes_sure() -> None:
    sure = steps_of([-1, 3, -1, 1, -1], 0.99)
    torn = steps_of([-1, 3, 3, -1, 7, 7, -1, 1, -1], 0.4)
    shown, found = decode_several([torn, sure], SETTINGS)
    assert [one.digit for one in found] == [3, 1]
    assert shown == 1
    assert [(one.first, one.end) for one in found] == [(1, 2), (3, 4)]
    assert min(one.confidence for one in found) > 0.9


def test_a_sign_that_may_be_there_leaves_its_neighbors_sure() -> None:
    comma = ctc.CHARACTERS.index(",")
    steps = steps_of([-1, 5, -1, comma, -1, 2, -1])
    steps[2:5] = 0
    steps[2:5, 0] = 1
    steps[3, [0, comma + 1]] = 0.6, 0.4
    found = decode(steps, SETTINGS)
    assert "".join(one.character for one in found) == "52"
    assert min(one.confidence for one in found) > 0.99
    steps[3, [0, comma + 1]] = 0.4, 0.6
    found = decode(steps, SETTINGS)
    assert "".join(one.character for one in found) == "5,2"
    assert [one.confidence for one in found] == pytest.approx([1, 0.6, 1], abs=0.01)
    assert found[1].digit_probability < 0.01


def test_a_sign_knows_how_likely_it_is_a_digit_and_which() -> None:
    slash = ctc.CHARACTERS.index("/")
    steps = steps_of([-1, 5, -1, slash, -1, 2, -1])
    steps[3] = 0
    steps[3, [1 + 1, slash + 1]] = 0.3, 0.7
    five, sign, two = decode(steps, SETTINGS)
    assert (sign.character, sign.digit) == ("/", 1)
    assert sign.digit_probability == pytest.approx(0.3, abs=0.01)
    assert sign.confidence == pytest.approx(0.7, abs=0.01)
    assert (five.digit_probability, two.digit_probability) == pytest.approx((1, 1), abs=0.01)
    steps[3, [1 + 1, slash + 1]] = 0.7, 0.3
    assert [one.character for one in decode(steps, SETTINGS)] == ["5", "1", "2"]


def test_ways_without_digits_or_with_very_many_steps() -> None:
    assert decode_several([steps_of([-1] * 5), steps_of([-1] * 9)], SETTINGS)[1] == []
    long = steps_of([-1, 1] * 200, 0.9)
    shown, found = decode_several([steps_of([-1, 5, -1], 0.6), long], SETTINGS)
    assert shown == 1
    assert len(found) == 200
