"""LiteRT, once TensorFlow Lite: a .keras file made into a .tflite file."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.errors import ExportError

_NETWORK, _IMAGES, _RESULT = "model.keras", "images.npy", "model.tflite"


def litert_model(keras_file: bytes, calibration: npt.NDArray[np.uint8] | None = None) -> bytes:
    """Convert a network, in a process of its own.

    There Keras runs on TensorFlow whatever it runs on here, and the converter's chatter is not
    heard.

    Args:
        keras_file: The network as `finish_network` made it.
        calibration: uint8 (n, 28, 28), training images, for int8. None keeps float32.

    Raises:
        ExportError: The converter gave up; its last words are in the message.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _NETWORK).write_bytes(keras_file)
        if calibration is not None:
            np.save(folder / _IMAGES, calibration)
        alone = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = "import sys; from tenfold.exporting import litert; litert.convert(sys.argv[1])"
        finished = subprocess.run(
            [sys.executable, "-c", command, name], env=alone, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip
        if finished.returncode:
            said = finished.stderr.strip().splitlines() or ["it said nothing"]
            raise ExportError(f"TensorFlow could not convert the network: {said[-1]}")
        return (folder / _RESULT).read_bytes()


def convert(name: str) -> None:
    """Convert what `litert_model` left in a folder; runs in the process it starts."""
    import keras
    import tensorflow as tf

    folder = Path(name)
    network = _without_bytes(keras.models.load_model(folder / _NETWORK))
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if (folder / _IMAGES).exists():
        images = np.load(folder / _IMAGES)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
    (folder / _RESULT).write_bytes(converter.convert())


def _without_bytes(network: Any) -> Any:
    """Return a network that reads shifted images with the shifts one after the other, as floats.

    So they stand in the ONNX graph too. LiteRT pads no bytes, and one convolution over all shifts
    is a smaller graph than one for each. Any other network passes unchanged.
    """
    import keras

    paddings = [one for one in network.layers if isinstance(one, keras.layers.ZeroPadding2D)]
    if not paddings:
        return network
    shifts = paddings[0].padding[0][0]
    side = network.input_shape[1]
    images = keras.Input(network.input_shape[1:], dtype="uint8", name="images")
    pixels = keras.layers.Rescaling(1.0, dtype="float32")(images)
    padded = keras.layers.ZeroPadding2D(shifts)(keras.layers.Reshape((side, side, 1))(pixels))
    steps = range(2 * shifts + 1)
    shifted = keras.layers.Concatenate(axis=0)(
        [padded[:, top : top + side, left : left + side, 0] for top in steps for left in steps]
    )
    answers = [
        # A member is a chain, its input of bytes first.
        keras.Sequential(member.layers[1:], name=member.name)(shifted)
        for member in network.layers
        if member.name.startswith("member")
    ]
    together = keras.layers.Average()(answers) if len(answers) > 1 else answers[0]
    by_shift = keras.ops.reshape(together, (len(steps) ** 2, -1, together.shape[-1]))
    return keras.Model(images, keras.ops.mean(by_shift, axis=0), name=network.name)
