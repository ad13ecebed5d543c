"""The kinds of classifiers to compare: how each is fitted, saved and loaded."""

import io
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tenfold.arrays import DIGITS, TRAIN_IMAGES, Images, Labels
from tenfold.classifiers.base import Classifier, check_classes
from tenfold.classifiers.bundle import classes_of, graph_of, load_bundle, load_classifier
from tenfold.classifiers.model_file import ModelFile, shipped_models
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.comparing.baselines.baseline import fit_baseline
from tenfold.comparing.baselines.kinds import BaselineSettings
from tenfold.errors import MissingExtraError, UsageError
from tenfold.files import sha256
from tenfold.formatting import listed
from tenfold.recipes.measured import measured
from tenfold.recipes.recipe import Recipe, count_parameters
from tenfold.recipes.small_data import MIN_STEPS, for_few_images

OnPhase = Callable[[str], None]
"""Called with the name of each phase of a fit as it begins."""


@dataclass(frozen=True)
class Fitted:
    """A fitted classifier, its file, and the time of the fit.

    Attributes:
        classifier: The classifier.
        data: Contents of its file; None if it cannot be saved.
        seconds: Wall time of the fit; None if it is not known.
        processor_seconds: Processor time of the fit, summed over all cores; None if it was not
            fitted here. Other work on the machine does not lengthen it.
    """

    classifier: Classifier
    data: bytes | None
    seconds: float | None
    processor_seconds: float | None


class Contender(ABC):
    """A classifier to compare: how to fit it and load it.

    Attributes:
        name: The name it was asked for by.
        kind: "baseline", "recipe", "shipped" or "own".
        title: The usual name.
        note: The settings in words.
        learns: Whether it learns from the images given; otherwise it is taken as it is.
        kept: Whether its results are kept in the cache, for the next comparison.
    """

    name: str
    kind: str
    title: str
    note: str
    learns: bool = True
    kept: bool = True

    @abstractmethod
    def settings(self, train_size: int) -> dict[str, Any]:
        """Return all that decides the classifier, JSON-ready: the same settings, the same fit."""

    @abstractmethod
    def fit(self, images: Images, labels: Labels, checkpoints: Path, on_phase: OnPhase) -> Fitted:
        """Fit the classifier.

        Args:
            images: uint8 (n, 28, 28), white ink on black.
            labels: uint8 (n,), 0..9.
            checkpoints: Folder from which an interrupted fit continues.
            on_phase: Called with the name of each phase as it begins.
        """

    def load(self, data: bytes) -> Classifier:
        """Return the classifier from `Fitted.data`, or empty bytes; by default an ONNX graph."""
        return OnnxClassifier(data)

    @abstractmethod
    def expected_seconds(self, train_size: int) -> float:
        """Return the expected time of a fit on one core, for the progress bar."""

    def parameters(self) -> int | None:
        """Return the number of trainable parameters of a network; None for other classifiers."""
        return None


class BaselineContender(Contender):
    """A classifier of scikit-learn or LightGBM."""

    kind = "baseline"

    def __init__(
        self, name: str, baseline: BaselineSettings, classes: tuple[str, ...] = DIGITS
    ) -> None:
        if find_spec(baseline.package) is None:
            raise MissingExtraError("comparing with other classifiers", "compare")
        self.name, self.title, self.note = name, baseline.title, baseline.note
        self._baseline = baseline
        self._classes = classes

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return the settings, and the version of the package."""
        package = {"sklearn": "scikit-learn"}.get(self._baseline.package, self._baseline.package)
        return {
            "baseline": self._baseline.name,
            "settings": dict(self._baseline.settings),
            package: version(package),
        }

    def fit(self, images: Images, labels: Labels, checkpoints: Path, on_phase: OnPhase) -> Fitted:
        """Fit and calibrate; see `tenfold.comparing.baselines.baseline.fit_baseline`."""
        import joblib

        baseline, *seconds = fit_baseline(
            self._baseline, images, labels, classes=self._classes, on_phase=on_phase
        )
        buffer = io.BytesIO()
        joblib.dump(baseline, buffer, compress=("zlib", 1))
        return Fitted(baseline, buffer.getvalue(), *seconds)

    def load(self, data: bytes) -> Classifier:
        """Return the classifier; `data` must be our own, because a pickle can run any code."""
        import joblib

        classifier: Classifier = joblib.load(io.BytesIO(data))
        return classifier

    def expected_seconds(self, train_size: int) -> float:
        """Return the expected time, a power of the number of images; calibration included."""
        growth = float((train_size / TRAIN_IMAGES) ** self._baseline.growth)
        return 0.5 + self._baseline.seconds * growth * (1.3 if train_size > 30_000 else 1.7)


class RecipeContender(Contender):
    """A recipe, trained on the given images with seed 0."""

    kind = "recipe"

    def __init__(self, name: str, recipe: Recipe) -> None:
        if find_spec("keras") is None:
            raise MissingExtraError(f"training {name}", "train")
        self.name, self.title, self.note = name, f"Network, recipe {recipe.name}", recipe.summary
        self._recipe = recipe

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return the recipe's settings for this number of images, without defaults."""
        recipe = replace(for_few_images(self._recipe, train_size), name="", summary="")
        return {"recipe": _without_defaults(recipe), "keras": version("keras")}

    def fit(self, images: Images, labels: Labels, checkpoints: Path, on_phase: OnPhase) -> Fitted:
        """Train the recipe; an interrupted training continues."""
        from tenfold.networks.backend import use_backend

        use_backend()
        from tenfold.training.members import fit_members, graph_of_members

        on_phase("training")
        recipe = for_few_images(self._recipe, len(images))
        start = time.process_time()
        with _warnings_only("tenfold.training"):
            trained = fit_members(recipe, images, labels, seed=0, checkpoints=checkpoints)
        processor_seconds = time.process_time() - start
        graph = graph_of_members(recipe, trained)[1]
        seconds = sum(one.seconds for one in trained)
        return Fitted(OnnxClassifier(graph), graph, seconds, processor_seconds)

    def expected_seconds(self, train_size: int) -> float:
        """Return the expected time from the one measured on all images, and 8 s to import."""
        known = measured().get(self._recipe.name, {"train_seconds": {"median": 60.0}})
        least = MIN_STEPS * 32 / TRAIN_IMAGES / self._recipe.epochs
        share = max(train_size / TRAIN_IMAGES, least)
        return 8 + 2 * float(known["train_seconds"]["median"]) * share

    def parameters(self) -> int:
        """Return the number of trainable parameters of all members."""
        return count_parameters(self._recipe)


class ShippedContender(Contender):
    """A trained model: one inside the package, or the folder of a run."""

    kind = "shipped"
    learns = False

    def __init__(self, name: str, model: str, classes: tuple[str, ...] = DIGITS) -> None:
        self._bundle = load_bundle(model)
        own = classes_of(self._bundle)
        if own != classes:
            raise UsageError(
                f"{model} has the classes {listed(own)}, but the data has {listed(classes)}"
            )
        recipe = self._bundle.meta["recipe"]
        shipped = model in shipped_models()
        self.name, self.note = name, str(recipe["summary"])
        self.title = f"Network {recipe['name']}, {'as shipped' if shipped else f'from {model}'}"

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return the hash of the graph."""
        return {"graph": sha256(graph_of(self._bundle))}

    def fit(self, images: Images, labels: Labels, checkpoints: Path, on_phase: OnPhase) -> Fitted:
        """Load the model; the seconds are those of its training, on whatever machine."""
        classifier = load_classifier(self._bundle.folder)
        seconds = float(self._bundle.meta["train_seconds"])
        return Fitted(classifier, graph_of(self._bundle), seconds, None)

    def expected_seconds(self, train_size: int) -> float:
        """Return the time to load it."""
        return 0.5

    def parameters(self) -> int:
        """Return the number of trainable parameters of all members."""
        return int(self._bundle.meta["parameters"])


class FileContender(Contender):
    """A network in a .keras or .onnx file of one's own, as it is."""

    kind = "shipped"
    learns = False

    def __init__(self, file: ModelFile, classes: tuple[str, ...] = DIGITS) -> None:
        self.name = self.note = str(file)
        self.title = f"Network from {file}"
        self._file = file
        self._classes = classes

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return a hash of the file and of what was said about it."""
        return {"model_file": self._file.fingerprint()}

    def fit(self, images: Images, labels: Labels, checkpoints: Path, on_phase: OnPhase) -> Fitted:
        """Load the file; how long its training took is not known."""
        classifier = self._file.load()
        check_classes(classifier, len(self._classes), self._file)
        return Fitted(classifier, Path(self._file.path).read_bytes(), None, None)

    def load(self, data: bytes) -> Classifier:
        """Return the classifier of the file, whose bytes are `data`."""
        return self._file.load()

    def expected_seconds(self, train_size: int) -> float:
        """Return the time to load it, with Keras if need be."""
        return 5.0


def _without_defaults(value: Any) -> Any:
    """Return the settings that differ from their defaults, JSON-ready.

    So a setting that is added later does not change the settings of older recipes.
    """
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    if not is_dataclass(value):
        return value
    own = {field.name: getattr(value, field.name) for field in fields(value)
           if getattr(value, field.name) != field.default}  # fmt: skip
    return {"kind": type(value).__name__} | {
        name: _without_defaults(item) for name, item in own.items()
    }


@contextmanager
def _warnings_only(name: str) -> Iterator[None]:
    """Keep a logger from writing anything below a warning."""
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
