"""The classifier behind ONNX Runtime."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.classifiers.base import Classifier, as_images
from tenfold.errors import BundleError
from tenfold.machine import usable_cores

SMALL_BYTES = 1_000_000
"""A graph below this size is a small network."""

SMALL_BATCH = 32
"""Images of a small network that a thread reads at once: what lies between its layers then stays
in the core's own cache."""

BATCH = 256
"""Images that a large network reads at once: bounds memory, long past the gain from batching."""


class OnnxClassifier(Classifier):
    """An ONNX graph with input `images` uint8 [n, 28, 28] and output `probabilities` [n, 10].

    Safe to use from several threads. A small network reads up to `SMALL_BATCH` images with one
    thread, and more as batches side by side, a thread each: sooner than sharing the work of
    every layer out, by results/inference.json.

    Args:
        model: The graph, as a file or as its bytes.
        threads: Threads for one call; 0 means one for each core that the process may use.

    Raises:
        BundleError: Not a graph, or one with other inputs and outputs.
    """

    def __init__(self, model: Path | bytes, threads: int = 0) -> None:
        name = "the model" if isinstance(model, bytes) else str(model)
        try:
            graph = model if isinstance(model, bytes) else model.read_bytes()
            self._threads = threads or usable_cores()
            self._small = len(graph) < SMALL_BYTES
            self._session = make_session(graph, 1 if self._small else self._threads)
        except OSError as error:
            raise BundleError(f"cannot read {name}: {error.strerror}") from error
        except Exception as error:  # ONNX Runtime raises bare RuntimeErrors of many kinds
            raise BundleError(f"{name} is not a model that ONNX Runtime can load") from error
        inputs = {i.name: (i.type, i.shape[1:]) for i in self._session.get_inputs()}
        outputs = [o.name for o in self._session.get_outputs()]
        if inputs != {"images": ("tensor(uint8)", [SIDE, SIDE])} or "probabilities" not in outputs:
            raise BundleError(f"{name} is an ONNX model, but not one that tenfold wrote")

    def predict_proba(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the probability of each digit; see `Classifier.predict_proba`."""
        batch = as_images(images)
        result = np.empty((len(batch), 10), np.float32)
        size = SMALL_BATCH if self._small else BATCH

        def read(start: int) -> None:
            part = slice(start, start + size)
            (result[part],) = self._session.run(["probabilities"], {"images": batch[part]})

        starts = range(0, len(batch), size)
        if self._small and self._threads > 1 and len(starts) > 1:
            # Threads of this call alone: none is left waiting, and none is missing after a fork.
            with ThreadPoolExecutor(self._threads) as beside:
                list(beside.map(read, starts))
        else:
            for start in starts:
                read(start)
        return result


def make_session(graph: bytes, threads: int) -> Any:
    """Return an ONNX Runtime session on the CPU; 0 threads leaves their number to it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads sleep instead of spinning, so that two processes can share the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
