"""The classifier on ONNX Runtime."""

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
            threads = threads or usable_cores()
            small = len(graph) < SMALL_GRAPH_BYTES
            self._session = make_session(graph, 1 if small else threads)
        except OSError as error:
            raise BundleError(f"cannot read {name}: {error.strerror}") from error
        except Exception as error:  # ONNX Runtime raises plain RuntimeErrors of many kinds
            raise BundleError(f"{name} is not a model that ONNX Runtime can load") from error
        self._batch, self._threads = (SMALL_BATCH, threads) if small else (BATCH, 1)
        inputs = {i.name: (i.type, i.shape[1:]) for i in self._session.get_inputs()}
        outputs = {o.name: o.shape for o in self._session.get_outputs()}
        if inputs != {"images": ("tensor(uint8)", [SIDE, SIDE])} or "probabilities" not in outputs:
            raise BundleError(f"{name} is an ONNX model, but not one that tenfold wrote")
        if outputs["probabilities"][1:] != [len(DIGITS)]:
            self.classes = tuple(map(str, range(outputs["probabilities"][1])))

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""

        def predict(batch: Images) -> Probabilities:
            probabilities: Probabilities
            (probabilities,) = self._session.run(["probabilities"], {"images": batch})
            return probabilities

        return predict_in_batches(
            predict, as_images(images, scale), self._batch, len(self.classes),
            threads=self._threads,
        )  # fmt: skip


def make_session(graph: bytes, threads: int, *, spinning: bool = False) -> Any:
    """Return an ONNX Runtime session on the CPU.

    Args:
        graph: An ONNX model.
        threads: Threads for one call; 0 leaves the number to ONNX Runtime.
        spinning: Let idle threads wait in a loop, as is ONNX Runtime's default. Otherwise they
            sleep, so that several processes can share the cores.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.log_severity_level = 3
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
