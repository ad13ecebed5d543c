"""A network's layers and weights, in the form that the ONNX graph and the C header need."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tenfold.recipes.layers import Conv, Layer
from tenfold.recipes.recipe import Recipe, describe, layer_names

BATCH_NORM_EPSILON = 1e-3
"""Keras's default."""

Array: TypeAlias = npt.NDArray[np.float32]
Weights: TypeAlias = Mapping[str, Sequence[Array]]
"""Arrays by layer name, in Keras's order and shapes."""

Shape: TypeAlias = tuple[int, ...]
"""(height, width, channels), or (units,)."""


class ConvWeights(NamedTuple):
    """The weights of a `Conv` layer.

    Attributes:
        depthwise: float32 (height, width, channels, 1), the first kernel of a separable
            convolution; None for another one.
        kernel: float32 (height, width, input channels, filters).
        bias: float32 (filters,); None before a batch normalization.
        norm: Scale, shift, mean and variance of the batch normalization, float32 (filters,) each;
            None without one.
    """

    depthwise: Array | None
    kernel: Array
    bias: Array | None
    norm: tuple[Array, Array, Array, Array] | None


def network_weights(network: Any) -> list[Weights]:
    """Return the weights of each member; a single network is its own only member.

    Args:
        network: From `networks.build.finish_network`.
    """
    return [
        {layer.name: layer.get_weights() for layer in one.layers} for one in members_of(network)
    ]


def members_of(network: Any) -> list[Any]:
    """Return the Keras network of each member; a single network is its own only member.

    Args:
        network: From `networks.build.finish_network`.
    """
    return [layer for layer in network.layers if layer.name.startswith("member")] or [network]


def layers_with_shapes(recipe: Recipe) -> Iterator[tuple[str, Layer, Shape, Shape]]:
    """Yield name, layer, input shape and output shape of each layer between pixels and logits."""
    shapes = {row.name: row.output_shape for row in describe(recipe)}
    before = shapes["pixels"]
    for name, layer in zip(layer_names(recipe), recipe.layers, strict=True):
        yield name, layer, before, shapes[name]
        before = shapes[name]


def conv_weights(name: str, layer: Conv, weights: Weights) -> ConvWeights:
    """Return the weights of a convolution by what they are."""
    alone = layer.pool == 1 and not layer.batch_norm  # otherwise the activation is its own layer
    arrays = list(weights[name if alone else f"{name}_sums"])
    depthwise = arrays.pop(0) if layer.separable else None
    kernel, *bias = arrays
    norm = None
    if layer.batch_norm:
        *scale, shift, mean, variance = weights[f"{name}_norm"]
        norm = (scale[0] if scale else np.ones_like(shift), shift, mean, variance)
    return ConvWeights(depthwise, kernel, bias[0] if bias else None, norm)


def zeros_around(layer: Conv, side: int) -> tuple[int, int]:
    """Return how many zeros a convolution adds before and after each row and column.

    Keras's "same" puts an odd one after.
    """
    if layer.padding == "valid":
        return 0, 0
    total = max((-(-side // layer.stride) - 1) * layer.stride + layer.reach - side, 0)
    return total // 2, total - total // 2
