"""An ONNX graph from elsewhere with the input and output of tenfold's graphs."""

from typing import Any

import numpy as np

from tenfold.arrays import SIDE
from tenfold.classifiers.onnx_file import OnnxFileClassifier
from tenfold.errors import MissingExtraError, UsageError

_OWN = "tenfold_"
"""Begins the names that are added."""

_INNER = "inner_"
"""Put before all names of the graph, so that none of them is one that is added."""


def wrapped_graph(classifier: OnnxFileClassifier) -> bytes:
    """Return a graph from `images` uint8 [n, 28, 28] to `probabilities` float32 [n, classes].

    Args:
        classifier: The graph that it computes with in between.

    Raises:
        UsageError: The graph takes a fixed number of images.
        MissingExtraError: The package onnx is not installed.
    """
    if classifier.batch is not None:
        raise UsageError(
            f"{classifier.name} takes {classifier.batch} images at a time: write it with a batch "
            "of any size (in PyTorch: dynamic_axes)"
        )
    try:
        import onnx
        from onnx import TensorProto, compose, helper, numpy_helper
    except ImportError:
        raise MissingExtraError(f"exporting {classifier.name}", "export") from None

    model = compose.add_prefix(onnx.load_from_string(classifier.graph), _INNER)
    graph = model.graph
    given, answer = _INNER + classifier.input_name, _INNER + classifier.output_name
    constants: list[Any] = []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), _OWN + name))
        return _OWN + name

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        return helper.make_node(operator, inputs, [output], name=_OWN + output, **attributes)

    shape = constant("shape", np.array([-1, *classifier.shape], np.int64))
    pixels, before = "images", []
    if scaling := classifier.scaling:
        scale, offset = np.float32(scaling.scale), np.float32(scaling.offset)
        before = [
            node("Cast", ["images"], _OWN + "floats", to=TensorProto.FLOAT),
            node("Mul", [_OWN + "floats", constant("scale", scale)], _OWN + "scaled"),
            node("Add", [_OWN + "scaled", constant("offset", offset)], _OWN + "moved"),
        ]
        pixels = _OWN + "moved"
    before.append(node("Reshape", [pixels, shape], given))
    after = []
    if classifier.answers == "logits":
        after.append(node("Softmax", [answer], "probabilities", axis=1))
    elif classifier.answers == "sigmoids":
        axes = constant("axes", np.array([1], np.int64))
        after.append(node("ReduceSum", [answer, axes], _OWN + "sums", keepdims=1))
        after.append(node("Div", [answer, _OWN + "sums"], "probabilities"))
    else:
        after.append(node("Identity", [answer], "probabilities"))
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    graph.input.append(
        helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE])
    )
    sides = ["n", len(classifier.classes)]
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, sides))
    data: bytes = model.SerializeToString()
    return data
