"""A trained network as a .keras file, and its agreement with the ONNX graph."""

import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tenfold.arrays import Images
from tenfold.classifiers.bundle import KERAS
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.errors import TrainingError
from tenfold.files import temporary_folder
from tenfold.training.compiled import compile_finished

PARITY_TOLERANCE = 1e-4
"""Largest accepted difference in a probability; another order of float32 sums gives about 1e-6."""


def check_parity(network: Any, classifier: OnnxClassifier, images: Images) -> dict[str, Any]:
    """Return the largest difference between the probabilities of Keras and of ONNX Runtime.

    Args:
        network: The Keras network.
        classifier: The same network as an ONNX graph.
        images: uint8 (n, 28, 28).

    Raises:
        TrainingError: It is above `PARITY_TOLERANCE`.
    """
    expected = network.predict(images, batch_size=250, verbose=0)
    difference = float(np.abs(expected - classifier.predict_proba(images)).max())
    if not difference <= PARITY_TOLERANCE:
        raise TrainingError(
            f"Keras and ONNX Runtime disagree by {difference:.2g} on the same weights; "
            "nothing was exported"
        )
    return {"images": len(images), "largest_difference": difference}


def keras_file(network: Any, folder: Path) -> bytes:
    """Compile a finished network, and return the bytes of its .keras file.

    The file is written beside the folder first.
    """
    compile_finished(network)
    with temporary_folder(folder / "model") as aside, _valid_zip_dates():
        network.save(aside / KERAS)
        return (aside / KERAS).read_bytes()


@contextmanager
def _valid_zip_dates() -> Iterator[None]:
    """Date the entries of ZIP files 1980 while the clock is earlier: ZIP knows no earlier dates."""
    original = vars(zipfile)["time"]
    if time.localtime(time.time()).tm_year < 1980:
        clock = SimpleNamespace(time=time.time, localtime=lambda _: (1980, 1, 1, 0, 0, 0))
        vars(zipfile)["time"] = clock
    try:
        yield
    finally:
        vars(zipfile)["time"] = original
