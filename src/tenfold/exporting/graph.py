"""The ONNX graph, written straight from a recipe and weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import CLASSES, SIDE
from tenfold.networks.deskew import LEAST_INK, LEAST_SPREAD, STEEPEST, USUAL_SPREAD
from tenfold.recipes.layers import (
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
from tenfold.recipes.recipe import Recipe, describe, layer_names

OPSET = 17
"""ONNX operator set: old enough for every runtime of the last years, has all that is used."""

IR_VERSION = 8
"""The file format that goes with that operator set (ONNX 1.12)."""

BATCH_NORM_EPSILON = 1e-3
"""Keras's default."""

Weights = Mapping[str, Sequence[npt.NDArray[np.float32]]]


def network_weights(network: Any) -> list[Weights]:
    """Return the weights by layer name of each member; a single network is its only member.

    Args:
        network: From `networks.build.finish_network`; weights keep Keras's order and shapes.
    """
    members = [layer for layer in network.layers if layer.name.startswith("member")] or [network]
    return [{layer.name: layer.get_weights() for layer in one.layers} for one in members]


def onnx_model(recipe: Recipe, members: Sequence[Weights]) -> bytes:
    """Write a finished network as an ONNX graph.

    Straight from the recipe: its few kinds of layers are a few ONNX operators each, so no
    converter and no Keras backend is needed.

    Args:
        recipe: What the network was built from.
        members: The weights of each member (`network_weights`).

    Returns:
        A graph from `images` uint8 [n, 28, 28] to `probabilities` float32 [n, 10].
    """
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    pixels = _add_pixels(graph, recipe.tta_shifts)
    if len(members) == 1 and not recipe.tta_shifts:
        _add_network(graph, recipe, members[0], pixels)
    else:
        answers = []
        for number, weights in enumerate(members, 1):
            graph.prefix = f"member{number}_"
            answers.append(_add_network(graph, recipe, weights, pixels))
        graph.prefix = ""
        _add_mean(graph, answers, recipe.tta_shifts)
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE])
    outputs = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, f"tenfold {recipe.name}", [images], [outputs], graph.constants
        ),
        producer_name="tenfold",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


class _Graph:
    """ONNX nodes and constants as they gather; `prefix` goes before the names of nodes."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.prefix = ""

    def constant(self, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        output = self.prefix + output
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def _add_pixels(graph: _Graph, shifts: int) -> str:
    """Add the pixels in 0..1; shifted ones stand one after the other, all images each time."""
    from onnx import TensorProto

    graph.add("Cast", ["images"], "floats", to=TensorProto.FLOAT)
    graph.add("Mul", ["floats", graph.constant(np.array(1 / 255, np.float32))], "rescaling")
    pixels = graph.add("Reshape", ["rescaling", graph.integers(-1, 1, SIDE, SIDE)], "pixels")
    if not shifts:
        return pixels
    around = graph.integers(0, 0, shifts, shifts, 0, 0, shifts, shifts)
    padded = graph.add("Pad", [pixels, around], "padded")
    axes = graph.integers(2, 3)
    cropped = []
    for top in range(2 * shifts + 1):
        for left in range(2 * shifts + 1):
            start = graph.integers(top, left)
            end = graph.integers(top + SIDE, left + SIDE)
            inputs = [padded, start, end, axes]
            cropped.append(graph.add("Slice", inputs, f"shifted_{top}_{left}"))
    return graph.add("Concat", cropped, "shifted", axis=0)


def _add_mean(graph: _Graph, answers: list[str], shifts: int) -> None:
    """Add the mean over members and over the shifts."""
    last = "answers" if shifts else "probabilities"
    value = graph.add("Mean", answers, last)
    if shifts:
        shape = graph.integers((2 * shifts + 1) ** 2, -1, CLASSES)
        value = graph.add("Reshape", [value, shape], "by_shift")
        graph.add("ReduceMean", [value], "probabilities", axes=[0], keepdims=0)


def _add_network(graph: _Graph, recipe: Recipe, weights: Weights, value: str) -> str:
    """Add what stands between the pixels and the probabilities."""
    rows = {row.name: row for row in describe(recipe)}
    shape: tuple[int, ...] = rows["pixels"].output_shape
    for name, layer in zip(layer_names(recipe), recipe.layers, strict=True):
        value = _add_layer(graph, name, layer, value, shape, weights)
        shape = rows[name].output_shape
    kernel, bias = map(graph.constant, weights["logits"])
    value = graph.add("Gemm", [value, kernel, bias], "logits")
    return graph.add("Softmax", [value], "probabilities", axis=1)


def _add_layer(
    graph: _Graph, name: str, layer: Layer, value: str, shape: tuple[int, ...], weights: Weights
) -> str:
    match layer:
        case Conv():
            return _add_conv(graph, name, layer, value, shape, weights)
        case Depthwise(size, dilation):
            kernel = graph.constant(weights[name][0].transpose(2, 3, 0, 1))
            window = {"kernel_shape": [size] * 2, "dilations": [dilation] * 2}
            return graph.add("Conv", [value, kernel], name, group=shape[2], **window)
        case Deskew(width):
            return _add_deskewing(graph, name, width, value)
        case MaxPool(size):
            return graph.add("MaxPool", [value], name, kernel_shape=[size] * 2, strides=[size] * 2)
        case GlobalAveragePool():
            value = graph.add("GlobalAveragePool", [value], f"{name}_map")
            return graph.add("Flatten", [value], name, axis=1)
        case Dropout():
            return value  # does nothing once trained
        case Flatten():
            if len(shape) == 3:
                # ONNX images stand channels first; Keras flattened them channels last.
                value = graph.add("Transpose", [value], f"{name}_order", perm=[0, 2, 3, 1])
            return graph.add("Flatten", [value], name, axis=1)
        case Dense(_, activation):
            kernel, bias = map(graph.constant, weights[name])
            value = graph.add("Gemm", [value, kernel, bias], f"{name}_sums")
            return _add_activation(graph, activation, value, name)


def _add_conv(
    graph: _Graph, name: str, layer: Conv, value: str, shape: tuple[int, ...], weights: Weights
) -> str:
    plain = layer.pool == 1 and not layer.batch_norm
    *by_channel, kernel, bias = _kernels(layer, weights[name if plain else f"{name}_sums"])
    window = {
        "kernel_shape": [layer.kernel_size] * 2,
        "strides": [layer.stride] * 2,
        "dilations": [layer.dilation] * 2,
        "pads": _padding(layer, shape),
    }
    for depthwise in by_channel:  # Keras: (height, width, channels, 1)
        own = graph.constant(depthwise.transpose(2, 3, 0, 1))
        value = graph.add("Conv", [value, own], f"{name}_channels", group=shape[2], **window)
        window = {"kernel_shape": [1, 1]}
    inputs = [value, graph.constant(kernel.transpose(3, 2, 0, 1)), *map(graph.constant, bias)]
    value = graph.add("Conv", inputs, f"{name}_sums", **window)
    if layer.pool > 1:
        value = graph.add(
            "MaxPool",
            [value],
            f"{name}_pool",
            kernel_shape=[layer.pool] * 2,
            strides=[layer.pool_stride] * 2,
        )
    if layer.batch_norm:
        # Keras and ONNX agree on the order: scale, shift, mean, variance.
        statistics = [graph.constant(array) for array in norm_statistics(weights[f"{name}_norm"])]
        value = graph.add(
            "BatchNormalization", [value, *statistics], f"{name}_norm", epsilon=BATCH_NORM_EPSILON
        )
    return _add_activation(graph, layer.activation, value, name)


def _add_deskewing(graph: _Graph, name: str, width: float, value: str) -> str:
    """Add what `tenfold.networks.deskew` says, step by step as it stands there."""
    from onnx import TensorProto

    def add(operator: str, step: str, *inputs: str, **attributes: Any) -> str:
        return graph.add(operator, list(inputs), f"{name}_{step}", **attributes)

    def number(value: float) -> str:
        return graph.constant(np.array(value, np.float32))

    def mean(step: str, *factors: str) -> str:
        product = value
        for count, factor in enumerate(factors):
            product = add("Mul", f"{step}_product{count}", product, factor)
        return add("Div", step, add("ReduceSum", f"{step}_sum", product, axes), ink)

    places = np.arange(SIDE, dtype=np.float32)
    along, down = graph.constant(places), graph.constant(places[:, None])
    axes, one, least = graph.integers(2, 3), graph.integers(1), number(LEAST_INK)
    ink = add("Add", "ink", add("ReduceSum", "sum", value, axes), least)
    column, row = mean("column", along), mean("row", down)
    right, below = add("Sub", "right", along, column), add("Sub", "below", down, row)
    tall, both = mean("tall", below, below), mean("both", below, right)
    slope = add("Div", "slope", both, add("Add", "divisor", tall, least))
    slant = add("Clip", "slant", slope, number(-STEEPEST), number(STEEPEST))
    moved = add("Mul", "moved", below, slant)
    rest = add("Sub", "rest", right, moved)
    spread = add("Max", "spread", mean("wide", rest, rest), number(LEAST_SPREAD))
    relative = add("Div", "relative", spread, number(USUAL_SPREAD))
    stretch = add("Pow", "stretch", relative, number(width / 2))
    level = add("Add", "level", column, add("Mul", "stretched", right, stretch))
    place = add("Clip", "place", add("Add", "sum_of_moves", level, moved), number(-1), number(SIDE))
    whole = add("Floor", "whole", place)
    padded = add("Pad", "padded", value, graph.integers(0, 0, 0, 1, 0, 0, 0, 2))
    index = add("Add", "index", add("Cast", "integer", whole, to=TensorProto.INT64), one)
    left = add("GatherElements", "left", padded, index, axis=3)
    next_to_it = add("GatherElements", "next", padded, add("Add", "following", index, one), axis=3)
    difference = add("Sub", "difference", next_to_it, left)
    part = add("Mul", "part", add("Sub", "beyond", place, whole), difference)
    return graph.add("Add", [left, part], name)


def norm_statistics(
    arrays: Sequence[npt.NDArray[np.float32]],
) -> Sequence[npt.NDArray[np.float32]]:
    """Return scale, shift, mean and variance of a batch normalization that may lack a scale."""
    return arrays if len(arrays) == 4 else [np.ones_like(arrays[0]), *arrays]


def _kernels(layer: Conv, arrays: Sequence[npt.NDArray[np.float32]]) -> list[Any]:
    """Return the kernels, one or two of them, and then a list with the bias, if there is one."""
    kernels = 2 if layer.separable else 1
    return [*arrays[:kernels], list(arrays[kernels:])]


def _padding(layer: Conv, shape: tuple[int, ...]) -> list[int]:
    """Return ONNX's [top, left, bottom, right] for Keras's "same", which favors the far side."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = [
        max((-(-side // layer.stride) - 1) * layer.stride + layer.reach - side, 0)
        for side in shape[:2]
    ]
    before = [total // 2 for total in totals]
    return [*before, *(total - first for total, first in zip(totals, before, strict=True))]


def _add_activation(graph: _Graph, activation: str, value: str, name: str) -> str:
    if activation == "silu":
        gate = graph.add("Sigmoid", [value], f"{name}_gate")
        return graph.add("Mul", [value, gate], name)
    operators = {"linear": "Identity", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    return graph.add(operators[activation], [value], name)
