"""A finished network written in other formats."""

from tenfold.exporting.c_header import c_header
from tenfold.exporting.formats import FORMATS, exported
from tenfold.exporting.graph import Weights, network_weights, onnx_model
from tenfold.exporting.quantizing import quantized_model
from tenfold.exporting.rounding import rounded

__all__ = [
    "FORMATS",
    "Weights",
    "c_header",
    "exported",
    "network_weights",
    "onnx_model",
    "quantized_model",
    "rounded",
]
