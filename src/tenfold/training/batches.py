"""Batches for training: the order and the augmentation of an epoch follow from its number."""

import math
from collections import deque
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

EASY_CHANCE = 0.05
"""What is added to an image's deficit, 0..1, for its chance to be drawn if hard examples are
preferred, so that easy ones are seen again, too (dev/accuracy.md, "Hard examples")."""


class Batches:
    """The training images, batch by batch, epoch after epoch.

    Every epoch takes the images in a new order and augments them anew. Both follow from (seed,
    epoch) alone, so a resumed training gets the same batches as an uninterrupted one. Images that
    do not fill a last batch are left out of that epoch.

    With `hard_examples`, which images an epoch takes also follows from `deficits`: how far below
    its target the probability of each image's label was when it was last trained on, 1 for images
    not seen yet.

    Args:
        images: uint8 (n, 28, 28).
        labels: uint8 (n,), 0 to classes - 1.
        batch_size: Images in a batch, at most n.
        augmentation: What is done to the images.
        seed: Decides order and augmentation.
        epoch_images: Images in an epoch, drawn anew each time; all if there are fewer.
        cooldown_from: First epoch, counted from 0, that takes `augmentation.for_cooldown()`.
        classes: Number of classes.
        hard_examples: Draw images with more chance where the deficit is larger.
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
        hard_examples: bool = False,
    ) -> None:
        self._images = images
        self._labels = labels
        self._targets = np.eye(classes, dtype=np.float32)[labels]
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._cooldown_from = cooldown_from
        self._seed = seed
        self._hard_examples = hard_examples
        self._given: deque[tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]] = deque()
        self.deficits = np.ones(len(images), np.float32)
        self.steps = min(len(images), epoch_images) // batch_size

    def epochs(self, numbers: range, steps_at_once: int) -> Iterator[Iterator[Chunk]]:
        """Give epochs, each as an iterator of chunks; use one up before taking the next.

        A thread prepares every chunk while its predecessor is in use: the first of the next epoch,
        too, unless its images depend on this one's deficits.
        """
        epochs = (self._epoch(number, steps_at_once) for number in numbers)
        with ThreadPoolExecutor(1) as preparing:
            if self._hard_examples:
                yield from (_prepared(epoch, preparing) for epoch in epochs)
                return
            ready = _prepared(chain.from_iterable(epochs), preparing)
            for _ in numbers:
                yield islice(ready, math.ceil(self.steps / steps_at_once))

    def note(self, deficits: npt.NDArray[np.float32]) -> None:
        """Remember the deficits, float32 (k, b), of the oldest chunk that none were given for."""
        chosen, are_digits = self._given.popleft()
        self.deficits[chosen[are_digits]] = deficits[are_digits]

    def _epoch(self, number: int, steps_at_once: int) -> Iterator[Chunk]:
        augmentation = self._augmentation
        if number >= self._cooldown_from:
            augmentation = augmentation.for_cooldown()
        rng = np.random.default_rng((self._seed, number))
        batches = self._order(rng).reshape(self.steps, self._batch_size)
        for start in range(0, self.steps, steps_at_once):
            chosen = batches[start : start + steps_at_once]
            images, targets = self._images[chosen], self._targets[chosen]  # copies
            augment(images, targets, augmentation, (self._images, self._labels), rng)
            self._given.append((chosen, targets.max(axis=2) > 0.5))
            yield images, targets

    def _order(self, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Return which images an epoch takes, in their order."""
        count = self.steps * self._batch_size
        if not self._hard_examples:
            return rng.permutation(len(self._images))[:count]
        # The largest of these keys are a weighted sample without replacement (P. Efraimidis and
        # P. Spirakis 2006).
        keys = np.log(rng.random(len(self._images))) / (self.deficits + EASY_CHANCE)
        return rng.permutation(np.argpartition(keys, -count)[-count:])


def _prepared(chunks: Iterator[Chunk], preparing: ThreadPoolExecutor) -> Iterator[Chunk]:
    """Give chunks; each is prepared while its predecessor is in use."""
    coming = preparing.submit(next, chunks, None)
    while (chunk := coming.result()) is not None:
        coming = preparing.submit(next, chunks, None)
        yield chunk
