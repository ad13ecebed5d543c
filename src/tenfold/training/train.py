"""The verb train: a data set, a recipe, one evaluation on the test images, and the bundle."""

import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from tenfold.classifiers.bundle import (
    KERAS,
    META,
    ONNX,
    RECIPE,
    REPORT,
    history_files,
    load_bundle,
    write_bundle,
)
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.data_source import AnyData, labels_for
from tenfold.data.datasets import MNIST
from tenfold.evaluation.evaluate import all_figures
from tenfold.evaluation.metrics import evaluate, hardest_images
from tenfold.evaluation.significance import summarize
from tenfold.execution.engine import Engine
from tenfold.networks.backend import use_backend
from tenfold.recipes.catalog import DEFAULT
from tenfold.recipes.recipe import Recipe, describe
from tenfold.recipes.recipe_file import recipe_text
from tenfold.training.keras_file import check_parity, keras_file
from tenfold.training.members import (
    RemoteMembers,
    fit_members,
    graph_of_members,
    joined_history,
    start_members,
)
from tenfold.training.meta import run_meta
from tenfold.training.request import Request, load_splits, make_request
from tenfold.training.result import TrainResult
from tenfold.training.run_folder import (
    CHECKPOINTS,
    REQUEST,
    default_folder,
    end_run,
    only_here,
    read_request,
    start_run,
)

PARITY_IMAGES = 1000
"""Training images on which Keras and ONNX Runtime must agree before a bundle is written."""

_log = logging.getLogger(__name__)


def train(
    recipe: str | Path | Recipe = DEFAULT,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    train_size: int | None = None,
    val_size: int = 0,
    data: AnyData = MNIST,
    as_: str | None = None,
    data_dir: str | Path | None = None,
    backend: str | None = None,
    deterministic: bool = False,
    progress: bool = False,
    seconds: float | None = None,
) -> TrainResult:
    """Train a recipe, evaluate it once on the test images, and write a bundle.

    Args:
        recipe: A name, a .json file, or a recipe.
        seed: Decides everything random; 0 or more.
        out: Folder for the bundle; runs/<recipe>-seed<N>-<time> if not given.
        train_size: Number of training images, the first ones; all by default.
        val_size: Number of training images, the last ones, that are not trained on but evaluated
            after every epoch. The test images are then left alone, for `evaluate`.
        data: What to train on: anything that `tenfold.load_dataset` takes or returned.
        as_: "digits" or "images"; see `tenfold.load_dataset`.
        data_dir: Where the MNIST files are, if not in the cache.
        backend: "tensorflow", "jax" or "torch"; by default the fastest on this machine.
        deterministic: The same seed, machine, backend and number of threads give the same
            weights, bit for bit.
        progress: Draw a progress bar on stderr.
        seconds: Take, instead of `recipe`, the best known recipe for this training time on this
            machine, whose speed is measured first (`tenfold.training.budget`).

    Returns:
        The folder and the figures. Needs `tenfold[train]`.

    Raises:
        TenfoldError: The training cannot start or go on; the message says why.
    """
    request = make_request(
        recipe, seed=seed, train_size=train_size, val_size=val_size, data=data, as_=as_,
        data_dir=data_dir, backend=backend, deterministic=deterministic, progress=progress,
        seconds=seconds,
    )  # fmt: skip
    folder = Path(out) if out else default_folder(request.recipe, seed)
    start(folder, request)
    return run(folder, request, progress=progress)[0]


def start(folder: Path, request: Request) -> None:
    """Make the folder of a new run, unless the test part that it ends with is missing.

    Raises:
        DataError: The test part is missing, damaged, or has a class that the training part lacks.
        UsageError: The folder is not empty; nothing in it is changed.
    """
    if not request.val_size:
        request.data.check_test(request.classes)
    start_run(folder, request)


def run(
    folder: Path, request: Request, *, progress: bool = False, engine: Engine | None = None
) -> list[TrainResult]:
    """Train a started run of one seed, or of several, each in seed<N> below its folder.

    An interrupted run continues; finished seeds are taken as they are.

    Args:
        folder: From `start`.
        request: What it was asked to do.
        progress: Draw a progress bar on stderr.
        engine: Trains the members of all seeds; None trains them here, one after the other.
    """
    if request.seeds == 1:
        return _train_runs({folder: request}, progress, engine)
    seeds = range(request.seed, request.seed + request.seeds)
    runs = {folder / f"seed{seed}": replace(request, seed=seed, seeds=1) for seed in seeds}
    with only_here(folder):
        results = _train_runs(runs, progress, engine)
        end_run(folder)
    return results


def _train_runs(
    runs: dict[Path, Request], progress: bool, engine: Engine | None
) -> list[TrainResult]:
    """Train runs of one seed each, by folder, and take those that are finished."""
    todo = {
        folder: one
        for folder, one in runs.items()
        if (folder / REQUEST).is_file() or not (folder / META).is_file()
    }
    results = []
    with start_members(todo, engine, progress=progress) if engine else nullcontext() as remote:
        for number, (folder, one) in enumerate(runs.items(), 1):
            if folder not in todo:
                results.append(TrainResult(folder, load_bundle(folder).meta))
                continue
            if len(runs) > 1:
                _log.info("seed %d (%d of %d)", one.seed, number, len(runs))
            if not (folder / REQUEST).is_file():
                start_run(folder, one)
            results.append(_train_one(folder, one, progress, remote))
    return results


def _train_one(
    folder: Path, request: Request, progress: bool, remote: RemoteMembers | None
) -> TrainResult:
    """Train what is not trained on an engine, and write the bundle."""
    from tenfold.training.report import render_report  # imports matplotlib

    with only_here(folder):
        if (folder / META).is_file():  # a kill came between the bundle and the end of the run
            finished = load_bundle(folder)
            end_run(folder)
            return TrainResult(folder, finished.meta)
        (images, labels), validation = load_splits(request)
        if remote:
            remote.collect(folder)
        trained = fit_members(
            request.recipe, images, labels, seed=request.seed, validation=validation,
            backend=request.backend, deterministic=request.deterministic,
            checkpoints=folder / CHECKPOINTS, progress=progress and not remote,
        )  # fmt: skip
        history = joined_history(trained)
        network, graph = graph_of_members(request.recipe, trained)
        classifier = OnnxClassifier(graph)
        parity = check_parity(network, classifier, images[:PARITY_IMAGES])
        if validation:
            judged_images, judged_labels = validation
        else:
            test = request.data.load("test")
            judged_images, judged_labels = test.images, labels_for(test, request.classes)
        probabilities = classifier.predict_proba(judged_images)
        evaluation = evaluate(judged_labels, probabilities)
        figures = all_figures(
            evaluation, judged_labels, probabilities,
            mnist=request.data.is_mnist and not validation,
        )  # fmt: skip
        meta = run_meta(
            request,
            train_seconds=sum(one.seconds for one in trained),
            train_images=len(images),
            test=None if validation else figures,
            validation=figures if validation else None,
            parity=parity,
        )
        hardest = hardest_images(judged_labels, probabilities)
        report = render_report(
            meta=meta,
            layers=describe(request.recipe),
            history=history,
            evaluation=evaluation,
            hardest=hardest,
            hardest_images=judged_images[[hard.index for hard in hardest]],
        )
        contents = {
            KERAS: keras_file(network, folder),
            ONNX: graph,
            RECIPE: recipe_text(request.recipe).encode(),
            **history_files(history),
            REPORT: report.encode(),
        }
        bundle = write_bundle(folder, contents, meta)
        end_run(folder)
    return TrainResult(folder, bundle.meta)


def resume(
    folder: Path, *, progress: bool = False, engine: Engine | None = None
) -> list[TrainResult]:
    """Continue an interrupted run, of one seed or of several; see `run`.

    Raises:
        UsageError: The folder holds no interrupted run.
    """
    request = read_request(folder)
    use_backend(request.backend)
    return run(folder, request, progress=progress, engine=engine)


def results_to_dict(results: list[TrainResult]) -> dict[str, Any]:
    """Return the figures of several seeds as `tenfold train --seeds N --json` prints them."""
    spread = summarize([result.accuracy for result in results])
    accuracy = {name: getattr(spread, name) for name in ("mean", "sd", "min", "max", "n")}
    judged: dict[str, Any] = {"test": {"accuracy": accuracy}}
    if results[0].meta["test"] is None:
        judged = {"test": None, "validation": {"accuracy": accuracy}}
    return {
        "recipe": results[0].meta["recipe"]["name"],
        "runs": [result.to_dict() for result in results],
        **judged,
    }
