"""The interface that every classifier of 28x28 images implements."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Images, Probabilities, as_array
from tenfold.errors import BundleError, UsageError
from tenfold.formatting import listed, no_such

Predict: TypeAlias = Callable[[Images], Probabilities]
"""From images uint8 (n, 28, 28) to probabilities float32 (n, classes)."""

ACCEPTED_SHAPES = "(28, 28), (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784)"

ADVICE = "restore the file or train the model again"
"""What to do about a file of a model that cannot be used."""

_ALMOST_ONE = 1.01
"""Largest probability that a model may give: in bfloat16, 1 plus one step is 1.008."""


def as_images(images: npt.ArrayLike, scale: float | None = None) -> Images:
    """Convert images to the one form that classifiers compute on: uint8 (n, 28, 28).

    Args:
        images: White ink on black, of shape (28, 28), (n, 28, 28), (n, 28, 28, 1),
            (n, 1, 28, 28) or (n, 784); uint8, or float with values 0..255, which are rounded.
        scale: Factor that brings the values to 0..255, such as 255 for floats in 0..1.

    Raises:
        UsageError: Another shape or type, values outside 0..255 or not finite; or a largest
            value above 0 but at most 1, as if white were 1 and not 255; or a scale that is no
            number above 0.
    """
    array = as_array(images, "images")
    shape = array.shape
    rows = (SIDE, SIDE)
    if shape != rows and shape[1:] not in (rows, (*rows, 1), (1, *rows), (SIDE * SIDE,)):
        raise UsageError(f"images have the shape {shape}; it must be {ACCEPTED_SHAPES}")
    array = array.reshape(-1, SIDE, SIDE)
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise UsageError(f"images are of type {array.dtype}; it must be uint8 or float (0 to 255)")
    if scale is not None:
        if not (isinstance(scale, int | float | np.number) and 0 < scale < np.inf):
            raise UsageError(f"scale is {scale!r}; it must be a number above 0, such as 255")
        array = array.astype(np.float32) * np.float32(scale)
    largest = array.max(initial=0)
    if 0 < largest <= 1:
        raise UsageError(
            f"the largest value of the images is {largest:g}, but white is 255: multiply the "
            "images by 255 (in Python: scale=255)"
        )
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    # Written so that NaN fails too.
    if array.size and not (array.min() >= 0 and largest <= 255):
        scaled = "" if scale is None else f", times the scale of {scale:g},"
        raise UsageError(
            f"images{scaled} lie between {array.min():g} and {largest:g}; give 0 to 255"
        )
    return np.ascontiguousarray(np.rint(array).astype(np.uint8))


class Classifier(ABC):
    """Anything that assigns each image a probability of each class.

    A classifier can be pickled.

    Attributes:
        name: Name of the model, for people; empty if it has none.
        classes: Names of the classes, by label; the ten digits by default.
        reading_settings: The settings of reading that the model's meta.json holds, such as its
            threshold; see `tenfold.reading.settings`. Empty without a bundle.
    """

    name: str = ""
    classes: tuple[str, ...] = DIGITS
    reading_settings: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def predict_proba(self, images: npt.ArrayLike, *, scale: float | None = None) -> Probabilities:
        """Return the probability of each class.

        Args:
            images: See `as_images`.
            scale: See `as_images`.

        Returns:
            float32 (n, classes); each row sums to 1.
        """

    def digit_score(
        self, images: npt.ArrayLike, *, scale: float | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the confidence that each image is a digit at all; see `predict_proba`.

        Returns:
            float32 (n,), 0..1; by default the largest probability.
        """
        largest: npt.NDArray[np.float32] = self.predict_proba(as_images(images, scale)).max(axis=1)
        return largest

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The classes as `predict` returns them, in the order of `predict_proba`'s columns.

        Integers 0 to n - 1 if the names are those numbers, as of digits; otherwise the names.
        """
        numbers = np.arange(len(self.classes))
        return numbers if self.classes == tuple(map(str, numbers)) else np.array(self.classes)

    def predict(self, images: npt.ArrayLike, *, scale: float | None = None) -> npt.NDArray[Any]:
        """Return the most probable class of each image; see `predict_proba`.

        Returns:
            (n,), members of `classes_`: integers for digits, names for named classes.
        """
        predicted: npt.NDArray[Any] = self.classes_[
            self.predict_proba(images, scale=scale).argmax(axis=1)
        ]
        return predicted

    def score(
        self, images: npt.ArrayLike, labels: npt.ArrayLike, *, scale: float | None = None
    ) -> float:
        """Return the accuracy: the fraction of the images whose most probable class is the label.

        Args:
            images: See `as_images`; at least one.
            labels: (n,), integers 0 to classes - 1, or names of classes.
            scale: See `as_images`.

        Raises:
            UsageError: The number of labels is another than that of the images, there are none, or
                a label is not one of the classes.
        """
        probabilities = self.predict_proba(images, scale=scale)
        truth = label_numbers(labels, self.classes)
        if len(truth) != len(probabilities) or not len(truth):
            raise UsageError(
                f"there are {len(probabilities)} images and {len(truth)} labels; "
                "give one label for each image, and at least one"
            )
        return float((probabilities.argmax(axis=1) == truth).mean())

    def __repr__(self) -> str:
        name = f"{self.name}, " if self.name else ""
        return f"<{type(self).__name__}: {name}{len(self.classes)} classes {listed(self.classes)}>"


def label_numbers(labels: npt.ArrayLike, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return labels (n,), given as integers or as names of classes, as numbers of the classes.

    Raises:
        UsageError: Another shape or type, or a label that is not one of the classes.
    """
    array = as_array(labels, "labels")
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuUO"):
        raise UsageError(
            f"labels are {array.dtype} of shape {array.shape}; "
            f"give (n,) integers 0 to {len(classes) - 1}, or names of classes"
        )
    if array.dtype.kind in "iu":
        strange = array[(array < 0) | (array >= len(classes))]
        if len(strange):
            raise UsageError(f"label {strange[0]} is out of range: give 0 to {len(classes) - 1}")
        return array.astype(np.int64)
    numbers: dict[Any, int] = {number: number for number in range(len(classes))}
    numbers |= {name: number for number, name in enumerate(classes)}
    unknown = [label for label in array if label not in numbers]
    if unknown:
        raise UsageError(no_such("class", str(unknown[0]), classes))
    return np.array([numbers[label] for label in array], np.int64)


def check_classes(classifier: Classifier, classes: int, model: object) -> None:
    """Check that a classifier has as many classes as the labels it is measured with.

    Args:
        classifier: The classifier.
        classes: Number of classes of the labels.
        model: Name of the classifier, for the message.

    Raises:
        UsageError: It has more or fewer.
    """
    if len(classifier.classes) != classes:
        raise UsageError(
            f"{model} has {len(classifier.classes)} classes, but the labels have {classes}"
        )


def predict_scored(
    classifier: Classifier, images: npt.ArrayLike
) -> tuple[Probabilities, npt.NDArray[np.float32]]:
    """Return `predict_proba` and `digit_score`, and compute once what both have in common.

    Args:
        classifier: The classifier.
        images: See `as_images`.

    Returns:
        float32 (n, classes) and float32 (n,).
    """
    probabilities = classifier.predict_proba(images)
    if type(classifier).digit_score is Classifier.digit_score:
        return probabilities, probabilities.max(axis=1)
    return probabilities, classifier.digit_score(images)


def check_probabilities(
    found: npt.NDArray[Any], shape: tuple[int, int], name: str
) -> Probabilities:
    """Return the answer of a model from a file, which may hold any network, if it is one.

    Args:
        found: The answer for a batch.
        shape: Number of images in the batch, and number of classes.
        name: The model's file, for the error message.

    Raises:
        BundleError: The answer is not float32 of this shape, or has values outside 0..1.
    """
    if found.shape != shape or found.dtype != np.float32:
        raise BundleError(
            f"{name} gives {found.dtype} {found.shape} and not probabilities, float32 {shape}; "
            f"{ADVICE}"
        )
    # Written so that NaN fails too.
    if found.size and not (found.min() >= 0 and found.max() <= _ALMOST_ONE):
        raise BundleError(
            f"{name} gives values from {found.min():g} to {found.max():g}, which are no "
            f"probabilities; {ADVICE}"
        )
    return found


def predict_in_batches(
    predict: Predict,
    images: Images,
    size: int,
    classes: int,
    *,
    threads: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Probabilities:
    """Return the probabilities of many images, computed batch by batch.

    Args:
        predict: Computes one batch.
        images: uint8 (n, 28, 28).
        size: Images in a batch.
        classes: Number of classes.
        threads: Batches computed at the same time.
        progress: Called after each batch with its number of images.

    Returns:
        float32 (n, classes).
    """
    result = np.empty((len(images), classes), np.float32)

    def run(start: int) -> None:
        part = slice(start, start + size)
        result[part] = predict(images[part])
        if progress:
            progress(len(result[part]))

    starts = range(0, len(images), size)
    if threads > 1 and len(starts) > 1:
        # Threads of this call only: no thread stays idle, and none is missing after a fork.
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, starts))
    else:
        for start in starts:
            run(start)
    return result
