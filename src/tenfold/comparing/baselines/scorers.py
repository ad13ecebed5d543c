"""What fits and what scores: each gives every digit a score, the higher the likelier."""

import warnings
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]
"""float32 (n, 784), 0..1, white ink on black."""

Labels = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.floating[Any]]
"""Floats (n, 10); softmax makes them probabilities."""

NEVER = -1e4
"""The score of a digit that was not among the training images."""


class Scorer(Protocol):
    """Something that learns from pixels and then scores the ten digits."""

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Learn."""

    def scores(self, pixels: Pixels) -> Scores:
        """Return a score for each digit."""


class Components:
    """Pixels on their principal components, or as they are.

    Args:
        count: So many components, at most as many as there are images; 0 leaves the pixels alone.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def fit(self, pixels: Pixels) -> Pixels:
        """Find the components, and return the pixels on them."""
        if self._count:
            self._mean = pixels.mean(axis=0, dtype=np.float64).astype(np.float32)
            centered = pixels - self._mean
            _, vectors = np.linalg.eigh((centered.T @ centered).astype(np.float64))
            self._axes = np.ascontiguousarray(vectors[:, : -self._count - 1 : -1], np.float32)
        return self(pixels)

    def __call__(self, pixels: Pixels) -> Pixels:
        """Return float32 (n, components)."""
        if not self._count:
            return pixels
        projected: Pixels = (pixels - self._mean) @ self._axes
        return projected


class Estimator:
    """A scikit-learn or LightGBM classifier that knows probabilities or sums.

    Args:
        estimator: Unfitted.
        floor: What a probability is taken for at least, before its logarithm is the score; None
            if the estimator's `decision_function` gives scores itself.
        components: Principal components to learn from; 0 takes the pixels.
    """

    def __init__(self, estimator: Any, floor: float | None, components: int = 0) -> None:
        self._estimator = estimator
        self._floor = floor
        self._components = Components(components)

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Learn."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # Where the iterations end is a setting.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._estimator.fit(self._components.fit(pixels), labels)
        if hasattr(self._estimator, "n_jobs"):
            self._estimator.n_jobs = 1  # for reading: threads cost more than they bring
        self._classes = np.asarray(self._estimator.classes_)

    def scores(self, pixels: Pixels) -> Scores:
        """Return a score for each digit."""
        features = self._components(pixels)
        if self._floor is None:
            found = self._estimator.decision_function(features)
            if found.ndim == 1:  # two digits: one sum that says which
                found = np.stack([-found, found], axis=1)
        else:
            found = np.log(np.maximum(self._estimator.predict_proba(features), self._floor))
        return spread(found, self._classes)


class Boosted:
    """Gradient boosting by LightGBM: its sums over trees are the scores.

    Args:
        rounds: Trees for each digit.
        settings: Of LightGBM.
    """

    def __init__(self, rounds: int, settings: dict[str, Any]) -> None:
        self._rounds = rounds
        self._settings = settings

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Learn."""
        import lightgbm

        self._classes, places = np.unique(labels, return_inverse=True)
        settings = {"objective": "multiclass", "num_class": len(self._classes), "verbosity": -1}
        data = lightgbm.Dataset(pixels, places)
        self._booster = lightgbm.train(settings | self._settings, data, self._rounds)

    def scores(self, pixels: Pixels) -> Scores:
        """Return a score for each digit."""
        return spread(np.asarray(self._booster.predict(pixels, raw_score=True)), self._classes)


class LinearPairs:
    """Linear support vector machines, one for each pair of digits.

    Args:
        settings: Of scikit-learn's LinearSVC.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Learn."""
        from sklearn.svm import LinearSVC

        self._classes = np.unique(labels)
        planes = []
        for first, second in pairs(self._classes):
            among = (labels == first) | (labels == second)
            machine = LinearSVC(**self._settings).fit(pixels[among], labels[among] == first)
            planes.append(np.append(machine.coef_[0], machine.intercept_))
        self._planes = np.array(planes, np.float32).T

    def scores(self, pixels: Pixels) -> Scores:
        """Return a score for each digit."""
        return score_pairs(pixels @ self._planes[:-1] + self._planes[-1], self._classes)


class KernelPairs:
    """Support vector machines with an RBF kernel, one for each pair of digits, by libsvm.

    What libsvm finds is kept as one matrix product over all pairs, which is sooner to compute.

    Args:
        components: Principal components to learn from; 0 takes the pixels.
        gamma: Of the kernel exp(-gamma |x - y|^2).
        penalty: C, the cost of a training image on the wrong side.
    """

    def __init__(self, components: int, gamma: float, penalty: float) -> None:
        self._components = Components(components)
        self._gamma = np.float32(gamma)
        self._penalty = penalty

    def fit(self, pixels: Pixels, labels: Labels) -> None:
        """Learn."""
        from sklearn.svm import SVC

        features = self._components.fit(pixels)
        machine = SVC(C=self._penalty, gamma=float(self._gamma), cache_size=2000)
        machine.fit(features.astype(np.float64), labels)
        self._classes = np.asarray(machine.classes_)
        self._vectors = features[machine.support_]
        ends = np.cumsum(machine.n_support_)
        dual = np.zeros((len(self._vectors), len(pairs(self._classes))), np.float32)
        for pair, (first, second) in enumerate(pairs(range(len(ends)))):
            # libsvm keeps a support vector's weight against each other class, its own left out.
            for own, other in ((first, second - 1), (second, first)):
                part = slice(ends[own] - machine.n_support_[own], ends[own])
                dual[part, pair] = machine.dual_coef_[other, part]
        self._dual = dual
        # For two classes scikit-learn turns the sign round, so that the second is positive.
        sign = -1 if len(ends) == 2 else 1
        self._dual *= sign
        self._intercepts = np.asarray(sign * machine.intercept_, np.float32)

    def scores(self, pixels: Pixels) -> Scores:
        """Return a score for each digit."""
        features = self._components(pixels)
        squares = (features**2).sum(axis=1)[:, None] + (self._vectors**2).sum(axis=1)
        kernel = np.exp(self._gamma * (2 * features @ self._vectors.T - squares))
        return score_pairs(kernel @ self._dual + self._intercepts, self._classes)


def pairs(classes: Any) -> list[tuple[Any, Any]]:
    """Return every pair of classes, the earlier first: (0, 1), (0, 2), ... (8, 9)."""
    return [(a, b) for place, a in enumerate(classes) for b in classes[place + 1 :]]


def score_pairs(decisions: Scores, classes: npt.NDArray[Any]) -> Scores:
    """Return a score for each digit from the sums of each pair, the first digit's if positive.

    A digit's score is its narrowest margin, against whichever other digit comes closest. With it
    a few more images were read right than by counting votes, and far better calibrated
    (dev/LOG.md).

    Args:
        decisions: Floats (n, pairs), in the order of `pairs`.
        classes: The digits.
    """
    found = np.full((len(decisions), len(classes)), np.inf, decisions.dtype)
    for pair, (first, second) in enumerate(pairs(range(len(classes)))):
        found[:, first] = np.minimum(found[:, first], decisions[:, pair])
        found[:, second] = np.minimum(found[:, second], -decisions[:, pair])
    return spread(found, classes)


def spread(found: Scores, classes: npt.NDArray[Any]) -> Scores:
    """Put the scores of the digits that were learned in their columns, `NEVER` in the others."""
    scores = np.full((len(found), 10), NEVER, found.dtype)
    scores[:, np.asarray(classes, int)] = found
    return scores
