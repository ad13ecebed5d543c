"""The formats a finished network is exported to, float32 or int8."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenfold.errors import MissingExtraError
from tenfold.exporting.litert import litert_model
from tenfold.exporting.quantizing import quantized_model

FORMATS = ("onnx", "litert", "openvino")

Images = npt.NDArray[np.uint8]
Files = dict[str, bytes]
"""What an export consists of, by suffix; the first file is the one to open."""


def exported(
    name: str, graph: bytes, keras_file: Callable[[], bytes], calibration: Images | None = None
) -> Files:
    """Return a network in a format.

    Args:
        name: One of `FORMATS`.
        graph: It as ONNX, from `onnx_model`.
        keras_file: Gives it as a .keras file; asked only for LiteRT, which is made from that.
        calibration: uint8 (n, 28, 28), training images that tell how large the values between the
            layers get: for int8. None keeps float32.

    Raises:
        MissingExtraError: The packages that write the format are not installed.
        ExportError: The converter gave up; its last words are in the message.
    """
    check_packages(name, quantize=calibration is not None)
    if name == "litert":
        return {".tflite": litert_model(keras_file(), calibration)}
    if calibration is not None:
        graph = quantized_model(graph, calibration)
    return {".onnx": graph} if name == "onnx" else _openvino(graph)


def check_packages(name: str, *, quantize: bool) -> None:
    """Refuse a format whose packages are not all here, before any work is done.

    Raises:
        MissingExtraError: Names the extra to install.
    """
    needs = {
        "onnx": [],
        "litert": ["keras", "tensorflow", "ai_edge_litert"],
        "openvino": ["openvino"],
    }[name] + (["onnx"] if quantize else [])
    if any(find_spec(package) is None for package in needs):
        kind = f"exporting to {name}{' in int8' if quantize else ''}"
        raise MissingExtraError(kind, "train,export" if name == "litert" else "export")


def _openvino(graph: bytes) -> Files:
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        path.with_suffix(".onnx").write_bytes(graph)
        # Left alone, saving rounds the weights to 16 bits.
        model = openvino.convert_model(path.with_suffix(".onnx"))
        openvino.save_model(model, path, compress_to_fp16=False)
        return {suffix: path.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")}


@contextmanager
def laid_out(files: Files, name: str) -> Iterator[Path]:
    """Give the path of the file to open, with the others beside it, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix, data in files.items():
            (Path(folder) / f"{name}{suffix}").write_bytes(data)
        yield Path(folder) / f"{name}{next(iter(files))}"
