"""An ONNX file from elsewhere behind the one interface."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.convention import NetworkClassifier, Scaling, check_scaling
from tenfold.classifiers.onnx import Session
from tenfold.errors import BundleError, UsageError

_TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}


class OnnxFileClassifier(NetworkClassifier):
    """An ONNX graph that tenfold need not have written, behind the one interface.

    Args:
        path: The .onnx file, with its weights inside. It has one input, uint8 0..255 or float32,
            of one of the shapes in `tenfold.classifiers.convention`, and one output, or one named
            `probabilities`: probabilities or logits.
        classes: Names of the classes, by label; "0", "1"... if not given.
        scale: What a float32 input computes with is `byte * scale + offset`.
        offset: See `scale`.
        threads: Threads for one call; 0 means one for each core that the process may use.

    Attributes:
        graph: The bytes of the file.
        input_name: Name of the input.
        output_name: Name of the output that is read.

    Raises:
        BundleError: Not a graph, or a graph with other inputs and outputs.
        UsageError: No scale for a float32 input, or a wrong number of names.
    """

    def __init__(
        self,
        path: Path,
        *,
        classes: Sequence[str] | None = None,
        scale: float | None = None,
        offset: float = 0.0,
        threads: int = 0,
    ) -> None:
        name = str(path)
        try:
            self.graph = path.read_bytes()
            self._session = Session(self.graph, threads, name=name)
        except OSError as error:
            raise BundleError(f"cannot read {path}: {error.strerror}") from error
        inputs = self._session.inputs()
        if len(inputs) != 1 or not all(kind in _TYPES for kind, _ in inputs.values()):
            given = ", ".join(f"{name} {kind}" for name, (kind, _) in inputs.items()) or "none"
            raise BundleError(f"{path} has the inputs {given}; it must have one, uint8 or float32")
        ((self.input_name, (kind, shape)),) = inputs.items()
        self._type = _TYPES[kind]
        self.output_name = _output_of(self._session, name)
        scaling: Scaling | None = None
        if self._type is np.float32:
            scaling = check_scaling(scale, offset, name)
        elif scale not in (None, 1) or offset:
            raise UsageError(f"{path} takes bytes, 0 to 255: leave scale and offset out")
        sides = [side if isinstance(side, int) else None for side in shape]
        super().__init__(sides, scaling, classes, name)

    def _run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        (output,) = self._session.run([self.output_name], {self.input_name: values})
        return np.asarray(output)


def _output_of(session: Session, name: str) -> str:
    """Return the name of the output to read: the only one, or `probabilities`."""
    names = list(session.outputs())
    if len(names) == 1:
        return names[0]
    if "probabilities" in names:
        return "probabilities"
    raise BundleError(
        f"{name} has the outputs {', '.join(names)}; it must have one, or one named probabilities"
    )
