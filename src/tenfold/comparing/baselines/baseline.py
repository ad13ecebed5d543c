"""A classifier of scikit-learn or LightGBM as tenfold's others: calibrated, and asked the same."""

import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.classifiers.base import Classifier, as_images
from tenfold.comparing.baselines.kinds import BaselineSettings
from tenfold.comparing.baselines.scorers import Pixels, Scorer
from tenfold.errors import MissingExtraError, TenfoldError
from tenfold.evaluation.temperature import fit_temperature, softmax

CALIBRATION_IMAGES = 20_000
"""The temperature comes from a fit on at most so many training images, the first ones."""

MOST_HELD_BACK = 5_000
"""Of these so many at most, and a quarter at most, are held back to find it on."""

TEMPERATURES = np.geomspace(0.02, 50, 160)
"""Candidates for scores of any scale, such as the margins of a support vector machine."""

_BATCH = 1_000
"""Images scored at once: bounds memory, long past the gain from batching."""


class Baseline(Classifier):
    """A fitted scorer with its temperature.

    Args:
        scorer: Gives a score to each digit; fitted.
        temperature: Divides the scores before softmax.
    """

    def __init__(self, scorer: Scorer, temperature: float = 1.0) -> None:
        self._scorer = scorer
        self.temperature = temperature

    def predict_proba(
        self, images: npt.ArrayLike, *, scale: float | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the probability of each digit; see `Classifier.predict_proba`."""
        pixels = _pixels(as_images(images, scale))
        parts = [
            softmax(self._scorer.scores(pixels[start : start + _BATCH]), self.temperature)
            for start in range(0, len(pixels), _BATCH)
        ]
        return np.concatenate(parts).astype(np.float32) if parts else np.empty((0, 10), np.float32)


def fit_baseline(
    settings: BaselineSettings,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    *,
    seed: int = 0,
    told: Callable[[str], None] = lambda phase: None,
) -> tuple[Baseline, float, float]:
    """Fit a classifier on all the images given, calibrated on some of them.

    One temperature divides the scores. It is found by a fit on the first `CALIBRATION_IMAGES` but
    for those held back, on which the negative log-likelihood is least; then all images are
    fitted anew and the temperature stays. It changes no answer, only how sure it is.

    Args:
        settings: One of `tenfold.comparing.baselines.kinds.BASELINES`.
        images: uint8 (n, 28, 28), white ink on black.
        labels: uint8 (n,), 0..9.
        seed: Decides what is random in it.
        told: Called with what is being done, as it begins.

    Returns:
        The classifier, and of the fit on all images, without calibrating, the seconds that passed
        and the seconds of processor time.

    Raises:
        MissingExtraError: scikit-learn or LightGBM is missing.
        TenfoldError: Fewer than four images, or all of one digit.
    """
    if find_spec(settings.package) is None:
        raise MissingExtraError("comparing with other classifiers", "compare")
    known = min(len(images), CALIBRATION_IMAGES)
    learned = known - min(MOST_HELD_BACK, known // 4)
    pixels = _pixels(images[:known])
    if len(np.unique(labels[:learned])) < 2 or learned == known:
        raise TenfoldError(f"{len(images)} images are too few to fit {settings.name} on")
    told("calibrating")
    scorer = settings.make(seed, learned)
    scorer.fit(pixels[:learned], labels[:learned])
    temperature = fit_temperature(
        scorer.scores(pixels[learned:]), labels[learned:known], TEMPERATURES
    )
    told("fitting")
    pixels = _pixels(images)
    scorer = settings.make(seed, len(images))
    start, busy = time.perf_counter(), time.process_time()
    scorer.fit(pixels, labels)
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - busy
    return Baseline(scorer, temperature), seconds, processor_seconds


def _pixels(images: npt.NDArray[np.uint8]) -> Pixels:
    return images.reshape(-1, SIDE * SIDE).astype(np.float32) / np.float32(255)
