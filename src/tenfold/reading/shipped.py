"""The two shipped models that read pictures, each loaded when it is first asked for."""

import threading

from tenfold.classifiers.base import Classifier
from tenfold.reading.line_reader import LineReader

DEFAULT_MODEL = "reader"
"""The shipped model that reads pictures."""


class Models:
    """What names single digits and what reads lines as a whole. Safe to use from several threads.

    Args:
        classifier: What names the digits. None takes the shipped model "reader".
        line_reader: What reads lines. None takes the shipped one.
    """

    def __init__(
        self, classifier: Classifier | None = None, line_reader: LineReader | None = None
    ) -> None:
        self._classifier = classifier
        self._line_reader = line_reader
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

                self._classifier = load_classifier(DEFAULT_MODEL)
            return self._classifier

    @property
    def line_reader(self) -> LineReader:
        """What reads lines as a whole.

        Raises:
            BundleError: The shipped model is missing or altered.
        """
        with self._loading:
            if self._line_reader is None:
                from tenfold.classifiers.bundle import LINE, load_bundle

                self._line_reader = LineReader(load_bundle(DEFAULT_MODEL).read(LINE))
            return self._line_reader
