"""The one interface of everything that classifies 28x28 images."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from tenfold.errors import UsageError

SIDE = 28
ACCEPTED_SHAPES = "(28, 28), (n, 28, 28), (n, 28, 28, 1), (n, 1, 28, 28) or (n, 784)"


def as_images(images: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Bring images into the one form that classifiers take: uint8 (n, 28, 28).

    Args:
        images: White ink on black, of shape (28, 28), (n, 28, 28), (n, 28, 28, 1),
            (n, 1, 28, 28) or (n, 784); uint8, or float with values 0..255, which are rounded.
            Whether floats mean 0..1 is not guessed.

    Raises:
        UsageError: Another shape or type, or floats outside 0..255 or not finite.
    """
    array = np.asarray(images)
    shape = array.shape
    rows = (SIDE, SIDE)
    if shape != rows and shape[1:] not in (rows, (*rows, 1), (1, *rows), (SIDE * SIDE,)):
        raise UsageError(f"images have the shape {shape}; it must be {ACCEPTED_SHAPES}")
    array = array.reshape(-1, SIDE, SIDE)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise UsageError(f"images are of type {array.dtype}; it must be uint8 or float (0 to 255)")
    # Comparing so that NaN fails too.
    if array.size and not (array.min() >= 0 and array.max() <= 255):
        raise UsageError("float images must lie between 0 and 255")
    return np.ascontiguousarray(np.rint(array).astype(np.uint8))


class Classifier(ABC):
    """Anything that tells digits apart."""

    @abstractmethod
    def predict_proba(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the probability of each digit.

        Args:
            images: See `as_images`.

        Returns:
            float32 (n, 10); each row adds to 1.
        """

    def digit_score(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return how sure the classifier is that each image is a digit at all.

        Returns:
            float32 (n,), 0..1; here the largest probability.
        """
        top: npt.NDArray[np.float32] = self.predict_proba(images).max(axis=1)
        return top


def predict_scored(
    classifier: Classifier, images: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return `predict_proba` and `digit_score`; where the one gives the other, by one look.

    Args:
        classifier: Anything with these two methods.
        images: See `as_images`.

    Returns:
        float32 (n, 10) and float32 (n,).
    """
    probabilities = classifier.predict_proba(images)
    if type(classifier).digit_score is Classifier.digit_score:
        return probabilities, probabilities.max(axis=1)
    return probabilities, classifier.digit_score(images)
