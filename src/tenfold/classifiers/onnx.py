"""The classifier on ONNX Runtime."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Images, Probabilities
from tenfold.classifiers.base import Classifier, as_images, predict_in_batches
from tenfold.errors import BundleError
from tenfold.machine import usable_cores

SMALL_GRAPH_BYTES = 1_000_000
"""A graph with fewer bytes is a small network."""

SMALL_BATCH = 32
"""Images in a batch of a small network: values between its layers then fit into a core's cache."""

BATCH = 256
"""Images in a batch of a large network: limits memory; larger batches are not faster."""


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

    Raises:
        BundleError: Not a graph, or a graph with other inputs and outputs.
    """

    def __init__(self, model: Path | bytes, threads: int = 0) -> None:
        name = "the model" if isinstance(model, bytes) else str(model)
        try:
            graph = model if isinstance(model, bytes) else model.read_bytes()
            self._small = len(graph) < SMALL_GRAPH_BYTES
            self._threads = threads
            self._session = Session(graph, 1 if self._small else threads)
            inputs, outputs = self._session.inputs(), self._session.outputs()
        except OSError as error:
            raise BundleError(f"cannot read {name}: {error.strerror}") from error
        except Exception as error:  # ONNX Runtime raises plain RuntimeErrors of many kinds
            raise BundleError(f"{name} is not a model that ONNX Runtime can load") from error
        taken = {name: (kind, shape[1:]) for name, (kind, shape) in inputs.items()}
        if taken != {"images": ("tensor(uint8)", [SIDE, SIDE])} or "probabilities" not in outputs:
            raise BundleError(f"{name} is an ONNX model, but not one that tenfold wrote")
        if outputs["probabilities"][1:] != [len(DIGITS)]:
            self.classes = tuple(map(str, range(outputs["probabilities"][1])))

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""

        def predict(batch: Images) -> Probabilities:
            probabilities: Probabilities
            (probabilities,) = self._session.run(["probabilities"], {"images": batch})
            return probabilities

        threads = self._threads or usable_cores()
        size, at_once = (SMALL_BATCH, threads) if self._small else (BATCH, 1)
        return predict_in_batches(
            predict, as_images(images, scale), size, len(self.classes), threads=at_once
        )


class Session:
    """An ONNX Runtime session on the CPU. It pickles as its graph, and then starts when first used.

    Args:
        graph: An ONNX model.
        threads: Threads for one call; 0 means one for each core that the process may use.
        spinning: Let idle threads wait in a loop, as is ONNX Runtime's default. Otherwise they
            sleep, so that several processes can share the cores.
    """

    def __init__(self, graph: bytes, threads: int, *, spinning: bool = False) -> None:
        self._graph = graph
        self._threads, self._spinning = threads, spinning
        _ = self._started

    @cached_property
    def _started(self) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads or usable_cores()
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", str(int(self._spinning))
        )
        options.log_severity_level = 3
        return ort.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_started"}

    def inputs(self) -> dict[str, tuple[str, list[Any]]]:
        """Return the type and the shape of each input; a side of any length has a name."""
        return {one.name: (one.type, one.shape) for one in self._started.get_inputs()}

    def outputs(self) -> dict[str, list[Any]]:
        """Return the shape of each output."""
        return {one.name: one.shape for one in self._started.get_outputs()}

    def run(self, outputs: Sequence[str], inputs: Mapping[str, npt.NDArray[Any]]) -> list[Any]:
        """Return the values of outputs for inputs, by name."""
        values: list[Any] = self._started.run(list(outputs), dict(inputs))
        return values
