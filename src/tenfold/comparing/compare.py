"""Compare: many classifiers, the same images, every figure side by side."""

import os
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.base import Classifier
from tenfold.comparing.cells import Cell, cell_of
from tenfold.comparing.contenders import ALL_IMAGES, DEFAULT, Contender, find_contenders
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation.corruptions import CORRUPTIONS, corrupt
from tenfold.evaluation.metrics import distinctive_errors, evaluate
from tenfold.evaluation.significance import compare_neighbors, rank
from tenfold.execution.progress import WorkBar, run_in_thread
from tenfold.machine import machine_facts

CURVE_SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 60_000)

CORRUPTED_IMAGES = 1_000
"""Test images under each corruption, the first ones."""

LEAST_IMAGES = 100

_SINGLE, _MANY, _SECONDS = 200, 2_000, 2.0
"""Images read one by one and at once to measure speed, and the seconds after which each ends."""

_READING_SECONDS, _TIMING_SECONDS = 10.0, 4.0
"""About how long reading all images takes, and measuring speed; for telling the time left."""

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: JSON-ready figures, and what the pictures need beside them.

    Attributes:
        result: What `tenfold compare --json` prints.
        images: uint8 (10000, 28, 28), the test images that `result["errors"]` points into.
    """

    result: dict[str, Any]
    images: Images


@dataclass(frozen=True)
class _Task:
    contender: Contender
    train_size: int
    whole: bool
    cell: Cell


def compare(
    classifiers: str | list[str] = DEFAULT,
    *,
    train_size: int = ALL_IMAGES,
    data_dir: str | Path | None = None,
    timings: bool = False,
    progress: bool = False,
) -> Comparison:
    """Fit classifiers on the same training images and read the same test images with each.

    What is done is kept in the cache (`tenfold.comparing.cells`), one cell a classifier and
    training size, so a second call only does what is missing, also after a kill.

    Args:
        classifiers: Names, see `tenfold.comparing.contenders.find_contenders`.
        train_size: Learn from so many of the 60,000 images, the first; at least 100.
        data_dir: Where the MNIST files are, if not in the cache.
        timings: Measure again how fast each reads, though it is known.
        progress: Draw a progress bar on stderr.

    Raises:
        TenfoldError: A name that is none, a package that is missing, or no data.
    """
    if not LEAST_IMAGES <= train_size <= ALL_IMAGES:
        raise UsageError(
            f"train_size is {train_size}; it must lie between {LEAST_IMAGES} and {ALL_IMAGES:,}"
        )
    contenders = find_contenders(classifiers, train_size)
    images, labels = load_mnist("train", data_dir)
    test = load_mnist("test", data_dir)
    tasks = _tasks(contenders, train_size)
    missing = [task for task in tasks if task.cell.facts() is None]
    whole = [task for task in tasks if task.whole]
    untimed = [task for task in whole if timings or task.cell.timings() is None]
    total = sum(map(_expected, missing)) + _TIMING_SECONDS * len(untimed)
    with WorkBar(total, progress) as bar:
        corrupted = _Corrupted(*test)
        for task in missing:
            bar.begin(f"{task.contender.name}, {task.train_size:,} images", _expected(task))
            part = slice(0, task.train_size)
            _do(task, images[part], labels[part], test, corrupted, bar)
        for task in untimed:
            bar.begin(f"{task.contender.name}: timing", _TIMING_SECONDS)
            _measure(task, test[0], bar)
    return Comparison(_result(contenders, tasks, train_size, test[1]), test[0])


def _tasks(contenders: Sequence[Contender], train_size: int) -> list[_Task]:
    """Return all cells, few images first; shipped models learned from all and have no others."""
    tasks = []
    for size in (*(size for size in CURVE_SIZES if size < train_size), train_size):
        whole = size == train_size
        tasks += [
            _Task(one, size, whole, cell_of(one.settings(size), size, whole=whole))
            for one in contenders
            if whole or one.kind != "shipped"
        ]
    return tasks


def _do(
    task: _Task, images: Images, labels: Images, test: tuple[Images, Images],
    corrupted: "_Corrupted", bar: WorkBar,
) -> None:  # fmt: skip
    def work() -> None:
        checkpoints = task.cell.checkpoints()
        fitted = task.contender.fit(images, labels, checkpoints, bar.phase)
        bar.phase("reading")
        probabilities = fitted.classifier.predict_proba(test[0])
        figures = evaluate(test[1], probabilities).to_dict()
        facts: dict[str, Any] = {
            "name": task.contender.name,
            "train_size": task.train_size,
            "train_seconds": round(fitted.seconds, 3),
            "processor_seconds": fitted.processor_seconds and round(fitted.processor_seconds, 3),
            "test": {
                key: figures[key] for key in ("n", "accuracy", "accuracy_interval", "loss", "ece")
            },
        }
        if task.whole:
            bar.phase("reading corrupted images")
            facts["corruptions"] = corrupted.accuracy(fitted.classifier)
            facts["size_bytes"] = len(fitted.data)
        task.cell.write(facts, probabilities, fitted.data if task.whole else None)
        shutil.rmtree(checkpoints, ignore_errors=True)

    run_in_thread(work, bar.tick)


def _measure(task: _Task, images: Images, bar: WorkBar) -> None:
    def work() -> None:
        classifier = task.contender.load(task.cell.model())
        task.cell.write_timings(measure_speed(classifier, images))

    run_in_thread(work, bar.tick)


def _expected(task: _Task) -> float:
    """Return about how many seconds a cell takes."""
    return task.contender.expected_seconds(task.train_size) + _READING_SECONDS * task.whole


class _Corrupted:
    """The first test images under every corruption, made when first asked for."""

    def __init__(self, images: Images, labels: Images) -> None:
        self._images, self._labels = images[:CORRUPTED_IMAGES], labels[:CORRUPTED_IMAGES]
        self._made: dict[str, Images] = {}

    def accuracy(self, classifier: Classifier) -> dict[str, float]:
        """Return the fraction read right under each corruption."""
        found = {}
        for name in CORRUPTIONS:
            if name not in self._made:
                self._made[name] = corrupt(self._images, name)
            answers = classifier.predict_proba(self._made[name]).argmax(axis=1)
            found[name] = float((answers == self._labels).mean())
        return found


def measure_speed(classifier: Classifier, images: Images) -> dict[str, Any]:
    """Measure how long one image takes, and how many are read in a second.

    Returns:
        `latency_ms`: median and p99 of reading one image, and n; `images_per_second`: the best of
        three readings of 2,000 images at once; `load_before`: how busy the machine was, the
        mean number of running processes over the last minute.
    """
    busy = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    classifier.predict_proba(images[:1])
    single: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(single) < _SINGLE and (len(single) < 5 or time.perf_counter() < end):
        start = time.perf_counter()
        classifier.predict_proba(images[len(single)])
        single.append(1000 * (time.perf_counter() - start))
    rates: list[float] = []
    end = time.perf_counter() + 2 * _SECONDS
    while len(rates) < 3 and (not rates or time.perf_counter() < end):
        start = time.perf_counter()
        classifier.predict_proba(images[:_MANY])
        rates.append(_MANY / (time.perf_counter() - start))
    return {
        "latency_ms": {
            "median": round(statistics.median(single), 4),
            "p99": round(float(np.percentile(single, 99)), 4),
            "n": len(single),
        },
        "images_per_second": round(max(rates)),
        "load_before": busy,
    }


def _result(
    contenders: Sequence[Contender], tasks: Sequence[_Task], train_size: int, labels: Images
) -> dict[str, Any]:
    whole = {task.contender.name: task for task in tasks if task.whole}
    answers = {name: task.cell.probabilities() for name, task in whole.items()}
    right = {name: answer.argmax(axis=1) == labels for name, answer in answers.items()}
    order = rank(right)
    by_name = {contender.name: contender for contender in contenders}
    errors = distinctive_errors(labels, answers)
    return {
        "train_size": train_size,
        "classifiers": [_row(by_name[name], whole[name].cell) for name in order],
        "curve": {name: _curve(name, tasks) for name in order},
        "neighbors": [asdict(pair) for pair in compare_neighbors(right)],
        "errors": {name: [asdict(error) for error in errors[name]] for name in order},
        "corrupted_images": CORRUPTED_IMAGES,
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
            test = facts["test"]
            points.append(
                {
                    "train_size": task.train_size,
                    "accuracy": test["accuracy"],
                    "accuracy_interval": test["accuracy_interval"],
                    "train_seconds": facts["train_seconds"],
                }
            )
    return points
