"""The classifier on OpenVINO, for very many images on a processor with bfloat16."""

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from tenfold.arrays import DIGITS, MAX_CLASSES, Images, Probabilities
from tenfold.classifiers.base import (
    ADVICE,
    Classifier,
    as_images,
    check_probabilities,
    predict_in_batches,
)
from tenfold.classifiers.onnx import BATCH, check_self_contained
from tenfold.errors import BundleError, MissingExtraError
from tenfold.machine import has_fast_bfloat16

_NOT_PICKLED = {"_compiled", "_request", "_lock"}
"""Attributes that the other process makes again, from the file or the bytes of the graph."""


class OpenVinoClassifier(Classifier):
    """An ONNX graph, or a network in OpenVINO's format, from `images` to probabilities.

    On a processor that is fast in bfloat16, OpenVINO is faster than ONNX Runtime for many images
    and slower for a single one (results/inference.json). Loading takes longer too. Safe to use
    from several threads; their calls run one after the other.

    Args:
        model: An .onnx or .xml file, or the bytes of a graph.
        threads: Threads for one call; 0 leaves the number to OpenVINO.
        bfloat16: Compute in bfloat16, which leaves two or three correct digits of a probability.
            None means where it is faster: `tenfold.machine.has_fast_bfloat16`.
        name: The file that the bytes are from, for error messages.

    Raises:
        BundleError: Not a network that OpenVINO can load.
        MissingExtraError: OpenVINO is not installed.
    """

    def __init__(
        self,
        model: Path | bytes,
        threads: int = 0,
        *,
        bfloat16: bool | None = None,
        name: str = "the model",
    ) -> None:
        self._model, self._file = model, name if isinstance(model, bytes) else str(model)
        if isinstance(model, bytes):
            check_self_contained(model, name)
        self._settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if bfloat16 is None:
            bfloat16 = has_fast_bfloat16()
        self._settings["INFERENCE_PRECISION_HINT"] = "bf16" if bfloat16 else "f32"
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self._lock = threading.Lock()
        try:
            outputs = self._compiled.output(0).partial_shape[1].get_length()
        except RuntimeError as error:
            raise BundleError(
                f"{self._file} is not a model that OpenVINO can load; {ADVICE}"
            ) from error
        if not 2 <= outputs <= MAX_CLASSES:
            raise BundleError(f"{self._file} has {outputs:,} classes; {ADVICE}")
        if outputs != len(DIGITS):
            self.classes = tuple(map(str, range(outputs)))

    @cached_property
    def _compiled(self) -> Any:
        try:
            import openvino
        except ImportError:
            raise MissingExtraError("reading with OpenVINO", "openvino") from None

        network = openvino.Core().read_model(self._model)
        return openvino.compile_model(network, "CPU", self._settings)

    @cached_property
    def _request(self) -> Any:
        return self._compiled.create_infer_request()

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dict__.keys() - _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._lock = threading.Lock()

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""
        with self._lock:
            return predict_in_batches(
                self._predict, as_images(images, scale), BATCH, len(self.classes)
            )

    def _predict(self, batch: Images) -> Probabilities:
        try:
            found = self._request.infer([batch])[0]
        except RuntimeError as error:
            raise BundleError(f"{self._file} cannot compute images; {ADVICE}") from error
        return check_probabilities(found, (len(batch), len(self.classes)), self._file)
