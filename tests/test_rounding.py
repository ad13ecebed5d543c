"""tools/rounding.py: the weights of a small network rounded together."""

from pathlib import Path

import numpy as np
import pytest

from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.exporting.c_header import filter_steps
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.networks.build import build_network, finish_network
from tenfold.recipes.catalog import recipe_named
from tenfold.recipes.serialization import override

pytestmark = pytest.mark.usefixtures("tensorflow")

SMALL = override(
    recipe_named("nano"),
    {
        "temperature": 0.05,
        "layers": [
            {"kind": "conv", "filters": 3, "pool": 4},
            {"kind": "conv", "filters": 4, "separable": True, "pool": 2},
            {"kind": "depthwise", "kernel_size": 2},
            {"kind": "global_average_pool"},
        ],
    },
)


def test_rounding_keeps_the_logits_better_than_rounding_to_nearest(
    mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "tools"))
    from rounding import rounded

    (weights,) = network_weights(finish_network(SMALL, build_network(SMALL)))
    ours = rounded(SMALL, weights, mnist.train_images[:200])
    nearest = {}
    for name, arrays in weights.items():
        nearest[name] = [array.copy() for array in arrays]
        for number, array in enumerate(arrays):
            if array.ndim == 1:
                np.testing.assert_array_equal(ours[name][number], array)
                continue
            filters = 2 if array.shape[-1] == 1 else -1
            kernel = np.moveaxis(nearest[name][number], filters, 0)
            steps = filter_steps(kernel).reshape(-1, *[1] * (kernel.ndim - 1))
            levels = np.moveaxis(ours[name][number], filters, 0) / steps
            np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
            assert np.abs(levels - kernel / steps).max() < 1.001
            assert np.abs(levels).max() < 127.001
            kernel[...] = np.rint(kernel / steps) * steps

    def logits(of) -> np.ndarray:
        return np.log(
            OnnxClassifier(onnx_model(SMALL, [of])).predict_proba(mnist.test_images[:500])
        )

    exact = logits(weights)
    errors = [np.square(logits(of) - exact).mean() for of in (ours, nearest)]
    assert 0 < errors[0] < 0.5 * errors[1]
