"""The classifier on OpenVINO agrees with the one on ONNX Runtime."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tenfold
from tenfold.classifiers.bundle import ONNX, load_bundle
from tenfold.classifiers.onnx import BATCH
from tenfold.classifiers.openvino import OpenVinoClassifier
from tenfold.errors import BundleError, MissingExtraError, UsageError

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def graph() -> bytes:
    return load_bundle("standard").read(ONNX)


def test_in_float32_it_gives_the_same_probabilities(graph: bytes, mnist) -> None:
    images = mnist.test_images[: 2 * BATCH + 100]  # the last batch is not full
    classifier = OpenVinoClassifier(graph, bfloat16=False)
    found = classifier.predict_proba(images)
    expected = tenfold.load_classifier("standard").predict_proba(images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert classifier.predict_proba(images[:0]).shape == (0, 10)
    np.testing.assert_allclose(classifier.predict_proba(images[0]), expected[:1], atol=1e-5)


def test_by_name_it_reads_the_same_digits(mnist) -> None:
    images = mnist.test_images[:1000]
    expected = tenfold.load_classifier("standard").predict_proba(images)
    found = tenfold.load_classifier("standard", runtime="openvino").predict_proba(images)
    assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= 0.998
    np.testing.assert_allclose(found, expected, atol=0.1)  # bfloat16, where the processor can


def test_threads_take_turns(graph: bytes, mnist) -> None:
    classifier = OpenVinoClassifier(graph, 1, bfloat16=False)
    parts = np.split(mnist.test_images[:800], 8)
    expected = [classifier.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(classifier.predict_proba, parts))
    np.testing.assert_array_equal(found, expected)


def test_a_file_that_is_not_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="OpenVINO can load"):
        OpenVinoClassifier(b"nonsense")
    with pytest.raises(BundleError, match=r"none\.onnx is not a model"):
        OpenVinoClassifier(tmp_path / "none.onnx")


def test_an_unknown_or_missing_runtime_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="onnxruntime, openvino"):
        tenfold.load_classifier("standard", runtime="abacus")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"\[openvino\]"):
        tenfold.load_classifier("standard", runtime="openvino")
