"""The training loop: compiled steps, progress, checkpoints, warnings when nothing is learned."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import Images, Labels
from tenfold.errors import TrainingError
from tenfold.files import sha256
from tenfold.formatting import count
from tenfold.machine import has_gpu
from tenfold.networks.backend import in_float32, seeded, use_backend
from tenfold.networks.build import DataFormat, build_network, effective_precision
from tenfold.recipes.recipe import Recipe
from tenfold.recipes.serialization import recipe_to_dict
from tenfold.training.batches import Batches, Chunk
from tenfold.training.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from tenfold.training.losses import mean_loss
from tenfold.training.optimizers import build_optimizer
from tenfold.training.program import Program, compile_steps, smoothed
from tenfold.training.schedules import learning_rate_at

CHANCE_MARGIN = 0.1
"""A training whose accuracy is not this far above chance, or above twice chance where that is
less, has learned next to nothing: on MNIST, the simplest recipe is above 0.85 after one epoch."""

CHANCE_EPOCHS, CHANCE_STEPS = 2, 100
"""Epochs and steps after which a training must be above chance, at the latest at its end."""

STEPS_AT_ONCE = 16
"""Steps in one call of the compiled program; more than about 8 make no difference in time."""

_VALIDATION_BATCH = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        network: The Keras network as trained.
        history: One row per epoch.
        seconds: Wall time of the fit: with tracing, augmentation, validation and checkpoints;
            without imports, reading the data and building the network.
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
    start: Sequence[npt.NDArray[np.float32]] | None = None,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    progress: bool = False,
    log: bool = True,
) -> Trained:
    """Train a recipe on images, from the start or from the newest checkpoint.

    Args:
        recipe: What to train and how.
        images: uint8 (n, 28, 28), white ink on black.
        labels: uint8 (n,), 0 to classes - 1.
        seed: Decides the first weights, the order of images, augmentation and dropout.
        validation: Images and labels to evaluate after every epoch; not trained on.
        backend: See `tenfold.networks.backend.use_backend`.
        data_format: Where the one channel stands inside the network.
        deterministic: The same seed, machine, backend and number of threads give the same weights,
            bit for bit. Slower.
        checkpoints: Folder for a checkpoint after every epoch; if it holds one, training
            continues from there.
        steps_at_once: Steps in one call of the compiled program. None takes 16, and on JAX with a
            GPU the whole epoch, whose images are then sent to the GPU in one transfer.
        start: Weights to start from, in Keras's order; new ones if None.
        on_epoch: Called with the row of every epoch once its checkpoint is written; an exception
            of it ends the training.
        progress: Draw a progress bar on stderr.
        log: Report every epoch.

    Raises:
        TrainingError: The images do not fill one batch, the loss is not finite, or the checkpoint
            is of another network.
    """
    if len(images) < recipe.batch_size:
        raise TrainingError(
            f"{len(images)} images do not fill one batch of {recipe.batch_size}; "
            "take more images or a smaller --batch-size"
        )
    backend = use_backend(backend)
    import keras

    if deterministic:
        _make_deterministic(backend)
    batches = Batches(
        images, labels, recipe.batch_size, recipe.augmentation, seed, recipe.epoch_images,
        recipe.epochs - recipe.cooldown_epochs, classes=recipe.classes,
        hard_examples=recipe.hard_examples,
    )  # fmt: skip
    steps = batches.steps * recipe.epochs
    with in_float32(), seeded(seed):
        network = build_network(
            recipe, data_format=data_format, precision=effective_precision(recipe), fused=True
        )
        optimizer = build_optimizer(recipe.optimizer, recipe.schedule, steps)
        optimizer.build(network.trainable_variables)
    if start is not None:
        network.set_weights(start)
    # Every variable that training changes: weights, statistics, dropout seeds, optimizer.
    state = [*network.variables, *optimizer.variables]
    history: list[dict[str, Any]] = []
    spent = 0.0
    key = _hash_of(recipe, images, labels, validation, seed, backend)
    if checkpoints and (found := latest_checkpoint(checkpoints)):
        if found.request != key:
            raise TrainingError(
                f"{checkpoints} holds checkpoints of another training: recipe, seed, images or "
                "backend differ. Restore its run.json, or train into another --out"
            )
        *arrays, batches.deficits = found.arrays
        _restore(state, arrays)
        history, spent = list(found.history), found.seconds
    if steps_at_once is None:
        steps_at_once = batches.steps if backend == "jax" and has_gpu() else STEPS_AT_ONCE
    began = time.perf_counter() - spent
    with in_float32(), _Bar(recipe, batches.steps, len(history), progress) as bar:
        program = compile_steps(network, optimizer, recipe.label_smoothing, recipe.loss)
        epochs = range(len(history), recipe.epochs)
        for epoch, chunks in zip(epochs, batches.epochs(epochs, steps_at_once), strict=True):
            epoch_start = time.perf_counter()
            row = {"epoch": epoch + 1} | _train(program, batches, chunks, epoch, bar)
            if validation:
                row |= _validate(network, *validation, recipe)
            row["learning_rate"] = bar.learning_rate(-1)
            row["seconds"] = round(time.perf_counter() - epoch_start, 3)
            history.append(row)
            if log:
                _tell(recipe, row, batches.steps)
            if checkpoints:
                arrays = [keras.ops.convert_to_numpy(variable) for variable in state]
                arrays.append(batches.deficits)
                seconds = time.perf_counter() - began
                save_checkpoint(checkpoints, Checkpoint(key, epoch + 1, seconds, history, arrays))
            if on_epoch:
                on_epoch(row)
    return Trained(network, history, time.perf_counter() - began)


def _hash_of(
    recipe: Recipe,
    images: Images,
    labels: Labels,
    validation: tuple[Images, Labels] | None,
    seed: int,
    backend: str,
) -> str:
    """Return a hash of all that decides a training; of images, only number and labels count."""
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
    # JAX on a CPU is always deterministic.


def _restore(state: list[Any], arrays: Sequence[npt.NDArray[Any]]) -> None:
    shapes = [tuple(variable.shape) for variable in state]
    if shapes != [array.shape for array in arrays]:
        raise TrainingError("the checkpoint is of another network; train into another --out folder")
    for variable, array in zip(state, arrays, strict=True):
        variable.assign(array)


class _Bar:
    """The progress bar, which also counts the steps done."""

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
        """Return the learning rate of the next step, or of a step `ahead` of the next one."""
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


def _train(
    program: Program, batches: Batches, chunks: Iterator[Chunk], epoch: int, bar: _Bar
) -> dict[str, Any]:
    """Train one epoch and return its mean loss and accuracy, both measured while training."""
    losses, hits, images_done, steps_done = 0.0, 0, 0, 0
    for images, targets in chunks:
        loss, right, deficits = program(images, targets)
        batches.note(deficits)
        losses, hits = losses + loss, hits + right
        steps_done += len(images)
        images_done += int(np.count_nonzero(targets.max(axis=2) > 0.5))
        if not math.isfinite(losses):
            raise TrainingError(
                f"the loss is {losses} in epoch {epoch + 1}: "
                f"try a learning rate below {bar.highest_rate:g}"
            )
        bar.move(len(images), losses / steps_done, hits / images_done)
    return {"loss": losses / steps_done, "accuracy": hits / images_done}


def _validate(network: Any, images: Images, labels: Labels, recipe: Recipe) -> dict[str, float]:
    probabilities = np.concatenate(
        [
            network.predict_on_batch(images[first : first + _VALIDATION_BATCH])
            for first in range(0, len(images), _VALIDATION_BATCH)
        ]
    )
    targets = smoothed(np.eye(recipe.classes)[labels], recipe.label_smoothing)
    loss = mean_loss(recipe.loss, probabilities, targets)
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    return {"val_loss": loss, "val_accuracy": float(accuracy)}


def _tell(recipe: Recipe, row: dict[str, Any], steps: int) -> None:
    validation = f", validation {row['val_accuracy']:.2%}" if "val_accuracy" in row else ""
    _log.info(
        "epoch %d/%d: loss %.4f, accuracy %.2f%%%s, learning rate %.2g, %.1f s",
        row["epoch"], recipe.epochs, row["loss"], 100 * row["accuracy"], validation,
        row["learning_rate"], row["seconds"],
    )  # fmt: skip
    chance = 1 / recipe.classes
    judged = min(max(CHANCE_EPOCHS, math.ceil(CHANCE_STEPS / steps)), recipe.epochs)
    if row["epoch"] == judged and row["accuracy"] < chance + min(CHANCE_MARGIN, chance):
        _log.warning(
            "NOT LEARNING: accuracy is %.1f%% after %s; guessing gives %.3g%%. "
            "The likely cause is %sthe learning rate, %g with %s%s.",
            100 * row["accuracy"], count(row["epoch"], "epoch"), 100 * chance,
            f"too few steps, {judged * steps}, or " if judged * steps < CHANCE_STEPS else "",
            recipe.optimizer.learning_rate, recipe.optimizer.name, _other_rates(recipe),
        )  # fmt: skip


def _other_rates(recipe: Recipe) -> str:
    if recipe.optimizer.name == "adadelta" and recipe.optimizer.learning_rate < 0.1:
        return ": Adadelta was made for 1.0, today's Keras sets 0.001 (try --learning-rate 1.0)"
    return " (try a tenth of it, or ten times it)"
