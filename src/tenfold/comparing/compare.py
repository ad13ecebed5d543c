"""Compare classifiers: fit all on the same images, read the same test images, measure the speed."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold.arrays import TRAIN_IMAGES, Images, Labels, Probabilities
from tenfold.classifiers.base import Classifier
from tenfold.comparing.cells import Cell, cell_of, fit_cell
from tenfold.comparing.contenders import Contender, Fitted
from tenfold.comparing.finding import DEFAULT, Classifiers, find_contenders
from tenfold.data.data_source import AnyData, choose_data, choose_train_size, load_test
from tenfold.data.datasets import MNIST
from tenfold.data.official import FILES
from tenfold.evaluation.corruptions import CORRUPTIONS, corrupt
from tenfold.evaluation.metrics import distinctive_errors, evaluate
from tenfold.evaluation.significance import compare_neighbors, rank
from tenfold.execution.progress import WorkBar, run_in_thread
from tenfold.machine import machine_facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE_SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, TRAIN_IMAGES)
"""Numbers of training images in the curve of errors by training images."""

CORRUPTED_IMAGES = 1_000
"""Number of test images under each corruption, the first ones."""

LEAST_IMAGES = 100
"""Least number of training images: fewer may lack a digit."""

_SINGLE, _MANY, _SECONDS = 200, 2_000, 2.0
"""Images read one by one and at once to measure the speed, and the time limit of each."""

_READING_SECONDS, _TIMING_SECONDS = 10.0, 4.0
"""Expected time to read all images, and to measure the speed, for the progress bar."""


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`: figures, and the images that some figures refer to.

    Attributes:
        result: What `tenfold compare --json` prints.
        images: uint8 (n, 28, 28), the test images that `result["errors"]` refers to.
    """

    result: dict[str, Any]
    images: Images

    def plot_ranking(self) -> "Figure":
        """Draw the figures of each classifier as dots; needs `tenfold[compare]`."""
        from tenfold.comparing.figures import plot_ranking

        return plot_ranking(self.result)

    def plot_curve(self) -> "Figure":
        """Draw the test errors of each classifier by its number of training images."""
        from tenfold.comparing.figures import plot_curve

        return plot_curve(self.result)


@dataclass(frozen=True)
class _Task:
    contender: Contender
    train_size: int
    whole: bool
    cell: Cell


def compare(
    classifiers: Classifiers = DEFAULT,
    *,
    train_size: int | None = None,
    data: AnyData = MNIST,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    timings: bool = False,
    progress: bool = False,
) -> Comparison:
    """Fit classifiers on the same training images and read the same test images with each.

    Results are kept in the cache (`tenfold.comparing.cells`), one cell for each classifier and
    number of training images. A second call computes only what is missing, also after a kill.
    Results of objects are not kept.

    Args:
        classifiers: Names, separated by commas; or names, paths and objects in a list; or these by
            name. An object has `predict_proba(images)` or `predict(images)`: a tenfold classifier,
            a scikit-learn estimator, which is fitted here unless it is fitted already, or one of
            your own (docs/how-to/comparing.md).
        train_size: Number of training images, the first ones, at least 100; all by default.
        data: Anything that `tenfold.load_dataset` takes or returned.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        data_dir: Where the MNIST files are, if not in the cache.
        timings: Measure the speed of each classifier again.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: A name is unknown, a package is missing, or there is no data.
    """
    source = choose_data(data, as_=as_, data_dir=data_dir)
    train, train_size = choose_train_size(source, train_size, least=LEAST_IMAGES, progress=progress)
    contenders = find_contenders(classifiers, train_size, train)
    train = train or source.load("train")
    images, labels = train.images, train.labels
    test_part = load_test(source, train.classes)
    test = test_part.images, test_part.labels
    hashes = FILES if source.is_mnist else {"train": train.sha256, "test": test_part.sha256}
    facts = {"data": source.title, "classes": list(train.classes), "test_images": len(test_part)}
    with TemporaryDirectory() as aside:
        tasks = _tasks(contenders, train_size, hashes, Path(aside))
        _work(tasks, (images, labels), test, timings=timings, progress=progress)
        result = _result(contenders, tasks, train_size, test[1])
    return Comparison(result | facts, test[0])


def _work(
    tasks: Sequence[_Task],
    train: tuple[Images, Labels],
    test: tuple[Images, Labels],
    *,
    timings: bool,
    progress: bool,
) -> None:
    """Do all tasks whose cells lack something, and write the cells."""
    missing = [task for task in tasks if task.cell.facts() is None]
    untimed = [one for one in tasks if one.whole and (timings or one.cell.timings() is None)]
    total = sum(map(_expected, missing)) + _TIMING_SECONDS * len(untimed)
    images, labels = train
    with WorkBar(total, progress) as bar:
        figures = _TestFigures(*test)
        for task in missing:
            bar.begin(f"{task.contender.name}, {task.train_size:,} images", _expected(task))
            part = slice(0, task.train_size)
            fit_cell(
                task.cell, task.contender, images[part], labels[part],
                partial(figures.measure, task), bar,
            )  # fmt: skip
        for task in untimed:
            bar.begin(f"{task.contender.name}: timing", _TIMING_SECONDS)
            run_in_thread(partial(_measure_speed, task, test[0]), bar.tick)


def _tasks(
    contenders: Sequence[Contender], train_size: int, data: Mapping[str, str], aside: Path
) -> list[_Task]:
    """Return all tasks, few images first; results that are not kept have their cells aside."""
    tasks = []
    for size in (*(size for size in CURVE_SIZES if size < train_size), train_size):
        whole = size == train_size
        for one in contenders:
            if whole or one.learns:
                folder = None if one.kept else aside
                cell = cell_of(one.settings(size), size, data=data, whole=whole, folder=folder)
                tasks.append(_Task(one, size, whole, cell))
    return tasks


def _expected(task: _Task) -> float:
    """Return the expected seconds of a task."""
    return task.contender.expected_seconds(task.train_size) + _READING_SECONDS * task.whole


class _TestFigures:
    """Measures classifiers on the test images, and on corrupted ones, which are made once."""

    def __init__(self, images: Images, labels: Labels) -> None:
        self._images, self._labels = images, labels
        self._corrupted: dict[str, Images] = {}

    def measure(
        self, task: _Task, fitted: Fitted
    ) -> tuple[dict[str, Any], Probabilities, bytes | None]:
        """Return the facts of a cell, float32 (10000, 10), and the file of a whole cell."""
        probabilities = fitted.classifier.predict_proba(self._images)
        figures = evaluate(self._labels, probabilities).to_dict()
        facts: dict[str, Any] = {
            "name": task.contender.name,
            "train_size": task.train_size,
            "train_seconds": None if fitted.seconds is None else round(fitted.seconds, 3),
            "processor_seconds": fitted.processor_seconds and round(fitted.processor_seconds, 3),
            "test": {
                key: figures[key] for key in ("n", "accuracy", "accuracy_interval", "loss", "ece")
            },
        }
        if not task.whole:
            return facts, probabilities, None
        facts["corruptions"] = self._corrupted_accuracy(fitted.classifier)
        facts["size_bytes"] = None if fitted.data is None else len(fitted.data)
        return facts, probabilities, fitted.data

    def _corrupted_accuracy(self, classifier: Classifier) -> dict[str, float]:
        labels = self._labels[:CORRUPTED_IMAGES]
        found = {}
        for name in CORRUPTIONS:
            if name not in self._corrupted:
                self._corrupted[name] = corrupt(self._images[:CORRUPTED_IMAGES], name)
            answers = classifier.predict_proba(self._corrupted[name]).argmax(axis=1)
            found[name] = float((answers == labels).mean())
        return found


def _measure_speed(task: _Task, images: Images) -> None:
    classifier = task.contender.load(task.cell.model())
    task.cell.write_timings(measure_speed(classifier, images))


def measure_speed(classifier: Classifier, images: Images) -> dict[str, Any]:
    """Measure the latency of one image, and the number of images read per second.

    Returns:
        `latency_ms`: median, p99 and n of reading one image; `images_per_second`: the best of
        three readings of 2,000 images at once; `load_before`: mean number of running processes in
        the minute before.
    """
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    classifier.predict_proba(images[:1])
    single: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(single) < _SINGLE and (len(single) < 5 or time.perf_counter() < end):
        start = time.perf_counter()
        classifier.predict_proba(images[len(single) % len(images)])
        single.append(1000 * (time.perf_counter() - start))
    rates: list[float] = []
    many = images[:_MANY]
    end = time.perf_counter() + 2 * _SECONDS
    while len(rates) < 3 and (not rates or time.perf_counter() < end):
        start = time.perf_counter()
        classifier.predict_proba(many)
        rates.append(len(many) / (time.perf_counter() - start))
    return {
        "latency_ms": {
            "median": round(statistics.median(single), 4),
            "p99": round(float(np.percentile(single, 99)), 4),
            "n": len(single),
        },
        "images_per_second": round(max(rates)),
        "load_before": load,
    }


def _result(
    contenders: Sequence[Contender], tasks: Sequence[_Task], train_size: int, labels: Labels
) -> dict[str, Any]:
    whole = {task.contender.name: task.cell for task in tasks if task.whole}
    answers = {name: cell.probabilities() for name, cell in whole.items()}
    right = {name: answer.argmax(axis=1) == labels for name, answer in answers.items()}
    order = rank(right)
    by_name = {contender.name: contender for contender in contenders}
    errors = distinctive_errors(labels, answers)
    return {
        "train_size": train_size,
        "classifiers": [_row(by_name[name], whole[name]) for name in order],
        "curve": {name: _curve(name, tasks) for name in order},
        "neighbors": [asdict(pair) for pair in compare_neighbors(right)],
        "errors": {name: [asdict(error) for error in errors[name]] for name in order},
        "corrupted_images": min(CORRUPTED_IMAGES, len(labels)),
        "machine": machine_facts(),
    }


def _row(contender: Contender, cell: Cell) -> dict[str, Any]:
    facts, timings = cell.facts() or {}, cell.timings() or {}
    corruptions = facts["corruptions"]
    return {
        "name": contender.name,
        "kind": contender.kind,
        "title": contender.title,
        "note": contender.note,
        "parameters": contender.parameters(),
        **{key: facts[key] for key in ("test", "train_seconds", "processor_seconds")},
        "mnist_c": {"mean": float(np.mean(list(corruptions.values()))), **corruptions},
        "size_bytes": facts["size_bytes"],
        **timings,
    }


def _curve(name: str, tasks: Sequence[_Task]) -> list[dict[str, Any]]:
    points = []
    for task in tasks:
        if task.contender.name == name:
            facts = task.cell.facts() or {}
            points.append(
                {
                    "train_size": task.train_size,
                    "accuracy": facts["test"]["accuracy"],
                    "accuracy_interval": facts["test"]["accuracy_interval"],
                    "train_seconds": facts["train_seconds"],
                }
            )
    return points
