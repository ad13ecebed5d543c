"""The classifiers' interface, and the classifier on ONNX Runtime."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tenfold.classifiers.base import Classifier, as_images, predict_scored
from tenfold.classifiers.bundle import ONNX, load_bundle, load_classifier, load_features
from tenfold.classifiers.features import FeatureClassifier
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.comparing.baselines.baseline import fit_baseline
from tenfold.comparing.baselines.kinds import BASELINES
from tenfold.data.mnist import load_mnist
from tenfold.errors import BundleError, UsageError


@pytest.fixture
def batch(mnist) -> np.ndarray:
    return mnist.train_images[:5]


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 28, 28, 1), (5, 1, 28, 28), (5, 784)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_accepted_forms_mean_the_same(batch, shape, dtype) -> None:
    result = as_images(batch.reshape(shape).astype(dtype))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, batch)


def test_one_image(batch) -> None:
    np.testing.assert_array_equal(as_images(batch[0]), batch[:1])
    assert as_images(np.empty((0, 28, 28), np.uint8)).shape == (0, 28, 28)


def test_floats_are_rounded() -> None:
    assert as_images(np.full((28, 28), 1.6)).max() == 2


def test_images_from_0_to_1_are_read_with_their_scale_or_not_at_all(batch) -> None:
    classifier = load_classifier("tiny")
    expected = classifier.predict_proba(batch)
    binary = np.where(batch > 127, 1, 0).astype(np.uint8)
    for images in (batch / 255, (batch / 255).astype(np.float32), binary):
        with pytest.raises(UsageError, match=r"white is 255: .* scale=255"):
            classifier.predict_proba(images)
        with pytest.raises(UsageError, match="white is 255"):
            classifier.digit_score(images)
    np.testing.assert_array_equal(classifier.predict_proba(batch / 255, scale=255), expected)
    np.testing.assert_array_equal(
        classifier.predict_proba(binary, scale=255), classifier.predict_proba(binary * 255)
    )
    wrong: list[Any] = [0, -1, np.nan, np.inf, "255"]
    for scale in wrong:
        with pytest.raises(UsageError, match=f"scale is {scale!r}; it must be a number above 0"):
            classifier.predict_proba(batch / 255, scale=scale)
    with pytest.raises(UsageError, match=r"images, times the scale of 1000, lie between 0 and"):
        classifier.predict_proba(batch / 255, scale=1000)
    blank = np.zeros((1, 28, 28))
    assert classifier.predict_proba(blank).shape == (1, 10)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((27, 28)), np.zeros((5, 28, 28, 3)), np.zeros(784), np.zeros((2, 2, 28, 28)),
        np.zeros((28, 28), np.int64), np.zeros((28, 28), bool), np.full((28, 28), np.nan),
        np.full((28, 28), 256.0), np.full((28, 28), -1.0), "text", None,
        [[1.0, 2.0], [3.0]], [np.zeros((28, 28)), np.zeros((27, 28))],
    ],
)  # fmt: skip
def test_anything_else_is_a_clear_error(bad) -> None:
    with pytest.raises(UsageError, match="images"):
        as_images(bad)


def test_a_wrong_shape_names_what_was_given_and_what_is_accepted() -> None:
    with pytest.raises(UsageError, match=r"\(3, 32, 32\).*\(n, 28, 28\).*\(n, 784\)"):
        as_images(np.zeros((3, 32, 32), np.uint8))


def test_predict_and_score_of_digits(mnist) -> None:
    classifier = load_classifier("standard")
    images, labels = mnist.train_images[:300], mnist.train_labels[:300]
    np.testing.assert_array_equal(classifier.classes_, np.arange(10))
    predicted = classifier.predict(images)
    assert predicted.dtype.kind == "i"
    np.testing.assert_array_equal(predicted, classifier.predict_proba(images).argmax(axis=1))
    accuracy = float((predicted == labels).mean())
    assert accuracy > 0.97
    assert classifier.score(images, labels) == accuracy
    assert classifier.score(images / 255, labels.astype(str), scale=255) == accuracy


class ThreeClasses(Classifier):
    """Knows each image's class from its brightest pixel."""

    classes = ("boot", "bag", "coat")

    def predict_proba(self, images, *, scale=None):
        return np.eye(3, dtype=np.float32)[as_images(images, scale).max(axis=(1, 2)) - 2]


def test_predict_and_score_of_named_classes() -> None:
    classifier = ThreeClasses()
    images = np.array([2, 4, 4, 3], np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    assert classifier.classes_.tolist() == ["boot", "bag", "coat"]
    assert classifier.predict(images).tolist() == ["boot", "coat", "coat", "bag"]
    assert classifier.score(images, ["boot", "coat", "bag", "boot"]) == 0.5
    assert classifier.score(images, np.array(["boot", "coat", "coat", "bag"], object)) == 1
    assert classifier.score(images, [0, 2, 1, 0]) == 0.5
    assert classifier.score(images, np.array([0, 2, 2, 1], object)) == 1


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, 2], "4 images and 3 labels"),
        ([0, 1, 2, 3], "label 3 is out of range: give 0 to 2"),
        ([-1, 1, 2, 2], "label -1 is out of range"),
        ([0.5, 1, 2, 2], r"labels are float64 of shape \(4,\); give \(n,\) integers 0 to 2"),
        (np.eye(4, dtype=int), r"labels are int64 of shape \(4, 4\)"),
        ([[0, 1], 2, 2, 2], "labels are lists of different lengths: give an array"),
        (["boots", "bag", "bag", "coat"], r"no class 'boots' \(did you mean boot\?\)"),
    ],
)
def test_labels_that_do_not_fit_are_a_clear_error(labels, said: str) -> None:
    images = np.full((4, 28, 28), 2, np.uint8)
    with pytest.raises(UsageError, match=said):
        ThreeClasses().score(images, labels)
    with pytest.raises(UsageError, match="0 images and 0 labels"):
        ThreeClasses().score(images[:0], [])


def test_a_repr_names_model_and_classes() -> None:
    assert repr(load_classifier("nano")) == (
        "<OnnxClassifier: nano, 10 classes 0, 1, 2, 3, 4, ...>"
    )
    assert repr(ThreeClasses()) == "<ThreeClasses: 3 classes boot, bag, coat>"


def baseline() -> Classifier:
    pytest.importorskip("sklearn")
    images, labels = load_mnist("train")
    return fit_baseline(BASELINES["logistic"], images[:200], labels[:200])[0]


def openvino() -> Classifier:
    pytest.importorskip("openvino")
    return load_classifier("tiny", runtime="openvino")


@pytest.mark.parametrize(
    "make",
    [lambda: load_classifier("tiny"), lambda: load_features("tiny"), openvino, baseline],
    ids=["onnx", "features", "openvino", "baseline"],
)
def test_a_classifier_can_be_pickled(mnist, make) -> None:
    classifier = make()
    images = mnist.train_images[:50]
    data = pickle.dumps(classifier)
    for pickled in (data, pickle.dumps(pickle.loads(data))):
        other = pickle.loads(pickled)
        assert repr(other) == repr(classifier)
        assert other.reading_settings == classifier.reading_settings
        np.testing.assert_allclose(
            other.predict_proba(images), classifier.predict_proba(images), atol=1e-6
        )
    if isinstance(classifier, FeatureClassifier):
        np.testing.assert_array_equal(
            pickle.loads(data).feature_maps(images, ["conv1"])["conv1"],
            classifier.feature_maps(images, ["conv1"])["conv1"],
        )


def test_digit_score_is_the_largest_probability_by_default(batch) -> None:
    class Fixed(Classifier):
        def predict_proba(self, images):
            return np.tile(np.linspace(0, 0.2, 10, dtype=np.float32), (len(images), 1))

    np.testing.assert_allclose(Fixed().digit_score(batch), 0.2, rtol=1e-6)


@pytest.mark.parametrize("own_score", [False, True])
def test_predict_scored_computes_probabilities_once(batch, own_score) -> None:
    looks = []

    class Counted(Classifier):
        def predict_proba(self, images):
            looks.append(len(images))
            return np.tile(np.linspace(0, 0.2, 10, dtype=np.float32), (len(images), 1))

        if own_score:

            def digit_score(self, images):
                return np.full(len(images), 0.7, np.float32)

    probabilities, scores = predict_scored(Counted(), batch)
    assert probabilities.shape == (5, 10)
    np.testing.assert_allclose(scores, 0.7 if own_score else 0.2, rtol=1e-6)
    assert looks == [5]


def test_a_file_that_is_not_a_model_is_refused(tmp_path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(BundleError, match=r"model\.onnx is not a model"):
        OnnxClassifier(tmp_path / "model.onnx")
    with pytest.raises(BundleError, match="cannot read"):
        OnnxClassifier(tmp_path / "absent.onnx")
    with pytest.raises(BundleError, match="not a model"):
        OnnxClassifier(b"")


def test_an_onnx_model_of_another_program_is_refused() -> None:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "other",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(BundleError, match="not one that tenfold wrote"):
        OnnxClassifier(model.SerializeToString())


@pytest.mark.parametrize("model", ["standard", "reader"])
def test_threads_and_batches_change_no_answer(mnist, model: str) -> None:
    graph = load_bundle(model).read(ONNX)
    alone, beside = (OnnxClassifier(graph, threads) for threads in (1, 3))
    for count in (0, 1, 9, 33, 200):
        images = mnist.train_images[:count]
        found = beside.predict_proba(images)
        assert found.shape == (count, 10)
        np.testing.assert_allclose(found, alone.predict_proba(images), atol=1e-6)


def test_several_threads_may_read_with_one_classifier(mnist) -> None:
    classifier = OnnxClassifier(load_bundle("standard").read(ONNX))
    images = mnist.train_images[:300]
    expected = classifier.predict_proba(images)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(classifier.predict_proba, [images] * 8):
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_small_network_computes_after_a_fork(mnist) -> None:
    classifier = OnnxClassifier(load_bundle("standard").read(ONNX), threads=2)
    images = mnist.train_images[:100]
    expected = classifier.predict_proba(images)
    process = multiprocessing.get_context("fork").Process(
        target=lambda: os._exit(not np.allclose(classifier.predict_proba(images), expected))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside other tests' threads
        process.start()
    process.join(60)
    assert process.exitcode == 0


def test_the_runtime_sends_no_usage_data() -> None:
    script = (
        "import os, pathlib; os.environ.pop('ORT_DISABLE_TELEMETRY', None); import tenfold\n"
        "tenfold.load_classifier('nano'); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "1"
