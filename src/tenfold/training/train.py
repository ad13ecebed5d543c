"""Train: MNIST, a recipe, one look at the test set, and the bundle."""

import logging
import shlex
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.classifiers.bundle import (
    HISTORY,
    HISTORY_LINES,
    KERAS,
    META,
    ONNX,
    REPORT,
    history_csv,
    history_lines,
    load_bundle,
    summary_of,
    write_bundle,
)
from tenfold.classifiers.onnx import OnnxClassifier
from tenfold.data.mnist import load_mnist
from tenfold.data.sources import FILES
from tenfold.errors import TrainingError, UsageError
from tenfold.evaluation.evaluate import all_figures
from tenfold.evaluation.metrics import evaluate, hardest_images
from tenfold.evaluation.significance import summarize
from tenfold.execution.engine import Engine
from tenfold.exporting.graph import onnx_model
from tenfold.exporting.weights import network_weights
from tenfold.files import temporary_folder
from tenfold.machine import hardware, versions
from tenfold.networks.backend import use_backend
from tenfold.networks.build import effective_precision, finish_network
from tenfold.recipes.catalog import DEFAULT, load_recipe
from tenfold.recipes.recipe import Recipe, count_parameters, describe
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.training.members import fit_members, joined_history
from tenfold.training.remote_members import Elsewhere, members_elsewhere, splits_of
from tenfold.training.run_folder import (
    CHECKPOINTS,
    REQUEST,
    Request,
    default_folder,
    end_run,
    only_here,
    read_request,
    start_run,
)

PARITY_IMAGES = 1000
"""Training images on which Keras and ONNX Runtime must agree before a bundle is written."""

PARITY_TOLERANCE = 1e-4
"""Largest difference in a probability; float32 sums in another order give about 1e-6."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """One finished training: the bundle's folder and the figures in its meta.json."""

    bundle: Path
    meta: dict[str, Any]

    @property
    def accuracy(self) -> float:
        """Fraction of the test images read right."""
        return float(self.meta["test"]["accuracy"])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as `tenfold train --json` prints them."""
        return summary_of(self.meta) | {"bundle": str(self.bundle)}


def train(
    recipe: str | Path | Recipe = DEFAULT,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    train_size: int | None = None,
    val_size: int = 0,
    data_dir: str | Path | None = None,
    backend: str | None = None,
    deterministic: bool = False,
    progress: bool = False,
) -> TrainResult:
    """Train a recipe on MNIST, evaluate it once on the test images, and write a bundle.

    Args:
        recipe: A name, a .json file, or a recipe.
        seed: Decides everything random; 0 or more.
        out: Folder for the bundle; runs/<recipe>-seed<N>-<time> if not given.
        train_size: Take only so many training images, the first ones.
        val_size: Hold so many of the 60,000 back and judge every epoch on them.
        data_dir: Where the MNIST files are, if not in the cache.
        backend: "tensorflow", "jax" or "torch"; by default the fastest that fits.
        deterministic: Same seed, machine and backend give the same weights, bit for bit.
        progress: Draw a progress bar on stderr.

    Returns:
        The folder and the figures. Needs `tenfold[train]`.

    Raises:
        TenfoldError: Anything that stops it; the message says what.
    """
    request = make_request(
        recipe, seed=seed, train_size=train_size, val_size=val_size, data_dir=data_dir,
        backend=backend, deterministic=deterministic,
    )  # fmt: skip
    folder = Path(out) if out else default_folder(request.recipe, seed)
    start_run(folder, request)
    return run(folder, request, progress=progress)[0]


def make_request(
    recipe: str | Path | Recipe,
    *,
    seed: int = 0,
    seeds: int = 1,
    train_size: int | None = None,
    val_size: int = 0,
    data_dir: str | Path | None = None,
    backend: str | None = None,
    deterministic: bool = False,
) -> Request:
    """Check what is asked for, before anything is written, and put it in one value.

    Raises:
        UsageError: A number is out of range, or there is no such recipe.
    """
    if not 0 <= seed <= 2**31:
        raise UsageError(f"the seed is {seed}; it must lie between 0 and {2**31}")
    if seeds < 1:
        raise UsageError(f"seeds is {seeds}; it must be at least 1")
    if not 0 <= val_size < 60_000:
        raise UsageError(f"val_size is {val_size}; it must lie between 0 and 59,999")
    if train_size is not None and not 1 <= train_size <= 60_000 - val_size:
        raise UsageError(
            f"train_size is {train_size}; it must lie between 1 and {60_000 - val_size:,}"
        )
    found = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    return Request(
        recipe=found,
        seed=seed,
        seeds=seeds,
        train_size=train_size,
        val_size=val_size,
        # Absolute, so that a run can be resumed from elsewhere.
        data_dir=str(Path(data_dir).absolute()) if data_dir else None,
        backend=use_backend(backend),
        deterministic=deterministic,
    )


def run(
    folder: Path, request: Request, *, progress: bool = False, engine: Engine | None = None
) -> list[TrainResult]:
    """Train, or go on training, a started run of one seed or of several.

    Args:
        folder: From `start_run`.
        request: What it was asked to do.
        progress: Draw a progress bar on stderr.
        engine: Trains the members of all seeds; None trains them here, one after the other.
    """
    if request.seeds > 1:
        return _run_all(folder, request, progress, engine)
    return [_run_one(folder, request, progress, engine)]


def _run_one(folder: Path, request: Request, progress: bool, engine: Engine | None) -> TrainResult:
    if engine is None:
        return _finish(folder, request, progress)
    with members_elsewhere({folder: request}, engine, progress=progress) as elsewhere:
        return _finish(folder, request, progress, elsewhere)


def _finish(
    folder: Path, request: Request, progress: bool, elsewhere: Elsewhere | None = None
) -> TrainResult:
    """Train what is not trained elsewhere, and write the bundle."""
    from tenfold.training.report import render_report  # imports matplotlib

    with only_here(folder):
        (images, labels), validation = splits_of(request)
        if elsewhere:
            elsewhere.bring_home(folder)
        trained = fit_members(
            request.recipe, images, labels, seed=request.seed, validation=validation,
            backend=request.backend, deterministic=request.deterministic,
            checkpoints=folder / CHECKPOINTS, progress=progress and not elsewhere,
        )  # fmt: skip
        history = joined_history(trained)
        network = finish_network(request.recipe, *[one.network for one in trained])
        graph = onnx_model(request.recipe, network_weights(network))
        classifier = OnnxClassifier(graph)
        parity = _check_parity(network, classifier, images[:PARITY_IMAGES])
        test_images, test_labels = load_mnist("test", request.data_dir)
        probabilities = classifier.predict_proba(test_images)
        evaluation = evaluate(test_labels, probabilities)
        figures = all_figures(evaluation, test_labels, probabilities)
        seconds = sum(one.seconds for one in trained)
        meta = _meta(request, seconds, figures, len(images), parity)
        hardest = hardest_images(test_labels, probabilities)
        report = render_report(
            meta=meta,
            layers=describe(request.recipe),
            history=history,
            evaluation=evaluation,
            hardest=hardest,
            hardest_images=test_images[[hard.index for hard in hardest]],
        )
        contents = {
            KERAS: _keras_file(network, folder),
            ONNX: graph,
            HISTORY: history_csv(history),
            HISTORY_LINES: history_lines(history),
            REPORT: report.encode(),
        }
        bundle = write_bundle(folder, contents, meta)
        end_run(folder)
    return TrainResult(folder, bundle.meta)


def _run_all(
    folder: Path, request: Request, progress: bool, engine: Engine | None
) -> list[TrainResult]:
    """Train every seed of a started run, each into seed<N> below its folder.

    Seeds that are finished are taken as they are, an interrupted one goes on.
    """
    seeds = range(request.seed, request.seed + request.seeds)
    runs = {
        folder / f"seed{seed}": Request(**{**vars(request), "seed": seed, "seeds": 1})
        for seed in seeds
    }
    with only_here(folder):
        todo = {below: one for below, one in runs.items() if not (below / META).is_file()}
        with (
            members_elsewhere(todo, engine, progress=progress) if engine else nullcontext()
        ) as elsewhere:
            results = []
            for number, (below, one) in enumerate(runs.items(), 1):
                if below not in todo:
                    results.append(TrainResult(below, load_bundle(below).meta))
                    continue
                if not (below / REQUEST).is_file():
                    start_run(below, one)
                _log.info("seed %d (%d of %d)", one.seed, number, len(runs))
                results.append(_finish(below, one, progress, elsewhere))
        end_run(folder)
    return results


def resume(
    folder: Path, *, progress: bool = False, engine: Engine | None = None
) -> list[TrainResult]:
    """Go on with an interrupted run, of one seed or of several; see `run`.

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
    return {
        "recipe": results[0].meta["recipe"]["name"],
        "runs": [result.to_dict() for result in results],
        "test": {"accuracy": accuracy},
    }


def _check_parity(
    network: Any, classifier: OnnxClassifier, images: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    keras_says = network.predict(images, batch_size=250, verbose=0)
    difference = float(np.abs(keras_says - classifier.predict_proba(images)).max())
    if not difference <= PARITY_TOLERANCE:
        raise TrainingError(
            f"Keras and ONNX Runtime disagree by {difference:.2g} on the same weights; "
            "nothing was exported"
        )
    return {"images": len(images), "largest_difference": difference}


def _keras_file(network: Any, folder: Path) -> bytes:
    with temporary_folder(folder / "model") as aside:
        network.save(aside / KERAS)
        return (aside / KERAS).read_bytes()


def _meta(
    request: Request,
    train_seconds: float,
    test: dict[str, Any],
    train_images: int,
    parity: dict[str, Any],
) -> dict[str, Any]:
    recipe = request.recipe
    return {
        "recipe": recipe_to_dict(recipe),
        "seed": request.seed,
        "parameters": count_parameters(recipe),
        "epochs": recipe.epochs,
        "train_seconds": round(train_seconds, 2),
        "test": test,
        "train_images": train_images,
        "val_images": request.val_size,
        "command": _command(request),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": {
            **hardware(),
            "backend": request.backend,
            "precision": effective_precision(recipe),
            "deterministic": request.deterministic,
        },
        "data": dict(FILES),
        "input": {
            "name": "images",
            "dtype": "uint8",
            "shape": ["n", 28, 28],
            "meaning": "white ink on black, 0..255; a digit fitted into 20x20, "
            "its center of mass at the center",
        },
        "output": {"name": "probabilities", "dtype": "float32", "shape": ["n", 10]},
        "onnx_against_keras": parity,
    }


def _command(request: Request) -> str:
    """Return the command that trains the same again; the recipe's settings are in `recipe`."""
    words = ["tenfold", "train", "--recipe", request.recipe.name, "--seed", str(request.seed)]
    if request.train_size:
        words += ["--train-size", str(request.train_size)]
    if request.val_size:
        words += ["--val-size", str(request.val_size)]
    if request.deterministic:
        words.append("--deterministic")
    return shlex.join(words)
