"""Keras and ONNX files of one's own, as verbs that look inside take them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_own_models import keras_model, onnx_file

from tenfold.classifiers.bundle import KERAS, ONNX, load_bundle, load_features
from tenfold.classifiers.model_file import ModelFile
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import BundleError, UsageError
from tenfold.explaining.explain import explain
from tenfold.exporting.export import export
from tenfold.exporting.own_files import open_bundle, open_layers
from tenfold.recipes.layers import Conv
from tenfold.recipes.serialization import recipe_from_dict

UNIT = 1 / 255


def saved(path: Path, *layers: Any, shape: tuple[int, ...] = (28, 28, 1)) -> Path:
    """Save a chain of layers with weights that are not those of a fresh network."""
    import keras

    last = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input(shape), *layers, last])
    rng = np.random.default_rng(5)
    for layer in model.layers:
        weights = [w + rng.uniform(0.01, 0.3, w.shape) for w in layer.get_weights()]
        layer.set_weights(weights)
    model.save(path)
    return path


def usual() -> list[Any]:
    from keras import layers

    return [
        layers.Conv2D(4, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(5, 3, padding="same", dilation_rate=2),
        layers.BatchNormalization(epsilon=1e-5),
        layers.LeakyReLU(negative_slope=0.2),
        layers.AveragePooling2D(2),
        layers.SeparableConv2D(6, 3, use_bias=False),
        layers.BatchNormalization(scale=False),
        layers.Activation("gelu"),
        layers.Dropout(0.3),
        layers.Flatten(),
        layers.Dense(7, use_bias=False),
        layers.ELU(),
    ]


def scaled() -> list[Any]:
    from keras import layers

    inner = [
        layers.Rescaling(1 / 255),
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(3, 3, padding="same"),
    ]
    return [*inner, layers.ReLU(), layers.GlobalAveragePooling2D()]


@pytest.mark.parametrize(
    ("layers", "shape", "scale"),
    [(usual, (28, 28, 1), UNIT), (usual, (28, 28, 1), 1 / 100), (scaled, (28, 28), None)],
)
def test_a_keras_file_becomes_a_recipe_that_computes_the_same(
    tensorflow, mnist, tmp_path: Path, layers: Callable[[], list[Any]], shape: Any, scale: Any
) -> None:
    file = ModelFile(str(saved(tmp_path / "mine.keras", *layers(), shape=shape)), scale)
    bundle = open_layers(file)
    images = mnist.test_images[:100]
    expected = file.load().predict_proba(images)
    assert np.ptp(expected) > 0.01
    found = OnnxClassifier(bundle.read(ONNX)).predict_proba(images)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    features = load_features(bundle)
    np.testing.assert_allclose(features.predict_proba(images), expected, atol=1e-4)
    assert features.filters()
    recipe = recipe_from_dict(bundle.meta["recipe"])
    assert isinstance(recipe.layers[0], Conv)
    (tmp_path / KERAS).write_bytes(bundle.read(KERAS))
    again = ModelFile(str(tmp_path / KERAS)).load().predict_proba(images)
    np.testing.assert_allclose(again, expected, atol=1e-4)


def _padded_pool() -> list[Any]:
    from keras import layers

    return [layers.MaxPooling2D(2, padding="same"), layers.Flatten()]


def _norm_after_activation() -> list[Any]:
    from keras import layers

    return [layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten()]


def _another_slope() -> list[Any]:
    from keras import layers

    return [layers.Conv2D(3, 3), layers.LeakyReLU(negative_slope=0.3), layers.Flatten()]


def _another_kind() -> list[Any]:
    from keras import layers

    return [layers.ZeroPadding2D(1), layers.Flatten()]


def _shifted() -> list[Any]:
    from keras import layers

    return [layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten()]


@pytest.mark.parametrize(
    ("layers", "scale", "message"),
    [
        (_padded_pool, 1.0, r"\(MaxPooling2D\) of mine overlaps, pads"),
        (_norm_after_activation, 1.0, "does not directly follow a convolution"),
        (_another_slope, 1.0, "leaky_relu with a slope of 0.3"),
        (_another_kind, 1.0, "zero_padding2d"),
        (_shifted, None, "adds -1 to the pixels"),
    ],
)
def test_what_recipes_lack_is_named(
    tensorflow, tmp_path: Path, layers: Callable[[], list[Any]], scale: Any, message: str
) -> None:
    file = ModelFile(str(saved(tmp_path / "mine.keras", *layers())), scale)
    with pytest.raises(UsageError, match=message) as raised:
        open_bundle(file)
    assert "\n" not in str(raised.value)


def test_a_network_that_is_no_chain_is_found_out(tensorflow, tmp_path: Path) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((28, 28))
    flat = layers.Flatten()(inputs)
    dense = layers.Dense(10, activation="softmax")
    layers.Dense(784)(flat)
    shared = layers.Dense(784, activation="tanh")
    keras.Model(inputs, dense(shared(shared(flat)))).save(tmp_path / "twice.keras")
    with pytest.raises(UsageError, match="is no chain of layers: as one it differs by"):
        open_bundle(ModelFile(str(tmp_path / "twice.keras"), 1.0))


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("uint8", [True, False])
def test_an_onnx_file_is_wrapped(mnist, tmp_path: Path, softmax: bool, uint8: bool) -> None:
    weights = np.random.default_rng(1).normal(0, 1, (784, 10)).astype(np.float32)
    path = onnx_file(
        tmp_path / "mine.onnx", weights, ("n", 28, 28, 1), uint8=uint8, softmax=softmax
    )
    file = ModelFile(str(path), None if uint8 else UNIT)
    bundle = open_bundle(file)
    images = mnist.test_images[:50]
    found = OnnxClassifier(bundle.read(ONNX)).predict_proba(images)
    np.testing.assert_allclose(found, file.load().predict_proba(images), atol=1e-6)
    with pytest.raises(UsageError, match=r"the layers of .* are not known"):
        open_layers(file)
    with pytest.raises(BundleError, match=r"has no model\.keras"):
        bundle.read(KERAS)


def test_an_onnx_file_of_a_fixed_batch_is_not_exported(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "mine.onnx", np.ones((784, 10), np.float32), (1, 784))
    with pytest.raises(UsageError, match="takes 1 images at a time"):
        open_bundle(ModelFile(str(path), 1.0))


def test_export_and_explain(tensorflow, mnist, digit_png: Path, tmp_path: Path) -> None:
    file = ModelFile(str(saved(tmp_path / "mine.keras", *usual())), UNIT)
    result = export(file, out=tmp_path / "out")
    assert result.agreement.same_labels > 0.999
    assert result.files[0].path.name == "mine.onnx"
    found = explain(digit_png, file, single=True)
    assert set(found.digits[0].maps) == {"occlusion", "integrated-gradients", "grad-cam"}
    assert not found.notes
    weights = np.random.default_rng(1).normal(0, 1, (784, 10)).astype(np.float32)
    onnx = ModelFile(str(onnx_file(tmp_path / "own.onnx", weights, ("n", 784))), UNIT)
    found = explain(digit_png, onnx, single=True)
    assert set(found.digits[0].maps) == {"occlusion"}
    assert "are not known" in found.notes[0]


def test_the_page_explains_with_any_file(mnist, tmp_path: Path) -> None:
    from tenfold.reading.reader import Reader
    from tenfold.serving.page_api import _explain, _network

    weights = np.random.default_rng(1).normal(0, 1, (784, 10)).astype(np.float32)
    file = ModelFile(str(onnx_file(tmp_path / "own.onnx", weights, ("n", 784))), UNIT)
    image = mnist.test_images[0]
    reader = Reader(file.load())
    found = _explain(reader, image)
    assert json.loads(_network(reader, file))["layers"] == []
    assert found["digit"] == int(file.load().predict_proba(image).argmax())


def test_a_file_in_a_bundle_stands_for_it(tmp_path: Path) -> None:
    folder = load_bundle("nano").folder
    assert open_layers(folder / KERAS).folder == folder
    shutil.copy(folder / ONNX, tmp_path / ONNX)
    with pytest.raises(UsageError, match="not known"):
        open_layers(tmp_path / ONNX)


def test_a_model_with_a_head_of_logits(tensorflow, mnist, tmp_path: Path) -> None:
    weights = np.random.default_rng(1).normal(0, 1, (784, 10)).astype(np.float32)
    keras_model(weights, activation=None).save(tmp_path / "mine.keras")
    file = ModelFile(str(tmp_path / "mine.keras"), UNIT)
    found = OnnxClassifier(open_bundle(file).read(ONNX)).predict_proba(mnist.test_images[:20])
    np.testing.assert_allclose(found, file.load().predict_proba(mnist.test_images[:20]), atol=1e-4)
