"""Feature maps and filters from the ONNX graph agree with Keras."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import answers, outputs_of_layers

from tenfold.classifiers.bundle import load_bundle, load_classifier, load_features, recipe_of
from tenfold.classifiers.features import FeatureClassifier
from tenfold.classifiers.model_file import shipped_models
from tenfold.errors import BundleError, UsageError
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import describe
from tenfold.recipes.serialization import override

VARIED = override(
    recipe_named("conv"),
    {
        "layers": [
            {"kind": "deskew"},
            {"kind": "conv", "filters": 4, "kernel_size": 4, "padding": "same", "stride": 3,
             "activation": "silu"},
            {"kind": "conv", "filters": 6, "kernel_size": 2, "padding": "same", "pool": 2,
             "batch_norm": True, "activation": "tanh"},
            {"kind": "depthwise", "kernel_size": 2},
            {"kind": "max_pool", "size": 2},
            {"kind": "dropout", "rate": 0.5},
            {"kind": "conv", "filters": 9, "kernel_size": 2, "separable": True},
            {"kind": "flatten"},
            {"kind": "dense", "units": 7, "activation": "sigmoid"},
        ],
    },
)  # fmt: skip


@pytest.mark.parametrize("name", shipped_models())
def test_every_shipped_model_has_maps_of_every_layer(name: str, mnist) -> None:
    features = load_features(name)
    images = mnist.train_images[:30]
    maps = features.feature_maps(images)
    shapes = {row.name: row.output_shape for row in describe(recipe_of(load_bundle(name)))[2:]}
    assert {layer: values.shape[1:] for layer, values in maps.items()} == shapes
    assert all(values.dtype == np.float32 for values in maps.values())
    plain = load_classifier(name).predict_proba(images)
    np.testing.assert_allclose(maps["probabilities"], plain, atol=1e-6)
    np.testing.assert_allclose(features.predict_proba(images), plain, atol=1e-6)
    np.testing.assert_allclose(
        features.feature_maps(images[7], ["conv1"])["conv1"][0], maps["conv1"][7], atol=1e-4
    )


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize("settings", [{}, {"members": 2}, {"tta_shifts": 1}], ids=str)
def test_feature_maps_are_those_of_keras(settings: dict[str, int], mnist) -> None:
    recipe = override(VARIED, settings)
    networks = [build_network(recipe) for _ in range(recipe.members)]
    finished = finish_network(recipe, *networks)
    features = FeatureClassifier(onnx_model(recipe, network_weights(finished)), recipe)
    assert features.before_logits == "dense1"
    images = mnist.train_images[:100]
    expected = answers(outputs_of_layers(networks[0]), images)
    expected["probabilities"] = answers(finished, images)
    maps = features.feature_maps(images)
    assert list(maps) == [
        "deskew1", "conv1", "conv2", "depthwise1", "pool1", "conv3", "flatten1", "dense1", "logits",
        "probabilities",
    ]  # fmt: skip
    for name, values in maps.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, err_msg=name)


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize("members", [1, 2])
def test_filters_are_those_of_keras(members: int) -> None:
    recipe = override(VARIED, {"members": members})
    networks = [build_network(recipe) for _ in range(members)]
    finished = finish_network(recipe, *networks)
    filters = FeatureClassifier(onnx_model(recipe, network_weights(finished)), recipe).filters()
    first = networks[0]
    depthwise, pointwise, _ = first.get_layer("conv3").get_weights()
    expected = {
        "conv1": first.get_layer("conv1").get_weights()[0],
        "conv2": first.get_layer("conv2_sums").get_weights()[0],
        "depthwise1": first.get_layer("depthwise1").get_weights()[0],
        "conv3_channels": depthwise,
        "conv3": pointwise,
    }
    assert list(filters) == list(expected)
    for name, kernel in filters.items():
        np.testing.assert_array_equal(kernel, expected[name])


def test_no_images_and_no_such_layer() -> None:
    features = load_features("tiny")
    assert features.feature_maps(np.zeros((0, 28, 28), np.uint8))["conv1"].shape == (0, 13, 13, 18)
    with pytest.raises(UsageError, match=r"no layer 'conv9' .*there are: conv1, conv2"):
        features.feature_maps(np.zeros((1, 28, 28), np.uint8), ["conv9"])


def test_a_bundle_with_another_recipe_is_refused(tmp_path: Path) -> None:
    bundle = load_bundle("tiny")
    with pytest.raises(BundleError, match="not a model that ONNX Runtime can load"):
        FeatureClassifier(bundle.read("model.onnx"), recipe_named("article"))
    folder = tmp_path / "run"
    shutil.copytree(bundle.folder, folder)
    text = (folder / "meta.json").read_text()
    (folder / "meta.json").write_text(text.replace('"kind": "conv"', '"kind": "magic"', 1))
    with pytest.raises(BundleError, match="no valid recipe"):
        load_features(folder)


def test_it_needs_no_keras_and_no_onnx() -> None:
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('keras', 'tensorflow', 'jax', 'matplotlib', 'onnx')))\n"
        "import numpy as np\n"
        "from tenfold.classifiers.bundle import load_features\n"
        "features = load_features('tiny')\n"
        "features.feature_maps(np.zeros((28, 28), np.uint8)), features.filters()"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
