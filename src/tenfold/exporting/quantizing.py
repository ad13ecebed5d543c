"""Quantization of an ONNX graph to int8: a quarter of the size, and integer arithmetic."""

import io
import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from tenfold.arrays import Images

CALIBRATION_IMAGES = 1000
"""Number of training images from which the ranges of the values between layers are estimated."""

_BATCH = 100
_OPERATORS = ["Conv", "Gemm", "MaxPool", "AveragePool", "GlobalAveragePool"]
"""Operators in int8. Batch normalization, activation and softmax stay in float32."""


def quantized_model(model: bytes, images: Images) -> bytes:
    """Return a network in int8; see `quantized_graph`.

    Args:
        model: A graph from `onnx_model`.
        images: uint8 (n, 28, 28), `CALIBRATION_IMAGES` training images.
    """
    starts = range(0, len(images), _BATCH)
    return quantized_graph(model, ({"images": images[start : start + _BATCH]} for start in starts))


def quantized_graph(
    graph: bytes,
    batches: Iterable[Mapping[str, npt.NDArray[Any]]],
    *,
    weight_bits: Literal[7, 8] = 8,
    in_float: Sequence[str] = (),
    without_extremes: bool = False,
) -> bytes:
    """Return a graph with weights int8 per channel and values between layers uint8 per tensor.

    Args:
        graph: An ONNX graph.
        batches: Inputs by name, from which the ranges of the values between layers are estimated.
        weight_bits: With 7, weights are -64 to 64: two products of them and of values 0 to 255 fit
            into 16 bits, in which processors without VNNI add them.
        in_float: Names of nodes that stay in float32.
        without_extremes: Take ranges that leave out the outermost 0.001% of the values.

    Returns:
        A graph with the same input and output, in ONNX's quantize-dequantize form.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter(batches)

        def get_next(self) -> Any:
            return next(self._batches, None)

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # its warnings recommend steps that change nothing in this graph
    try:
        # What it prints about its histograms is no result of ours.
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            path = Path(folder) / "quantized.onnx"
            quantize_static(
                onnx.load_from_string(graph), path, Reader(), op_types_to_quantize=_OPERATORS,
                per_channel=True, reduce_range=weight_bits < 8, nodes_to_exclude=list(in_float),
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                calibrate_method=(
                    CalibrationMethod.Percentile if without_extremes else CalibrationMethod.MinMax
                ),
            )  # fmt: skip
            return path.read_bytes()
    finally:
        root.setLevel(level)
