"""How good a classifier is, from labels and probabilities alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tenfold.errors import TenfoldError

N_CLASSES = 10

N_BINS = 15
"""Equal-width bins of confidence for the calibration error (Guo et al. 2017, section 2)."""

LEAST_PROBABILITY = 1e-7
"""Floor under the logarithm of the loss: the epsilon of Keras (``keras.config.epsilon()``)."""

Z_95 = 1.959963984540054
"""Standard normal quantile at 0.975, for two-sided 95% intervals."""


@dataclass(frozen=True)
class ClassScore:
    """One digit against the other nine.

    Attributes:
        label: The digit, 0..9.
        precision: Of the images read as this digit, the fraction that are; 0.0 if none was.
        recall: Of the images of this digit, the fraction read so; 0.0 if there are none.
        f1: Harmonic mean of precision and recall; 0.0 if both are.
        support: Images of this digit.
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
        count: Images in the bin.
        confidence: Their mean largest probability; None in an empty bin.
        accuracy: The fraction of them read correctly; None in an empty bin.
    """

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None

    @property
    def gap(self) -> float:
        """How far confidence and accuracy are apart, 0..1; 0.0 in an empty bin."""
        if self.accuracy is None or self.confidence is None:
            return 0.0
        return abs(self.accuracy - self.confidence)


@dataclass(frozen=True)
class HardImage:
    """An image that was read wrongly or with doubt.

    Attributes:
        index: Its place in the arrays given, from 0.
        label: The true digit.
        predicted: The digit with the largest probability.
        confidence: That probability, 0..1.
    """

    index: int
    label: int
    predicted: int
    confidence: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of one classifier on one set of images.

    Attributes:
        n: Number of images.
        accuracy: Fraction read correctly.
        accuracy_interval: Wilson's 95% interval of the accuracy, lower and upper end.
        loss: Mean negative log-likelihood of the true digit, natural logarithm.
        ece: Expected calibration error, 0..1: the gap between confidence and accuracy,
            averaged over the bins by their images (Guo et al. 2017).
        reliability: The bins of the ECE, from low to high confidence.
        per_class: Scores of the digits 0 to 9.
        confusion: int64 (10, 10), counts; rows are true digits, columns predicted ones.
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
        """Number of images read wrongly."""
        return self.n - int(np.trace(self.confusion))

    def to_dict(self) -> dict[str, Any]:
        """Return the same figures as numbers, lists and dicts that JSON can hold."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "loss": self.loss,
            "ece": self.ece,
            "reliability": [asdict(bin_) for bin_ in self.reliability],
            "per_class": [asdict(score) for score in self.per_class],
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True)
class Summary:
    """One figure over several seeds.

    Attributes:
        mean: Arithmetic mean.
        sd: Standard deviation with n - 1 in the denominator; None for a single run, whose
            spread is unknown rather than zero.
        min: Smallest value.
        max: Largest value.
        n: Number of runs.
    """

    mean: float
    sd: float | None
    min: float
    max: float
    n: int


def evaluate(y_true: np.ndarray, y_prob: np.ndarray) -> Evaluation:
    """Compute every figure that tenfold reports about a classifier.

    An image is read as the digit with the largest probability, the lower digit on a tie. A
    digit that is never predicted has precision 0.0, one without images recall 0.0.

    Args:
        y_true: Integers (n,), labels 0..9, n >= 1.
        y_prob: Floats (n, 10), each row probabilities that sum to 1 within 0.001.

    Returns:
        The evaluation; it holds no image and no probability of a single image.

    Raises:
        TenfoldError: The arrays do not fit each other or are not what is said above.
    """
    y_true, y_prob = _checked(y_true, y_prob)
    n = len(y_true)
    y_pred = y_prob.argmax(axis=1)
    confusion = np.zeros((N_CLASSES, N_CLASSES), np.int64)
    np.add.at(confusion, (y_true, y_pred), 1)
    correct = int(np.trace(confusion))
    true_probability = y_prob[np.arange(n), y_true]
    bins = _reliability(y_pred == y_true, y_prob.max(axis=1))
    return Evaluation(
        n=n,
        accuracy=correct / n,
        accuracy_interval=wilson_interval(correct, n),
        loss=float(np.log(1 / np.clip(true_probability, LEAST_PROBABILITY, 1)).mean()),
        ece=sum(b.count * b.gap for b in bins) / n,
        reliability=bins,
        per_class=tuple(_class_score(confusion, label) for label in range(N_CLASSES)),
        confusion=confusion,
    )


def hardest_images(y_true: np.ndarray, y_prob: np.ndarray, k: int = 24) -> tuple[HardImage, ...]:
    """Return the `k` images that were read worst, the worst first.

    Errors come first, by falling confidence in the wrong answer; then images read correctly, by
    rising probability of the truth. Ties keep the order of the arrays.

    Args:
        y_true: Integers (n,), labels 0..9, n >= 1.
        y_prob: Floats (n, 10), each row probabilities that sum to 1 within 0.001.
        k: How many at most; fewer if there are fewer images.

    Raises:
        TenfoldError: The arrays are not as said, or `k` is negative.
    """
    if k < 0:
        raise TenfoldError(f"cannot list {k} images: give 0 or more")
    y_true, y_prob = _checked(y_true, y_prob)
    y_pred = y_prob.argmax(axis=1)
    confidence = y_prob.max(axis=1)
    correct = y_pred == y_true
    order = np.lexsort((np.where(correct, confidence, -confidence), correct))
    return tuple(
        HardImage(int(i), int(y_true[i]), int(y_pred[i]), float(confidence[i])) for i in order[:k]
    )


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a proportion, without continuity correction.

    It stays within 0..1 and holds up near both ends, where accuracies on MNIST lie
    (Wilson 1927; Newcombe 1998, method 3).

    Args:
        successes: 0..n.
        n: Number of trials, at least 1.
    """
    proportion = successes / n
    center = proportion + Z_95**2 / (2 * n)
    half_width = Z_95 * (proportion * (1 - proportion) / n + Z_95**2 / (4 * n**2)) ** 0.5
    scale = 1 + Z_95**2 / n
    # The clip removes rounding only: exact ends never leave 0..1.
    return max(0.0, (center - half_width) / scale), min(1.0, (center + half_width) / scale)


def summarize(accuracies: Sequence[float]) -> Summary:
    """Summarize one figure, such as the accuracy, over the runs of several seeds.

    Args:
        accuracies: One finite value per run, at least one.

    Raises:
        TenfoldError: There is no value, or one is not finite.
    """
    values = np.asarray(accuracies, np.float64)
    if values.ndim != 1 or values.size == 0:
        raise TenfoldError(f"cannot summarize values of shape {values.shape}: give one per run")
    if not np.isfinite(values).all():
        raise TenfoldError("cannot summarize values that are not finite: leave failed runs out")
    return Summary(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if values.size > 1 else None,
        min=float(values.min()),
        max=float(values.max()),
        n=values.size,
    )


def _checked(y_true: np.ndarray, y_prob: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as int64 and probabilities as float64, or say what is wrong with them."""
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob)
    if y_true.ndim != 1 or y_true.size == 0 or y_true.dtype.kind not in "iu":
        raise TenfoldError(
            f"labels are {y_true.dtype} of shape {y_true.shape}: give integers (n,), n at least 1"
        )
    if y_prob.shape != (len(y_true), N_CLASSES) or y_prob.dtype.kind != "f":
        raise TenfoldError(
            f"probabilities are {y_prob.dtype} of shape {y_prob.shape}: "
            f"give floats ({len(y_true)}, {N_CLASSES}), one row per label"
        )
    strange = (y_true < 0) | (y_true >= N_CLASSES)
    if strange.any():
        raise TenfoldError(f"label {y_true[strange][0]} is not a digit: give labels 0 to 9")
    y_prob = y_prob.astype(np.float64)
    # Written so that NaN, which compares false with everything, counts as wrong.
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
    edges = np.linspace(0, 1, N_BINS + 1)
    # A float32 softmax may exceed 1 by a rounding.
    confidence = np.minimum(confidence, 1)
    place = np.digitize(confidence, edges, right=True) - 1
    bins = []
    for i in range(N_BINS):
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
    hits = int(confusion[label, label])
    support = int(confusion[label].sum())
    predicted = int(confusion[:, label].sum())
    return ClassScore(
        label=label,
        precision=hits / predicted if predicted else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (support + predicted) if support + predicted else 0.0,
        support=support,
    )
