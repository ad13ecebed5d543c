"""The verb adapt: a model, a few hundred labeled digits, and a bundle that reads them better."""

import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenfold.adapting.fine_tuning import EPOCHS, Arrays, fine_tune, weights_of
from tenfold.adapting.held_out import Gain, choose_threshold, folds_of, measure_gain
from tenfold.adapting.line_weight import choose_line_weight
from tenfold.adapting.meta import adapted_facts, adapted_meta, command_of
from tenfold.arrays import Images, Labels, Probabilities
from tenfold.augmentation.non_digits import make_non_digits
from tenfold.classifiers.base import Classifier
from tenfold.classifiers.bundle import (
    KERAS,
    ONNX,
    RECIPE,
    REPORT,
    Bundle,
    classes_of,
    history_files,
    load_bundle,
    load_classifier,
    recipe_of,
    write_bundle,
)
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.data_source import content_of
from tenfold.data.datasets import MNIST, DataLike, Dataset, load_dataset
from tenfold.errors import DataError, UsageError, whole_number
from tenfold.evaluation.evaluate import all_figures
from tenfold.evaluation.metrics import evaluate
from tenfold.evaluation.temperature import fit_temperature, logits_of, softmax
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.formatting import count
from tenfold.networks.backend import use_backend
from tenfold.networks.build import finish_network
from tenfold.reading.settings import ReaderSettings
from tenfold.recipes.recipe import HIGHEST_SEED, MOST_EPOCHS, Recipe, check_seeds
from tenfold.recipes.recipe_file import recipe_text
from tenfold.training.keras_file import check_parity, keras_file
from tenfold.training.members import joined_history
from tenfold.training.result import TrainResult
from tenfold.training.run_folder import check_empty

FEWEST_DIGITS = 20
"""Fewest digits to adapt to: of fewer, nothing could be held out that tells anything."""

MADE_UP_MARKS = 2000
"""Made-up marks that are no digits, of which the adapted model may accept no larger share."""

_log = logging.getLogger(__name__)


class AdaptResult(TrainResult):
    """An adapted model: its folder and the figures in its meta.json."""

    @property
    def gain(self) -> Gain:
        """What adapting gained on digits that were held out."""
        return Gain(**self.meta["adapted"]["gain"])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as `tenfold adapt --json` prints them."""
        return super().to_dict() | {
            "adapted": self.meta["adapted"],
            "reading": self.meta["reading"],
        }


class _Judged(NamedTuple):
    """The answers for digits that were held out of the networks that answer."""

    places: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float64]


def adapt(
    model: str | Path,
    data: DataLike | Dataset,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    epochs: int = EPOCHS,
    replay: DataLike | None = None,
    data_dir: str | Path | None = None,
    backend: str | None = None,
    progress: bool = False,
) -> AdaptResult:
    """Fine-tune a model on labeled digits of your own, and say what that gained.

    The model learns the digits with its own training images beside them. To measure the gain, and
    to fit temperature and threshold, the digits are split into five parts: five networks learn four
    parts each, and read the fifth. From 1,000 digits on, one network does. The network that is
    saved learns all digits.

    Args:
        model: Shipped name, or the folder of a bundle.
        data: What `tenfold.load_dataset` takes, or what it returns. At least 20 digits; a few
            hundred are better. Pictures are prepared as those that the model was trained on.
        out: Folder for the bundle; runs/<model>-adapted-<time> if not given.
        seed: Decides everything random; 0 or more.
        epochs: Epochs of 6,400 images.
        replay: The data set that the model was trained on, as `tenfold.load_dataset` takes it. None
            takes the one that the bundle names.
        data_dir: Where the MNIST files are, if not in the cache.
        backend: "tensorflow", "jax" or "torch"; by default the fastest on this machine.
        progress: Draw a progress bar on stderr.

    Returns:
        The folder and the figures. Needs `tenfold[train]`.

    Raises:
        TenfoldError: There is no such model or data, or the model lacks a class of the data.
    """
    from tqdm import tqdm

    from tenfold.adapting.report import render_adapted  # imports matplotlib

    epochs = whole_number("epochs", epochs, 1, MOST_EPOCHS)
    seed = whole_number("seed", seed, 0, HIGHEST_SEED)
    bundle = load_bundle(model)
    recipe = recipe_of(bundle)
    check_seeds(recipe, seed)
    folder = Path(out) if out else _default_folder(model)
    check_empty(folder)
    as_ = content_of(bundle.meta)
    own = (
        data if isinstance(data, Dataset) else load_dataset(data, "all", as_=as_, progress=progress)
    )
    images, labels = own.images, _labels_of(own, classes_of(bundle))
    replayed, test = (_learned(bundle, replay, part, as_, data_dir) for part in ("train", "test"))
    original = load_classifier(model)
    backend = use_backend(backend)
    weights = weights_of(bundle)
    folds = list(folds_of(labels, seed))
    total = len(folds) + 1
    with tqdm(
        total=total * len(weights) * epochs,
        unit="epoch", disable=not progress, dynamic_ncols=True,
    ) as bar:  # fmt: skip
        options: dict[str, Any] = {
            "seed": seed, "epochs": epochs, "backend": backend, "log": False,
            "on_epoch": lambda _: bar.update(),
        }  # fmt: skip
        known = replayed.images, replayed.labels
        judged = []
        for number, fold in enumerate(folds, 1):
            _log.info(
                "fine-tuning %d of %d: learns %s, %s are held out",
                number, total, count(len(own) - len(fold), "image"), f"{len(fold):,}",
            )  # fmt: skip
            judged.append(_judge(recipe, weights, (images, labels), fold, known, options))
        _log.info("fine-tuning %d of %d: learns all %s", total, total, count(len(own), "image"))
        networks, trainings = fine_tune(recipe, weights, (images, labels), known, **options)
    held_out = np.concatenate([one.places for one in judged])
    logits = np.concatenate([one.logits for one in judged], axis=1)
    recipe = _calibrated(recipe, logits, labels[held_out])
    network = finish_network(recipe, *networks)
    graph = onnx_model(recipe, network_weights(network))
    classifier = OnnxClassifier(graph)
    after = softmax(logits, recipe.temperature).mean(axis=0).astype(np.float32)
    correct = after.argmax(axis=1) == labels[held_out]
    threshold = _threshold(original, classifier, after, correct, replayed)
    line_weight = choose_line_weight(original, images[held_out], after, labels[held_out], threshold)
    gain = measure_gain(
        original.predict_proba(images[held_out]).argmax(axis=1) == labels[held_out],
        correct,
        after.max(axis=1) >= threshold,
    )
    meta = adapted_meta(
        bundle, recipe, seed=seed, epochs=epochs, test=_test_figures(classifier, test),
        seconds=sum(one.seconds for one in trainings), backend=backend,
        parity=check_parity(network, classifier, replayed.images[:1000]),
        command=command_of(model, data, folder, seed, epochs, replay),
        adapted=adapted_facts(model, bundle, own, labels, len(folds), gain), threshold=threshold,
        line_weight=line_weight,
    )  # fmt: skip
    history = joined_history(trainings)
    report = render_adapted(meta, history, gain, images[held_out], labels[held_out], after)
    contents = {
        KERAS: keras_file(network, folder),
        ONNX: graph,
        RECIPE: recipe_text(recipe).encode(),
        **history_files(history),
        REPORT: report.encode(),
    }
    return AdaptResult(folder, write_bundle(folder, contents, meta).meta)


def _default_folder(model: str | Path) -> Path:
    return Path("runs") / f"{Path(model).name}-adapted-{datetime.now():%Y%m%d-%H%M%S}"


def _labels_of(own: Dataset, classes: tuple[str, ...]) -> Labels:
    """Return the labels as the model numbers its classes."""
    if unknown := sorted(set(own.classes) - set(classes)):
        raise UsageError(
            f"{own.name} has the class {unknown[0]!r}, which the model lacks; it has: "
            f"{', '.join(classes)}"
        )
    if len(own) < FEWEST_DIGITS:
        raise DataError(
            f"{own.name} holds {len(own)} digits: give at least {FEWEST_DIGITS}, better a few "
            "hundred"
        )
    return np.array([classes.index(name) for name in own.classes], np.uint8)[own.labels]


def _learned(
    bundle: Bundle, replay: DataLike | None, split: str, as_: str, data_dir: str | Path | None
) -> Dataset:
    """Return a part of the data set that a model was trained on."""
    source = replay or bundle.meta.get("data", {}).get("source") or MNIST
    found = load_dataset(source, split, as_=as_, data_dir=data_dir)
    if found.classes != classes_of(bundle):
        raise UsageError(
            f"{found.name} has other classes than the model: give --replay SOURCE, the data set "
            "that it was trained on"
        )
    return found


def _judge(
    recipe: Recipe,
    weights: list[Arrays],
    own: tuple[Images, Labels],
    places: npt.NDArray[np.int64],
    known: tuple[Images, Labels],
    options: dict[str, Any],
) -> _Judged:
    """Fine-tune on all digits but some, and read these."""
    learned = np.setdiff1d(np.arange(len(own[0])), places)
    networks, _ = fine_tune(recipe, weights, (own[0][learned], own[1][learned]), known, **options)
    return _Judged(places, logits_of(networks, own[0][places], recipe.tta_shifts))


def _calibrated(recipe: Recipe, logits: npt.NDArray[np.float64], labels: Labels) -> Recipe:
    """Return the recipe under a new name, with the temperature that fits the held-out digits.

    It is never below the old one: if few digits are all read correctly, the best temperature for
    them is as low as can be.
    """
    temperature = max(recipe.temperature, fit_temperature(logits, labels))
    name = recipe.name.removesuffix("-adapted")
    return replace(recipe, name=f"{name}-adapted", temperature=temperature)


def _threshold(
    original: Classifier,
    adapted: Classifier,
    held_out: Probabilities,
    correct: npt.NDArray[np.bool_],
    replayed: Dataset,
) -> float:
    old = ReaderSettings.from_dict(original.reading_settings).threshold
    rng = np.random.default_rng(0)
    marks = make_non_digits(MADE_UP_MARKS, replayed.images, replayed.labels, rng)
    accepted = float((original.digit_score(marks) >= old).mean())
    scores = held_out.max(axis=1).astype(np.float64)
    return choose_threshold(scores, correct, adapted.digit_score(marks), accepted)


def _test_figures(classifier: Classifier, test: Dataset) -> dict[str, Any]:
    probabilities = classifier.predict_proba(test.images)
    evaluation = evaluate(test.labels, probabilities)
    if test.source != MNIST:
        return evaluation.to_dict()
    return all_figures(evaluation, test.labels, probabilities)
