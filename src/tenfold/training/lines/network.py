"""The line network: in Keras, from and to an ONNX graph, and in int8."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Gray
from tenfold.exporting.graph import Graph
from tenfold.machine import trains_in_bfloat16
from tenfold.reading.ctc import CHARACTERS
from tenfold.reading.line_reader import STRIP_HEIGHT

_BATCH = 20
"""Strips that are calibrated at once."""

Floats = npt.NDArray[np.float32]

OUTPUTS = len(CHARACTERS) + 1
"""Outputs at each step: 0 for nothing (CTC's blank), then the characters."""

CONVOLUTIONS = (
    (32, 3, 2, 1), (64, 3, 2, 1), (128, 3, None, 1), (160, 3, (2, 1), 1), (256, 3, (2, 1), 1),
    (512, (2, 3), None, 1), (512, (1, 3), None, 1), (512, (1, 5), None, 3),
)  # fmt: skip
"""Filters, kernel, pooling and dilation along the line of each convolution. Pooling leaves 2 of the
32 rows and a quarter of the columns; the kernel (2, 3) takes the two rows together. The last one
sees 94 columns, so that a slash can be told from a 1 by the slant and height of its neighbors."""


def build_network() -> Any:
    """Return a new network from strips uint8 (n, 32, w) to logits float32 (n, w / 4, 23)."""
    import keras
    from keras import layers as kl

    dtype = "mixed_bfloat16" if trains_in_bfloat16() else "float32"
    strips = keras.Input((STRIP_HEIGHT, None), dtype="uint8", name="strips")
    value = kl.Rescaling(1 / 255, dtype=dtype)(strips)
    value = kl.Reshape((STRIP_HEIGHT, -1, 1), dtype=dtype)(value)
    for filters, kernel, pool, dilation in CONVOLUTIONS:
        padding = "valid" if kernel == (2, 3) else "same"
        value = kl.Conv2D(
            filters, kernel, padding=padding, dilation_rate=(1, dilation), use_bias=False,
            dtype=dtype,
        )(value)  # fmt: skip
        if pool:
            value = kl.MaxPooling2D(pool, dtype=dtype)(value)
        value = kl.BatchNormalization(momentum=0.98, dtype=dtype)(value)
        value = kl.Activation("relu", dtype=dtype)(value)
    value = kl.Conv2D(OUTPUTS, 1, dtype="float32")(value)
    return keras.Model(strips, kl.Reshape((-1, OUTPUTS), dtype="float32", name="logits")(value))


def freeze(network: Any, convolutions: int) -> None:
    """Keep the weights of the first convolutions, and of what follows each, as they are."""
    number = 0
    for layer in network.layers:
        number += type(layer).__name__ == "Conv2D"
        layer.trainable = number > convolutions


def load_weights(network: Any, graph: bytes) -> None:
    """Give a network the weights of a graph that `onnx_graph` or `int8_graph` wrote.

    Fewer filters than the network's are the first of each layer; the others stay random, and no
    filter of the graph takes anything from them at first.
    """
    merged = []
    for known, own in zip(_weights(graph), network.get_weights(), strict=True):
        old = known.transpose(2, 3, 1, 0) if known.ndim == 4 else known
        new = own.copy()
        if old.ndim == 4:
            new[..., : old.shape[-1]] = 0
        new[(..., *map(slice, old.shape[-2:]))] = old
        merged.append(new)
    network.set_weights(merged)


def _weights(graph: bytes) -> Iterator[Floats]:
    """Yield the weights of a graph, layer by layer; weights in int8 as the numbers they mean."""
    import onnx
    from onnx import numpy_helper

    held = onnx.load_from_string(graph).graph
    constants = {one.name: numpy_helper.to_array(one) for one in held.initializer}
    scaled = {node.output[0]: node for node in held.node if node.op_type == "DequantizeLinear"}
    for node in held.node:
        if node.op_type not in ("Conv", "BatchNormalization"):
            continue
        for name in node.input[1:]:
            if name in constants:
                yield constants[name]
            else:
                whole, scales = (constants[one] for one in scaled[name].input[:2])
                yield whole * scales.reshape(-1, *[1] * (whole.ndim - 1))


def onnx_graph(network: Any) -> bytes:
    """Return a network as an ONNX graph.

    Returns:
        A graph from `strips` uint8 [n, 32, w] to `probabilities` float32 [n, w / 4, 23].
    """
    from onnx import TensorProto

    graph = Graph()

    def add(operator: str, inputs: list[str], **attributes: Any) -> str:
        return graph.add(operator, inputs, f"{operator.lower()}{len(graph.nodes)}", **attributes)

    value = add("Cast", ["strips"], to=TensorProto.FLOAT)
    value = add("Mul", [value, graph.constant(np.array(1 / 255, np.float32))])
    value = add("Unsqueeze", [value, graph.integers(1)])
    for layer in network.layers:
        kind, weights = type(layer).__name__, layer.get_weights()
        if kind == "Conv2D":
            kernel, *bias = weights
            high, wide = kernel.shape[:2]
            apart = list(layer.dilation_rate)
            same = [(high - 1) // 2, apart[1] * (wide - 1) // 2] * 2
            inputs = [value, *map(graph.constant, [kernel.transpose(3, 2, 0, 1), *bias])]
            pads = same if layer.padding == "same" else [0] * 4
            value = add("Conv", inputs, kernel_shape=[high, wide], pads=pads, dilations=apart)
        elif kind == "MaxPooling2D":
            sides = list(layer.pool_size)
            value = add("MaxPool", [value], kernel_shape=sides, strides=sides)
        elif kind == "BatchNormalization":
            inputs = [value, *map(graph.constant, weights)]
            value = add("BatchNormalization", inputs, epsilon=layer.epsilon)
        elif kind == "Activation":
            value = add("Relu", [value])
    value = add("Squeeze", [value, graph.integers(2)])
    value = add("Transpose", [value], perm=[0, 2, 1])
    graph.add("Softmax", [value], "probabilities", axis=2)
    return graph.to_bytes("line", "strips", ["n", STRIP_HEIGHT, "w"], ["n", "t", OUTPUTS])


def int8_graph(graph: bytes, strips: Gray) -> bytes:
    """Return a graph in int8: a quarter of the size, and a third of the time with VNNI.

    The first convolution, from a single channel, is no faster so, and stays in float32; so does the
    last one, which gives the answers.

    Args:
        graph: A graph from `onnx_graph`.
        strips: uint8 (n, 32, w), strips for training, which give the ranges of the values between
            layers.

    Returns:
        A graph with the same input and output, whose weights have 7 bits.
    """
    import onnx

    from tenfold.exporting.quantizing import quantized_graph

    nodes = onnx.load_from_string(graph).graph.node
    convolutions = [node.name for node in nodes if node.op_type == "Conv"]
    batches = (
        {"strips": strips[start : start + _BATCH]} for start in range(0, len(strips), _BATCH)
    )
    return quantized_graph(
        graph,
        batches,
        weight_bits=7,
        in_float=[convolutions[0], convolutions[-1]],
        without_extremes=True,
    )
