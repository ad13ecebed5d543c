"""The one training loop: Keras fit, with live progress, checkpoints, and an eye on trouble."""

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.backend import use_backend
from tenfold.errors import TrainingError
from tenfold.networks import DataFormat, build_network, effective_precision
from tenfold.recipes import CLASSES, Recipe
from tenfold.training.batches import Batches
from tenfold.training.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from tenfold.training.optimizers import build_optimizer, learning_rate_at

CHANCE_MARGIN = 0.1
"""Below chance (0.1) plus this after the first epochs, a training has learnt next to nothing:
the simplest recipe is above 0.85 after one."""

CHANCE_EPOCHS = 2
"""Epochs after which a training must be above chance."""

MOST_STEPS_AT_ONCE = 16
"""Steps that run without coming back to Python; past 8 or so there is nothing left to gain."""

_log = logging.getLogger(__name__)

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Trained:
    """A finished training: the Keras network as trained, one history row per epoch, seconds.

    `seconds` is the wall time of fit: tracing, augmentation, validation and checkpoints
    included; imports and reading the data are not.
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
    progress: bool = False,
) -> Trained:
    """Train a recipe on images, from the start or from the newest checkpoint.

    Args:
        recipe: What to train and how.
        images: uint8 (n, 28, 28), white ink on black.
        labels: uint8 (n,), 0..9.
        seed: Decides the first weights, the order of images, augmentation and dropout.
        validation: Images and labels judged after every epoch; no training uses them.
        backend: See `tenfold.backend.use_backend`.
        data_format: Where the one channel stands inside the network.
        deterministic: Same seed, same machine, same backend: same weights, bit for bit. Slower.
        checkpoints: Folder for a checkpoint after every epoch; if it holds one, training goes
            on from there.
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
    found = latest_checkpoint(checkpoints) if checkpoints else None
    done = found.epochs_done if found else 0
    batches = Batches(images, labels, recipe.batch_size, recipe.augmentation, seed, done)
    network = build_network(recipe, data_format=data_format, precision=effective_precision(recipe))
    _compile(network, recipe, batches.steps)
    if found:
        _restore(network, found)
    watch = _watch(network, recipe, batches.steps, checkpoints, found, progress)
    if done < recipe.epochs:
        start = time.perf_counter()
        watch.started = start
        network.fit(
            batches.for_keras(backend),
            steps_per_epoch=batches.steps,
            epochs=recipe.epochs,
            initial_epoch=done,
            validation_data=_validation_data(validation),
            validation_batch_size=500,
            callbacks=[watch],
            shuffle=False,  # batches come in an order of their own
            verbose=0,
        )
        watch.seconds += time.perf_counter() - start
    return Trained(network, watch.rows, watch.seconds)


def _make_deterministic(backend: str) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
    # JAX on a CPU is deterministic as it is.


def _compile(network: Any, recipe: Recipe, steps: int) -> None:
    import keras

    network.compile(
        optimizer=build_optimizer(recipe, steps * recipe.epochs),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # A divisor, so that an epoch ends exactly where it should.
        steps_per_execution=max(n for n in range(1, MOST_STEPS_AT_ONCE + 1) if steps % n == 0),
        # XLA on a CPU is several times slower for these networks; JAX always compiles.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    network.optimizer.build(network.trainable_variables)


def _validation_data(validation: tuple[Images, Labels] | None) -> Any:
    if validation is None:
        return None
    images, labels = validation
    return images, np.eye(CLASSES, dtype=np.float32)[labels]


def _state(network: Any) -> list[Any]:
    """Return every variable that training moves: weights, statistics, dropout seeds, optimiser."""
    return [*network.variables, *network.optimizer.variables]


def _restore(network: Any, checkpoint: Checkpoint) -> None:
    state = _state(network)
    shapes = [tuple(variable.shape) for variable in state]
    if shapes != [array.shape for array in checkpoint.arrays]:
        raise TrainingError("the checkpoint belongs to another network; start anew elsewhere")
    for variable, array in zip(state, checkpoint.arrays, strict=True):
        variable.assign(array)


def _watch(
    network: Any,
    recipe: Recipe,
    steps: int,
    folder: Path | None,
    found: Checkpoint | None,
    progress: bool,
) -> Any:
    """Make the callback that shows progress, keeps history, saves, and stops what went wrong."""
    import keras
    from tqdm import tqdm

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rows: list[dict[str, Any]] = list(found.history) if found else []
            self.seconds = found.seconds if found else 0.0
            self.started = 0.0
            self._steps_done = 0
            self._bar: Any = None

        def on_train_begin(self, logs: Any = None) -> None:
            total = recipe.epochs * steps
            self._bar = tqdm(
                total=total, initial=len(self.rows) * steps, unit="step", disable=not progress,
                desc=recipe.name, dynamic_ncols=True, mininterval=0.2,
            )  # fmt: skip

        def on_train_end(self, logs: Any = None) -> None:
            self._bar.close()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._steps_done = 0
            self._epoch_started = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            loss, accuracy = float(logs["loss"]), float(logs["accuracy"])
            if not math.isfinite(loss):
                self._bar.close()
                raise TrainingError(
                    f"the loss is no longer a number in epoch {len(self.rows) + 1}; "
                    f"a learning rate lower than {recipe.optimizer.learning_rate:g} may help"
                )
            self._bar.update(batch + 1 - self._steps_done)
            self._steps_done = batch + 1
            rate = learning_rate_at(
                recipe.schedule, recipe.optimizer.learning_rate, self._bar.n, self._bar.total
            )
            self._bar.set_postfix_str(
                f"loss {loss:.3f}, accuracy {accuracy:.2%}, rate {rate:.2g}", refresh=False
            )

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            row = {
                "epoch": epoch + 1,
                **{name: float(value) for name, value in logs.items()},
                "learning_rate": learning_rate_at(
                    recipe.schedule, recipe.optimizer.learning_rate,
                    (epoch + 1) * steps - 1, recipe.epochs * steps,
                ),
                "seconds": round(time.perf_counter() - self._epoch_started, 3),
            }  # fmt: skip
            self.rows.append(row)
            _tell(recipe, row)
            if folder:
                spent = self.seconds + time.perf_counter() - self.started
                arrays = [variable.numpy() for variable in _state(network)]
                save_checkpoint(folder, Checkpoint(epoch + 1, spent, self.rows, arrays))

    return Watch()


def _tell(recipe: Recipe, row: dict[str, Any]) -> None:
    validation = f", validation {row['val_accuracy']:.2%}" if "val_accuracy" in row else ""
    _log.info(
        "epoch %d/%d: loss %.4f, accuracy %.2f%%%s, learning rate %.2g, %.1f s",
        row["epoch"], recipe.epochs, row["loss"], 100 * row["accuracy"], validation,
        row["learning_rate"], row["seconds"],
    )  # fmt: skip
    if row["epoch"] == CHANCE_EPOCHS and row["accuracy"] < 1 / CLASSES + CHANCE_MARGIN:
        _log.warning(
            "NOT LEARNING: accuracy is %.1f%% after %d epochs, and guessing gives 10%%. "
            "Most likely the learning rate, %g with %s, does not fit%s.",
            100 * row["accuracy"], CHANCE_EPOCHS, recipe.optimizer.learning_rate,
            recipe.optimizer.name, _likely_cause(recipe),
        )  # fmt: skip


def _likely_cause(recipe: Recipe) -> str:
    if recipe.optimizer.name == "adadelta" and recipe.optimizer.learning_rate < 0.1:
        return ": Adadelta was made for 1.0, and today's Keras sets 0.001 (try --learning-rate 1.0)"
    return " (try a tenth of it, or ten times as much)"
