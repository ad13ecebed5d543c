"""Classifiers of scikit-learn and LightGBM that give each class a score."""

import warnings
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Labels

Pixels = npt.NDArray[np.float32]
"""float32 (n, 784), 0..1, white ink on black."""

Scores = npt.NDArray[np.floating[Any]]
"""Floats (n, classes), the higher the more likely; softmax makes them probabilities."""

UNSEEN = -1e4
"""Score of a class that was not among the training images."""


class Scorer:
    """A classifier with ``predict_proba``; the logarithms of its probabilities are the scores.

    Args:
        estimator: Of scikit-learn or LightGBM, unfitted.
        floor: Probabilities below are raised to this before their logarithm is taken.
    """

    def __init__(self, estimator: Any, floor: float = 1e-12) -> None:
        self._estimator = estimator
        self._floor = floor

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Fit the classifier."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # The number of iterations is a setting.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._estimator.fit(pixels, labels)
        if getattr(self._estimator, "n_jobs", None) == -1:
            self._estimator.n_jobs = 1  # to predict, starting threads takes longer than it saves
        self._classes = np.asarray(self._estimator.classes_, int)

    def scores(self, pixels: Pixels, classes: int) -> Scores:
        """Return a score for each class, floats (n, classes)."""
        known = self._known_scores(pixels)
        scores = np.full((len(known), classes), UNSEEN, known.dtype)
        scores[:, self._classes] = known
        return scores

    def _known_scores(self, pixels: Pixels) -> Scores:
        """Return the scores of the classes that were among the images, floats (n, their number)."""
        probabilities: Scores = self._estimator.predict_proba(pixels)
        return np.log(np.maximum(probabilities, self._floor))


class KernelPairs(Scorer):
    """A support vector machine for each pair of digits, by scikit-learn's ``SVC``.

    scikit-learn's own scores count votes, which are poor measures of confidence (dev/LOG.md); see
    `narrowest_margins`.

    Args:
        estimator: Unfitted; its ``decision_function`` gives the margin of each pair.
    """

    def _known_scores(self, pixels: Pixels) -> Scores:
        margins = self._estimator.decision_function(pixels)
        if len(self._classes) == 2:  # scikit-learn's margin is then that of the second digit
            margins = -margins[:, None]
        return narrowest_margins(margins, len(self._classes))


class LinearPairs(Scorer):
    """A linear support vector machine for each pair of digits.

    Args:
        estimator: scikit-learn's ``OneVsOneClassifier`` of linear machines, unfitted.
    """

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Fit the machines, and stack their weights: one matrix product scores all pairs."""
        super().fit(pixels, labels)
        machines = self._estimator.estimators_
        self._weights = -np.stack([one.coef_[0] for one in machines], axis=1, dtype=np.float32)
        self._intercepts = -np.array([one.intercept_[0] for one in machines], np.float32)
        del self._estimator

    def _known_scores(self, pixels: Pixels) -> Scores:
        margins = pixels @ self._weights + self._intercepts
        return narrowest_margins(margins, len(self._classes))


def narrowest_margins(margins: Scores, classes: int) -> Scores:
    """Return the score of each digit: its narrowest margin against any other digit.

    These scores read a few more images correctly than votes do, and are far better calibrated
    (dev/LOG.md).

    Args:
        margins: Floats (n, pairs) in the order (0, 1), (0, 2), ..., (1, 2), ...; above 0 if the
            first digit of the pair is more likely.
        classes: Number of digits.

    Returns:
        Floats (n, classes).
    """
    scores = np.full((len(margins), classes), np.inf, margins.dtype)
    for pair, (first, second) in enumerate(combinations(range(classes), 2)):
        scores[:, first] = np.minimum(scores[:, first], margins[:, pair])
        scores[:, second] = np.minimum(scores[:, second], -margins[:, pair])
    return scores
