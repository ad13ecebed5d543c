"""A network as one C header: int8 weights and the few loops that read a digit with them."""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template
from textwrap import wrap

import numpy as np
import numpy.typing as npt

from tenfold.arrays import CLASSES, SIDE
from tenfold.errors import UsageError
from tenfold.exporting.graph import BATCH_NORM_EPSILON, Weights, norm_statistics
from tenfold.exporting.rounding import steps_of
from tenfold.networks.deskew import LEAST_INK, LEAST_SPREAD, STEEPEST, USUAL_SPREAD
from tenfold.recipes.layers import (
    Conv,
    Dense,
    Depthwise,
    Deskew,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
)
from tenfold.recipes.recipe import Recipe, count_parameters, describe, layer_names

ACTIVATIONS = {"linear": "LINEAR", "relu": "RELU", "silu": "SILU"}
"""How the header calls the activations that it knows."""

Array = npt.NDArray[np.float32]


def c_header(recipe: Recipe, weights: Weights) -> str:
    """Return a C99 header that needs nothing but the C library.

    Args:
        recipe: A single network of convolutions, pooling and dense layers with relu or silu.
        weights: Of the finished network, by layer name.

    Returns:
        The header; its function `<recipe>_read` takes 28x28 bytes and gives digit and
        probabilities. Weights are int8, sums are float.

    Raises:
        UsageError: The network has what the header cannot say.
    """
    if recipe.members > 1:
        raise UsageError("a C header holds one network, not several members")
    writer = _Writer()
    shapes = {row.name: row.output_shape for row in describe(recipe)}
    shape: tuple[int, ...] = shapes["pixels"]
    for name, layer in zip(layer_names(recipe), recipe.layers, strict=True):
        match layer:
            case Conv():
                _write_conv(writer, name, layer, weights, shape, shapes[name])
            case Depthwise(size, dilation):
                _write_depthwise(
                    writer, name, weights[name][0], shape, shapes[name], (size, 1, dilation, 0)
                )
            case Deskew(width):
                constants = LEAST_INK, STEEPEST, LEAST_SPREAD, USUAL_SPREAD, width / 2
                given = ", ".join(f"{float(one)}f" for one in constants)
                writer.step(f"deskew(in, {given}, out);", SIDE * SIDE)
            case Dense(units, activation):
                _write_dense(writer, name, weights[name], shape[0], units, activation)
            case GlobalAveragePool():
                writer.step(f"average(in, {shape[0]}, {shape[2]}, out);", shape[2])
            case MaxPool():
                raise UsageError("the C header pools only inside a convolution: use its pool")
            case Flatten() | Dropout():
                pass  # the same values in the same order
        shape = shapes[name]
    _write_dense(writer, "logits", weights["logits"], shape[0], CLASSES, "linear")
    name = re.sub(r"\W", "_", recipe.name)
    template = files("tenfold.exporting").joinpath("reader.h.in").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=name, guard=f"TENFOLD_{name.upper()}_H", parameters=f"{count_parameters(recipe):,}",
        largest=max(writer.sizes), shifts=recipe.tta_shifts,
        readings=(2 * recipe.tta_shifts + 1) ** 2, arrays="\n".join(writer.arrays),
        steps="\n".join(f"    {line}" for line in writer.steps),
    )  # fmt: skip


class _Writer:
    """Arrays and calls as they gather; `in` and `out` change places after every call."""

    def __init__(self) -> None:
        self.arrays: list[str] = []
        self.steps: list[str] = []
        self.sizes = [SIDE * SIDE]

    def step(self, call: str, size: int) -> None:
        self.steps += [call, "swap(&in, &out);"]
        self.sizes.append(size)

    def int8(self, name: str, kernel: Array) -> tuple[str, Array]:
        """Write a kernel, filters first; return its name and the step of each filter."""
        flat = kernel.reshape(len(kernel), -1)
        steps = steps_of(kernel)
        whole = np.rint(flat / steps[:, None]).astype(int).ravel()
        self._array("int8_t", name, (str(value) for value in whole), whole.size)
        return name, steps

    def floats(self, name: str, values: Array) -> str:
        # Nine digits hold a float32; with the exponent they are floats to C too.
        self._array("float", name, (f"{value:.8e}f" for value in values), values.size)
        return name

    def _array(self, kind: str, name: str, values: Iterable[str], size: int) -> None:
        lines = "\n".join(
            wrap(", ".join(values), 96, initial_indent="    ", subsequent_indent="    ")
        )
        self.arrays.append(f"static const {kind} {name}[{size}] = {{\n{lines}\n}};")


def _write_conv(
    writer: _Writer,
    name: str,
    layer: Conv,
    weights: Weights,
    given: tuple[int, ...],
    gives: tuple[int, ...],
) -> None:
    plain = layer.pool == 1 and not layer.batch_norm
    *kernels, bias = _with_bias(layer, weights[name if plain else f"{name}_sums"])
    size, stride, dilation = layer.kernel_size, layer.stride, layer.dilation
    side, channels = given[0], given[2]
    before, after = _sides(layer, side)
    if layer.separable:
        window = (size, stride, dilation, before)
        _write_depthwise(
            writer, f"{name}_channels", kernels[0], given, (after, after, channels), window
        )
        side, size, stride, dilation, before = after, 1, 1, 1, 0
    kernel, steps = writer.int8(f"{name}_kernel", kernels[-1].transpose(3, 0, 1, 2))
    scale, shift = np.ones_like(bias), bias
    if layer.batch_norm:
        gamma, beta, mean, variance = norm_statistics(weights[f"{name}_norm"])
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        shift = beta + (bias - mean) * scale
    scale_name = writer.floats(f"{name}_scale", steps * scale)
    shift_name = writer.floats(f"{name}_shift", shift)
    writer.step(
        f"convolve(in, {side}, {channels}, {kernel}, {size}, {stride}, {dilation}, {before}, "
        f"{layer.pool}, {layer.pool_stride}, {scale_name}, {shift_name}, "
        f"{_activation(layer.activation)}, out, {gives[0]}, {layer.filters});",
        gives[0] * gives[1] * gives[2],
    )


def _write_depthwise(
    writer: _Writer,
    name: str,
    weights: Array,
    given: tuple[int, ...],
    gives: tuple[int, ...],
    window: tuple[int, int, int, int],
) -> None:
    """Write a filter for each channel; the window: size, stride, dilation, zeros before."""
    kernel, steps = writer.int8(name, weights[:, :, :, 0].transpose(2, 0, 1))
    scales = writer.floats(f"{name}_scale", steps)
    writer.step(
        f"depthwise(in, {given[0]}, {given[2]}, {kernel}, {', '.join(map(str, window))}, "
        f"{scales}, out, {gives[0]});",
        gives[0] * gives[1] * gives[2],
    )


def _write_dense(
    writer: _Writer, name: str, arrays: Sequence[Array], inputs: int, units: int, activation: str
) -> None:
    kernel, steps = writer.int8(f"{name}_kernel", arrays[0].T)
    scale, shift = writer.floats(f"{name}_scale", steps), writer.floats(f"{name}_shift", arrays[1])
    writer.step(
        f"convolve(in, 1, {inputs}, {kernel}, 1, 1, 1, 0, 1, 1, {scale}, {shift}, "
        f"{_activation(activation)}, out, 1, {units});",
        units,
    )


def _with_bias(layer: Conv, arrays: Sequence[Array]) -> list[Array]:
    kernels = 2 if layer.separable else 1
    return (
        [*arrays, np.zeros(layer.filters, np.float32)] if len(arrays) == kernels else list(arrays)
    )


def _sides(layer: Conv, side: int) -> tuple[int, int]:
    """Return the zeros before the first pixel, and the side after the convolution."""
    if layer.padding == "valid":
        return 0, -(-(side - layer.reach + 1) // layer.stride)
    after = -(-side // layer.stride)
    return max((after - 1) * layer.stride + layer.reach - side, 0) // 2, after


def _activation(name: str) -> str:
    if name not in ACTIVATIONS:
        raise UsageError(f"the C header knows {', '.join(ACTIVATIONS)}, not {name}")
    return ACTIVATIONS[name]
