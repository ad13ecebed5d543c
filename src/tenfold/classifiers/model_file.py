"""A model in a file of one's own, .keras or .onnx, with what the file does not say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tenfold.errors import BundleError, UsageError
from tenfold.files import sha256

if TYPE_CHECKING:
    from tenfold.classifiers.convention import NetworkClassifier

SUFFIXES = (".keras", ".onnx")


@dataclass(frozen=True)
class ModelFile:
    """A .keras or .onnx file of one's own, wherever a model is asked for.

    Attributes:
        path: The file.
        scale: The network computes with `byte * scale + offset`; None if the file tells.
        offset: See `scale`.
        classes: Names of the classes, by label; "0", "1"... if empty.
    """

    path: str
    scale: float | None = None
    offset: float = 0.0
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """Name of the file, without its suffix."""
        return Path(self.path).stem

    def load(self, threads: int = 0) -> "NetworkClassifier":
        """Return the classifier of the file.

        Args:
            threads: Threads for one call of a .onnx file; 0 leaves the number to the runtime.

        Raises:
            TenfoldError: See `tenfold.classifiers.keras.from_keras` and `OnnxFileClassifier`.
        """
        path, classes = Path(self.path), self.classes or None
        if path.suffix == ".keras":
            from tenfold.classifiers.keras import load_keras_file

            return load_keras_file(path, classes=classes, scale=self.scale, offset=self.offset)
        from tenfold.classifiers.onnx_file import OnnxFileClassifier

        return OnnxFileClassifier(
            path, classes=classes, scale=self.scale, offset=self.offset, threads=threads
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file and of what was said about it.

        Raises:
            BundleError: The file cannot be read.
        """
        try:
            data = Path(self.path).read_bytes()
        except OSError as error:
            raise BundleError(f"cannot read {self.path}: {error.strerror}") from error
        return sha256(data + repr((self.scale, self.offset, self.classes)).encode())


Model: TypeAlias = str | Path | ModelFile
"""A shipped name, a bundle folder, or a file of one's own."""


def as_model_file(
    model: Model,
    *,
    scale: float | None = None,
    offset: float = 0.0,
    classes: Sequence[str] | None = None,
) -> ModelFile | None:
    """Return the file that a model names, or None for a shipped name or a folder.

    Raises:
        UsageError: Scale, offset or classes are given for a model that has its own.
    """
    if isinstance(model, ModelFile):
        return model
    if str(model).endswith(".weights.h5"):
        raise UsageError(f"{model} holds weights without a network; save it with model.save")
    if str(model).endswith((".h5", ".hdf5")):
        raise UsageError(
            f"{model} is in Keras's old format; load it and save it as .keras: "
            "model.save('mine.keras')"
        )
    if str(model).endswith(SUFFIXES) and not Path(model).is_dir():
        return ModelFile(str(model), scale, offset, tuple(classes or ()))
    if scale is not None or offset or classes:
        raise UsageError(
            f"scale, offset and classes are for .keras and .onnx files; {model} has its own"
        )
    return None
