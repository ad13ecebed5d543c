"""Objects of one's own in a comparison: scikit-learn's estimators, or anything that predicts."""

import os
import pickle
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Images, Labels, Probabilities
from tenfold.classifiers.base import Classifier, as_images, check_classes, label_numbers
from tenfold.comparing.contenders import Contender, Fitted, OnPhase
from tenfold.errors import TenfoldError, UsageError

_ONE_CLASS = 1 - 1e-6
"""Probability of the answer of an object that gives no probabilities."""

T = TypeVar("T")


class ObjectContender(Contender):
    """An object with `predict_proba` or `predict`.

    An estimator, which has `fit` and `get_params` as scikit-learn's do, takes images as rows,
    float32 (n, 784), 0..255. If it is not fitted, a clone is fitted for each number of images, on
    labels 0 to classes - 1. Any other object, and a fitted estimator, is taken as it is. It takes
    images uint8 (n, 28, 28), white ink on black.

    `predict_proba` returns (n, classes). `predict` returns (n,): labels or names of classes; it is
    used if there is no `predict_proba`, and its answers count as certain.

    Results are not kept in the cache, because the code of the object may change.

    Args:
        name: Name for the table, and for messages.
        one: The object.
        classes: Names of the data's classes.

    Raises:
        UsageError: The object has no `predict`, or has other classes.
    """

    kind = "own"
    kept = False

    def __init__(self, name: str, one: Any, classes: tuple[str, ...]) -> None:
        self.name, self.title = name, type(one).__name__
        self._object, self._classes = one, classes
        self._fitted: Classifier | None = None
        if isinstance(one, type) or not _predicts(one):
            raise UsageError(
                f"{name} is {_kind_of(one)}; give an object with predict_proba(images) or "
                "predict(images)"
            )
        if isinstance(one, Classifier):
            check_classes(one, len(classes), name)
        self._estimator = callable(getattr(one, "fit", None)) and hasattr(one, "get_params")
        self.learns = self._estimator and not guarded(name, "get_params", lambda: _is_fitted(one))
        self.note = " ".join(guarded(name, "repr", lambda: repr(one)).split())[:200]

    def settings(self, train_size: int) -> dict[str, Any]:
        """Return what no other object has."""
        return {"object": uuid.uuid4().hex}

    def fit(self, images: Images, labels: Labels, checkpoints: Path, on_phase: OnPhase) -> Fitted:
        """Fit a clone of an estimator that is not fitted; take any other object as it is."""
        one, wall, processor = self._object, time.perf_counter(), time.process_time()
        if self.learns:
            from sklearn.base import clone

            on_phase("fitting")
            one = guarded(self.name, "clone", lambda: clone(self._object))
            wall, processor = time.perf_counter(), time.process_time()
            guarded(self.name, "fit", lambda: one.fit(_rows(images), labels.astype(np.int64)))
        seconds = (time.perf_counter() - wall, time.process_time() - processor)
        self._fitted = _Guarded(self.name, one, self._classes, rows=self._estimator)
        try:
            data = pickle.dumps(one)
        except Exception:  # of many kinds
            data = None
        return Fitted(self._fitted, data, *(seconds if self.learns else (0.0, None)))

    def load(self, data: bytes) -> Classifier:
        """Return the object that was fitted last, on the most images."""
        assert self._fitted is not None
        return self._fitted

    def expected_seconds(self, train_size: int) -> float:
        """Return a guess: nothing is known of the object."""
        return 5.0


class _Guarded(Classifier):
    """An object behind the one interface; its errors are told in one line."""

    def __init__(self, name: str, one: Any, classes: tuple[str, ...], *, rows: bool) -> None:
        self.name, self.classes = name, classes
        self._object, self._rows = one, rows

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        batch: Any = as_images(images, scale)
        if self._rows:
            batch = _rows(batch)
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


def guarded(name: str, doing: str, work: Callable[[], T]) -> T:
    """Run code of a user's object.

    Raises:
        TenfoldError: The code raised an error: its last line, and where it was raised.
    """
    try:
        return work()
    except TenfoldError as error:
        raise TenfoldError(f"{name}: {doing}: {error}") from error
    except Exception as error:
        text = " ".join(traceback.format_exception_only(error)[-1].split())
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise TenfoldError(f"{name}: {doing} failed: {text} ({where})") from error


def is_object_name(name: str) -> bool:
    """Return whether a name has the form MODULE:NAME of an object in a Python module."""
    module, _, rest = name.partition(":")
    return all(part.isidentifier() for part in [*module.split("."), *rest.split(".")])


def import_object(name: str) -> Any:
    """Return an object in a Python module, which may lie in the current folder.

    Args:
        name: MODULE:NAME. A class, or a function, is called without arguments to make the object.

    Raises:
        UsageError: There is no such module, or no such name in it.
        TenfoldError: The module or the call raised an error.
    """
    module, _, rest = name.partition(":")
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 (text, as sys.path has it)
        sys.path.insert(0, here)
    try:
        found: Any = guarded(name, "import", lambda: import_module(module))
    except TenfoldError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name == module.partition(".")[0]:
            raise UsageError(
                f"there is no Python module {module} in this folder or among the installed packages"
            ) from None
        raise
    for part in rest.split("."):
        if not hasattr(found, part):
            raise UsageError(f"the module {module} has no {rest}")
        found = getattr(found, part)
    if isinstance(found, type) or not _predicts(found):
        if not callable(found):
            raise UsageError(f"{name} is {_kind_of(found)}, which predicts nothing")
        found = guarded(name, "the call", found)
    return found


def _is_fitted(one: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(one)
    except NotFittedError:
        return False
    return True


def _predicts(one: Any) -> bool:
    return any(callable(getattr(one, method, None)) for method in ("predict_proba", "predict"))


def _kind_of(one: Any) -> str:
    return f"the class {one.__name__}" if isinstance(one, type) else f"of type {type(one).__name__}"


def _rows(images: Images) -> npt.NDArray[np.float32]:
    return images.reshape(-1, SIDE * SIDE).astype(np.float32)
