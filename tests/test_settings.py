"""The settings of reading, and how a model brings its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import load_bundle, load_classifier, load_features
from tenfold.classifiers.model_file import shipped_models
from tenfold.errors import BundleError, UsageError
from tenfold.imaging.canvas import PREPROCESSING_VERSION
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings


class Fixed(Classifier):
    """Gives every image 0.9 for a 3."""

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        rows = np.full((len(images), 10), 0.1 / 9, np.float32)
        rows[:, 3] = 0.9
        return rows


def test_a_classifier_brings_its_threshold(digit_png: Path) -> None:
    classifier = Fixed()
    assert Reader(classifier).read(digit_png, single=True).text == "?"
    classifier.reading_settings = {"preprocessing": PREPROCESSING_VERSION, "threshold": 0.8}
    assert Reader(classifier).threshold == 0.8
    assert Reader(classifier).read(digit_png, single=True).text == "3"
    assert Reader(classifier, threshold=0.95).threshold == 0.95
    assert Reader(classifier).with_classifier(Fixed()).threshold == 0.8


class Plain:
    """An object that is no `Classifier`."""

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        return Fixed().predict_proba(images)


def test_an_object_with_predict_proba_reads(digit_png: Path) -> None:
    plain: Any = Plain()
    assert Reader(plain, threshold=0.8).read(digit_png, single=True).text == "3"
    assert Reader(plain, threshold=0.8).read(digit_png).text in {"3", "?"}


def test_other_settings_come_with_it_too() -> None:
    classifier = Fixed()
    classifier.reading_settings = {"slants": [0.0, 0.3], "few_marks": 5, "calibrated": True}
    assert Reader(classifier).settings == ReaderSettings(slants=(0.0, 0.3), few_marks=5)


def test_another_version_of_preprocessing_is_an_error() -> None:
    classifier = Fixed()
    classifier.reading_settings = {"preprocessing": PREPROCESSING_VERSION + 1}
    with pytest.raises(BundleError, match="version 2 of preprocessing"):
        Reader(classifier)


def test_an_unknown_setting_is_an_error() -> None:
    classifier = Fixed()
    classifier.reading_settings = {"no_setting": 0.5}
    with pytest.raises(BundleError, match="no_setting"):
        Reader(classifier)


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_hold_what_ship_writes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "tools"))
    import ship

    bundle = load_bundle(name)
    assert bundle.meta["reading"] == ship.reading_settings(name)
    for classifier in (load_classifier(name), load_features(name)):
        assert Reader(classifier).threshold == bundle.meta["reading"]["threshold"]


@pytest.mark.parametrize("threads", [-1, 2.5, "2", None, 10**9])
def test_threads_are_a_whole_number(threads) -> None:
    with pytest.raises(UsageError, match="threads is"):
        Reader(threads=threads)


@pytest.mark.parametrize("threshold", [-1, 2, float("nan"), "x", True])
def test_a_threshold_is_told_its_range(threshold) -> None:
    with pytest.raises(UsageError, match=r"threshold is .*: give a number from 0 to 1$"):
        Reader(threshold=threshold)
