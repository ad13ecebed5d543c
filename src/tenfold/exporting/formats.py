"""The formats that a network is exported to, and the runtimes that compute with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.errors import MissingExtraError

if TYPE_CHECKING:  # the shell imports this module for the names of the formats alone
    from tenfold.arrays import Images
    from tenfold.classifiers.base import Predict

Files = dict[str, bytes]
"""The files of an export by suffix; the first is the one to open."""

FORMATS = {
    "onnx": [],
    "litert": ["keras", "tensorflow", "ai_edge_litert"],
    "openvino": ["openvino"],
}
"""The formats, and the packages that each needs beyond those of the base install."""


def exported(
    name: str, graph: bytes, keras_file: Callable[[], bytes], calibration: "Images | None" = None
) -> Files:
    """Return a network in a format.

    Args:
        name: A name in `FORMATS`.
        graph: The network as ONNX, from `onnx_model`.
        keras_file: Returns the network as a .keras file; called only for LiteRT.
        calibration: uint8 (n, 28, 28), training images for int8, which give the ranges of the
            values between layers. None keeps float32.

    Raises:
        MissingExtraError: The packages that write the format are not installed.
        ExportError: The converter failed; the message has its last line.
    """
    check_packages(name, quantize=calibration is not None)
    if name == "litert":
        from tenfold.exporting.litert import litert_model

        return {".tflite": litert_model(keras_file(), calibration)}
    if calibration is not None:
        from tenfold.exporting.quantizing import quantized_model

        graph = quantized_model(graph, calibration)
    return {".onnx": graph} if name == "onnx" else _openvino(graph)


def check_packages(name: str, *, quantize: bool) -> None:
    """Refuse a format whose packages are not installed, before any work is done.

    Raises:
        MissingExtraError: Names the extra to install.
    """
    packages = [*FORMATS[name], "onnx"] if quantize else FORMATS[name]
    if any(find_spec(package) is None for package in packages):
        extra = "train,export" if "keras" in packages else "export"
        raise MissingExtraError(f"exporting to {name}{' in int8' if quantize else ''}", extra)


def _openvino(graph: bytes) -> Files:
    import tempfile

    import openvino

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        # `openvino.convert_model` does the same, but sends usage data to Intel.
        model = openvino.Core().read_model(graph)
        # By default, saving rounds the weights to 16 bits.
        openvino.save_model(model, path, compress_to_fp16=False)
        return {suffix: path.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")}


@contextmanager
def in_temporary_folder(files: Files, name: str) -> Iterator[Path]:
    """Write an export into a temporary folder, and give the path of the file to open."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for suffix, data in files.items():
            (Path(folder) / f"{name}{suffix}").write_bytes(data)
        yield Path(folder) / f"{name}{next(iter(files))}"


def load_export(path: Path) -> "Predict":
    """Load an export with the runtime of its format.

    Args:
        path: The .onnx, .tflite or .xml file.

    Returns:
        A function from images uint8 (n, 28, 28) to probabilities float32 (n, classes), in float32.
    """
    if path.suffix == ".tflite":
        from tenfold.exporting.litert import load_litert

        return load_litert(path)
    if path.suffix == ".xml":
        from tenfold.classifiers.openvino import OpenVinoClassifier

        return OpenVinoClassifier(path, bfloat16=False).predict_proba
    from tenfold.classifiers.onnx import OnnxClassifier

    return OnnxClassifier(path).predict_proba
