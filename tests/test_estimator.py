"""DigitClassifier as scikit-learn uses estimators."""

import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold import DigitClassifier, Reader
from tenfold.arrays import DIGITS, Images
from tenfold.errors import UsageError
from tenfold.recipes.catalog import recipe_named

N = 300


@pytest.fixture(scope="module")
def rows(mnist) -> tuple[np.ndarray, np.ndarray]:
    return mnist.train_images[:N].reshape(N, 784), mnist.train_labels[:N]


@pytest.fixture(scope="module")
def fitted(tensorflow, rows) -> DigitClassifier:
    return DigitClassifier(recipe="softmax", epochs=20).fit(*rows)


def test_parameters_are_those_of_the_recipe(fitted: DigitClassifier) -> None:
    from sklearn.base import clone

    assert fitted.get_params()["recipe"] == "softmax"
    assert fitted.recipe_.batch_size == N // 4  # shrunk
    assert fitted.recipe_.epochs == 20
    assert len(fitted.history_) == 20
    unfitted = clone(fitted).set_params(learning_rate=0.5, batch_size=50)
    assert unfitted.get_params() == {
        "recipe": "softmax", "epochs": 20, "batch_size": 50, "learning_rate": 0.5,
        "settings": None, "scale": None, "random_state": 0, "verbose": False,
    }  # fmt: skip
    assert repr(DigitClassifier(recipe="fast")) == "DigitClassifier(recipe='fast')"


def test_few_images_get_more_epochs_unless_epochs_are_given(rows) -> None:
    by_settings = DigitClassifier(recipe="softmax", settings={"epochs": 3, "batch_size": 80})
    recipe = by_settings._recipe_for(DIGITS, N)
    assert (recipe.epochs, recipe.batch_size) == (3, 80)
    recipe = DigitClassifier(recipe="softmax")._recipe_for(("0", "1"), N)
    assert (recipe.batch_size, recipe.epochs, recipe.classes) == (75, 125, 2)
    whole = DigitClassifier(recipe=recipe_named("softmax"))._recipe_for(DIGITS, 60_000)
    assert whole == recipe_named("softmax")
    with pytest.raises(tenfold.TenfoldError, match=r"300 images.*do not fill one batch of 500"):
        DigitClassifier(recipe="softmax", batch_size=500).fit(*rows)


def test_predictions(fitted: DigitClassifier, rows) -> None:
    from sklearn.base import clone

    x, y = rows
    probabilities = fitted.predict_proba(x)
    assert probabilities.shape == (N, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.classes_, np.arange(10))
    np.testing.assert_array_equal(fitted.predict(x), probabilities.argmax(axis=1))
    assert fitted.score(x, y) == (fitted.predict(x) == y).mean() > 0.85
    for same in (x.reshape(N, 28, 28), x.astype(np.int64), x.astype(float), x.tolist()):
        np.testing.assert_array_equal(fitted.predict_proba(same), probabilities)
    black_or_white = clone(fitted).set_params(scale=255, epochs=1).fit(x > 127, y)
    found = black_or_white.classifier_.predict_proba(np.uint8(x > 127) * 255)
    np.testing.assert_array_equal(black_or_white.predict_proba(x > 127), found)


def test_the_same_random_state_gives_the_same_network(fitted: DigitClassifier, rows) -> None:
    from sklearn.base import clone

    again = clone(fitted).fit(*rows)
    np.testing.assert_allclose(again.predict_proba(rows[0]), fitted.predict_proba(rows[0]), 1e-4)
    other = clone(fitted).set_params(random_state=1).fit(*rows)
    assert np.abs(other.predict_proba(rows[0]) - fitted.predict_proba(rows[0])).max() > 0.01


@pytest.mark.parametrize("kind", [int, str, object], ids=["integers", "strings", "objects"])
def test_labels_of_any_kind(fitted: DigitClassifier, rows, kind) -> None:
    from sklearn.base import clone

    x, y = rows
    names = {0: -1, 1: 7, 2: 100} if kind is int else {0: "boot", 1: "bag", 2: "coat"}
    some = y < 3
    labels = np.array([names[label] for label in y[some]], kind)
    estimator = clone(fitted).set_params(recipe=recipe_named("softmax")).fit(x[some], labels)
    assert estimator.classes_.tolist() == sorted(names.values())
    assert estimator.classifier_.classes == tuple(map(str, sorted(names.values())))
    assert estimator.score(x[some], labels) > 0.9
    assert estimator.predict_proba(x[:5]).shape == (5, 3)


def test_columns_of_a_data_frame_keep_their_names_and_their_order(tensorflow, rows) -> None:
    from pandas import DataFrame

    x, y = rows
    frame = DataFrame(x, columns=[f"pixel{number}" for number in range(784)])
    estimator = DigitClassifier(recipe="softmax", epochs=1).fit(frame, y)
    assert estimator.feature_names_in_.tolist() == list(frame.columns)
    assert estimator.predict(frame).shape == (N,)
    with pytest.raises(ValueError, match="same order as they were in fit"):
        estimator.predict(frame[frame.columns[::-1]])
    assert not hasattr(estimator.fit(x, y), "feature_names_in_")


def test_digits_as_floats_are_digits(tensorflow, rows) -> None:
    x, y = rows
    estimator = DigitClassifier(recipe="softmax", epochs=1).fit(x, y.astype(float))
    assert estimator.classifier_.classes == DIGITS
    assert estimator.classes_.tolist() == [float(digit) for digit in range(10)]


def test_a_fit_does_not_seed_the_generators_of_the_program(fitted: DigitClassifier, rows) -> None:
    import tensorflow as tf
    from sklearn.base import clone

    drawn = set()
    for seed in (7, 8):
        random.seed(seed)
        np.random.seed(seed)
        tf.random.set_seed(seed)
        wanted = np.random.RandomState(seed).random()
        expected = tf.random.uniform(()), tf.random.uniform(())
        tf.random.set_seed(seed)
        assert tf.random.uniform(()) == expected[0]
        clone(fitted).set_params(epochs=1).fit(*rows)
        assert np.random.random() == wanted
        assert tf.random.uniform(()) == expected[1]
        drawn.add(random.random())
    assert len(drawn) == 2


def test_a_fitted_estimator_is_pickled_without_keras(
    fitted: DigitClassifier, rows, tmp_path: Path
) -> None:
    (tmp_path / "estimator.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "images.npy", rows[0])
    script = (
        "import pickle, sys, numpy as np\n"
        "estimator = pickle.load(open('estimator.pickle', 'rb'))\n"
        "np.save('found.npy', estimator.predict_proba(np.load('images.npy')))\n"
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(found, fitted.predict_proba(rows[0]), atol=1e-6)


def test_the_classifier_of_a_fit_reads_pictures(fitted: DigitClassifier, mnist) -> None:
    reading = Reader(fitted.classifier_, threshold=0).read(255 - mnist.train_images[1], single=True)
    assert reading.text == "0"


def test_model_selection(rows, capfd: pytest.CaptureFixture[str]) -> None:
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    x, y = rows
    network = DigitClassifier(recipe="softmax")
    assert cross_val_score(network, x, y, cv=3).min() > 0.7
    search = GridSearchCV(network, {"epochs": [1, 20]}, cv=2, error_score="raise").fit(x, y)
    assert search.best_params_ == {"epochs": 20}
    pipeline = make_pipeline(MinMaxScaler(), network.set_params(scale=255, epochs=20)).fit(x, y)
    assert pipeline.score(x, y) > 0.85
    assert "retracing" not in capfd.readouterr().err


def test_wrong_data_is_a_clear_error(fitted: DigitClassifier, rows) -> None:
    from sklearn.exceptions import NotFittedError

    x, y = rows
    network = DigitClassifier(recipe="softmax")
    with pytest.raises(UsageError, match=r"scale=255"):
        network.fit(x / 255, y)
    with pytest.raises(UsageError, match=r"shape \(300, 64\)"):
        network.fit(x[:, :64], y)
    with pytest.raises(UsageError, match="y has 1 class; give 2 to 256"):
        network.fit(x, np.zeros(N))
    with pytest.raises(UsageError, match="labels of several kinds"):
        network.fit(x, np.array(["a", *range(1, N)], object))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        network.fit(x, y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        network.fit(np.full((N, 784), np.nan), y)
    with pytest.raises(UsageError, match=r"no recipe 'sofmax'.*did you mean softmax"):
        network.set_params(recipe="sofmax").fit(x, y)
    for parameter in ({"epochs": 1.5}, {"batch_size": 2.5}, {"random_state": -1},
                      {"recipe": "ensemble", "random_state": 2**30},
                      {"settings": {"summary": "\ud800"}}, {"settings": ["epochs=1"]},
                      {"epochs": 1, "settings": {"epochs": 2}}, {"scale": 0}):  # fmt: skip
        message = r"1\.5|2\.5|seed is|UTF-8|by dotted name|epochs is given twice|scale is 0"
        with pytest.raises(UsageError, match=message):
            DigitClassifier(**{"recipe": "softmax"} | parameter).fit(x, y)
    with pytest.raises(NotFittedError):
        network.predict(x)
    with pytest.raises(UsageError, match=r"augmentation\.forms=0"):
        DigitClassifier(recipe="reader").fit(x, np.where(y > 4, "high", "low"))


class RowClassifier(DigitClassifier):
    """Takes rows of any numbers, as scikit-learn's checks give them, and draws them as stripes."""

    def _images(self, images: Any) -> Images:
        from sklearn.utils import check_array

        array = check_array(images, estimator=self).astype(np.float64)
        ink = (255 / (1 + np.exp(-np.clip(array, -30, 30)))).astype(np.uint8)
        stripe = 784 // array.shape[1]
        flat = np.zeros((len(array), 784), np.uint8)
        flat[:, : stripe * array.shape[1]] = np.repeat(ink, stripe, axis=1)
        return flat.reshape(-1, 28, 28)


EXPECTED = {
    "check_n_features_in_after_fitting": "an image has 784 pixels, always",
    "check_n_features_in": "the same",
    "check_classifiers_train": "the same",
}


@pytest.mark.slow
def test_scikit_learns_checks(tensorflow) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    estimator = RowClassifier(recipe="softmax", epochs=20)
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {found["check_name"]: found["exception"] for found in results
              if found["status"] == "failed"}  # fmt: skip
    assert failed.keys() == EXPECTED.keys(), failed
    assert len(results) > 40


def test_without_scikit_learn_the_name_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['sklearn'] = sys.modules['sklearn.base'] = None\n"
        "from tenfold import *\n"
        "try: DigitClassifier(recipe='fast')\n"
        "except TenfoldError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)  # noqa: PLW1510
    assert found.stdout == (
        'DigitClassifier needs more packages: pip install "tenfold[train,compare]"\n'
    ), found.stderr


def test_scikit_learn_is_imported_when_used_alone() -> None:
    script = (
        "import sys, tenfold; tenfold.Reader, tenfold.train; dir(tenfold)\n"
        "assert 'sklearn' not in sys.modules; tenfold.DigitClassifier\n"
        "assert 'sklearn' in sys.modules and 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
