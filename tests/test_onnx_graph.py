"""The ONNX graph computes what the Keras network computes."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import answers

from tenfold.classifiers.bundle import ONNX, load_bundle
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.quantizing import CALIBRATION_IMAGES, quantized_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import RECIPES, recipe_named
from tenfold.recipes.serialization import override

pytestmark = pytest.mark.usefixtures("tensorflow")

UNUSUAL = override(
    recipe_named("standard"),
    {
        "name": "unusual",
        "temperature": 0.7,
        "layers": [
            {"kind": "deskew", "width": 0.4},
            {"kind": "conv", "filters": 5, "kernel_size": 2, "padding": "same", "pool": 2,
             "pool_overlap": True, "batch_norm": True, "norm_scale": False, "dilation": 2},
            {"kind": "conv", "filters": 6, "kernel_size": 2, "padding": "same", "separable": True,
             "dilation": 2},
            {"kind": "conv", "filters": 4, "kernel_size": 4, "padding": "same", "stride": 3,
             "activation": "silu"},
            {"kind": "depthwise", "kernel_size": 2, "dilation": 2},
            {"kind": "conv", "filters": 6, "kernel_size": 2, "padding": "same", "pool": 3,
             "batch_norm": True, "activation": "tanh"},
            {"kind": "conv", "filters": 5, "kernel_size": 3, "activation": "linear",
             "padding": "same"},
            {"kind": "conv", "filters": 6, "kernel_size": 3, "activation": "relu",
             "padding": "same", "separable": True},
            {"kind": "conv", "filters": 9, "kernel_size": 2, "stride": 2, "batch_norm": True,
             "separable": True},
            {"kind": "global_average_pool"},
            {"kind": "dense", "units": 7, "activation": "silu"},
            {"kind": "dropout", "rate": 0.5},
        ],
    },
)  # fmt: skip

POPULAR = override(
    recipe_named("article"),
    {
        "name": "popular",
        "layers": [
            {"kind": "conv", "filters": 6, "kernel_size": 5, "activation": "leaky_relu"},
            {"kind": "average_pool", "size": 2},
            {"kind": "conv", "filters": 8, "batch_norm": True, "activation": "gelu", "pool": 2},
            {"kind": "average_pool", "size": 3},
            {"kind": "flatten"},
            {"kind": "dense", "units": 9, "activation": "elu"},
            {"kind": "dense", "units": 8, "activation": "gelu"},
        ],
    },
)

LETTERS = replace(override(recipe_named("nano"), {"name": "letters", "members": 2}), classes=26)


@pytest.mark.parametrize("recipe", [*RECIPES, UNUSUAL, POPULAR, LETTERS], ids=lambda r: r.name)
def test_onnx_runtime_and_keras_agree(recipe, mnist) -> None:
    rng = np.random.default_rng(1)
    network = build_network(recipe, precision="bfloat16")
    for layer in network.layers:  # a fresh network has statistics of 0 and 1 only
        if layer.name.endswith("_norm"):
            layer.set_weights([rng.uniform(0.3, 1.5, w.shape) for w in layer.get_weights()])
    finished = finish_network(recipe, network)
    images = mnist.train_images[:12]
    in_keras = answers(finished, images)
    in_onnx = OnnxClassifier(onnx_model(recipe, network_weights(finished))).predict_proba(images)
    assert np.ptp(in_keras) > 0.01  # answers differ between images
    np.testing.assert_allclose(in_onnx, in_keras, atol=1e-5)
    np.testing.assert_allclose(in_onnx.sum(axis=1), 1, atol=1e-5)


def test_an_ensemble_is_the_mean_of_its_members(mnist) -> None:
    recipe = override(recipe_named("conv"), {"members": 3, "temperature": 0.5})
    one = override(recipe, {"members": 1})
    networks = [build_network(recipe) for _ in range(3)]
    images = mnist.train_images[:100]
    mean = np.mean([answers(finish_network(one, network), images) for network in networks], axis=0)
    finished = finish_network(recipe, *networks)
    np.testing.assert_allclose(answers(finished, images), mean, atol=1e-6)
    classifier = OnnxClassifier(onnx_model(recipe, network_weights(finished)))
    np.testing.assert_allclose(classifier.predict_proba(images), mean, atol=1e-5)


def test_tta_is_the_mean_over_shifted_images(mnist) -> None:
    recipe = override(recipe_named("conv"), {"tta_shifts": 1, "members": 2})
    plain = override(recipe, {"tta_shifts": 0})
    networks = [build_network(recipe) for _ in range(2)]
    images = mnist.train_images[:60]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    once = finish_network(plain, *networks)
    mean = np.mean(
        [answers(once, padded[:, y : y + 28, x : x + 28])
         for y in range(3) for x in range(3)],
        axis=0,
    )  # fmt: skip
    assert np.abs(answers(once, images) - mean).max() > 1e-3
    finished = finish_network(recipe, *networks)
    np.testing.assert_allclose(answers(finished, images), mean, atol=1e-5)
    graph = onnx_model(recipe, network_weights(finished))
    np.testing.assert_allclose(OnnxClassifier(graph).predict_proba(images), mean, atol=1e-5)
    # The file contains the weights once.
    assert len(graph) < 1.2 * len(onnx_model(plain, network_weights(once)))


def test_int8_agrees_with_float32(mnist) -> None:
    bundle = load_bundle("standard")
    graph = bundle.read(ONNX)
    small = quantized_model(graph, mnist.train_images[:CALIBRATION_IMAGES])
    assert len(small) < len(graph) / 3
    images = mnist.train_images[-5000:]
    before, after = (OnnxClassifier(g).predict_proba(images) for g in (graph, small))
    assert not np.array_equal(before, after)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).mean() >= 0.999
    np.testing.assert_allclose(after, before, atol=0.1)


def test_batch_size_does_not_change_answers(mnist) -> None:
    recipe = recipe_named("conv")
    finished = finish_network(recipe, build_network(recipe))
    classifier = OnnxClassifier(onnx_model(recipe, network_weights(finished)))
    images = mnist.train_images[:600]
    together = classifier.predict_proba(images)
    assert together.dtype == np.float32
    one_by_one = np.concatenate([classifier.predict_proba(image) for image in images[250:270]])
    np.testing.assert_allclose(together[250:270], one_by_one, atol=1e-6)
    assert classifier.predict_proba(images[:0]).shape == (0, 10)
