"""Batches for training: the order and the augmentation of an epoch follow from its number."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.augmentation import augment
from tenfold.recipes import CLASSES, SIDE, Augmentation

Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]

_READY = 4
"""Batches prepared ahead of the network: enough to cover a slow one, little memory."""


class Batches:
    """The training images, batch by batch, epoch after epoch.

    Every epoch takes the images in a new order and augments them anew, both drawn from
    (seed, epoch) alone, so a resumed training sees what an undisturbed one would have seen.
    What does not fill a last batch sits out that epoch.

    Args:
        images: uint8 (n, 28, 28).
        labels: uint8 (n,), 0..9; given out one-hot.
        batch_size: Images in a batch, at most n.
        augmentation: How images are moved.
        seed: Decides order and augmentation.
        first_epoch: Where to start; epochs count from 0.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.uint8],
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        first_epoch: int = 0,
    ) -> None:
        self._images = images
        self._targets = np.eye(CLASSES, dtype=np.float32)[labels]
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._seed = seed
        self._next_epoch = first_epoch
        self.steps = len(images) // batch_size

    def epoch(self, number: int) -> Iterator[Batch]:
        """Give the batches of one epoch: uint8 (b, 28, 28) and one-hot float32 (b, 10)."""
        rng = np.random.default_rng((self._seed, number))
        order = rng.permutation(len(self._images))[: self.steps * self._batch_size]
        for chosen in order.reshape(self.steps, self._batch_size):
            images = augment(self._images[chosen], self._augmentation, rng)
            yield images, self._targets[chosen]

    def _next(self) -> Iterator[Batch]:
        number = self._next_epoch
        self._next_epoch += 1
        yield from self.epoch(number)

    def for_keras(self, backend: str) -> Any:
        """Return what `keras.Model.fit` takes, one epoch after the other."""
        return self._tf_dataset() if backend == "tensorflow" else self._endless()

    def _endless(self) -> Iterator[Batch]:
        while True:
            yield from self._next()

    def _tf_dataset(self) -> Any:
        import tensorflow as tf

        signature = (
            tf.TensorSpec((self._batch_size, SIDE, SIDE), tf.uint8),
            tf.TensorSpec((self._batch_size, CLASSES), tf.float32),
        )
        dataset = tf.data.Dataset.from_generator(self._next, output_signature=signature)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(self.steps))
        options = tf.data.Options()
        # The autotuner sleeps for doubling spells (10 ms, 20 ms, ... up to a minute) and fit
        # waits for it to wake before it returns: up to twice the time for nothing.
        options.autotune.enabled = False
        return dataset.prefetch(_READY).with_options(options)
