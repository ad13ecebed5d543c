"""The layers and weights of a network, in the form that the page computes with (network.js)."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, assert_never

import numpy as np

from tenfold.classifiers.features import FeatureClassifier
from tenfold.exporting.weights import (
    BATCH_NORM_EPSILON,
    Array,
    Shape,
    layers_with_shapes,
    zeros_around,
)
from tenfold.networks.deskew import MAX_SLANT, MIN_INK, MIN_SPREAD, TARGET_SPREAD
from tenfold.recipes.layers import (
    AveragePool,
    Conv,
    Dense,
    Depthwise,
    Deskew,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
)


def page_network(features: FeatureClassifier) -> dict[str, Any]:
    """Return the layers of a network, or of the first member of an ensemble, as a JSON document.

    Args:
        features: The network.

    Returns:
        `layers`, whose fields network.js describes, from the first after the pixels to the
        logits; arrays are float32 in base64. `shifts`: by how many pixels the network shifts the
        image for test-time augmentation.
    """
    chain = list(layers_with_shapes(features.recipe))
    operators = [one for name, layer, _, _ in chain for one in _operators(name, layer)]
    constants = features.constants([*operators, "logits"])
    layers: list[dict[str, Any]] = []
    flat: Shape = ()  # shape of the values before they were put in one row
    for name, layer, given, gives in chain:
        arrays = [array for one in _operators(name, layer) for array in constants[one]]
        match layer:
            case Conv():
                layers.append(_conv(name, layer, arrays, given, gives))
            case Depthwise(_, dilation):
                kernel = _each_alone(arrays[0][:, 0].transpose(1, 2, 0))
                layers.append(_layer(name, kernel, given, gives, dilation=dilation))
            case MaxPool(size):
                kernel = _each_alone(np.ones((1, 1, given[2]), np.float32))
                layers.append(_layer(name, kernel, given, gives, pool=size, poolStride=size))
            case AveragePool(size):
                kernel = _each_alone(np.full((size, size, given[2]), size**-2, np.float32))
                layers.append(_layer(name, kernel, given, gives, stride=size))
            case GlobalAveragePool():
                layers.append(_sides(name, given, gives) | {"mean": True})
            case Deskew(width):
                moments = [MIN_INK, MAX_SLANT, MIN_SPREAD, TARGET_SPREAD, width / 2]
                layers.append(_sides(name, given, gives) | {"deskew": moments})
            case Dense(_, activation):
                layers.append(_dense(name, arrays, flat or given, gives, activation))
            case Flatten():
                flat = given
            case Dropout():
                pass
            case _:
                assert_never(layer)
        if not isinstance(layer, Flatten | Dropout):
            flat = gives
    classes = (features.recipe.classes,)
    layers.append(_dense("logits", constants["logits"], flat or (28, 28, 1), classes, "linear"))
    return {"layers": layers, "shifts": features.recipe.tta_shifts}


def _operators(name: str, layer: Layer) -> list[str]:
    """Return the names of a layer's operators with constants, in the graph's order."""
    match layer:
        case Conv():
            channels = [f"{name}_channels"] if layer.separable else []
            return [*channels, f"{name}_sums", *([f"{name}_norm"] if layer.batch_norm else [])]
        case Depthwise():
            return [name]
        case Dense():
            return [f"{name}_sums"]
        case _:
            return []


def _conv(
    name: str, layer: Conv, arrays: Sequence[Array], given: Shape, gives: Shape
) -> dict[str, Any]:
    """Return a convolution; the two kernels of a separable one are multiplied into one."""
    rest = list(arrays)
    depthwise = rest.pop(0)[:, 0].transpose(1, 2, 0) if layer.separable else None
    kernel = rest.pop(0).transpose(2, 3, 1, 0)
    if depthwise is not None:
        kernel = depthwise[..., None] * kernel
    bias = np.zeros(layer.filters, np.float32) if layer.batch_norm else rest.pop(0)
    scale = np.ones(layer.filters, np.float32)
    if layer.batch_norm:
        gamma, beta, mean, variance = rest
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        bias = beta - mean * scale
    return _layer(
        name, kernel, given, gives, scale, bias, stride=layer.stride, dilation=layer.dilation,
        before=zeros_around(layer, given[0])[0], pool=layer.pool, poolStride=layer.pool_stride,
        activation=layer.activation,
    )  # fmt: skip


def _dense(
    name: str, arrays: Sequence[Array], given: Shape, gives: Shape, activation: str
) -> dict[str, Any]:
    """Return a dense layer: a convolution whose kernel covers all of its input."""
    kernel, bias = arrays
    height, width, channels = (1, 1, *given)[-3:]
    whole = kernel.reshape(height, width, channels, -1)
    scale = np.ones_like(bias)
    return _layer(name, whole, given, gives, scale, bias, activation=activation)


def _each_alone(kernel: Array) -> Array:
    """Return (height, width, channels) as a kernel that keeps the channels apart."""
    return np.asarray(kernel[..., None] * np.eye(kernel.shape[2], dtype=np.float32), np.float32)


def _layer(
    name: str, kernel: Array, given: Shape, gives: Shape, scale: Array | None = None,
    bias: Array | None = None, **settings: int | str,
) -> dict[str, Any]:  # fmt: skip
    filters = kernel.shape[3]
    plain = {"stride": 1, "dilation": 1, "before": 0, "pool": 1, "poolStride": 1}
    return _sides(name, given, gives) | plain | {"activation": "linear"} | settings | {
        "size": kernel.shape[0],
        "kernel": _base64(kernel),
        "scale": _base64(np.ones(filters, np.float32) if scale is None else scale),
        "bias": _base64(np.zeros(filters, np.float32) if bias is None else bias),
    }  # fmt: skip


def _sides(name: str, given: Shape, gives: Shape) -> dict[str, Any]:
    (side, _, channels), (out_side, _, filters) = (1, 1, *given)[-3:], (1, 1, *gives)[-3:]
    return {
        "name": name, "side": side, "channels": channels, "outSide": out_side, "filters": filters
    }  # fmt: skip


def _base64(values: Array) -> str:
    return b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
