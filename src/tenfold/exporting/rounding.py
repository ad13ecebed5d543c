"""Weights rounded for int8 with a look at what they do together.

The nearest level errs least for each weight alone. A network errs less if the errors of weights
that work together cancel out (M. Nagel et al., "Up or Down? Adaptive Rounding for Post-Training
Quantization", ICML 2020), which a network of a few hundred weights needs.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.exporting.graph import Weights, onnx_model
from tenfold.recipes.layers import Depthwise
from tenfold.recipes.recipe import Recipe, layer_names

LEVELS = 127
"""Weights are whole multiples, -127 to 127, of a step that each filter has for itself."""

SWEEPS = 50
"""Times that all weights are looked at, at most; it ends when none changes any more."""

Array = npt.NDArray[np.float32]


def steps_of(kernel: Array) -> Array:
    """Return the step of each filter, float32 (n,): its largest weight is 127 of them.

    Args:
        kernel: float32, the n filters along the first axis.
    """
    largest = np.abs(kernel.reshape(len(kernel), -1)).max(axis=1)
    return np.asarray(np.maximum(largest, 1e-12) / LEVELS, np.float32)


def rounded(recipe: Recipe, weights: Weights, images: npt.NDArray[np.uint8]) -> Weights:
    """Return a network's weights with its kernels rounded so that its logits change least.

    Each weight of a kernel becomes one of the two multiples of its filter's step beside it. Within
    a step the logits are taken to be linear in it. The network is read once for each weight: this
    is for small ones.

    Args:
        recipe: Of a single network.
        weights: Of the finished network, by layer name.
        images: uint8 (n, 28, 28); two thousand training images will do.
    """
    single = replace(recipe, tta_shifts=0)

    def logits() -> Array:
        graph = onnx_model(single, [given])
        told = np.log(np.maximum(OnnxClassifier(graph).predict_proba(images), 1e-12))
        return np.asarray(told - told.mean(axis=1, keepdims=True), np.float32).ravel()

    given = {name: [array.copy() for array in arrays] for name, arrays in weights.items()}
    kernels = list(_kernels(recipe, given))
    before = logits()
    slopes, exact = [], []
    for kernel in kernels:
        steps = steps_of(kernel)
        for place in np.ndindex(kernel.shape):
            weight, step = kernel[place], steps[place[0]]
            exact.append(weight / step)
            kernel[place] = weight + step
            slopes.append(logits() - before)
            kernel[place] = weight
    together = np.stack(slopes)
    levels = iter(_least_change(np.array(exact), together @ together.T))
    for kernel in kernels:
        steps = steps_of(kernel)
        for place in np.ndindex(kernel.shape):
            kernel[place] = next(levels) * steps[place[0]]
    return given


def _kernels(recipe: Recipe, weights: Weights) -> Iterator[Array]:
    """Yield a view of each kernel with its filters first."""
    layers = dict(zip(layer_names(recipe), recipe.layers, strict=True))
    for name, arrays in weights.items():
        kernels = [array for array in arrays if array.ndim > 1]
        for number, kernel in enumerate(kernels):
            # The first of two sees each channel alone; Keras: (height, width, channels, 1).
            alone = number + 1 < len(kernels) or isinstance(layers.get(name), Depthwise)
            yield np.moveaxis(kernel, 2 if alone else -1, 0)


def _least_change(exact: npt.NDArray[np.float64], together: Array) -> npt.NDArray[np.float64]:
    """Return whole numbers beside exact ones whose errors e keep e' together e small.

    One number after the other is put up or down, which ever is better beside the others.
    """
    level = np.rint(exact)
    error = level - exact
    slope = together @ error
    for _ in range(SWEEPS):
        changed = False
        for i in range(len(exact)):
            move = -np.sign(error[i])  # to the other side
            if abs(level[i] + move) > LEVELS:
                continue
            if 2 * move * slope[i] + together[i, i] < 0:
                level[i] += move
                error[i] += move
                slope += move * together[:, i]
                changed = True
        if not changed:
            break
    return level
