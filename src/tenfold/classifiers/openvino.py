"""The classifier behind OpenVINO: for very many images on a processor that knows bfloat16."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import Classifier, as_images
from tenfold.classifiers.onnx import BATCH
from tenfold.errors import BundleError, MissingExtraError


class OpenVinoClassifier(Classifier):
    """An ONNX graph, or a network of OpenVINO's own, from `images` to probabilities.

    On a processor that computes in bfloat16 it reads many images sooner than ONNX Runtime does,
    and a single one later (results/inference.json). Loading takes longer too. Safe to use from
    several threads, one after the other.

    Args:
        model: An .onnx or .xml file, or the bytes of a graph.
        threads: For one call; 0 leaves it to OpenVINO.
        bfloat16: Compute in it; None leaves it to OpenVINO, which does where the processor can.
            Probabilities then have two or three digits.

    Raises:
        BundleError: Not a network that OpenVINO can load.
        MissingExtraError: OpenVINO is not installed.
    """

    def __init__(
        self, model: Path | bytes, threads: int = 0, *, bfloat16: bool | None = None
    ) -> None:
        try:
            import openvino
        except ImportError:
            raise MissingExtraError("reading with OpenVINO", "openvino") from None

        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if bfloat16 is not None:
            settings["INFERENCE_PRECISION_HINT"] = "bf16" if bfloat16 else "f32"
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            network = openvino.Core().read_model(model)
            compiled = openvino.compile_model(network, "CPU", settings)
        except RuntimeError as error:
            name = "the model" if isinstance(model, bytes) else str(model)
            raise BundleError(f"{name} is not a model that OpenVINO can load") from error
        self._request = compiled.create_infer_request()
        self._alone = threading.Lock()

    def predict_proba(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the probability of each digit; see `Classifier.predict_proba`."""
        batch = as_images(images)
        result = np.empty((len(batch), 10), np.float32)
        with self._alone:
            # In parts: what lies between the layers then fits into the caches.
            for start in range(0, len(batch), BATCH):
                part = slice(start, start + BATCH)
                result[part] = self._request.infer([batch[part]])[0]
        return result
