"""The C header, compiled, computes what the network computes."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.classifiers.bundle import load_bundle, load_classifier
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import UsageError
from tenfold.exporting.c_header import c_header
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import override

pytestmark = pytest.mark.usefixtures("tensorflow")
COMPILER = shutil.which("cc") or shutil.which("gcc")

PROGRAM = """
#include <stdio.h>
#include "reader.h"

int main(void) {
    uint8_t image[784];
    float probabilities[CLASSES];
    while (fread(image, 1, 784, stdin) == 784) {
        int digit = READ(image, probabilities);
        printf("%d", digit);
        for (int i = 0; i < CLASSES; i++) printf(" %.7f", probabilities[i]);
        printf("\\n");
    }
    return 0;
}
"""

EVERY_KIND = override(
    recipe_named("standard"),
    {
        "name": "every-kind",
        "temperature": 0.05,  # a fresh network gives almost equal probabilities otherwise
        "layers": [
            {"kind": "deskew", "width": 0.7},
            {"kind": "conv", "filters": 6, "kernel_size": 4, "padding": "same", "stride": 2},
            {"kind": "conv", "filters": 8, "padding": "same", "pool": 2, "batch_norm": True,
             "separable": True},
            {"kind": "dropout", "rate": 0.5},
            {"kind": "conv", "filters": 8, "stride": 2, "separable": True, "activation": "linear"},
            {"kind": "conv", "filters": 12, "kernel_size": 2, "batch_norm": True},
            {"kind": "depthwise", "kernel_size": 2},
            {"kind": "global_average_pool"},
            {"kind": "dense", "units": 9},
        ],
    },
)  # fmt: skip
FAST = override(recipe_named("fast"), {"temperature": 0.1})
NANO = override(recipe_named("nano"), {"temperature": 0.02})
LETTERS = replace(override(FAST, {"name": "letters"}), classes=26)


def read_in_c(
    header: str, function: str, images: np.ndarray, folder: Path, classes: int = 10
) -> np.ndarray:
    """Compile a header, and return the digit and the probabilities it gives for each image."""
    (folder / "reader.h").write_text(header)
    (folder / "main.c").write_text(PROGRAM)
    assert COMPILER
    subprocess.run(
        [COMPILER, "-std=c99", "-O3", "-Wall", "-Wextra", "-Werror", f"-DREAD={function}",
         f"-DCLASSES={classes}",
         "main.c", "-o", "main", "-lm"],
        cwd=folder, check=True,
    )  # fmt: skip

    def read(part: np.ndarray) -> list[list[str]]:
        said = subprocess.run(
            [folder / "main"], input=part.tobytes(), capture_output=True, check=True
        ).stdout.decode()
        return [line.split() for line in said.splitlines()]

    with ThreadPoolExecutor() as pool:  # a process for each core
        parts = pool.map(read, np.array_split(images, os.cpu_count() or 1))
        return np.array([row for rows in parts for row in rows], float)


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize("recipe", [EVERY_KIND, FAST, NANO, LETTERS], ids=lambda r: r.name)
def test_c_and_onnx_runtime_agree(recipe: Recipe, mnist, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    network = build_network(recipe)
    for layer in network.layers:  # a fresh network has statistics of 0 and 1 only
        if layer.name.endswith("_norm"):
            layer.set_weights(
                [rng.uniform(-1, 1.5, w.shape) for w in layer.get_weights()[:-2]]
                + [rng.uniform(0.1, 1, w.shape) for w in layer.get_weights()[-2:]]
            )
    (weights,) = network_weights(finish_network(recipe, network))
    images = mnist.train_images[:300]
    expected = OnnxClassifier(onnx_model(recipe, [weights])).predict_proba(images)
    name = recipe.name.replace("-", "_")
    found = read_in_c(c_header(recipe, weights), f"{name}_read", images, tmp_path, recipe.classes)
    assert np.ptp(expected) > 0.5  # answers differ between images
    # Rounding changes a weight by at most half of 1/127 of its filter's largest weight.
    np.testing.assert_allclose(found[:, 1:], expected, atol=0.03)
    np.testing.assert_array_equal(found[:, 0], found[:, 1:].argmax(axis=1))
    np.testing.assert_allclose(found[:, 1:].sum(axis=1), 1, atol=1e-5)


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize(
    ("name", "n", "int8_agrees"),
    [
        ("nano", 1000, 0.997),
        pytest.param("nano", 10_000, 0.997, marks=pytest.mark.slow),
        pytest.param("tiny", 10_000, 0.999, marks=pytest.mark.slow),
    ],
)
def test_shipped_header_and_int8_agree_with_the_network_on_the_test_images(
    name: str, n: int, int8_agrees: float, mnist, tmp_path
) -> None:
    images = mnist.test_images[:n]
    header = load_bundle(name).read(f"{name}.h").decode()
    in_c = read_in_c(header, f"{name}_read", images, tmp_path)
    plain, int8 = (load_classifier(name, int8=int8).predict_proba(images) for int8 in (False, True))
    assert (in_c[:, 0] == plain.argmax(axis=1)).mean() >= 0.999
    assert (int8.argmax(axis=1) == plain.argmax(axis=1)).mean() >= int8_agrees
    assert not np.array_equal(int8, plain)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": 2}, "not several"),
        ({"layers.1.activation": "tanh"}, "not tanh"),
        ({"layers.1.activation": "gelu"}, "not gelu"),
        ({"layers": [{"kind": "average_pool"}, {"kind": "flatten"}]}, "has no average_pool"),
        ({"layers": [{"kind": "max_pool"}, {"kind": "flatten"}]}, "use its pool"),
    ],
)
def test_layers_that_the_header_lacks_are_refused(settings, message: str) -> None:
    recipe = override(EVERY_KIND, settings)
    (weights,) = network_weights(finish_network(recipe, build_network(recipe)))
    with pytest.raises(UsageError, match=message):
        c_header(recipe, weights)
