"""Compare: many classifiers, the same images, every figure side by side."""

import os
import platform
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers import Classifier
from tenfold.comparison import compare_neighbours, own_errors, rank
from tenfold.corruptions import CORRUPTIONS, corrupt
from tenfold.data.mnist import load_mnist
from tenfold.errors import UsageError
from tenfold.evaluation import evaluate
from tenfold.workflows.cells import Cell, cell_of
from tenfold.workflows.contenders import ALL_IMAGES, Contender, find_contenders
from tenfold.workflows.training import processor

DEFAULT = "svm,linear-svm,forest,extra-trees,knn,logistic,boosting,mlp,fast,standard"

CURVE_SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 60_000)

CORRUPTED_IMAGES = 1_000
"""Test images under each corruption, the first ones."""

LEAST_IMAGES = 100

_SINGLE, _MANY, _SECONDS = 200, 2_000, 2.0
"""Images read one by one and at once to measure speed, and the seconds after which each ends."""

_PREDICT_SECONDS = 10
"""About how long a cell takes beside its fit, for telling the time left."""

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

    What is done is kept in the cache (`tenfold.workflows.cells`), one cell a classifier and
    training size, so a second call only does what is missing, also after a kill.

    Args:
        classifiers: Names, see `tenfold.workflows.contenders.find_contenders`.
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
    with _Bar(missing, progress) as bar:
        corrupted = _Corrupted(*test)
        for task in missing:
            bar.begin(task)
            part = slice(0, task.train_size)
            _do(task, images[part], labels[part], test, corrupted, bar)
        for task in [task for task in tasks if task.whole]:
            if timings or task.cell.timings() is None:
                bar.tell(f"{task.contender.name}: timing")
                model = task.contender.load(task.cell.model())
                task.cell.write_timings(measure_speed(model, test[0]))
    return Comparison(_result(contenders, tasks, train_size, test[1]), test[0])


def _tasks(contenders: Sequence[Contender], train_size: int) -> list[_Task]:
    """Return all cells, few images first; shipped models learnt from all and have no others."""
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
    corrupted: "_Corrupted", bar: "_Bar",
) -> None:  # fmt: skip
    def work() -> None:
        cpu = time.process_time()
        checkpoints = task.cell.checkpoints()
        fitted = task.contender.fit(images, labels, checkpoints, bar.phase)
        cpu = time.process_time() - cpu
        bar.phase("reading")
        probabilities = fitted.classifier.predict_proba(test[0])
        figures = evaluate(test[1], probabilities).to_dict()
        facts: dict[str, Any] = {
            "name": task.contender.name,
            "train_size": task.train_size,
            "train_seconds": None if fitted.seconds is None else round(fitted.seconds, 3),
            "processor_seconds": None if task.contender.kind == "shipped" else round(cpu, 3),
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

    _beside(work, bar.tick)


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
    errors = own_errors(labels, answers)
    return {
        "train_size": train_size,
        "classifiers": [_row(by_name[name], whole[name].cell) for name in order],
        "curve": {name: _curve(name, tasks) for name in order},
        "neighbours": [asdict(pair) for pair in compare_neighbours(right)],
        "errors": {name: [asdict(error) for error in errors[name]] for name in order},
        "corrupted_images": CORRUPTED_IMAGES,
        "machine": _machine(),
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


def _machine() -> dict[str, Any]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "tenfold": version("tenfold"),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _beside(work: Callable[[], None], tick: Callable[[], None]) -> None:
    """Do work in a thread of its own: Ctrl-C is heard at once, even while compiled code runs."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        tick()
    if errors:
        raise errors[0]


class _Bar:
    """Progress in expected seconds; moves on while a fit that tells nothing is under way."""

    def __init__(self, tasks: Sequence[_Task], shown: bool) -> None:
        from tqdm import tqdm

        self._expected = {id(task): _expected(task) for task in tasks}
        self._bar = tqdm(
            total=round(sum(self._expected.values()), 1), disable=not shown, dynamic_ncols=True,
            smoothing=0, bar_format="{desc}: {percentage:.0f}%|{bar}| {elapsed}, {remaining} left",
        )  # fmt: skip
        self._base = self._share = 0.0
        self._start = time.perf_counter()
        self._told = ""

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def begin(self, task: _Task) -> None:
        """Count what came before as done."""
        self._base += self._share
        self._share = self._expected[id(task)]
        self._start = time.perf_counter()
        self._told = f"{task.contender.name}, {task.train_size:,} images"
        self.phase("")

    def phase(self, doing: str) -> None:
        """Say what is being done with the classifier at hand."""
        self.tell(f"{self._told}: {doing}" if doing else self._told)

    def tell(self, text: str) -> None:
        """Say what is being done."""
        self._bar.set_description_str(text, refresh=True)

    def tick(self) -> None:
        """Move on: what was expected by now, slower the later it gets, never to the end."""
        gone = (time.perf_counter() - self._start) / self._share
        self._bar.n = self._base + self._share * gone / (1 + gone)
        self._bar.refresh()


def _expected(task: _Task) -> float:
    return task.contender.expected_seconds(task.train_size) + _PREDICT_SECONDS * task.whole
