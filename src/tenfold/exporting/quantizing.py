"""Quantization of an ONNX graph to int8: a quarter of the size, and integer arithmetic."""

import logging
import tempfile
from pathlib import Path
from typing import Any

from tenfold.arrays import Images

CALIBRATION_IMAGES = 1000
"""Number of training images from which the ranges of the values between layers are estimated."""

_BATCH = 100
_OPERATORS = ["Conv", "Gemm", "MaxPool", "AveragePool", "GlobalAveragePool"]
"""Operators in int8. Batch normalization, activation and softmax stay in float32."""


def quantized_model(model: bytes, images: Images) -> bytes:
    """Return the graph with weights int8 per channel and values between layers uint8 per tensor.

    Args:
        model: A graph from `onnx_model`.
        images: uint8 (n, 28, 28), `CALIBRATION_IMAGES` training images.

    Returns:
        A graph with the same input and output, in ONNX's quantize-dequantize form.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter(
                {"images": images[start : start + _BATCH]}
                for start in range(0, len(images), _BATCH)
            )

        def get_next(self) -> Any:
            return next(self._batches, None)

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # its warnings recommend steps that change nothing in this graph
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "quantized.onnx"
            quantize_static(
                onnx.load_from_string(model), path, Reader(), op_types_to_quantize=_OPERATORS,
                per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            )  # fmt: skip
            return path.read_bytes()
    finally:
        root.setLevel(level)
