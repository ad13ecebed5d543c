"""Models from elsewhere: a .keras or .onnx file, or a classifier of another package."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tenfold.arrays import DIGITS
from tenfold.classifiers.base import Classifier
from tenfold.errors import BundleError, TenfoldError, UsageError
from tenfold.files import real_path, sha256
from tenfold.plugins import CLASSIFIERS, find_plugin, load_plugin, package_of, version_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

WEIGHTS = Path(str(files("tenfold"))) / "weights"
"""Folder of the shipped models."""

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

    @property
    def origin(self) -> str:
        """Where the model is from, for messages."""
        return "a file of your own"

    def absolute(self) -> "ModelFile":
        """Return the file by its absolute path."""
        return replace(self, path=str(real_path(self.path)))

    def load(self, threads: int = 0) -> Classifier:
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


@dataclass(frozen=True)
class PluginModel(ModelFile):
    """A classifier of another installed package; its `path` is its name."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.path

    @property
    def origin(self) -> str:
        """Where the model is from, for messages."""
        return f"a classifier of the package {package_of(self._plugin())}"

    def absolute(self) -> "PluginModel":
        """Return the same: the name is known everywhere."""
        return self

    def load(self, threads: int = 0) -> Classifier:
        """Return the classifier; how many threads it takes is its own affair.

        Raises:
            TenfoldError: The package raised an error, or has no classifier there.
        """
        from tenfold.classifiers.objects import ObjectClassifier, kind_of, make_object, predicts

        plugin = self._plugin()
        title = f"{self.path} of {package_of(plugin)}"
        one = make_object(title, load_plugin(plugin))
        if not predicts(one):
            raise TenfoldError(f"{title} gives {kind_of(one)}, which predicts nothing")
        classes = tuple(map(str, getattr(one, "classes", DIGITS)))
        return ObjectClassifier(self.path, one, classes, rows=False)

    def fingerprint(self) -> str:
        """Return a SHA-256 that changes with the version of the package."""
        plugin = self._plugin()
        return sha256(f"{package_of(plugin)} {version_of(plugin)} {plugin.value}".encode())

    def _plugin(self) -> "EntryPoint":
        plugin = find_plugin(CLASSIFIERS, self.path)
        if plugin is None:
            raise UsageError(f"no installed package has the classifier {self.path} any more")
        return plugin


Model: TypeAlias = str | Path | ModelFile
"""A shipped name, a bundle folder, a file of one's own, or a classifier of another package."""


def as_model_file(
    model: Model,
    *,
    scale: float | None = None,
    offset: float = 0.0,
    classes: Sequence[str] | None = None,
) -> ModelFile | None:
    """Return the file that a model names, or None for a shipped name or a folder.

    A name that is neither may be that of a classifier of another package, a `PluginModel`.

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
    name = str(model)
    if name in shipped_models() or os.path.lexists(name) or not find_plugin(CLASSIFIERS, name):
        return None
    return PluginModel(name)


@cache
def shipped_models() -> tuple[str, ...]:
    """Return the names of the models in the package."""
    return tuple(sorted(path.parent.name for path in WEIGHTS.glob("*/meta.json")))
