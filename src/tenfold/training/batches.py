"""Batches for training: the order and the augmentation of an epoch follow from its number."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, TRAIN_IMAGES, Images, Labels
from tenfold.augmentation.pipeline import augment
from tenfold.recipes.recipe import Augmentation

Chunk = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
"""Images uint8 (k, b, 28, 28) and targets float32 (k, b, classes) of k steps. Targets are
one-hot, or even for marks that are not digits."""


class Batches:
    """The training images, batch by batch, epoch after epoch.

    Every epoch takes the images in a new order and augments them anew. Both follow from (seed,
    epoch) alone, so a resumed training gets the same batches as an uninterrupted one. Images that
    do not fill a last batch are left out of that epoch.

    Args:
        images: uint8 (n, 28, 28).
        labels: uint8 (n,), 0 to classes - 1.
        batch_size: Images in a batch, at most n.
        augmentation: What is done to the images.
        seed: Decides order and augmentation.
        epoch_images: Images in an epoch, drawn anew each time; all if there are fewer.
        cooldown_from: First epoch, counted from 0, that takes `augmentation.for_cooldown()`.
        classes: Number of classes.
    """

    def __init__(
        self,
        images: Images,
        labels: Labels,
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        epoch_images: int = TRAIN_IMAGES,
        cooldown_from: float = math.inf,
        classes: int = len(DIGITS),
    ) -> None:
        self._images = images
        self._labels = labels
        self._targets = np.eye(classes, dtype=np.float32)[labels]
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._cooldown_from = cooldown_from
        self._seed = seed
        self.steps = min(len(images), epoch_images) // batch_size

    def epochs(self, numbers: range, steps_at_once: int) -> Iterator[Iterator[Chunk]]:
        """Give epochs, each as an iterator of chunks; use one up before taking the next.

        A thread prepares every chunk, the first of the next epoch too, while its predecessor is in
        use.
        """
        with ThreadPoolExecutor(1) as preparing:
            chunks = chain.from_iterable(self._epoch(n, steps_at_once) for n in numbers)
            coming = preparing.submit(next, chunks, None)

            def prepared() -> Iterator[Chunk]:
                nonlocal coming
                while (chunk := coming.result()) is not None:
                    coming = preparing.submit(next, chunks, None)
                    yield chunk

            ready = prepared()
            for _ in numbers:
                yield islice(ready, math.ceil(self.steps / steps_at_once))

    def _epoch(self, number: int, steps_at_once: int) -> Iterator[Chunk]:
        augmentation = self._augmentation
        if number >= self._cooldown_from:
            augmentation = augmentation.for_cooldown()
        rng = np.random.default_rng((self._seed, number))
        order = rng.permutation(len(self._images))[: self.steps * self._batch_size]
        batches = order.reshape(self.steps, self._batch_size)
        for start in range(0, self.steps, steps_at_once):
            chosen = batches[start : start + steps_at_once]
            images, targets = self._images[chosen], self._targets[chosen]  # copies
            augment(images, targets, augmentation, (self._images, self._labels), rng)
            yield images, targets
