"""Networks from elsewhere: .keras and .onnx files, and keras.Model objects, as classifiers."""

import asyncio
import json
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.classifiers.bundle import KERAS, ONNX, load_bundle, load_classifier
from tenfold.classifiers.convention import SHAPES
from tenfold.classifiers.model_file import ModelFile
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import BundleError, MissingExtraError, TenfoldError, UsageError
from tenfold.exporting.own_files import open_bundle

CLASS_COUNT = 10


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (784, CLASS_COUNT)).astype(np.float32)


@pytest.fixture
def expected(mnist, weights) -> np.ndarray:
    """Softmax of pixels in 0..1 times the weights."""
    sums = mnist.test_images[:300].reshape(-1, 784).astype(np.float64) / 255 @ weights
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def keras_model(
    weights: np.ndarray, shape: tuple[int, ...] = (28, 28), *first: Any, dtype: str = "float32",
    activation: str | None = "softmax",
) -> Any:  # fmt: skip
    import keras

    layers = keras.layers
    dense = layers.Dense(weights.shape[1], use_bias=False, activation=activation)
    images = keras.Input(shape, dtype=dtype)
    model = keras.Sequential([images, *first, layers.Flatten(), dense])
    dense.set_weights([weights])
    return model


def onnx_file(
    path: Path, weights: np.ndarray, shape: tuple[Any, ...], *, uint8: bool = False,
    softmax: bool = True, inputs: int = 1, outputs: int = 1,
) -> Path:  # fmt: skip
    from onnx import TensorProto, helper, numpy_helper, save

    kind = TensorProto.UINT8 if uint8 else TensorProto.FLOAT
    factor = np.float32(1 / 255 if uint8 else 1)
    nodes = [
        helper.make_node("Cast", ["x0"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "factor"], ["p"]),
        helper.make_node("Flatten", ["p"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits" if softmax else "y0"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["y0"], axis=1))
    if outputs > 1:
        nodes.append(helper.make_node("Identity", ["y0"], ["y1"]))
    if inputs > 1:
        nodes.append(helper.make_node("Identity", ["x1"], ["unused"]))
    graph = helper.make_graph(
        nodes, "mine",
        [helper.make_tensor_value_info(f"x{i}", kind, shape) for i in range(inputs)],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(outputs)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(factor, "factor")],
    )  # fmt: skip
    opset = helper.make_opsetid("", 17)
    save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_keras_models_of_every_shape(tensorflow, mnist, weights, expected, shape) -> None:
    classifier = tenfold.from_keras(keras_model(weights, shape), scale=1 / 255)
    assert classifier.answers == "probabilities"
    assert classifier.classes == tuple("0123456789")
    found = classifier.predict_proba(mnist.test_images[:300])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(
        classifier.predict_proba(mnist.test_images[0]), expected[:1], atol=1e-5
    )
    assert classifier.predict_proba(mnist.test_images[:0]).shape == (0, CLASS_COUNT)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("batch", ["n", 1, 7])
def test_onnx_files_of_every_shape_and_batch(
    mnist, weights, expected, tmp_path: Path, shape, batch
) -> None:
    path = onnx_file(tmp_path / "mine.onnx", weights, (batch, *shape))
    classifier = load_classifier(path, scale=1 / 255)
    found = classifier.predict_proba(mnist.test_images[:30])
    np.testing.assert_allclose(found, expected[:30], atol=1e-5)
    again = pickle.loads(pickle.dumps(classifier)).predict_proba(mnist.test_images[:30])
    np.testing.assert_array_equal(again, found)


def test_logits_get_a_softmax(tensorflow, mnist, weights, expected, tmp_path: Path) -> None:
    images = mnist.test_images[:300]
    model = keras_model(weights, activation=None)
    path = onnx_file(tmp_path / "mine.onnx", weights, ("n", 784), softmax=False)
    for classifier in (
        tenfold.from_keras(model, scale=1 / 255), load_classifier(path, scale=1 / 255)
    ):  # fmt: skip
        np.testing.assert_allclose(classifier.predict_proba(images), expected, atol=1e-5)


def test_sigmoids_are_divided_by_their_sum(tensorflow, mnist, weights) -> None:
    model = keras_model(weights / 50, activation="sigmoid")
    classifier = tenfold.from_keras(model, scale=1 / 255)
    sums = mnist.test_images[:20].reshape(-1, 784) / 255 @ (weights / 50)
    one_by_one = 1 / (1 + np.exp(-sums))
    expected = one_by_one / one_by_one.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        classifier.predict_proba(mnist.test_images[:20]), expected, atol=1e-5
    )


def test_the_scale_is_found_or_demanded_never_guessed(
    tensorflow, mnist, weights, expected, tmp_path: Path
) -> None:
    import keras

    rescaling = keras.layers.Rescaling
    takes_bytes = keras_model(weights, (28, 28), rescaling(1 / 255))
    images = mnist.test_images[:300]
    np.testing.assert_allclose(
        tenfold.from_keras(takes_bytes).predict_proba(images), expected, atol=1e-5
    )
    nested = keras.Sequential([keras.Input((28, 28)), takes_bytes])
    np.testing.assert_allclose(
        tenfold.from_keras(nested).predict_proba(images), expected, atol=1e-5
    )
    with pytest.raises(UsageError, match="takes bytes, 0 to 255: leave scale"):
        tenfold.from_keras(takes_bytes, scale=1 / 255)
    for silent in (keras_model(weights), keras_model(weights, (28, 28), rescaling(2.0, -1.0))):
        with pytest.raises(UsageError, match="give scale, 1/255 if"):
            tenfold.from_keras(silent)
    with pytest.raises(UsageError, match="finite"):
        tenfold.from_keras(keras_model(weights), scale=float("nan"))
    with pytest.raises(UsageError, match="scale is '1/255'"):
        tenfold.from_keras(keras_model(weights), scale="1/255")  # type: ignore[arg-type]
    path = onnx_file(tmp_path / "mine.onnx", weights, ("n", 28, 28))
    with pytest.raises(UsageError, match="give scale, 1/255 if"):
        load_classifier(path)
    bytes_path = onnx_file(tmp_path / "bytes.onnx", weights, ("n", 28, 28), uint8=True)
    np.testing.assert_allclose(
        load_classifier(bytes_path).predict_proba(images), expected, atol=1e-5
    )
    with pytest.raises(UsageError, match="leave scale"):
        load_classifier(bytes_path, scale=1 / 255)


def test_an_offset_moves_the_pixels(tensorflow, mnist, weights) -> None:
    model = keras_model(weights, activation=None)
    classifier = tenfold.from_keras(model, scale=1 / 127.5, offset=-1)
    values = mnist.test_images[:9].reshape(-1, 784) / 127.5 - 1.0
    answers = (values @ weights).argmax(axis=1)
    np.testing.assert_array_equal(
        classifier.predict_proba(mnist.test_images[:9]).argmax(axis=1), answers
    )


def test_a_shipped_keras_file_agrees_with_its_bundle(tensorflow, mnist, tmp_path: Path) -> None:
    shutil.copy(load_bundle("tiny").folder / KERAS, tmp_path / "own.keras")
    shutil.copy(load_bundle("tiny").folder / ONNX, tmp_path / "own.onnx")
    expected = load_classifier("tiny").predict_proba(mnist.test_images[:50])
    for name in ("own.keras", "own.onnx"):
        found = load_classifier(tmp_path / name).predict_proba(mnist.test_images[:50])
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_file_with_the_names_of_our_graphs_can_be_wrapped(mnist, tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    shutil.copy(load_bundle("tiny").folder / ONNX, path)
    wrapped = OnnxClassifier(open_bundle(ModelFile(str(path))).read(ONNX))
    images = mnist.test_images[:50]
    expected = load_classifier("tiny").predict_proba(images)
    np.testing.assert_allclose(wrapped.predict_proba(images), expected, atol=1e-6)
    with pytest.raises(UsageError, match="would replace"):
        tenfold.export(path, out=tmp_path)


def test_the_packages_of_extras_are_named_where_they_are_needed(
    weights, digit_png: Path, tmp_path: Path, monkeypatch
) -> None:
    file = ModelFile(str(onnx_file(tmp_path / "own.onnx", weights, ("n", 784))), 1 / 255)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"exporting \S+own.onnx .*\[export\]"):
        tenfold.export(file)
    with pytest.raises(UsageError, match=r"the layers of .* are not known"):
        tenfold.show(file)
    explanation = tenfold.explain(digit_png, model=file, single=True)
    assert "integrated-gradients and grad-cam are left out: the layers of" in explanation.notes[0]
    with pytest.raises(BundleError, match="no such file"):
        load_classifier(tmp_path / "own.keras", scale=1)
    (tmp_path / "own.keras").touch()
    monkeypatch.setattr("tenfold.networks.backend.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"loading \S+own.keras .*\[train\]"):
        load_classifier(tmp_path / "own.keras", scale=1)


def test_classes_may_be_many_and_have_names(tensorflow) -> None:
    letters = tuple("abcdefghijklmnopqrstuvwxyz")
    model = keras_model(np.ones((784, 26), np.float32))
    classifier = tenfold.from_keras(model, classes=letters, scale=1)
    assert classifier.classes == letters
    assert "26 classes" in repr(classifier)
    with pytest.raises(UsageError, match=r"3 classes are named, but .* has 26"):
        tenfold.from_keras(model, classes="abc", scale=1)


def test_a_keras_classifier_pickles(tensorflow, mnist, weights) -> None:
    classifier = tenfold.from_keras(keras_model(weights), scale=1 / 255)
    again = pickle.loads(pickle.dumps(classifier))
    images = mnist.test_images[:20]
    np.testing.assert_allclose(
        again.predict_proba(images), classifier.predict_proba(images), atol=1e-6
    )


def _three_channels(weights: np.ndarray) -> Any:
    return keras_model(np.ones((28 * 28 * 3, 10), np.float32), (28, 28, 3))


def _one_output(weights: np.ndarray) -> Any:
    return keras_model(weights[:, :1], activation="sigmoid")


def _not_finite(weights: np.ndarray) -> Any:
    return keras_model(np.full_like(weights, np.nan))


def _two_inputs(weights: np.ndarray) -> Any:
    import keras

    inputs = [keras.Input((784,)), keras.Input((784,))]
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Add()(inputs)))


def _maps(weights: np.ndarray) -> Any:
    import keras

    return keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(10, 3)])


def _not_built(weights: np.ndarray) -> Any:
    import keras

    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_three_channels, r"the shape \(28, 28, 3\); it must be \(28, 28\), "),
        (_one_output, "answers with 1 for an image"),
        (_not_finite, "not finite"),
        (_two_inputs, "has 2 inputs and 1 outputs"),
        (_maps, "answers with 26x26x10 for an image"),
        (_not_built, "build it with keras.Input"),
        (lambda _: "mine.keras", "a keras.Model is needed, and this is a str"),
    ],
)
def test_what_does_not_fit_is_one_line(
    tensorflow, weights, make: Callable[[np.ndarray], Any], message: str
) -> None:
    with pytest.raises(TenfoldError, match=message) as raised:
        tenfold.from_keras(make(weights), scale=1)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_loaded(tensorflow, weights, tmp_path: Path) -> None:
    import keras

    def refused(name: str) -> str:
        with pytest.raises(TenfoldError) as raised:
            load_classifier(tmp_path / name, scale=1)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    for name in ("absent.keras", "absent.onnx"):
        assert "No such file" in refused(name) or "no such file" in refused(name)
    for name in ("text.keras", "text.onnx"):
        (tmp_path / name).write_text("hello")
    assert "is no .keras file" in refused("text.keras")
    assert "not a model that ONNX Runtime can load" in refused("text.onnx")
    (tmp_path / "old.h5").write_text("")
    assert "save it as .keras" in refused("old.h5")
    assert "holds weights without a network" in refused("mine.weights.h5")
    code = keras.layers.Lambda(lambda values: values / 255)
    keras_model(weights, (28, 28), code).save(tmp_path / "code.keras")
    assert "Python code (a Lambda layer), which is not run" in refused("code.keras")
    onnx_file(tmp_path / "two.onnx", weights, ("n", 784), inputs=2)
    assert "has the inputs x0 tensor(float), x1 tensor(float)" in refused("two.onnx")
    onnx_file(tmp_path / "outputs.onnx", weights, ("n", 784), outputs=2)
    assert "has the outputs y0, y1" in refused("outputs.onnx")


def test_what_bundles_have_is_refused(tmp_path: Path, weights) -> None:
    with pytest.raises(UsageError, match="tiny has its own"):
        load_classifier("tiny", scale=1 / 255)
    path = onnx_file(tmp_path / "mine.onnx", weights, ("n", 784))
    with pytest.raises(UsageError, match="leave int8 and runtime out"):
        load_classifier(path, int8=True, scale=1 / 255)
    with pytest.raises(UsageError, match="a file of your own"):
        load_bundle(path)


def test_a_file_s_fingerprint_covers_what_was_said_of_it(tmp_path: Path, weights) -> None:
    path = str(onnx_file(tmp_path / "mine.onnx", weights, ("n", 784)))
    files = [ModelFile(path, 1.0), ModelFile(path, 0.5), ModelFile(path, 1.0, classes=("a",))]
    assert len({file.fingerprint() for file in files}) == 3
    with pytest.raises(BundleError, match="cannot read"):
        ModelFile("absent.onnx").fingerprint()


def test_verbs_take_a_file(mnist, weights, digit_png: Path, tmp_path: Path, capsys) -> None:
    path = onnx_file(tmp_path / "mine.onnx", weights, ("n", 28, 28))

    def call(*words: object) -> Any:
        from tenfold.cli.main import main

        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--json"])
        document = json.loads(capsys.readouterr().out)
        return document, ended.value.code

    scaled = ("--scale", "1/255")
    document, code = call("evaluate", path, *scaled)
    assert code == 0
    assert document["recipe"] is None
    assert document["test"]["n"] == 10_000
    document, code = call("read", "--single", digit_png, "--model", path, *scaled)
    assert code == 0
    assert len(document["pictures"][0]["lines"][0]["digits"]) == 1
    document, code = call(
        "explain", digit_png, "--single", "--model", path, *scaled, "--method", "occlusion",
        "--out", tmp_path / "why",
    )  # fmt: skip
    assert code == 0
    document, code = call(
        "batch", digit_png, tmp_path / "out", "--single", "--model", path, *scaled
    )
    assert (code, document["pictures"]) == (0, 1)
    document, code = call("read", digit_png, "--model", path)
    assert (code, list(document)) == (2, ["error"])
    document, code = call("read", digit_png, "--scale", "1/255")
    assert code == 2


def test_a_server_names_what_runs_the_model(tensorflow, weights, tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    from tenfold.serving.service import Service
    from tenfold.serving.settings import Settings

    keras_model(weights).save(tmp_path / "mine.keras")
    path = onnx_file(tmp_path / "mine.onnx", weights, ("n", 28, 28))
    for file, platform in (
        (tmp_path / "mine.keras", "tensorflow_keras"),
        (path, "onnxruntime_onnx"),
    ):
        service = Service(ModelFile(str(file), 1 / 255), Settings())
        asyncio.run(service.start())
        service.close()
        assert service.platform == platform


def test_a_file_can_be_compared(mnist, weights, cache: Path, tmp_path: Path, monkeypatch) -> None:
    from tenfold.comparing.compare import compare

    monkeypatch.setattr("tenfold.comparing.compare.CORRUPTED_IMAGES", 20)
    monkeypatch.setattr("tenfold.comparing.compare._SECONDS", 0.05)
    path = onnx_file(tmp_path / "mine.onnx", weights, ("n", 28, 28))
    (row,) = compare([ModelFile(str(path), 1 / 255)], train_size=100).result["classifiers"]
    assert row["train_seconds"] is None
    assert row["test"]["n"] == 10_000
    assert row["kind"] == "shipped"


@pytest.mark.parametrize("name", ["tiny", "standard"])
def test_shipped_keras_files_load_compiled(tensorflow, mnist, name: str) -> None:
    import keras

    model = keras.models.load_model(load_bundle(name).folder / KERAS)
    _, accuracy = model.evaluate(mnist.test_images[:200], mnist.test_labels[:200], verbose=0)
    assert accuracy > 0.98
