"""Objects of one's own in a comparison: scikit-learn's estimators, or anything that predicts."""

import os
import pickle
import sys
import time
import uuid
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.arrays import Images, Labels
from tenfold.classifiers.base import Classifier, check_classes
from tenfold.classifiers.objects import (
    ObjectClassifier,
    as_rows,
    kind_of,
    make_object,
    predicts,
)
from tenfold.comparing.contenders import Contender, Fitted, OnPhase
from tenfold.errors import TenfoldError, UsageError
from tenfold.plugins import guarded


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
        if isinstance(one, type) or not predicts(one):
            raise UsageError(
                f"{name} is {kind_of(one)}; give an object with predict_proba(images) or "
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
            guarded(self.name, "fit", lambda: one.fit(as_rows(images), labels.astype(np.int64)))
        seconds = (time.perf_counter() - wall, time.process_time() - processor)
        self._fitted = ObjectClassifier(self.name, one, self._classes, rows=self._estimator)
        try:
            data = pickle.dumps(one)
        except Exception:  # of many kinds
            data = None
        return Fitted(self._fitted, data, *(seconds if self.learns else (None, None)))

    def load(self, data: bytes) -> Classifier:
        """Return the object that was fitted last, on the most images."""
        assert self._fitted is not None
        return self._fitted

    def expected_seconds(self, train_size: int) -> float:
        """Return a guess: nothing is known of the object."""
        return 5.0


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
    return make_object(name, found)


def _is_fitted(one: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(one)
    except NotFittedError:
        return False
    return True
