"""Many training steps as one compiled program: forward, gradient, update.

Keras's own `fit` spends as much time on tracing, metrics and its data pipeline as on the arithmetic
of a small network on two cores (dev/LOG.md).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE
from tenfold.recipes.recipe import Loss
from tenfold.training.losses import losses_of

Program = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.float32]], tuple[float, int]]
"""Trains k steps on images uint8 (k, b, 28, 28) and targets float32 (k, b, classes), one-hot or,
for marks that are not digits, even. Returns the sum of the k losses and the number of images
classified correctly."""


def compile_steps(network: Any, optimizer: Any, label_smoothing: float, loss: Loss) -> Program:
    """Return the program that trains a network, for Keras's backend.

    Args:
        network: From `tenfold.networks.build.build_network`; every call changes its variables.
        optimizer: A Keras optimizer, built on the network's trainable variables.
        label_smoothing: 0..1; this share of each target is spread evenly over all classes.
        loss: What the training lowers.
    """
    import keras

    # The loss is computed from the logits, without the softmax's rounding.
    logits = keras.Model(network.inputs, network.get_layer("logits").output)
    compilers = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    return compilers[keras.backend.backend()](logits, optimizer, label_smoothing, loss)


def smoothed(targets: Any, label_smoothing: float) -> Any:
    """Return targets float (..., classes), each with a share spread evenly over all."""
    return targets * (1 - label_smoothing) + label_smoothing / targets.shape[-1]


def _tensorflow(logits: Any, optimizer: Any, label_smoothing: float, loss_name: Loss) -> Program:
    import tensorflow as tf

    variables = logits.trainable_variables
    values = [variable.value for variable in variables]

    def step(images: Any, targets: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            sums = tf.cast(logits(images, training=True), tf.float32)
            wanted = smoothed(targets, label_smoothing)
            if loss_name == "categorical_crossentropy":  # one fused operation
                losses = tf.nn.softmax_cross_entropy_with_logits(wanted, sums)
            else:
                losses = losses_of(loss_name, sums, wanted)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, values), variables)
        right = tf.equal(tf.argmax(sums, axis=1), tf.argmax(targets, axis=1))
        hits = right & (tf.reduce_max(targets, axis=1) > 0.5)
        return loss, tf.math.count_nonzero(hits, dtype=tf.int32)

    signature = (
        tf.TensorSpec((None, None, SIDE, SIDE), tf.uint8),
        tf.TensorSpec((None, None, logits.output_shape[-1]), tf.float32),
    )

    def steps_in_turn(images: Any, targets: Any) -> Any:
        steps = tf.shape(images)[0]

        def body(number: Any, losses: Any, hits: Any) -> Any:
            loss, right = step(images[number], targets[number])
            return number + 1, losses + loss, hits + right

        start = (tf.constant(0), tf.constant(0.0), tf.constant(0))
        end = tf.while_loop(lambda number, *_: number < steps, body, start, parallel_iterations=1)
        return end[1:]

    # TensorFlow warns of a function that is traced again and again. It counts by code, so trainings
    # that follow one another look like that; a partial is a function of its own.
    # XLA on a CPU is several times slower for these networks.
    program = tf.function(
        partial(steps_in_turn), input_signature=signature, autograph=False, jit_compile=False
    )

    def run(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> tuple[float, int]:
        loss, hits = program(tf.constant(images), tf.constant(targets))
        return float(loss), int(hits)

    return run


def _jax(logits: Any, optimizer: Any, label_smoothing: float, loss_name: Loss) -> Program:
    import jax
    import jax.numpy as jnp

    trainable, fixed = logits.trainable_variables, logits.non_trainable_variables
    state = (trainable, fixed, optimizer.variables)

    def loss_of(weights: Any, rest: Any, images: Any, targets: Any) -> Any:
        sums, rest = logits.stateless_call(weights, rest, images, training=True)
        sums = sums.astype(jnp.float32)
        wanted = smoothed(targets, label_smoothing)
        loss = losses_of(loss_name, sums, wanted).mean()
        right = sums.argmax(axis=1) == targets.argmax(axis=1)
        return loss, (rest, (right & (targets.max(axis=1) > 0.5)).sum())

    def step(held: Any, batch: Any) -> Any:
        weights, rest, slots = held
        result = jax.value_and_grad(loss_of, has_aux=True)(weights, rest, *batch)
        (loss, (rest, hits)), gradients = result
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        return (weights, rest, slots), (loss, hits)

    @jax.jit  # type: ignore[untyped-decorator]
    def program(held: Any, images: Any, targets: Any) -> Any:
        held, (losses, hits) = jax.lax.scan(step, held, (images, targets))
        return held, losses.sum(), hits.sum()

    def run(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> tuple[float, int]:
        held = tuple([variable.value for variable in group] for group in state)
        held, loss, hits = program(held, images, targets)
        for group, arrays in zip(state, held, strict=True):
            for variable, array in zip(group, arrays, strict=True):
                variable.assign(array)
        return float(loss), int(hits)

    return run


def _torch(logits: Any, optimizer: Any, label_smoothing: float, loss_name: Loss) -> Program:
    import torch

    variables = logits.trainable_variables

    def step(images: Any, targets: Any) -> tuple[float, int]:
        sums = logits(images, training=True).float()
        loss = losses_of(loss_name, sums, smoothed(targets, label_smoothing)).mean()
        logits.zero_grad()
        loss.backward()
        with torch.no_grad():
            optimizer.apply([variable.value.grad for variable in variables], variables)
        right = sums.argmax(1) == targets.argmax(1)
        return loss.item(), int((right & (targets.amax(1) > 0.5)).sum())

    def run(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> tuple[float, int]:
        from keras import ops

        done = [
            step(ops.convert_to_tensor(x), ops.convert_to_tensor(y))
            for x, y in zip(images, targets, strict=True)
        ]
        return sum(loss for loss, _ in done), sum(hits for _, hits in done)

    return run
