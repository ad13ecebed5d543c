"""A baseline: a classifier of scikit-learn or LightGBM, calibrated by one temperature."""

import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Images, Labels, Probabilities
from tenfold.classifiers.base import Classifier, as_images, predict_in_batches
from tenfold.comparing.baselines.kinds import BaselineSettings
from tenfold.comparing.baselines.scorers import Pixels, Scorer
from tenfold.errors import MissingExtraError, TenfoldError
from tenfold.evaluation.temperature import fit_temperature, softmax

CALIBRATION_IMAGES = 20_000
"""Number of training images, the first ones, from which the temperature is found, at most."""

HELD_OUT_IMAGES = 5_000
"""Number of these images held out to find the temperature, at most, and at most a quarter."""

TEMPERATURES = np.geomspace(0.02, 50, 160)
"""Candidates for scores of any scale, such as the margins of a support vector machine."""

_BATCH = 1_000
"""Number of images scored at once: bounds the memory; larger batches gain no speed."""


class Baseline(Classifier):
    """A fitted scorer with its temperature.

    Args:
        scorer: Gives each class a score; fitted.
        temperature: Divides the scores before softmax.
        classes: Names of the classes, by label.
    """

    def __init__(
        self, scorer: Scorer, temperature: float = 1.0, classes: tuple[str, ...] = DIGITS
    ) -> None:
        self._scorer = scorer
        self.classes = classes
        self.temperature = temperature

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""
        return predict_in_batches(
            self._predict, as_images(images, scale), _BATCH, len(self.classes)
        )

    def _predict(self, images: Images) -> Probabilities:
        scores = self._scorer.scores(_pixels(images), len(self.classes))
        return softmax(scores, self.temperature).astype(np.float32)


def fit_baseline(
    settings: BaselineSettings,
    images: Images,
    labels: Labels,
    *,
    seed: int = 0,
    classes: tuple[str, ...] = DIGITS,
    on_phase: Callable[[str], None] = lambda phase: None,
) -> tuple[Baseline, float, float]:
    """Fit a baseline on all the images, calibrated on some of them.

    The temperature comes from a fit on the first `CALIBRATION_IMAGES` without the images held out.
    It is the one with the least negative log-likelihood on the images held out. Then a second fit
    learns from all images. The temperature changes the confidence, never the answer.

    Args:
        settings: One of `tenfold.comparing.baselines.kinds.BASELINES`.
        images: uint8 (n, 28, 28), white ink on black.
        labels: uint8 (n,), 0 to classes - 1.
        seed: Seeds the random parts of the fit.
        classes: Names of the classes, by label.
        on_phase: Called with the name of each phase as it begins.

    Returns:
        The baseline; and of the second fit the wall time and the processor time in seconds.

    Raises:
        MissingExtraError: scikit-learn or LightGBM is missing.
        TenfoldError: There are fewer than four images, or all are of one class.
    """
    if find_spec(settings.package) is None:
        raise MissingExtraError("comparing with other classifiers", "compare")
    known = min(len(images), CALIBRATION_IMAGES)
    learned = known - min(HELD_OUT_IMAGES, known // 4)
    if len(np.unique(labels[:learned])) < 2 or learned == known:
        raise TenfoldError(f"{len(images)} images are too few to fit {settings.name}")
    on_phase("calibrating")
    pixels = _pixels(images[:known])
    scorer = settings.make(seed, learned)
    scorer.fit(pixels[:learned], labels[:learned])
    temperature = fit_temperature(
        scorer.scores(pixels[learned:], len(classes)), labels[learned:known], TEMPERATURES
    )
    on_phase("fitting")
    pixels = _pixels(images)
    scorer = settings.make(seed, len(images))
    wall, processor = time.perf_counter(), time.process_time()
    scorer.fit(pixels, labels)
    seconds = time.perf_counter() - wall, time.process_time() - processor
    baseline = Baseline(scorer, temperature, classes)
    baseline.name = settings.name
    return baseline, *seconds


def _pixels(images: Images) -> Pixels:
    return images.reshape(-1, SIDE * SIDE).astype(np.float32) / np.float32(255)
