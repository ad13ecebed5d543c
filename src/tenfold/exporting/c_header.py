"""A network as one C header: weights in int8 and the loops that compute with them."""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template
from textwrap import wrap
from typing import assert_never

import numpy as np

from tenfold.arrays import SIDE
from tenfold.errors import UsageError
from tenfold.exporting.weights import (
    BATCH_NORM_EPSILON,
    Array,
    Shape,
    Weights,
    conv_weights,
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
    MaxPool,
)
from tenfold.recipes.recipe import Recipe, count_parameters

ACTIVATIONS = {"linear": "LINEAR", "relu": "RELU", "silu": "SILU"}
"""The activations that the header supports, and their names in it."""

LEVELS = 127
"""Weights are integer multiples, -127 to 127, of the step of their filter."""


def filter_steps(kernel: Array) -> Array:
    """Return the quantization step of each filter, float32 (n,): its largest weight by `LEVELS`.

    Args:
        kernel: float32, the n filters along the first axis.
    """
    largest = np.abs(kernel.reshape(len(kernel), -1)).max(axis=1)
    return np.asarray(np.maximum(largest, 1e-12) / LEVELS, np.float32)


def c_header(recipe: Recipe, weights: Weights) -> str:
    """Return a C99 header that needs nothing but the C library, with its mathematical part.

    Args:
        recipe: A single network of convolutions, pooling and dense layers with relu or silu.
        weights: Weights of the finished network, by layer name.

    Returns:
        The header. Its function `<recipe>_read` takes 28x28 bytes and returns digit and
        probabilities. Weights are int8, sums are float.

    Raises:
        UsageError: The network has members, or a layer or activation that the header lacks.
    """
    if recipe.members > 1:
        raise UsageError("a C header holds one network, not several members")
    writer = _Writer()
    for name, layer, given, gives in layers_with_shapes(recipe):
        match layer:
            case Conv():
                writer.conv(name, layer, weights, given, gives)
            case Depthwise(width, dilation):
                writer.depthwise(name, weights[name][0], given, gives, (width, 1, dilation, 0))
            case Deskew(width):
                constants = MIN_INK, MAX_SLANT, MIN_SPREAD, TARGET_SPREAD, width / 2
                values = ", ".join(f"{float(one)}f" for one in constants)
                writer.call(f"deskew(in, {values}, out);", given)
            case Dense(_, activation):
                writer.dense(name, weights[name], activation)
            case GlobalAveragePool():
                writer.call(f"average(in, {given[0]}, {given[2]}, out);", gives)
            case AveragePool():
                raise UsageError("the C header has no average_pool: use global_average_pool")
            case MaxPool():
                raise UsageError("the C header pools only inside a convolution: use its pool")
            case Flatten() | Dropout():
                pass  # the same values in the same order
            case _:
                assert_never(layer)
    writer.dense("logits", weights["logits"], "linear")
    name = re.sub(r"\W", "_", recipe.name)
    template = files("tenfold.exporting").joinpath("reader.h.in").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=name, guard=f"TENFOLD_{name.upper()}_H", parameters=f"{count_parameters(recipe):,}",
        largest=writer.largest, shifts=recipe.tta_shifts,
        classes=recipe.classes, count="ten" if recipe.classes == 10 else recipe.classes,
        passes=(2 * recipe.tta_shifts + 1) ** 2, arrays="\n".join(writer.arrays),
        steps="\n".join(f"    {line}" for line in writer.steps),
    )  # fmt: skip


class _Writer:
    """The arrays and calls written so far; `in` and `out` are swapped after every call.

    Attributes:
        arrays: Definitions of the weights.
        steps: Statements of the function that computes the network.
        largest: The largest number of values between two layers.
    """

    def __init__(self) -> None:
        self.arrays: list[str] = []
        self.steps: list[str] = []
        self.largest = SIDE * SIDE

    def call(self, statement: str, shape: Shape) -> None:
        """Add a call whose output has a shape."""
        self.steps += [statement, "swap(&in, &out);"]
        self.largest = max(self.largest, int(np.prod(shape)))

    def conv(self, name: str, layer: Conv, weights: Weights, given: Shape, gives: Shape) -> None:
        """Add a convolution with its pooling, batch normalization and activation."""
        depthwise, kernel, bias, norm = conv_weights(name, layer, weights)
        before, after = zeros_around(layer, given[0])
        window: tuple[int, ...] = (layer.kernel_size, layer.stride, layer.dilation, before)
        if depthwise is not None:
            side = (given[0] + before + after - layer.reach) // layer.stride + 1
            between = (side, side, given[2])
            self.depthwise(f"{name}_channels", depthwise, given, between, window)
            given, window = between, (1, 1, 1, 0)
        scale = np.ones(layer.filters, np.float32)
        shift = np.zeros(layer.filters, np.float32) if bias is None else bias
        if norm is not None:
            gamma, beta, mean, variance = norm
            scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
            shift = beta + (shift - mean) * scale
        window += (layer.pool, layer.pool_stride)
        filters = kernel.transpose(3, 0, 1, 2)
        self.convolve(name, filters, scale, shift, given, window, layer.activation, gives)

    def dense(self, name: str, arrays: Sequence[Array], activation: str) -> None:
        """Add a dense layer: a convolution of an image with one pixel."""
        kernel, bias = arrays
        inputs, units = kernel.shape
        window, scale = (1, 1, 1, 0, 1, 1), np.ones(units, np.float32)
        gives = (1, 1, units)
        self.convolve(name, kernel.T, scale, bias, (1, 1, inputs), window, activation, gives)

    def convolve(
        self,
        name: str,
        filters: Array,
        scale: Array,
        shift: Array,
        given: Shape,
        window: Sequence[int],
        activation: str,
        gives: Shape,
    ) -> None:
        """Add filters, scaled, shifted and activated.

        The window: size, stride, dilation, zeros before, pool size, pool stride.
        """
        if activation not in ACTIVATIONS:
            raise UsageError(f"the C header knows {', '.join(ACTIVATIONS)}, not {activation}")
        steps = self._int8(f"{name}_kernel", filters)
        self._floats(f"{name}_scale", steps * scale)
        self._floats(f"{name}_shift", shift)
        self.call(
            f"convolve(in, {given[0]}, {given[2]}, {name}_kernel, {', '.join(map(str, window))}, "
            f"{name}_scale, {name}_shift, {ACTIVATIONS[activation]}, out, {gives[0]}, {gives[2]});",
            gives,
        )

    def depthwise(
        self, name: str, kernel: Array, given: Shape, gives: Shape, window: Sequence[int]
    ) -> None:
        """Add one filter for each channel; the window: size, stride, dilation, zeros before."""
        steps = self._int8(name, kernel[:, :, :, 0].transpose(2, 0, 1))
        self._floats(f"{name}_scale", steps)
        self.call(
            f"depthwise(in, {given[0]}, {given[2]}, {name}, {', '.join(map(str, window))}, "
            f"{name}_scale, out, {gives[0]});",
            gives,
        )

    def _int8(self, name: str, filters: Array) -> Array:
        """Write filters, along the first axis, as integers; return the step of each."""
        steps = filter_steps(filters)
        whole = np.rint(filters.reshape(len(filters), -1) / steps[:, None]).astype(int).ravel()
        self._array("int8_t", name, map(str, whole), whole.size)
        return steps

    def _floats(self, name: str, values: Array) -> None:
        # Nine digits hold a float32; the exponent makes the number a float in C too.
        self._array("float", name, (f"{value:.8e}f" for value in values), values.size)

    def _array(self, kind: str, name: str, values: Iterable[str], size: int) -> None:
        lines = "\n".join(
            wrap(", ".join(values), 96, initial_indent="    ", subsequent_indent="    ")
        )
        self.arrays.append(f"static const {kind} {name}[{size}] = {{\n{lines}\n}};")
