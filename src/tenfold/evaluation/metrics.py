"""Accuracy, loss, calibration and per-class scores, from labels and probabilities."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from tenfold.arrays import Labels, Probabilities, as_array
from tenfold.errors import TenfoldError
from tenfold.evaluation.significance import wilson_interval

CALIBRATION_BINS = 15
"""Equal-width bins of confidence in the calibration error (Guo et al. 2017, section 2)."""

MIN_PROBABILITY = 1e-7
"""Smallest probability in the loss: the epsilon of Keras (``keras.config.epsilon()``)."""


@dataclass(frozen=True)
class ClassScore:
    """Precision and recall of one class.

    Attributes:
        label: The class, 0 to classes - 1; in MNIST the digit.
        precision: Fraction of the images predicted as this class that show it; 0.0 if there are
            none.
        recall: Fraction of the images of this class that are predicted as it; 0.0 if there are
            none.
        f1: Harmonic mean of precision and recall; 0.0 if both are 0.
        support: Number of images of this class.
    """

    label: int
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose confidence lies in (lower, upper].

    Attributes:
        lower: Lower edge, 0..1, outside the bin.
        upper: Upper edge, 0..1, inside the bin.
        count: Number of images in the bin.
        confidence: Mean largest probability of these images; None in an empty bin.
        accuracy: Fraction of these images predicted correctly; None in an empty bin.
    """

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None

    @property
    def gap(self) -> float:
        """Difference between confidence and accuracy, 0..1; 0.0 in an empty bin."""
        if self.accuracy is None or self.confidence is None:
            return 0.0
        return abs(self.accuracy - self.confidence)


@dataclass(frozen=True)
class Prediction:
    """The answer of a classifier for one image.

    Attributes:
        index: Place of the image in the given arrays, from 0.
        label: The true class.
        predicted: The class with the largest probability.
        confidence: That probability, 0..1.
    """

    index: int
    label: int
    predicted: int
    confidence: float


@dataclass(frozen=True)
class DistinctiveError(Prediction):
    """A wrong prediction, with the number of other classifiers that are correct on the image."""

    others_right: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of one classifier on one set of images.

    Attributes:
        n: Number of images.
        accuracy: Fraction predicted correctly.
        accuracy_interval: Wilson's 95% interval of the accuracy, lower and upper end.
        loss: Mean negative log-likelihood of the true class, natural logarithm.
        ece: Expected calibration error, 0..1: the gap between confidence and accuracy, averaged
            over the bins, each weighted by its images (Guo et al. 2017).
        reliability: The bins of the calibration error, from low to high confidence.
        per_class: Scores of each class, in the order of labels.
        confusion: int64 (classes, classes), counts; rows are true classes, columns predicted
            ones.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    loss: float
    ece: float
    reliability: tuple[ReliabilityBin, ...]
    per_class: tuple[ClassScore, ...]
    confusion: np.ndarray

    @property
    def errors(self) -> int:
        """Number of wrong predictions."""
        return self.n - int(np.trace(self.confusion))

    def _repr_html_(self) -> str:
        """Let notebooks show the figures and the confusion matrix."""
        from tenfold.evaluation.notebook import confusion_html, figures_html

        low, high = self.accuracy_interval
        figures = [
            ("accuracy", f"{self.accuracy:.2%}"),
            ("95% interval", f"{low:.2%} to {high:.2%}"),
            ("errors", f"{self.errors:,}"),
            ("loss", f"{self.loss:.4f}"),
            ("calibration error", f"{self.ece:.2%}"),
        ]
        return figures_html(f"{self.n:,} images", figures) + confusion_html(self.confusion)

    def to_dict(self) -> dict[str, Any]:
        """Return the same figures as numbers, lists and dicts that JSON can hold."""
        plain = asdict(self) | {"confusion": self.confusion.tolist()}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> "Evaluation":
        """Return the evaluation whose figures `to_dict` gave; others are ignored."""
        own = {one.name: figures[one.name] for one in fields(cls)}
        low, high = figures["accuracy_interval"]
        return cls(
            **own
            | {
                "accuracy_interval": (low, high),
                "reliability": tuple(ReliabilityBin(**one) for one in figures["reliability"]),
                "per_class": tuple(ClassScore(**one) for one in figures["per_class"]),
                "confusion": np.array(figures["confusion"], np.int64),
            }
        )


def evaluate(y_true: np.ndarray, y_prob: np.ndarray) -> Evaluation:
    """Compute the accuracy, loss, calibration error and per-class scores of a classifier.

    The prediction is the class with the largest probability, and the lower label on a tie.

    Args:
        y_true: Integers (n,), labels 0 to classes - 1, n >= 1.
        y_prob: Floats (n, classes), each row probabilities that sum to 1 within 0.001.

    Returns:
        The evaluation. It holds no image and no probability of a single image.

    Raises:
        TenfoldError: A shape, type or value is not as described above.
    """
    y_true, y_prob = _checked(y_true, y_prob)
    n = len(y_true)
    y_pred = y_prob.argmax(axis=1)
    classes = y_prob.shape[1]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (y_true, y_pred), 1)
    correct = int(np.trace(confusion))
    true_probability = y_prob[np.arange(n), y_true]
    bins = _reliability(y_pred == y_true, y_prob.max(axis=1))
    return Evaluation(
        n=n,
        accuracy=correct / n,
        accuracy_interval=wilson_interval(correct, n),
        loss=float(np.log(1 / np.clip(true_probability, MIN_PROBABILITY, 1)).mean()),
        ece=sum(b.count * b.gap for b in bins) / n,
        reliability=bins,
        per_class=tuple(_class_score(confusion, label) for label in range(classes)),
        confusion=confusion,
    )


def hardest_images(y_true: np.ndarray, y_prob: np.ndarray, k: int = 24) -> tuple[Prediction, ...]:
    """Return the `k` worst predictions, the worst first.

    Errors come first, by falling confidence in the wrong class. Correct predictions follow, by
    rising probability of the true class. Ties keep the order of the arrays.

    Args:
        y_true: Integers (n,), labels 0 to classes - 1, n >= 1.
        y_prob: Floats (n, classes), each row probabilities that sum to 1 within 0.001.
        k: Largest number of predictions to return, at least 0.

    Raises:
        TenfoldError: The arrays are not as described, or `k` is negative.
    """
    if k < 0:
        raise TenfoldError(f"k is {k}; it must be at least 0")
    y_true, y_prob = _checked(y_true, y_prob)
    y_pred = y_prob.argmax(axis=1)
    confidence = y_prob.max(axis=1)
    correct = y_pred == y_true
    order = np.lexsort((np.where(correct, confidence, -confidence), correct))
    return tuple(
        Prediction(int(i), int(y_true[i]), int(y_pred[i]), float(confidence[i])) for i in order[:k]
    )


def distinctive_errors(
    y_true: Labels, y_prob_by_name: Mapping[str, Probabilities], k: int = 12
) -> dict[str, list[DistinctiveError]]:
    """Return for each classifier the errors that the other classifiers share least.

    The errors on which the most other classifiers are correct come first, then the most confident.

    Args:
        y_true: Labels (n,), 0 to classes - 1.
        y_prob_by_name: The probabilities of each classifier, float32 (n, classes).
        k: Largest number of errors of each classifier.

    Raises:
        TenfoldError: The arrays do not have the same shape, or not a row for each label.
    """
    shapes = {y_prob.shape for y_prob in y_prob_by_name.values()}
    if len(shapes) > 1 or any(len(y_true) != shape[0] for shape in shapes):
        raise TenfoldError(
            f"probabilities have the shapes {sorted(shapes)}: "
            f"give ({len(y_true)}, classes) for each classifier"
        )
    correct = {name: y_prob.argmax(axis=1) == y_true for name, y_prob in y_prob_by_name.items()}
    count = np.sum(list(correct.values()), axis=0)
    found = {}
    for name, y_prob in y_prob_by_name.items():
        wrong = np.flatnonzero(~correct[name])
        confidence = y_prob.max(axis=1)
        order = wrong[np.lexsort((-confidence[wrong], -count[wrong]))][:k]
        found[name] = [
            DistinctiveError(
                int(i), int(y_true[i]), int(y_prob[i].argmax()), float(confidence[i]), int(count[i])
            )
            for i in order
        ]
    return found


def _checked(y_true: np.ndarray, y_prob: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as int64 and probabilities as float64, or raise what is wrong with them."""
    y_true, y_prob = as_array(y_true, "labels"), as_array(y_prob, "probabilities")
    if y_true.ndim != 1 or y_true.size == 0 or y_true.dtype.kind not in "iu":
        raise TenfoldError(
            f"labels are {y_true.dtype} of shape {y_true.shape}: give integers (n,), n at least 1"
        )
    well_formed = y_prob.ndim == 2 and len(y_prob) == len(y_true) and y_prob.shape[1] > 1
    if not well_formed or y_prob.dtype.kind != "f":
        raise TenfoldError(
            f"probabilities are {y_prob.dtype} of shape {y_prob.shape}: "
            f"give floats ({len(y_true)}, classes), one row per label"
        )
    classes = y_prob.shape[1]
    strange = (y_true < 0) | (y_true >= classes)
    if strange.any():
        raise TenfoldError(
            f"label {y_true[strange][0]} is out of range: give labels 0 to {classes - 1}"
        )
    y_prob = y_prob.astype(np.float64)
    # Negated, because NaN compares false with everything.
    wrong = ~((y_prob >= 0).all(axis=1) & (np.abs(y_prob.sum(axis=1) - 1) <= 1e-3))
    if wrong.any():
        row = int(wrong.argmax())
        raise TenfoldError(
            f"row {row} of the probabilities has minimum {y_prob[row].min():.4g} and sum "
            f"{y_prob[row].sum():.4g}: give values from 0 that sum to 1, as after softmax"
        )
    return y_true.astype(np.int64), y_prob


def _reliability(correct: np.ndarray, confidence: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """Group images into equal bins of confidence; bool (n,) and float (n,) in 0..1."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    # A float32 softmax may exceed 1 by a rounding error.
    confidence = np.minimum(confidence, 1)
    place = np.digitize(confidence, edges, right=True) - 1
    bins = []
    for i in range(CALIBRATION_BINS):
        inside = place == i
        count = int(inside.sum())
        bins.append(
            ReliabilityBin(
                lower=float(edges[i]),
                upper=float(edges[i + 1]),
                count=count,
                confidence=float(confidence[inside].mean()) if count else None,
                accuracy=float(correct[inside].mean()) if count else None,
            )
        )
    return tuple(bins)


def _class_score(confusion: np.ndarray, label: int) -> ClassScore:
    correct = int(confusion[label, label])
    support = int(confusion[label].sum())
    predicted = int(confusion[:, label].sum())
    return ClassScore(
        label=label,
        precision=correct / predicted if predicted else 0.0,
        recall=correct / support if support else 0.0,
        f1=2 * correct / (support + predicted) if support + predicted else 0.0,
        support=support,
    )
