"""LiteRT (formerly TensorFlow Lite): conversion of a .keras file to .tflite, and its runtime."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from tenfold.arrays import Images, Probabilities
from tenfold.classifiers.base import Predict
from tenfold.errors import ExportError
from tenfold.networks.backend import in_float32

_NETWORK, _IMAGES, _RESULT = "model.keras", "images.npy", "model.tflite"


def litert_model(keras_file: bytes, calibration: Images | None = None) -> bytes:
    """Convert a network, in a process of its own.

    There Keras runs on TensorFlow, whatever backend this process uses, and the converter's
    messages are discarded.

    Args:
        keras_file: The network from `finish_network`.
        calibration: uint8 (n, 28, 28), training images for int8. None keeps float32.

    Raises:
        ExportError: The converter failed; the message has its last line.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _NETWORK).write_bytes(keras_file)
        if calibration is not None:
            np.save(folder / _IMAGES, calibration)
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = f"import sys; from {__name__} import convert; convert(sys.argv[1])"
        with subprocess.Popen(
            [sys.executable, "-c", command, name], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        ) as process:  # fmt: skip
            try:
                assert process.stderr is not None
                message = process.stderr.read()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            lines = message.strip().splitlines() or ["no message"]
            raise ExportError(f"TensorFlow could not convert the network: {lines[-1]}")
        return (folder / _RESULT).read_bytes()


def convert(name: str) -> None:
    """Convert the network in the folder of this name, in the process that `litert_model` starts."""
    folder = Path(name)
    Thread(target=_end_with_parent, args=[folder], daemon=True).start()
    import keras
    import tensorflow as tf

    with in_float32():  # what keras.json says is the user's affair
        network = _shifts_as_batch(keras.models.load_model(folder / _NETWORK, safe_mode=True))
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if (folder / _IMAGES).exists():
        images = np.load(folder / _IMAGES)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
    (folder / _RESULT).write_bytes(converter.convert())


def _end_with_parent(folder: Path) -> None:
    """Remove the folder and end this process once the one that started it is gone."""
    os.read(0, 1)  # a buffered read of a daemon thread would abort the end of Python
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _shifts_as_batch(network: Any) -> Any:
    """Return the network with its shifted images joined into one batch of floats.

    LiteRT cannot pad bytes, and one convolution over all shifts makes a smaller graph than one for
    each; the ONNX graph has the same form. A network without shifts is returned unchanged.
    """
    import keras

    paddings = [one for one in network.layers if isinstance(one, keras.layers.ZeroPadding2D)]
    if not paddings:
        return network
    shifts = paddings[0].padding[0][0]
    side = network.input_shape[1]
    images = keras.Input(network.input_shape[1:], dtype="uint8", name="images")
    pixels = keras.layers.Rescaling(1.0, dtype="float32")(images)
    rows = keras.layers.Reshape((side, side, 1))(pixels)
    padded = keras.layers.ZeroPadding2D(shifts, data_format="channels_last")(rows)
    steps = range(2 * shifts + 1)
    shifted = keras.layers.Concatenate(axis=0)(
        [padded[:, top : top + side, left : left + side, 0] for top in steps for left in steps]
    )
    answers = [
        # A member is a chain of layers; the first is its input of bytes.
        keras.Sequential(member.layers[1:], name=member.name)(shifted)
        for member in network.layers
        if member.name.startswith("member")
    ]
    mean = keras.layers.Average()(answers) if len(answers) > 1 else answers[0]
    by_shift = keras.ops.reshape(mean, (len(steps) ** 2, -1, mean.shape[-1]))
    return keras.Model(images, keras.ops.mean(by_shift, axis=0), name=network.name)


def load_litert(path: Path, threads: int = 0) -> Predict:
    """Load a .tflite file with LiteRT.

    Args:
        path: The file.
        threads: Threads for one call; 0 leaves the number to LiteRT.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads or None)
    images_index = interpreter.get_input_details()[0]["index"]
    probabilities_index = interpreter.get_output_details()[0]["index"]
    allocated = 0

    def predict(images: Images) -> Probabilities:
        nonlocal allocated
        if allocated != len(images):
            interpreter.resize_tensor_input(images_index, images.shape)
            interpreter.allocate_tensors()
            allocated = len(images)
        interpreter.set_tensor(images_index, images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(probabilities_index))

    return predict
