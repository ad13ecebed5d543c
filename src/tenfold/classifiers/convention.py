"""How a network from elsewhere takes images and answers: shape, scale, batch, kind of output."""

import threading
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Images, Probabilities
from tenfold.classifiers.base import Classifier, as_images
from tenfold.errors import BundleError, UsageError

Answers = Literal["probabilities", "logits", "sigmoids"]

SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE), (SIDE * SIDE,))
"""Shapes of one image that a network may take."""

MAX_BATCH = 256
"""Most images in one call: limits memory."""

_PROBES = 32


@dataclass(frozen=True)
class Scaling:
    """What a network computes with: byte * scale + offset.

    Attributes:
        scale: Factor; 1/255 for pixels in 0..1.
        offset: Added after it; -1 with a scale of 1/127.5 for pixels in -1..1.
    """

    scale: float
    offset: float = 0.0


def check_scaling(scale: float | None, offset: float, what: str) -> Scaling:
    """Return the scaling that a caller gives for a network that does not tell its own.

    Args:
        scale: See `Scaling`; None if the caller gives none.
        offset: See `Scaling`.
        what: Name of the network, for messages.

    Raises:
        UsageError: The scale is missing, no number, 0 or not finite; or the offset is no finite
            number.
    """
    if scale is None:
        raise UsageError(
            f"{what} does not say which pixel values it takes: give scale, 1/255 if it was trained "
            "on images divided by 255, 1 if on bytes (in the shell: --scale)"
        )
    numbers = all(isinstance(one, int | float | np.number) for one in (scale, offset))
    if not (numbers and np.isfinite(scale) and scale and np.isfinite(offset)):
        raise UsageError(
            f"scale is {scale!r} and offset {offset!r}; give finite numbers, scale not 0"
        )
    return Scaling(scale, offset)


class NetworkClassifier(Classifier):
    """A network from elsewhere behind the one interface. Safe to use from several threads.

    Args:
        shape: Shape of the network's input, with the batch first; None for a side of any length.
        scaling: The pixel values it takes; None for bytes as uint8.
        classes: Names of the classes, by label; "0", "1"... if not given.
        name: Name for messages.

    Attributes:
        classes: Names of the classes, by label.
        scaling: The pixel values the network takes; None for bytes as uint8.
        batch: Number of images that the network takes at a time; None for any.
        shape: Shape of one image, as the network takes it.
        answers: What the network answers, found by computing a few made-up images:
            "probabilities" if every row adds to 1; "sigmoids", which are divided by their sum, if
            all values lie in 0..1; else "logits", which get a softmax.

    Raises:
        BundleError: The network takes images of another shape, or its output is not one row of
            finite numbers for each image.
        UsageError: There are more or fewer names than classes.
    """

    def __init__(
        self,
        shape: Sequence[int | None],
        scaling: Scaling | None,
        classes: Sequence[str] | None,
        name: str,
    ) -> None:
        self.scaling, self.name = scaling, name
        self.batch, self.shape = shape[0], _image_shape(shape, name)
        self._lock = threading.Lock()
        values = self._compute(probe_images())
        if values.ndim != 2 or values.shape[1] < 2:
            given = "x".join(map(str, values.shape[1:])) or "nothing"
            raise BundleError(
                f"{name} answers with {given} for an image; it must be one row with a value for "
                "each class, at least two"
            )
        if not np.isfinite(values).all():
            raise BundleError(f"{name} answers with values that are not finite (NaN or infinity)")
        self.answers: Answers = _kind_of(values)
        count = values.shape[1]
        self.classes: tuple[str, ...] = tuple(map(str, classes or range(count)))
        if len(self.classes) != count:
            raise UsageError(f"{len(self.classes)} classes are named, but {name} has {count}")

    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class; see `Classifier.predict_proba`."""
        batch = as_images(images, scale)
        if not len(batch):
            return np.empty((0, len(self.classes)), np.float32)
        return _as_probabilities(self._compute(batch), self.answers)

    @abstractmethod
    def _run(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the network's output for one batch of images, as it takes them."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def _compute(self, images: Images) -> npt.NDArray[np.float32]:
        values: npt.NDArray[Any] = images.reshape(-1, *self.shape)
        if self.scaling:
            scale, offset = np.float32(self.scaling.scale), np.float32(self.scaling.offset)
            values = values.astype(np.float32) * scale + offset
        size = self.batch or MAX_BATCH
        with self._lock:
            parts = [self._run_one(values[i : i + size]) for i in range(0, len(values), size)]
        return np.concatenate(parts)

    def _run_one(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        # Few sizes: some backends compile the network again for each.
        size = self.batch or min(MAX_BATCH, 1 << (len(values) - 1).bit_length())
        missing = np.zeros((size - len(values), *self.shape), values.dtype)
        padded = np.concatenate([values, missing])
        return np.asarray(self._run(padded), np.float32)[: len(values)]


def _image_shape(shape: Sequence[int | None], name: str) -> tuple[int, ...]:
    """Return the accepted shape of one image that a network's input shape matches.

    Raises:
        BundleError: None does.
    """
    for accepted in SHAPES:
        if len(accepted) == len(shape) - 1 and all(
            side in (None, own) for side, own in zip(shape[1:], accepted, strict=True)
        ):
            return accepted
    given = ", ".join("any" if side is None else str(side) for side in shape[1:])
    raise BundleError(
        f"{name} takes images of the shape ({given}); it must be "
        "(28, 28), (28, 28, 1), (1, 28, 28) or (784)"
    )


def probe_images() -> Images:
    """Return made-up images that show what a network answers: noise of several strengths."""
    rng = np.random.default_rng(0)
    strengths = np.linspace(0, 256, _PROBES)[:, None, None]
    return (rng.random((_PROBES, SIDE, SIDE)) * strengths).astype(np.uint8)


def _kind_of(values: npt.NDArray[np.float32]) -> Answers:
    sums = values.sum(axis=1)
    within = bool((values >= 0).all() and (values <= 1 + 1e-3).all())
    if within and np.allclose(sums, 1, atol=1e-2):
        return "probabilities"
    return "sigmoids" if within and sums.min() > 0 else "logits"


def _as_probabilities(values: npt.NDArray[np.float32], answers: Answers) -> Probabilities:
    wide = values.astype(np.float64)
    if answers == "logits":
        wide = np.exp(wide - wide.max(axis=1, keepdims=True))
    sums = wide.sum(axis=1, keepdims=True)
    even = np.full_like(wide, 1 / wide.shape[1])  # sigmoids may all be 0
    shares = np.divide(wide, sums, out=even, where=sums > 0)
    return np.asarray(shares, np.float32)
