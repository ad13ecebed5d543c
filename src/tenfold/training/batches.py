"""Batches for training: the order and the augmentation of an epoch follow from its number."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from tenfold.arrays import CLASSES
from tenfold.augmentation.pipeline import augment
from tenfold.recipes.recipe import Augmentation

Chunk = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
"""Images uint8 (k, b, 28, 28) and targets float32 (k, b, 10) of k steps, one-hot, or
even for what is no digit."""


class Batches:
    """The training images, batch by batch, epoch after epoch.

    Every epoch takes images in a new order and augments them anew, both drawn from (seed, epoch)
    alone, so a resumed training sees what an undisturbed one would have seen. What does not fill
    a last batch sits out that epoch.

    Args:
        images: uint8 (n, 28, 28).
        labels: uint8 (n,), 0..9.
        batch_size: Images in a batch, at most n.
        augmentation: How images are moved.
        seed: Decides order and augmentation.
        epoch_images: An epoch takes so many, drawn anew each time; all if there are fewer.
        calm_from: From this epoch on, counted from 0, the augmentation is calmed.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.uint8],
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        epoch_images: int = 60_000,
        calm_from: float = math.inf,
    ) -> None:
        self._images = images
        self._labels = labels
        self._targets = np.eye(CLASSES, dtype=np.float32)[labels]
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._calm_from = calm_from
        self._seed = seed
        self.steps = min(len(images), epoch_images) // batch_size

    def epochs(self, numbers: range, steps_at_once: int) -> Iterator[Iterator[Chunk]]:
        """Give epochs, each as its chunks, which are to be used up before the next epoch.

        Every chunk, the first of the next epoch too, is prepared while the one before is used.
        """
        with ThreadPoolExecutor(1) as beside:
            chunks = chain.from_iterable(self._epoch(n, steps_at_once) for n in numbers)
            coming = beside.submit(next, chunks, None)

            def one_after_the_other() -> Iterator[Chunk]:
                nonlocal coming
                while (chunk := coming.result()) is not None:
                    coming = beside.submit(next, chunks, None)
                    yield chunk

            prepared = one_after_the_other()
            for _ in numbers:
                yield islice(prepared, math.ceil(self.steps / steps_at_once))

    def _epoch(self, number: int, steps_at_once: int) -> Iterator[Chunk]:
        calm = number >= self._calm_from
        augmentation = self._augmentation.calmed() if calm else self._augmentation
        rng = np.random.default_rng((self._seed, number))
        order = rng.permutation(len(self._images))[: self.steps * self._batch_size]
        batches = order.reshape(self.steps, self._batch_size)
        for start in range(0, self.steps, steps_at_once):
            chosen = batches[start : start + steps_at_once]
            images, targets = self._images[chosen], self._targets[chosen]
            self._write_otherwise(images, targets, augmentation, rng)
            self._mix_in_not_digits(images, targets, rng)
            moved = [augment(one, augmentation, rng) for one in images]
            yield np.stack(moved), targets

    def _mix_in_not_digits(
        self,
        images: npt.NDArray[np.uint8],
        targets: npt.NDArray[np.float32],
        rng: np.random.Generator,
    ) -> None:
        """Replace the first images of every batch; the order within a batch does not matter."""
        count = round(self._augmentation.not_digits * self._batch_size)
        if not count:
            return
        from tenfold.augmentation.non_digits import make_not_digits

        for batch, wanted in zip(images, targets, strict=True):
            batch[:count] = make_not_digits(count, self._images, self._labels, rng)
            wanted[:count] = 1 / CLASSES

    def _write_otherwise(
        self,
        images: npt.NDArray[np.uint8],
        targets: npt.NDArray[np.float32],
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> None:
        """Give some ones a flag, and some digits bits of neighbors."""
        flags, crowded = augmentation.flags, augmentation.crowded
        if flags:
            from tenfold.augmentation.digit_forms import with_flag

            for place in np.argwhere(targets.argmax(axis=2) == 1):
                if rng.random() < flags:
                    images[tuple(place)] = with_flag(images[tuple(place)], rng)
        if crowded:
            from tenfold.augmentation.neighbors import with_leftovers

            for place in np.argwhere(rng.random(images.shape[:2]) < crowded):
                images[tuple(place)] = with_leftovers(images[tuple(place)], self._images, rng)
