"""Figures are compared with scikit-learn, with direct loops and with published values."""

import json
import math

import numpy as np
import pytest

from tenfold.errors import TenfoldError
from tenfold.evaluation.metrics import evaluate, hardest_images
from tenfold.evaluation.notebook import confusion_html
from tenfold.evaluation.significance import errors_interval, summarize, wilson_interval
from tenfold.evaluation.temperature import fit_temperature, softmax


def random_case(seed, n=500, sharpness=2.0):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 10, n)
    logits = rng.normal(size=(n, 10)) * sharpness
    logits[np.arange(n), y_true] += 2
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, y_prob


def one_hot(digits):
    return np.eye(10)[digits]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matches_scikit_learn(seed, dtype):
    from sklearn import metrics

    y_true, y_prob = random_case(seed)
    y_prob = y_prob.astype(dtype)
    y_pred = y_prob.argmax(axis=1)
    result = evaluate(y_true.astype(np.uint8), y_prob)
    assert result.n == 500
    assert result.accuracy == metrics.accuracy_score(y_true, y_pred)
    assert result.errors == (y_true != y_pred).sum()
    exact = y_prob.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert result.loss == pytest.approx(metrics.log_loss(y_true, exact, labels=range(10)), rel=1e-6)
    np.testing.assert_array_equal(result.confusion, metrics.confusion_matrix(y_true, y_pred))
    expected = metrics.precision_recall_fscore_support(y_true, y_pred)
    ours = [(s.precision, s.recall, s.f1, s.support) for s in result.per_class]
    np.testing.assert_allclose(ours, np.transpose(expected), rtol=1e-12)


def test_matches_scikit_learn_with_classes_missing():
    from sklearn import metrics

    y_true = np.array([0, 0, 1, 1, 2, 3])
    y_pred = np.array([0, 1, 1, 5, 2, 2])  # 3 never predicted, 5 never true, 9 neither
    result = evaluate(y_true, one_hot(y_pred))
    expected = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=range(10), zero_division=0
    )
    ours = [(s.precision, s.recall, s.f1, s.support) for s in result.per_class]
    np.testing.assert_allclose(ours, np.transpose(expected), rtol=1e-12)
    assert result.per_class[3].precision == 0.0
    assert result.per_class[5].recall == 0.0
    assert result.per_class[9].f1 == 0.0


def direct_ece(y_true, y_prob, n_bins=15):
    """Guo et al. 2017, equations 2 and 3, image by image."""
    total = 0.0
    for m in range(1, n_bins + 1):
        hits, confidences = [], []
        for label, row in zip(y_true, y_prob, strict=True):
            if (m - 1) / n_bins < row.max() <= m / n_bins:
                hits.append(row.argmax() == label)
                confidences.append(row.max())
        if hits:
            total += len(hits) / len(y_true) * abs(np.mean(hits) - np.mean(confidences))
    return total


@pytest.mark.parametrize("sharpness", [0.1, 1.0, 4.0])
def test_ece_matches_a_direct_loop(sharpness):
    y_true, y_prob = random_case(7, 300, sharpness)
    result = evaluate(y_true, y_prob)
    assert result.ece == pytest.approx(direct_ece(y_true, y_prob), abs=1e-12)
    assert sum(b.count for b in result.reliability) == 300
    for b in result.reliability:
        if b.count:
            assert b.confidence is not None
            assert b.lower < b.confidence <= b.upper
        else:
            assert b.confidence is None
            assert b.accuracy is None


def test_calibration_by_hand():
    # Ten images at confidence 0.73, seven of them right: gap 0.03, all in the bin (10/15, 11/15].
    y_prob = np.full((10, 10), 0.03)
    y_prob[:, 4] = 0.73
    y_true = np.array([4] * 7 + [9] * 3)
    result = evaluate(y_true, y_prob)
    assert result.ece == pytest.approx(0.03)
    assert [b.count for b in result.reliability] == [0] * 10 + [10] + [0] * 4
    assert result.reliability[10].accuracy == pytest.approx(0.7)
    assert result.loss == pytest.approx(-(7 * math.log(0.73) + 3 * math.log(0.03)) / 10)


def test_perfect_and_hopeless():
    labels = np.arange(10)
    perfect = evaluate(labels, one_hot(labels).astype(np.float32))
    assert (perfect.accuracy, perfect.errors, perfect.ece) == (1.0, 0, 0.0)
    assert str(perfect.loss) == "0.0"  # not -0.0
    assert perfect.accuracy_interval == pytest.approx((0.722467, 1.0), abs=1e-6)  # 10 / (10 + z^2)
    hopeless = evaluate(labels, one_hot((labels + 1) % 10))
    assert (hopeless.accuracy, hopeless.ece) == (0.0, 1.0)
    assert hopeless.loss == pytest.approx(-math.log(1e-7))
    assert hopeless.accuracy_interval == pytest.approx((0.0, 0.277533), abs=1e-6)


def test_confidence_a_rounding_above_one():
    y_prob = one_hot([3]) * 1.0005
    result = evaluate(np.array([3]), y_prob)
    assert result.reliability[-1].count == 1
    assert result.reliability[-1].confidence == 1.0
    assert result.loss == 0.0


def test_rows_are_true_and_columns_predicted():
    result = evaluate(np.array([4, 4]), one_hot([9, 4]))
    assert result.confusion.shape == (10, 10)
    assert result.confusion[4, 9] == 1
    assert result.confusion[9, 4] == 0


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_of_newcombe(successes, n, lower, upper):
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
    assert wilson_interval(successes, n) == pytest.approx((lower, upper), abs=5e-5)
    mirrored = wilson_interval(n - successes, n)
    assert mirrored == pytest.approx((1 - upper, 1 - lower), abs=5e-5)


@pytest.mark.parametrize("population", [1, 12, 30])
def test_errors_interval_holds_what_no_test_refutes(population):
    def probability(k, sample, wrong):
        ways = math.comb(wrong, k) * math.comb(population - wrong, sample - k)
        return ways / math.comb(population, sample)

    for sample in range(population + 1):
        for errors in range(sample + 1):
            kept = [
                wrong
                for wrong in range(errors, population - sample + errors + 1)
                if sum(probability(k, sample, wrong) for k in range(errors + 1)) > 0.025
                and sum(probability(k, sample, wrong) for k in range(errors, sample + 1)) > 0.025
            ]
            assert errors_interval(errors, sample, population) == (kept[0], kept[-1])


@pytest.mark.parametrize(
    ("errors", "n", "lower", "upper"),
    # C. Clopper, E. Pearson 1934, as scipy.stats.beta gives them.
    [(0, 200, 0.0, 0.018275), (3, 200, 0.003104, 0.043208), (5, 600, 0.002711, 0.019339)],
)
def test_errors_interval_in_a_large_population_is_that_of_clopper_and_pearson(
    errors, n, lower, upper
):
    population = 10_000_000
    found = [end / population for end in errors_interval(errors, n, population)]
    assert found == pytest.approx((lower, upper), abs=3e-6)


def test_hardest_come_in_order():
    y_prob = np.full((5, 10), 0.0)
    y_true = np.array([1, 2, 3, 4, 5])
    y_prob[0, [1, 0]] = 0.9, 0.1  # correct, confident
    y_prob[1, [7, 2]] = 0.6, 0.4  # wrong
    y_prob[2, [3, 8]] = 0.55, 0.45  # correct, not confident
    y_prob[3, [9, 4]] = 0.98, 0.02  # wrong, confident
    y_prob[4, [6, 5]] = 0.6, 0.4  # wrong, as confident as image 1
    hardest = hardest_images(y_true, y_prob, k=4)
    assert [h.index for h in hardest] == [3, 1, 4, 2]
    worst = hardest[0]
    assert (worst.label, worst.predicted, worst.confidence) == (4, 9, 0.98)
    assert [h.index for h in hardest_images(y_true, y_prob, k=99)] == [3, 1, 4, 2, 0]
    assert hardest_images(y_true, y_prob, k=0) == ()
    with pytest.raises(TenfoldError, match="k is -1"):
        hardest_images(y_true, y_prob, k=-1)


def test_to_dict_survives_json():
    result = evaluate(*random_case(3, 50))
    plain = result.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["n"] == 50
    assert plain["accuracy"] == result.accuracy
    assert np.sum(plain["confusion"]) == 50
    assert len(plain["reliability"]) == 15


GOOD = one_hot([1, 2]), np.array([1, 2])


@pytest.mark.parametrize(
    ("y_true", "y_prob", "message"),
    [
        (np.array([1, 2, 3]), GOOD[0], r"shape \(2, 10\)"),
        (GOOD[1], GOOD[0][:, :1], r"shape \(2, 1\)"),
        (GOOD[1], GOOD[0].ravel(), r"shape \(20,\)"),
        (GOOD[1], GOOD[0].astype(int), "int64"),
        (GOOD[0], GOOD[0], r"labels are float64 of shape \(2, 10\)"),
        (GOOD[1].astype(float), GOOD[0], "labels are float64"),
        (np.array([], int), np.zeros((0, 10)), "n at least 1"),
        (np.array([1, 10]), GOOD[0], "label 10"),
        (np.array([-1, 2]), GOOD[0], "label -1"),
        (GOOD[1], np.where(GOOD[0] == 1, np.nan, GOOD[0]), "nan"),
        (GOOD[1], np.where(GOOD[0] == 1, np.inf, GOOD[0]), "inf"),
        (GOOD[1], GOOD[0] * [[1], [1.002]], "row 1 .* sum 1.002"),
        (GOOD[1], GOOD[0] + [[0.5] + [0] * 8 + [-0.5]], "row 0 .* minimum -0.5"),
    ],
)
def test_bad_input_is_one_line(y_true, y_prob, message):
    for function in (evaluate, hardest_images):
        with pytest.raises(TenfoldError, match=message) as caught:
            function(y_true, y_prob)
        assert "\n" not in str(caught.value)


def test_summary_of_seeds():
    summary = summarize([0.99, 0.992, 0.995])
    assert summary.mean == pytest.approx(np.mean([0.99, 0.992, 0.995]))
    assert summary.sd == pytest.approx(0.002516611)  # by hand
    assert (summary.min, summary.max, summary.n) == (0.99, 0.995, 3)
    assert summarize([0.99]).sd is None
    assert summarize([0.99, 0.99]).sd == 0.0


@pytest.mark.parametrize("values", [[], [0.9, float("nan")], [[0.9]]])
def test_summary_refuses(values):
    with pytest.raises(TenfoldError, match="cannot summarize"):
        summarize(values)


def test_the_temperature_of_scaled_logits_is_the_scale() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 10))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    labels = labels.astype(np.uint8)
    assert fit_temperature(3 * logits, labels, np.geomspace(0.02, 50, 160)) == pytest.approx(
        3, rel=0.08
    )
    assert fit_temperature(np.stack([logits / 2] * 2), labels) == pytest.approx(0.5, abs=0.03)


def test_a_notebook_shows_figures_and_the_confusion_matrix() -> None:
    y_prob = np.eye(3)[[0, 1, 2, 2, 2]]
    html = evaluate(np.array([0, 1, 2, 1, 1]), y_prob)._repr_html_()
    for told in ("5 images", "60.00%", ">2</td>", "rgba(213,94,0,0.75)", "rgba(0,114,178,0.15)"):
        assert told in html
    named = confusion_html(np.eye(2, dtype=int), ["<b>", "plain"])
    assert "&lt;b&gt;" in named
    assert "<b>" not in named
    assert not confusion_html(np.eye(31, dtype=int))
