"""The models and settings that a reader works with; shipped models are loaded when first needed."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tenfold.arrays import DIGITS
from tenfold.classifiers.base import Classifier
from tenfold.errors import UsageError
from tenfold.formatting import listed
from tenfold.reading.line_reader import LineReader
from tenfold.reading.settings import ReaderSettings

if TYPE_CHECKING:
    from tenfold.reading.second_opinion import SecondReader

DEFAULT_MODEL = "reader"
"""The shipped model that reads pictures."""


class Models:
    """The classifier of single digits, the line network, and the settings. Safe in threads.

    Args:
        classifier: Classifies single digits. None takes the shipped model "reader".
        changes: Settings that differ from those of the classifier.
        line_reader: Reads whole lines. None takes the shipped one.
        threads: Threads for one call of a shipped network; 0 means one for each core that the
            process may use.

    Raises:
        UsageError: The classifier has no `predict_proba`, or its classes are not the ten digits.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        changes: Mapping[str, Any] | None = None,
        line_reader: LineReader | None = None,
        threads: int = 0,
    ) -> None:
        if not hasattr(classifier, "predict_proba") and classifier is not None:
            raise UsageError(
                f"the classifier is of type {type(classifier).__name__}; give an object with "
                f"predict_proba, such as tenfold.load_classifier({DEFAULT_MODEL!r})"
            )
        names = tuple(getattr(classifier, "classes", DIGITS))
        if names != DIGITS:
            raise UsageError(
                f"the model has {len(names)} classes ({listed(names)}); reading takes a model "
                "of the ten digits, such as a shipped one"
            )
        if classifier is not None and not isinstance(classifier, Classifier):
            from tenfold.classifiers.objects import ObjectClassifier  # looks for plugins

            classifier = ObjectClassifier(type(classifier).__name__, classifier, DIGITS, rows=False)
        self._classifier = classifier
        self._changes = changes or {}
        self._line_reader = line_reader
        self._threads = threads
        self._second_reader: SecondReader | None = None
        self._loading = threading.Lock()

    def __repr__(self) -> str:
        classifier = self._classifier or f"shipped model {DEFAULT_MODEL}, loaded when needed"
        changes = [f"{name}={value}" for name, value in self._changes.items()]
        return ", ".join([str(classifier), *changes])

    def __getstate__(self) -> dict[str, Any]:
        # The second reader is large, and loaded again from its package.
        return {**vars(self), "_loading": None, "_second_reader": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._loading = threading.Lock()

    @property
    def classifier(self) -> Classifier:
        """The classifier in use.

        Raises:
            BundleError: The shipped model is missing or altered.
        """
        with self._loading:
            if self._classifier is None:
                from tenfold.classifiers.bundle import load_classifier

                self._classifier = load_classifier(DEFAULT_MODEL, threads=self._threads)
            return self._classifier

    @cached_property
    def settings(self) -> ReaderSettings:
        """The settings of the classifier, with the changes.

        Raises:
            BundleError: The classifier was calibrated for another version of preprocessing.
        """
        own = getattr(self.classifier, "reading_settings", {})
        return replace(ReaderSettings.from_dict(own), **self._changes)

    @property
    def line_reader(self) -> LineReader:
        """The reader of whole lines.

        Raises:
            BundleError: The shipped model is missing or altered.
        """
        settings = self.settings
        with self._loading:
            if self._line_reader is None:
                from tenfold.classifiers.bundle import LINE, load_bundle

                graph = load_bundle(DEFAULT_MODEL).read(LINE)
                self._line_reader = LineReader(graph, settings, self._threads)
            return self._line_reader

    @property
    def second_reader(self) -> "SecondReader":
        """The reader that gives a second opinion.

        Raises:
            MissingExtraError: The extra `ocr` is not installed.
        """
        settings = self.settings
        with self._loading:
            if self._second_reader is None:
                from tenfold.reading.second_opinion import load_second_reader

                self._second_reader = load_second_reader(settings)
            return self._second_reader

    def with_classifier(self, classifier: Classifier) -> "Models":
        """Return the same line network and settings with another classifier."""
        return Models(classifier, vars(self.settings), self.line_reader)
