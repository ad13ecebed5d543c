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

Result = tuple[float, int, npt.NDArray[np.float32]]
"""The sum of the losses of k steps, the number of images classified correctly, and float32 (k, b)
how far the probability of each image's label was below its target, 0..1."""

Program = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.float32]], Result]
"""Trains k steps on images uint8 (k, b, 28, 28) and targets float32 (k, b, classes), one-hot or,
for marks that are not digits, even."""


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


def _deficits(sums: Any, targets: Any, wanted: Any) -> Any:
    """Return how far the probability of each label is below its target; see `Result`."""
    from keras import ops

    missing = ops.sum((wanted - ops.softmax(sums)) * targets, axis=-1)
    return ops.maximum(missing, 0.0)


def _tensorflow(logits: Any, optimizer: Any, label_smoothing: float, loss_name: Loss) -> Program:
    import tensorflow as tf

    variables = logits.trainable_variables
    values = [variable.value for variable in variables]

    def step(images: Any, targets: Any) -> tuple[Any, Any, Any]:
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
        count = tf.math.count_nonzero(hits, dtype=tf.int32)
        return loss, count, _deficits(sums, targets, wanted)

    signature = (
        tf.TensorSpec((None, None, SIDE, SIDE), tf.uint8),
        tf.TensorSpec((None, None, logits.output_shape[-1]), tf.float32),
    )

    def steps_in_turn(images: Any, targets: Any) -> Any:
        steps = tf.shape(images)[0]

        def body(number: Any, losses: Any, hits: Any, deficits: Any) -> Any:
            loss, right, missing = step(images[number], targets[number])
            return number + 1, losses + loss, hits + right, deficits.write(number, missing)

        start = (
            tf.constant(0),
            tf.constant(0.0),
            tf.constant(0),
            tf.TensorArray(tf.float32, steps),
        )
        end = tf.while_loop(lambda number, *_: number < steps, body, start, parallel_iterations=1)
        return end[1], end[2], end[3].stack()

    # TensorFlow warns of a function that is traced again and again. It counts by code, so trainings
    # that follow one another look like that; a partial is a function of its own.
    # XLA on a CPU is several times slower for these networks.
    program = tf.function(
        partial(steps_in_turn), input_signature=signature, autograph=False, jit_compile=False
    )

    def run(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> Result:
        loss, hits, deficits = program(tf.constant(images), tf.constant(targets))
        return float(loss), int(hits), deficits.numpy()

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
        hits = (right & (targets.max(axis=1) > 0.5)).sum()
        return loss, (rest, hits, _deficits(sums, targets, wanted))

    def step(held: Any, batch: Any) -> Any:
        weights, rest, slots = held
        result = jax.value_and_grad(loss_of, has_aux=True)(weights, rest, *batch)
        (loss, (rest, hits, deficits)), gradients = result
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        return (weights, rest, slots), (loss, hits, deficits)

    @jax.jit  # type: ignore[untyped-decorator]
    def program(held: Any, images: Any, targets: Any) -> Any:
        held, (losses, hits, deficits) = jax.lax.scan(step, held, (images, targets))
        return held, losses.sum(), hits.sum(), deficits

    def run(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> Result:
        held = tuple([variable.value for variable in group] for group in state)
        held, loss, hits, deficits = program(held, images, targets)
        for group, arrays in zip(state, held, strict=True):
            for variable, array in zip(group, arrays, strict=True):
                variable.assign(array)
        return float(loss), int(hits), np.asarray(deficits)

    return run


def _torch(logits: Any, optimizer: Any, label_smoothing: float, loss_name: Loss) -> Program:
    import torch

    variables = logits.trainable_variables

    def step(images: Any, targets: Any) -> tuple[float, int, Any]:
        sums = logits(images, training=True).float()
        wanted = smoothed(targets, label_smoothing)
        loss = losses_of(loss_name, sums, wanted).mean()
        logits.zero_grad()
        loss.backward()
        with torch.no_grad():
            optimizer.apply([variable.value.grad for variable in variables], variables)
        right = sums.argmax(1) == targets.argmax(1)
        hits = int((right & (targets.amax(1) > 0.5)).sum())
        return loss.item(), hits, _deficits(sums.detach(), targets, wanted)

    def run(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> Result:
        from keras import ops

        done = [
            step(ops.convert_to_tensor(x), ops.convert_to_tensor(y))
            for x, y in zip(images, targets, strict=True)
        ]
        losses, hits, deficits = zip(*done, strict=True)
        return sum(losses), sum(hits), ops.convert_to_numpy(ops.stack(deficits))

    return run
