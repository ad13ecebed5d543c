"""Rounding of a small network's weights to int8 that keeps its logits, for tools/ship.py.

Rounding to nearest minimizes the error of each weight alone. The error of the network is smaller
if the errors of weights that act together cancel out (M. Nagel et al., "Up or Down? Adaptive
Rounding for Post-Training Quantization", ICML 2020), which matters for a few hundred weights.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Images
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.exporting.c_header import LEVELS, filter_steps
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import Array, Weights
from tenfold.recipes.layers import Depthwise
from tenfold.recipes.recipe import Recipe, layer_names

MAX_SWEEPS = 50
"""Most passes over all weights; the search ends earlier if a pass changes no weight."""


def rounded(recipe: Recipe, weights: Weights, images: Images) -> Weights:
    """Return the weights with kernels rounded so that the logits change least.

    Each weight of a kernel becomes one of the two nearest multiples of its filter's step. Within
    a step, the logits are taken as linear in the weight. The network is evaluated once for each
    weight, so use this for small networks only.

    Args:
        recipe: The recipe of a single network.
        weights: Weights of the finished network, by layer name.
        images: uint8 (n, 28, 28), training images; 2,000 are enough.
    """
    single = replace(recipe, tta_shifts=0)

    def logits() -> Array:
        graph = onnx_model(single, [given])
        found = np.log(np.maximum(OnnxClassifier(graph).predict_proba(images), 1e-12))
        return np.asarray(found - found.mean(axis=1, keepdims=True), np.float32).ravel()

    given = {name: [array.copy() for array in arrays] for name, arrays in weights.items()}
    kernels = list(_kernels(recipe, given))
    before = logits()
    gradients, exact = [], []
    for kernel in kernels:
        steps = filter_steps(kernel)
        for place in np.ndindex(kernel.shape):
            weight, step = kernel[place], steps[place[0]]
            exact.append(weight / step)
            kernel[place] = weight + step
            gradients.append(logits() - before)
            kernel[place] = weight
    gradient = np.stack(gradients)
    levels = iter(_least_change(np.array(exact), gradient @ gradient.T))
    for kernel in kernels:
        steps = filter_steps(kernel)
        for place in np.ndindex(kernel.shape):
            kernel[place] = next(levels) * steps[place[0]]
    return given


def _kernels(recipe: Recipe, weights: Weights) -> Iterator[Array]:
    """Yield a view of each kernel with its filters along the first axis."""
    layers = dict(zip(layer_names(recipe), recipe.layers, strict=True))
    for name, arrays in weights.items():
        kernels = [array for array in arrays if array.ndim > 1]
        for number, kernel in enumerate(kernels):
            # A depthwise kernel is (height, width, channels, 1); it is the first of two.
            depthwise = number + 1 < len(kernels) or isinstance(layers.get(name), Depthwise)
            yield np.moveaxis(kernel, 2 if depthwise else -1, 0)


def _least_change(exact: npt.NDArray[np.float64], product: Array) -> npt.NDArray[np.float64]:
    """Round numbers so that their errors e keep the quadratic form e' product e small.

    Coordinate descent: each number in turn moves to its other neighbor if that lowers the form.
    """
    level = np.rint(exact)
    error = level - exact
    slope = product @ error
    for _ in range(MAX_SWEEPS):
        changed = False
        for i in range(len(exact)):
            move = -np.sign(error[i])  # toward the other neighbor
            if abs(level[i] + move) > LEVELS:
                continue
            if 2 * move * slope[i] + product[i, i] < 0:
                level[i] += move
                error[i] += move
                slope += move * product[:, i]
                changed = True
        if not changed:
            break
    return level
