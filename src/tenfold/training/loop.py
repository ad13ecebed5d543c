"""The one training loop: compiled steps, live progress, checkpoints, an eye on trouble."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import CLASSES
from tenfold.errors import TrainingError
from tenfold.files import sha256
from tenfold.formatting import count
from tenfold.machine import has_gpu
from tenfold.networks.backend import use_backend
from tenfold.networks.build import DataFormat, build_network, effective_precision
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.training.batches import Batches, Chunk
from tenfold.training.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from tenfold.training.optimizers import build_optimizer, learning_rate_at
from tenfold.training.program import Program, compile_steps, smoothed

CHANCE_MARGIN = 0.1
"""Below chance (0.1) plus this after the first epochs, a training has learned next to nothing:
the simplest recipe is above 0.85 after one."""

CHANCE_EPOCHS = 2
"""Epochs after which a training must be above chance."""

STEPS_AT_ONCE = 16
"""Steps that run without coming back to Python; past 8 or so there is nothing left to gain."""

_VALIDATION_BATCH = 500

_log = logging.getLogger(__name__)

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Trained:
    """A finished training: the Keras network as trained, one history row per epoch, seconds.

    `seconds` is the wall time of the fit: tracing, augmentation, validation and checkpoints
    included; imports, reading the data and building the network are not.
    """

    network: Any
    history: list[dict[str, Any]]
    seconds: float


def fit(
    recipe: Recipe,
    images: Images,
    labels: Labels,
    *,
    seed: int = 0,
    validation: tuple[Images, Labels] | None = None,
    backend: str | None = None,
    data_format: DataFormat = "channels_last",
    deterministic: bool = False,
    checkpoints: Path | None = None,
    steps_at_once: int | None = None,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    progress: bool = False,
) -> Trained:
    """Train a recipe on images, from the start or from the newest checkpoint.

    Args:
        recipe: What to train and how.
        images: uint8 (n, 28, 28), white ink on black.
        labels: uint8 (n,), 0..9.
        seed: Decides the first weights, the order of images, augmentation and dropout.
        validation: Images and labels judged after every epoch; no training uses them.
        backend: See `tenfold.networks.backend.use_backend`.
        data_format: Where the one channel stands inside the network.
        deterministic: Same seed, same machine, same backend: same weights, bit for bit. Slower.
        checkpoints: Folder for a checkpoint after every epoch; if it holds one, training goes
            on from there.
        steps_at_once: Steps between two looks from Python. None takes 16, and with JAX on a GPU
            the whole epoch: its images go over once and the epoch is one program.
        on_epoch: Is told the row of every epoch, once its checkpoint is written; what it raises
            ends the training.
        progress: Draw a progress bar on stderr.

    Raises:
        TrainingError: Fewer images than one batch, a loss that is no longer a number, or a
            checkpoint of another network.
    """
    if len(images) < recipe.batch_size:
        raise TrainingError(
            f"{len(images)} images do not fill one batch of {recipe.batch_size}; "
            "take more images or a smaller --batch-size"
        )
    backend = use_backend(backend)
    import keras

    # Even a seed that other software takes for "unset" must decide everything.
    keras.utils.set_random_seed(seed)
    if deterministic:
        _make_deterministic(backend)
    batches = Batches(
        images, labels, recipe.batch_size, recipe.augmentation, seed, recipe.epoch_images,
        recipe.epochs - recipe.cooldown_epochs,
    )  # fmt: skip
    network = build_network(
        recipe, data_format=data_format, precision=effective_precision(recipe), fused=True
    )
    optimizer = build_optimizer(recipe.optimizer, recipe.schedule, batches.steps * recipe.epochs)
    optimizer.build(network.trainable_variables)
    # Every variable that training moves: weights, statistics, dropout seeds, optimizer.
    state = [*network.variables, *optimizer.variables]
    history: list[dict[str, Any]] = []
    spent = 0.0
    asked = _hash_of(recipe, images, labels, validation, seed, backend)
    if checkpoints and (found := latest_checkpoint(checkpoints)):
        if found.request != asked:
            raise TrainingError(
                f"{checkpoints} holds checkpoints of another training: recipe, seed, images or "
                "backend differ. Restore its run.json, or start anew with another --out"
            )
        _restore(state, found)
        history, spent = list(found.history), found.seconds
    if steps_at_once is None:
        steps_at_once = batches.steps if backend == "jax" and has_gpu() else STEPS_AT_ONCE
    start = time.perf_counter() - spent
    with _Bar(recipe, batches.steps, len(history), progress) as bar:
        program = compile_steps(network, optimizer, recipe.label_smoothing)
        epochs = range(len(history), recipe.epochs)
        for epoch, chunks in zip(epochs, batches.epochs(epochs, steps_at_once), strict=True):
            epoch_start = time.perf_counter()
            row = {"epoch": epoch + 1} | _train(program, chunks, epoch, bar)
            if validation:
                row |= _validate(network, *validation, recipe.label_smoothing)
            row["learning_rate"] = bar.learning_rate(-1)
            row["seconds"] = round(time.perf_counter() - epoch_start, 3)
            history.append(row)
            _tell(recipe, row)
            if checkpoints:
                arrays = [keras.ops.convert_to_numpy(variable) for variable in state]
                seconds = time.perf_counter() - start
                save_checkpoint(checkpoints, Checkpoint(asked, epoch + 1, seconds, history, arrays))
            if on_epoch:
                on_epoch(row)
    return Trained(network, history, time.perf_counter() - start)


def _hash_of(
    recipe: Recipe,
    images: Images,
    labels: Labels,
    validation: tuple[Images, Labels] | None,
    seed: int,
    backend: str,
) -> str:
    """Return a hash of all that decides a training; images count by their number and labels."""
    trained = replace(recipe, name="", summary="", members=1, temperature=1.0)
    held_out = len(validation[0]) if validation else 0
    facts = [recipe_to_dict(trained), len(images), held_out, seed, backend]
    return sha256(json.dumps(facts, sort_keys=True).encode() + labels.tobytes())


def _make_deterministic(backend: str) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
    # JAX on a CPU is deterministic as it is.


def _restore(state: list[Any], checkpoint: Checkpoint) -> None:
    shapes = [tuple(variable.shape) for variable in state]
    if shapes != [array.shape for array in checkpoint.arrays]:
        raise TrainingError("the checkpoint belongs to another network; start anew elsewhere")
    for variable, array in zip(state, checkpoint.arrays, strict=True):
        variable.assign(array)


class _Bar:
    """The progress bar, and how far a training has come."""

    def __init__(self, recipe: Recipe, steps: int, epochs_done: int, shown: bool) -> None:
        from tqdm import tqdm

        self._recipe = recipe
        self.highest_rate = recipe.optimizer.learning_rate
        self._bar = tqdm(
            total=recipe.epochs * steps, initial=epochs_done * steps, unit="step",
            disable=not shown, desc=recipe.name, dynamic_ncols=True, mininterval=0.2,
        )  # fmt: skip
        self._steps_done = epochs_done * steps

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def learning_rate(self, ahead: int = 0) -> float:
        """Return the learning rate of the step that comes next, or so many ahead of it."""
        return learning_rate_at(
            self._recipe.schedule, self.highest_rate, self._steps_done + ahead, self._bar.total
        )  # fmt: skip

    def move(self, steps: int, loss: float, accuracy: float) -> None:
        self._steps_done += steps
        self._bar.update(steps)
        self._bar.set_postfix_str(
            f"loss {loss:.3f}, accuracy {accuracy:.2%}, rate {self.learning_rate():.2g}",
            refresh=False,
        )


def _train(program: Program, chunks: Iterator[Chunk], epoch: int, bar: _Bar) -> dict[str, Any]:
    """Train one epoch and return its mean loss and accuracy, both taken on the way."""
    losses, hits, images_done, steps_done = 0.0, 0, 0, 0
    for images, targets in chunks:
        loss, right = program(images, targets)
        losses, hits = losses + loss, hits + right
        steps_done += len(images)
        images_done += int(np.count_nonzero(targets.max(axis=2) > 0.5))
        if not math.isfinite(losses):
            raise TrainingError(
                f"the loss is no longer a number in epoch {epoch + 1}; "
                f"a learning rate lower than {bar.highest_rate:g} may help"
            )
        bar.move(len(images), losses / steps_done, hits / images_done)
    return {"loss": losses / steps_done, "accuracy": hits / images_done}


def _validate(
    network: Any, images: Images, labels: Labels, label_smoothing: float
) -> dict[str, float]:
    probabilities = np.concatenate(
        [
            network.predict_on_batch(images[first : first + _VALIDATION_BATCH])
            for first in range(0, len(images), _VALIDATION_BATCH)
        ]
    )
    targets = smoothed(np.eye(CLASSES)[labels], label_smoothing)
    # Least probability as in Keras's loss.
    loss = -(targets * np.log(np.maximum(probabilities, 1e-7))).sum(axis=1).mean()
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    return {"val_loss": float(loss), "val_accuracy": float(accuracy)}


def _tell(recipe: Recipe, row: dict[str, Any]) -> None:
    validation = f", validation {row['val_accuracy']:.2%}" if "val_accuracy" in row else ""
    _log.info(
        "epoch %d/%d: loss %.4f, accuracy %.2f%%%s, learning rate %.2g, %.1f s",
        row["epoch"], recipe.epochs, row["loss"], 100 * row["accuracy"], validation,
        row["learning_rate"], row["seconds"],
    )  # fmt: skip
    if (
        row["epoch"] == min(CHANCE_EPOCHS, recipe.epochs)
        and row["accuracy"] < 1 / CLASSES + CHANCE_MARGIN
    ):
        _log.warning(
            "NOT LEARNING: accuracy is %.1f%% after %s, and guessing gives 10%%. "
            "Most likely the learning rate, %g with %s, does not fit%s.",
            100 * row["accuracy"], count(row["epoch"], "epoch"), recipe.optimizer.learning_rate,
            recipe.optimizer.name, _likely_cause(recipe),
        )  # fmt: skip


def _likely_cause(recipe: Recipe) -> str:
    if recipe.optimizer.name == "adadelta" and recipe.optimizer.learning_rate < 0.1:
        return ": Adadelta was made for 1.0, and today's Keras sets 0.001 (try --learning-rate 1.0)"
    return " (try a tenth of it, or ten times as much)"
