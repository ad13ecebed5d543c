"""Any Keras model with one image input behind the one interface."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.convention import NetworkClassifier, Scaling, check_scaling
from tenfold.errors import BundleError, MissingExtraError, UsageError

_MOST_PER_BYTE = 0.02
"""A Rescaling by at most this much takes bytes: 1/255 and 1/127.5 are below, 1 and 2 above."""


class KerasClassifier(NetworkClassifier):
    """A Keras model behind the one interface; `from_keras` makes it.

    Attributes:
        model: The keras.Model.
    """

    def __init__(
        self, model: Any, scaling: Scaling | None, classes: Sequence[str] | None, name: str
    ) -> None:
        self.model = model
        super().__init__(model.inputs[0].shape, scaling, classes, name)

    def _run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(self.model.predict_on_batch(values))


def from_keras(
    model: Any,
    *,
    classes: Sequence[str] | None = None,
    scale: float | None = None,
    offset: float = 0.0,
    name: str = "",
) -> KerasClassifier:
    """Return a classifier that computes with a Keras model.

    The model takes images (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784), and answers
    with probabilities, or with logits, which get a softmax. The classifier takes images as all
    classifiers do, uint8 0 to 255, and gives the model `byte * scale + offset`.

    Args:
        model: A keras.Model; Keras 3.
        classes: Names of the classes, by label; "0", "1"... if not given.
        scale: 1/255 for a model that was trained on images divided by 255, 1 for one that was
            trained on bytes. May be left out only if the model tells: it begins with a Rescaling
            layer of about 1/255, or its input is of type uint8.
        offset: Such as -1 with a scale of 1/127.5, for images in -1..1.
        name: Name of the model in messages; its own if not given.

    Raises:
        UsageError: Not a keras.Model, no scale where one is needed, or a wrong number of names.
        BundleError: The model has other inputs or outputs.
        MissingExtraError: Keras is not installed.
    """
    try:
        import keras
    except ModuleNotFoundError:
        raise MissingExtraError("using a Keras model", "train") from None

    if not isinstance(model, keras.Model):
        raise UsageError(f"a keras.Model is needed, and this is a {type(model).__name__}")
    name = name or f"the model {model.name}"
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise BundleError(
            f"{name} does not say the shape of its input: build it with keras.Input, functional "
            "or Sequential"
        )
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleError(
            f"{name} has {len(inputs)} inputs and {len(outputs)} outputs; it must have one of each"
        )
    takes_bytes = _takes_bytes(model)
    if scale is None and takes_bytes:
        scale = 1.0
    scaling: Scaling | None = check_scaling(scale, offset, name)
    if takes_bytes and (scale != 1 or offset):
        raise UsageError(f"{name} takes bytes, 0 to 255: leave scale and offset out")
    if "int" in str(inputs[0].dtype):
        scaling = None
    return KerasClassifier(model, scaling, classes, name)


def load_keras_file(
    path: Path, *, classes: Sequence[str] | None, scale: float | None, offset: float
) -> KerasClassifier:
    """Return the classifier of a .keras file; code inside the file is never run.

    Raises:
        TenfoldError: See `from_keras`; or the file cannot be loaded.
        MissingExtraError: Keras is not installed.
    """
    from tenfold.networks.backend import use_backend

    if not path.is_file():
        raise BundleError(f"no such file: {path}")
    try:
        use_backend()
    except MissingExtraError:
        raise MissingExtraError(f"loading {path}", "train") from None
    import keras

    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises errors of many kinds
        raise BundleError(f"{path} cannot be loaded: {_cause(error)}") from error
    return from_keras(model, classes=classes, scale=scale, offset=offset, name=str(path))


def _cause(error: Exception) -> str:
    """Return why a .keras file was not loaded, in one line."""
    text = " ".join(str(error).split())
    if "safe_mode" in text or "lambda" in text.lower():
        return (
            "it holds Python code (a Lambda layer), which is not run; build the layer of Keras's "
            "own, or load it yourself and use tenfold.from_keras"
        )
    if "Could not locate" in text or "register_keras_serializable" in text:
        return (
            "it needs Python classes of its own; load it yourself with custom_objects and use "
            "tenfold.from_keras"
        )
    if "zip" in text.lower():
        return "it is no .keras file; save a model with model.save('mine.keras')"
    return f"{type(error).__name__}: {text[:200]}"


def _takes_bytes(model: Any) -> bool:
    """Return whether a model plainly takes bytes: uint8 input, or Rescaling before any weights."""
    import keras

    if str(model.inputs[0].dtype) == "uint8":
        return True
    for layer in flat_layers(model):
        if isinstance(layer, keras.layers.Rescaling):
            return bool(0 < np.max(layer.scale) <= _MOST_PER_BYTE)
        if layer.weights:
            return False
    return False


def flat_layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model and of the models inside it, in order."""
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from flat_layers(layer)
        else:
            yield layer
