"""Classifiers of scikit-learn and LightGBM behind the one interface."""

import pickle

import numpy as np
import pytest

from tenfold.comparing.baselines.baseline import fit_baseline
from tenfold.comparing.baselines.kinds import BASELINES
from tenfold.comparing.baselines.scorers import UNSEEN, LinearPairs, narrowest_margins
from tenfold.errors import TenfoldError

LEAST_ACCURACY = {"svm": 0.87, "linear-svm": 0.83, "forest": 0.82, "extra-trees": 0.83,
                  "knn": 0.83, "logistic": 0.81, "boosting": 0.78, "mlp": 0.83}  # fmt: skip


@pytest.mark.parametrize("name", BASELINES)
def test_each_reads_digits_and_knows_how_sure_it_is(name: str, mnist, monkeypatch) -> None:
    settings = BASELINES[name]
    fewer = {"n_estimators": 20 if name == "boosting" else 40, "least_steps": 300}
    quick = {key: fewer.get(key, value) for key, value in settings.settings.items()}
    quick |= {"n_jobs": 1} if name == "boosting" else {}
    settings = type(settings)(**{**vars(settings), "settings": quick})
    classifier, seconds, busy = fit_baseline(
        settings, mnist.train_images[:800], mnist.train_labels[:800]
    )
    probabilities = classifier.predict_proba(mnist.test_images[:1000])
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (1000, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    right = probabilities.argmax(axis=1) == mnist.test_labels[:1000]
    assert right.mean() > LEAST_ACCURACY[name]
    assert abs(probabilities.max(axis=1).mean() - right.mean()) < 0.08
    assert seconds > 0
    assert busy > 0
    one = classifier.predict_proba(mnist.test_images[0])
    assert np.allclose(one, probabilities[:1], atol=1e-5)
    assert classifier.digit_score(mnist.test_images[:0]).shape == (0,)
    again = pickle.loads(pickle.dumps(classifier)).predict_proba(mnist.test_images[:5])
    assert np.allclose(again, probabilities[:5], atol=1e-5)


def test_a_digit_that_was_never_seen_is_never_said(mnist) -> None:
    known = mnist.train_labels < 2
    images, labels = mnist.train_images[known][:300], mnist.train_labels[known][:300]
    for name in ("svm", "linear-svm", "logistic", "knn"):
        classifier, *_ = fit_baseline(BASELINES[name], images, labels)
        probabilities = classifier.predict_proba(mnist.test_images[:200])
        assert probabilities[:, 2:].max() == 0
        these = mnist.test_labels[:200] < 2
        read = probabilities[these].argmax(axis=1)
        assert (read == mnist.test_labels[:200][these]).mean() > 0.95, name


def test_too_few_images(mnist) -> None:
    with pytest.raises(TenfoldError, match="too few"):
        fit_baseline(BASELINES["knn"], mnist.train_images[:3], mnist.train_labels[:3])


@pytest.mark.parametrize("classes", [10, 3, 2])
def test_linear_pairs_are_what_scikit_learn_says(mnist, classes: int) -> None:
    from sklearn.multiclass import OneVsOneClassifier
    from sklearn.svm import LinearSVC

    some = mnist.train_labels[:1500] < classes
    pixels = mnist.train_images[:1500][some].reshape(-1, 784).astype(np.float32) / 255
    machines = OneVsOneClassifier(LinearSVC(C=0.02, dual=False))
    scorer = LinearPairs(machines)
    scorer.fit(pixels, mnist.train_labels[:1500][some])
    new = mnist.test_images[:200].reshape(-1, 784).astype(np.float32) / 255
    margins = -np.stack([one.decision_function(new) for one in machines.estimators_], axis=1)
    expected = narrowest_margins(margins, classes)
    assert np.allclose(scorer.scores(new, 10)[:, :classes], expected, atol=1e-4)
    assert (scorer.scores(new, 10)[:, classes:] == UNSEEN).all()


def test_the_narrowest_margin_is_the_score() -> None:
    scores = narrowest_margins(np.array([[0.5, -0.2, 2.0]]), 3)
    assert scores[0] == pytest.approx([-0.2, -0.5, -2.0])
