"""The runtimes that read exports, each behind the same function."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.openvino import OpenVinoClassifier

Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""From images uint8 (n, 28, 28) to probabilities float32 (n, 10)."""


def runtime_for(path: Path, threads: int = 0) -> Predict:
    """Load an export with the runtime it is made for; its suffix says which.

    Args:
        path: The .onnx, .tflite or .xml file.
        threads: For one call; 0 leaves it to the runtime.
    """
    makers = {".onnx": onnx_runtime, ".tflite": litert_runtime, ".xml": openvino_runtime}
    return makers[path.suffix](path, threads)


def onnx_runtime(path: Path, threads: int = 0, *, spinning: bool = False) -> Predict:
    """Return ONNX Runtime's reading of a graph; `spinning` lets its threads wait in a loop."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(None, {"images": images})[0])


def openvino_runtime(path: Path, threads: int = 0) -> Predict:
    """Return OpenVINO's reading of an .xml or .onnx file, in float32."""
    return OpenVinoClassifier(path, threads, bfloat16=False).predict_proba


def litert_runtime(path: Path, threads: int = 0) -> Predict:
    """Return LiteRT's reading of a .tflite file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads or None)
    place = interpreter.get_input_details()[0]["index"]
    answer = interpreter.get_output_details()[0]["index"]
    ready = 0

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        nonlocal ready
        if ready != len(images):
            interpreter.resize_tensor_input(place, images.shape)
            interpreter.allocate_tensors()
            ready = len(images)
        interpreter.set_tensor(place, images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(answer))

    return predict
