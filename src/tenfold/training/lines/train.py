"""Training of the line network by connectionist temporal classification (CTC)."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, Gray
from tenfold.augmentation.hands import load_hands, load_non_digits
from tenfold.data.mnist import load_mnist, split_validation
from tenfold.networks.backend import seeded, use_backend
from tenfold.reading.ctc import CHARACTERS
from tenfold.reading.line_reader import STRIP_HEIGHT
from tenfold.recipes.recipe import Optimizer, Schedule
from tenfold.training.lines.handwriting import Writers
from tenfold.training.lines.network import build_network, freeze, load_weights, onnx_graph
from tenfold.training.lines.strips import MAX_CHARACTERS, WIDTH, make_strip
from tenfold.training.optimizers import build_optimizer

HELD_BACK = 10_000
"""Last training images of MNIST that no strip for training is made of."""

BATCH_SIZE = 64

SAVED_STEPS = 500
"""Number of steps after which `save` gets the graph, again and again."""

LEARNING_RATE, LEARNING_RATE_AFTER = 0.003, 0.002
"""Highest rate from the start, and from the weights of a graph."""

Batch = tuple[Gray, npt.NDArray[np.int32], npt.NDArray[np.int32]]

_log = logging.getLogger(__name__)


def train_line_network(
    steps: int,
    seed: int = 0,
    start: bytes | None = None,
    save: Callable[[bytes], None] | None = None,
    frozen: int = 0,
) -> bytes:
    """Train the line network on strips of MNIST's first 50,000 training images and of fonts.

    Args:
        steps: Number of batches of 64 strips.
        seed: Decides the first weights and the strips.
        start: A graph to start from, instead of random weights.
        save: Takes the graph of every `SAVED_STEPS` steps, so that a training that is killed can be
            continued from there.
        frozen: Convolutions, from the first on, that keep their weights: three make a step a third
            faster.

    Returns:
        An ONNX graph; see `tenfold.training.lines.network.onnx_graph`. Needs `tenfold[train]`.
    """
    use_backend("tensorflow")
    import keras
    import tensorflow as tf

    with seeded(seed):
        network = build_network()
    if start:
        load_weights(network, start)
    freeze(network, frozen)
    optimizer = build_optimizer(
        Optimizer(
            "muon", LEARNING_RATE_AFTER if start else LEARNING_RATE,
            weight_decay=0.05, beta_2=0.99, momentum=0.95,
        ),
        Schedule("one-cycle", warmup=0.15),
        steps,
    )  # fmt: skip
    variables = network.trainable_variables
    optimizer.build(variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(strips: Any, digits: Any, counts: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = network(strips, training=True)
            lengths = tf.fill([BATCH_SIZE], tf.shape(logits)[1])
            losses = keras.ops.ctc_loss(digits, logits, counts, lengths, mask_index=0)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    coming: queue.Queue[Batch] = queue.Queue(8)

    def prepare() -> None:
        writers, rng = writers_of_lines(held_back=False), np.random.default_rng(seed)
        for _ in range(steps):
            coming.put(_make_batch(writers, rng))

    threading.Thread(target=prepare, daemon=True).start()
    began = time.perf_counter()
    for number in range(1, steps + 1):
        loss = step(*map(tf.constant, coming.get()))
        if number % 100 == 0:
            seconds = time.perf_counter() - began
            _log.info("step %d/%d: loss %.3f, %.0f s", number, steps, float(loss), seconds)
        if save and number % SAVED_STEPS == 0:
            save(onnx_graph(network))
    return onnx_graph(network)


def writers_of_lines(*, held_back: bool) -> Writers:
    """Return what strips are made of: digits of MNIST's training images, and fonts.

    Args:
        held_back: Take the last 10,000 images and the fonts held back, instead of the others.
    """
    rest, last = split_validation(*load_mnist("train"), HELD_BACK)
    images, labels = last if held_back else rest
    return Writers(
        [images[labels == digit] for digit in range(len(DIGITS))],
        load_hands(held_back=held_back),
        load_non_digits(held_back=held_back),
    )


def _make_batch(writers: Writers, rng: np.random.Generator) -> Batch:
    """Return strips uint8 (64, 32, 192), outputs int32 (64, 20), and how many each strip has."""
    strips = np.empty((BATCH_SIZE, STRIP_HEIGHT, WIDTH), np.uint8)
    wanted = np.zeros((BATCH_SIZE, MAX_CHARACTERS), np.int32)
    counts = np.empty(BATCH_SIZE, np.int32)
    for place in range(BATCH_SIZE):
        strips[place], text = make_strip(writers, rng)
        wanted[place, : len(text)] = [CHARACTERS.index(character) + 1 for character in text]
        counts[place] = len(text)
    return strips, wanted, counts
