"""The classifier on ONNX Runtime."""

import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from tenfold.arrays import DIGITS, MAX_CLASSES, SIDE, Images, Probabilities
from tenfold.classifiers.base import (
    ADVICE,
    Classifier,
    as_images,
    check_probabilities,
    predict_in_batches,
)
from tenfold.errors import BundleError
from tenfold.machine import usable_cores

SMALL_GRAPH_BYTES = 1_000_000
"""A graph with fewer bytes is a small network."""

SMALL_BATCH = 32
"""Images in a batch of a small network: values between its layers then fit into a core's cache."""

BATCH = 256
"""Images in a batch of a large network: limits memory; larger batches are not faster."""

_EXTERNAL_DATA = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location")
"""An entry of a tensor's `external_data` that names a file: field 1, the key, is "location". The
numbers of protobuf before it, 1 and 8, may be written with zeros appended."""


class OnnxClassifier(Classifier):
    """An ONNX graph with input `images` uint8 [n, 28, 28] and output `probabilities` [n, classes].

    `classes` holds the digits, or "0", "1"... if the graph has another number of outputs; a caller
    who knows the names of the classes sets them.

    Safe to use from several threads. A small network computes several batches at the same time,
    one thread each, which is faster than sharing each layer among the threads
    (results/inference.json). A large network computes one batch after the other.

    Args:
        model: The graph, as a file or as its bytes.
        threads: Threads for one call; 0 means one for each core that the process may use.
        name: The file that the bytes are from, for error messages.

    Raises:
        BundleError: Not a graph, one that needs other files, or one with other inputs and outputs.
    """

    def __init__(self, model: Path | bytes, threads: int = 0, name: str = "the model") -> None:
        self._file = name = name if isinstance(model, bytes) else str(model)
        try:
            graph = model if isinstance(model, bytes) else model.read_bytes()
        except OSError as error:
            raise BundleError(f"cannot read {name}: {error.strerror}") from error
        self._small = len(graph) < SMALL_GRAPH_BYTES
        self._threads = threads
        self._session = Session(graph, 1 if self._small else threads, name=name)
        inputs, outputs = self._session.inputs(), self._session.outputs()
        taken = {name: (kind, shape[1:]) for name, (kind, shape) in inputs.items()}
        given = outputs.get("probabilities", [])[1:]
        if taken != {"images": ("tensor(uint8)", [SIDE, SIDE])} or not _is_count(given):
            raise BundleError(
                f"{name} is an ONNX model, but not one that tenfold wrote: it must have one input, "
                f"images uint8 [n, {SIDE}, {SIDE}], and the output probabilities float32 "
                f"[n, classes]; {ADVICE}"
            )
        if given != [len(DIGITS)]:
            self.classes = tuple(map(str, range(given[0])))

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""

        def predict(batch: Images) -> Probabilities:
            (found,) = self._session.run(["probabilities"], {"images": batch})
            return check_probabilities(found, (len(batch), len(self.classes)), self._file)

        threads = self._threads or usable_cores()
        size, at_once = (SMALL_BATCH, threads) if self._small else (BATCH, 1)
        return predict_in_batches(
            predict, as_images(images, scale), size, len(self.classes), threads=at_once
        )


def _is_count(shape: list[Any]) -> bool:
    """Return whether a shape is one number of classes that a model may have."""
    return len(shape) == 1 and isinstance(shape[0], int) and 2 <= shape[0] <= MAX_CLASSES


def check_self_contained(graph: bytes, name: str) -> None:
    """Check that a model keeps its weights in its own file.

    Runtimes would read others from files that the model names, relative to the current folder.

    Args:
        graph: An ONNX model.
        name: Its file, for the error message.

    Raises:
        BundleError: It names other files, or it is in ONNX Runtime's own format, which can too.
    """
    # First the plain text, which is found ten times as fast.
    named = b"location" in graph and _EXTERNAL_DATA.search(graph)
    if named or graph[4:8] == b"ORTM":
        raise BundleError(
            f"{name} keeps weights in other files, which are not opened: save it as one ONNX file "
            "(onnx.save_model with save_as_external_data=False)"
        )


class Session:
    """An ONNX Runtime session on the CPU. It pickles as its graph, and then starts when first used.

    Args:
        graph: An ONNX model.
        threads: Threads for one call; 0 means one for each core that the process may use.
        spinning: Let idle threads wait in a loop, as is ONNX Runtime's default. Otherwise they
            sleep, so that several processes can share the cores.
        wide_sums: Add products of uint8 and int8 in more than 16 bits, which saturate without
            VNNI. It takes two to three times as long, and weights of 7 bits do not need it.
        name: The file of the graph, for error messages.

    Raises:
        BundleError: ONNX Runtime cannot load the graph, or it needs other files.
    """

    def __init__(
        self,
        graph: bytes,
        threads: int,
        *,
        spinning: bool = False,
        wide_sums: bool = True,
        name: str = "the model",
    ) -> None:
        check_self_contained(graph, name)
        self._graph, self._name = graph, name
        self._threads, self._spinning, self._wide_sums = threads, spinning, wide_sums
        _ = self._started

    @cached_property
    def _started(self) -> Any:
        # Before the import: from 1.29 on, ONNX Runtime would send usage data to Microsoft, and keep
        # a device ID in the home folder (github.com/microsoft/onnxruntime/pull/27379).
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads or usable_cores()
        options.add_session_config_entry("session.x64quantprecision", str(int(self._wide_sums)))
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", str(int(self._spinning))
        )
        options.log_severity_level = 3
        try:
            return ort.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises plain RuntimeErrors of many kinds
            raise BundleError(
                f"{self._name} is not a model that ONNX Runtime can load; {ADVICE}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_started"}

    def inputs(self) -> dict[str, tuple[str, list[Any]]]:
        """Return the type and the shape of each input; a side of any length has a name."""
        return {one.name: (one.type, one.shape) for one in self._started.get_inputs()}

    def outputs(self) -> dict[str, list[Any]]:
        """Return the shape of each output."""
        return {one.name: one.shape for one in self._started.get_outputs()}

    def metadata(self) -> dict[str, str]:
        """Return what the graph says about itself."""
        said: dict[str, str] = self._started.get_modelmeta().custom_metadata_map
        return said

    def run(self, outputs: Sequence[str], inputs: Mapping[str, npt.NDArray[Any]]) -> list[Any]:
        """Return the values of outputs for inputs, by name.

        Raises:
            BundleError: ONNX Runtime cannot compute them, as in a graph whose shapes do not fit.
        """
        try:
            values: list[Any] = self._started.run(list(outputs), dict(inputs))
        except BundleError:
            raise
        except Exception as error:  # again of many kinds
            reason = str(error).splitlines()[0][:200]
            raise BundleError(f"{self._name} cannot compute images: {reason}; {ADVICE}") from error
        return values
