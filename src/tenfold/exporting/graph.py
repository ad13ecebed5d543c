"""The ONNX graph of a network, written from its recipe and weights.

Keras has an exporter of its own (`model.export`), which needs the package `tf2onnx` and names
nodes as the backend pleases. Here each kind of layer takes a few lines, no Keras is needed, and
nodes have the names of the recipe's layers, by which `tenfold.classifiers.features` finds them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.exporting.weights import (
    BATCH_NORM_EPSILON,
    Shape,
    Weights,
    conv_weights,
    layers_with_shapes,
    zeros_around,
)
from tenfold.networks.deskew import MAX_SLANT, MIN_INK, MIN_SPREAD, TARGET_SPREAD
from tenfold.recipes.layers import (
    LEAKY_SLOPE,
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
from tenfold.recipes.recipe import Recipe

OPSET = 17
"""ONNX operator set: has every operator used here, and all runtimes since 2022 support it."""

IR_VERSION = 8
"""The file format that belongs to that operator set (ONNX 1.12)."""


def onnx_model(recipe: Recipe, members: Sequence[Weights]) -> bytes:
    """Write a finished network as an ONNX graph.

    Args:
        recipe: The recipe that the network was built from.
        members: The weights of each member (`network_weights`).

    Returns:
        A graph from `images` uint8 [n, 28, 28] to `probabilities` float32 [n, classes].
    """
    graph = Graph()
    pixels = _add_pixels(graph, recipe.tta_shifts)
    if len(members) == 1 and not recipe.tta_shifts:
        _add_network(graph, recipe, members[0], pixels)
    else:
        answers = []
        for number, weights in enumerate(members, 1):
            graph.prefix = f"member{number}_"
            answers.append(_add_network(graph, recipe, weights, pixels))
        graph.prefix = ""
        _add_mean(graph, recipe, answers)
    return graph.to_bytes(recipe.name, "images", ["n", SIDE, SIDE], ["n", recipe.classes])


class Graph:
    """The nodes and constants added so far; `prefix` precedes the names of new nodes."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.prefix = ""

    def constant(self, value: npt.NDArray[Any]) -> str:
        """Add a constant, and return its name."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant of int64 values, and return its name."""
        return self.constant(np.array(values, np.int64))

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        output = self.prefix + output
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def to_bytes(self, name: str, images: str, shape: list[Any], outputs: list[Any]) -> bytes:
        """Return the checked model.

        Args:
            name: Name of the network.
            images: Name of the input, uint8.
            shape: Shape of the input; a text stands for a side of any length.
            outputs: Shape of the output `probabilities`, float32.
        """
        from onnx import TensorProto, checker, helper

        source = helper.make_tensor_value_info(images, TensorProto.UINT8, shape)
        result = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, outputs)
        model = helper.make_model(
            helper.make_graph(self.nodes, f"tenfold {name}", [source], [result], self.constants),
            producer_name="tenfold",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        checker.check_model(model, full_check=True)
        data: bytes = model.SerializeToString()
        return data


def _add_pixels(graph: Graph, shifts: int) -> str:
    """Add the pixels in 0..1; shifts follow one another, each with all images."""
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


def _add_mean(graph: Graph, recipe: Recipe, answers: list[str]) -> None:
    """Add the mean over members and shifts."""
    shifts = recipe.tta_shifts
    last = "answers" if shifts else "probabilities"
    value = graph.add("Mean", answers, last)
    if shifts:
        shape = graph.integers((2 * shifts + 1) ** 2, -1, recipe.classes)
        value = graph.add("Reshape", [value, shape], "by_shift")
        graph.add("ReduceMean", [value], "probabilities", axes=[0], keepdims=0)


def _add_network(graph: Graph, recipe: Recipe, weights: Weights, value: str) -> str:
    """Add the layers from the pixels to the probabilities."""
    for name, layer, shape, _ in layers_with_shapes(recipe):
        value = _add_layer(graph, name, layer, value, shape, weights)
    value = graph.add("Gemm", [value, *map(graph.constant, weights["logits"])], "logits")
    return graph.add("Softmax", [value], "probabilities", axis=1)


def _add_layer(
    graph: Graph, name: str, layer: Layer, value: str, shape: Shape, weights: Weights
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
        case AveragePool(size):
            window = {"kernel_shape": [size] * 2, "strides": [size] * 2}
            return graph.add("AveragePool", [value], name, **window)
        case GlobalAveragePool():
            value = graph.add("GlobalAveragePool", [value], f"{name}_map")
            return graph.add("Flatten", [value], name, axis=1)
        case Dropout():
            return value  # does nothing after training
        case Flatten():
            if len(shape) == 3:
                # In ONNX the channels come first; Keras flattened with the channels last.
                value = graph.add("Transpose", [value], f"{name}_order", perm=[0, 2, 3, 1])
            return graph.add("Flatten", [value], name, axis=1)
        case Dense(_, activation):
            inputs = [value, *map(graph.constant, weights[name])]
            value = graph.add("Gemm", inputs, f"{name}_sums")
            return _add_activation(graph, activation, value, name)


def _add_conv(
    graph: Graph, name: str, layer: Conv, value: str, shape: Shape, weights: Weights
) -> str:
    depthwise, kernel, bias, norm = conv_weights(name, layer, weights)
    before, after = zeros_around(layer, shape[0])
    window = {
        "kernel_shape": [layer.kernel_size] * 2,
        "strides": [layer.stride] * 2,
        "dilations": [layer.dilation] * 2,
        "pads": [before, before, after, after],
    }
    if depthwise is not None:  # Keras: (height, width, channels, 1)
        own = graph.constant(depthwise.transpose(2, 3, 0, 1))
        value = graph.add("Conv", [value, own], f"{name}_channels", group=shape[2], **window)
        window = {"kernel_shape": [1, 1]}
    inputs = [value, graph.constant(kernel.transpose(3, 2, 0, 1))]
    inputs += [] if bias is None else [graph.constant(bias)]
    value = graph.add("Conv", inputs, f"{name}_sums", **window)
    if layer.pool > 1:
        sides = {"kernel_shape": [layer.pool] * 2, "strides": [layer.pool_stride] * 2}
        value = graph.add("MaxPool", [value], f"{name}_pool", **sides)
    if norm is not None:
        inputs = [value, *map(graph.constant, norm)]
        value = graph.add("BatchNormalization", inputs, f"{name}_norm", epsilon=BATCH_NORM_EPSILON)
    return _add_activation(graph, layer.activation, value, name)


def _add_deskewing(graph: Graph, name: str, width: float, value: str) -> str:
    """Add the operations of `tenfold.networks.deskew`, in the same order and with its names."""
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
    axes, one, least = graph.integers(2, 3), graph.integers(1), number(MIN_INK)
    ink = add("Add", "ink", add("ReduceSum", "sum", value, axes), least)
    column, row = mean("column", along), mean("row", down)
    right, below = add("Sub", "right", along, column), add("Sub", "below", down, row)
    tall, both = mean("tall", below, below), mean("both", below, right)
    slope = add("Div", "slope", both, add("Add", "divisor", tall, least))
    slant = add("Clip", "slant", slope, number(-MAX_SLANT), number(MAX_SLANT))
    moved = add("Mul", "moved", below, slant)
    rest = add("Sub", "rest", right, moved)
    spread = add("Max", "spread", mean("wide", rest, rest), number(MIN_SPREAD))
    relative = add("Div", "relative", spread, number(TARGET_SPREAD))
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


def _add_activation(graph: Graph, activation: str, value: str, name: str) -> str:
    if activation == "silu":
        gate = graph.add("Sigmoid", [value], f"{name}_gate")
        return graph.add("Mul", [value, gate], name)
    if activation == "leaky_relu":
        return graph.add("LeakyRelu", [value], name, alpha=LEAKY_SLOPE)
    if activation == "gelu":  # ONNX has an operator for it from set 20 on
        return _add_gelu(graph, value, name)
    operators = {
        "linear": "Identity", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "Elu"
    }  # fmt: skip
    return graph.add(operators[activation], [value], name)


def _add_gelu(graph: Graph, value: str, name: str) -> str:
    """Add x / 2 * (1 + erf(x / sqrt(2))): five operators."""
    half, one, root = (graph.constant(np.array(v, np.float32)) for v in (0.5, 1, 2**0.5))
    scaled = graph.add("Div", [value, root], f"{name}_scaled")
    error = graph.add("Erf", [scaled], f"{name}_error")
    raised = graph.add("Add", [error, one], f"{name}_raised")
    share = graph.add("Mul", [raised, half], f"{name}_share")
    return graph.add("Mul", [value, share], name)
