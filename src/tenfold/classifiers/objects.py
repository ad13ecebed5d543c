"""Objects of other people behind the interface of classifiers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Images, Probabilities
from tenfold.classifiers.base import Classifier, as_images, label_numbers
from tenfold.errors import TenfoldError, UsageError
from tenfold.plugins import guarded

_ONE_CLASS = 1 - 1e-6
"""Probability of the answer of an object that gives no probabilities."""


class ObjectClassifier(Classifier):
    """An object behind the one interface; its errors are told in one line.

    Args:
        name: Name for messages.
        one: The object, with `predict_proba` or `predict`, and perhaps `digit_score`.
        classes: Names of the classes.
        rows: The object takes images as rows, float32 (n, 784), 0..255, as scikit-learn's
            estimators do; otherwise uint8 (n, 28, 28), white ink on black.
    """

    def __init__(self, name: str, one: Any, classes: tuple[str, ...], *, rows: bool) -> None:
        self.name, self.classes = name, classes
        self._object, self._rows = one, rows
        self.reading_settings = getattr(one, "reading_settings", self.reading_settings)

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`.

        Raises:
            TenfoldError: The object raised an error, or returned something else.
        """
        batch: Any = as_images(images, scale)
        if self._rows:
            batch = as_rows(batch)
        if not callable(getattr(self._object, "predict_proba", None)):
            return self._certain(batch)
        found = np.asarray(
            guarded(self.name, "predict_proba", lambda: self._object.predict_proba(batch))
        )
        columns = self._columns()
        if found.shape != (len(batch), len(columns)) or found.dtype.kind not in "fiu":
            raise TenfoldError(
                f"{self.name}: predict_proba returns {found.dtype} of shape {found.shape}; it must "
                f"be floats ({len(batch)}, {len(columns)})"
            )
        probabilities = np.zeros((len(batch), len(self.classes)), np.float32)
        probabilities[:, columns] = found
        sums = probabilities.sum(axis=1)
        if not ((probabilities >= 0).all() and np.allclose(sums, 1, atol=1e-3)):
            raise TenfoldError(
                f"{self.name}: predict_proba returns rows from {found.min():.4g} up that sum to "
                f"{sums.min():.4g} to {sums.max():.4g}; give probabilities that sum to 1"
            )
        return probabilities

    def digit_score(
        self, images: npt.ArrayLike, *, scale: float | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the object's own score, or the largest probability if it has none.

        Raises:
            TenfoldError: The object raised an error, or returned something else.
        """
        if not callable(getattr(self._object, "digit_score", None)):
            return super().digit_score(images, scale=scale)
        batch = as_images(images, scale)
        found = guarded(self.name, "digit_score", lambda: self._object.digit_score(batch))
        scores = np.asarray(found, np.float32)
        if scores.shape != (len(batch),):
            raise TenfoldError(
                f"{self.name}: digit_score returns an array of shape {scores.shape}; it must be "
                f"({len(batch)},)"
            )
        return scores

    def _columns(self) -> npt.NDArray[np.int64]:
        """Return the class of each column of the object's probabilities."""
        known = getattr(self._object, "classes_", None)
        if known is None:
            return np.arange(len(self.classes))
        return self._numbers(known, "classes_")

    def _certain(self, batch: Any) -> Probabilities:
        answers = np.asarray(guarded(self.name, "predict", lambda: self._object.predict(batch)))
        if answers.shape != (len(batch),):
            keras = "; wrap a Keras model: tenfold.from_keras(model)" if answers.ndim == 2 else ""
            raise TenfoldError(
                f"{self.name}: predict returns an array of shape {answers.shape}; it must be "
                f"({len(batch)},){keras}"
            )
        classes = len(self.classes)
        rest = (1 - _ONE_CLASS) / (classes - 1)
        probabilities = np.full((len(batch), classes), rest, np.float32)
        probabilities[np.arange(len(batch)), self._numbers(answers, "predict")] = _ONE_CLASS
        return probabilities

    def _numbers(self, labels: Any, where: str) -> npt.NDArray[np.int64]:
        try:
            return label_numbers(labels, self.classes)
        except UsageError as error:
            raise TenfoldError(f"{self.name}: {where}: {error}") from None


def make_object(name: str, found: Any) -> Any:
    """Return an object that predicts: the one found, or what it makes when it is called.

    Args:
        name: Name for messages.
        found: The object; or a class or a function, which is called without arguments.

    Raises:
        UsageError: It is neither.
        TenfoldError: The call raised an error.
    """
    if not isinstance(found, type) and predicts(found):
        return found
    if not callable(found):
        raise UsageError(f"{name} is {kind_of(found)}, which predicts nothing")
    return guarded(name, "the call", found)


def predicts(one: Any) -> bool:
    """Return whether an object has `predict_proba` or `predict`."""
    return any(callable(getattr(one, method, None)) for method in ("predict_proba", "predict"))


def kind_of(one: Any) -> str:
    """Return what an object is, for messages."""
    return f"the class {one.__name__}" if isinstance(one, type) else f"of type {type(one).__name__}"


def as_rows(images: Images) -> npt.NDArray[np.float32]:
    """Return images (n, 28, 28) as rows, float32 (n, 784), 0..255."""
    return images.reshape(-1, SIDE * SIDE).astype(np.float32)
