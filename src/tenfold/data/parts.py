"""Parts of a data set as a source has them: pictures and labels, not prepared yet."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tenfold.arrays import as_array
from tenfold.errors import DataError, TenfoldError
from tenfold.formatting import count

MAX_IMAGES = 2_000_000
"""Most images of a part; 28x28 each, they take 1.6 GB."""

MAX_PIXELS_IN_ALL = MAX_IMAGES * 784
"""Most values of an array of pictures, checked before it is read."""


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures and labels of one part.

    Attributes:
        pictures: An array of pictures along its first axis, or encoded pictures and paths of
            picture files.
        labels: Integers or texts, one for each picture.
        files: Name of each picture in messages; empty for an array.
        classes: Names of the classes if the source has them: integer labels count from 0.
    """

    pictures: npt.NDArray[Any] | Sequence[Path | bytes]
    labels: npt.NDArray[Any]
    files: Sequence[str] = ()
    classes: tuple[str, ...] = ()


Layout: TypeAlias = dict[str, Callable[[], Part]]
"""What reads each part of a source: "train", and "test" if the source has a test part."""


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """Raise whatever a damaged file makes a library raise as a DataError of one line.

    Args:
        name: Of the file.
    """
    try:
        yield
    except TenfoldError:
        raise
    except Exception as error:
        text = " ".join(str(getattr(error, "strerror", None) or error).split())[:300]
        raise DataError(f"{name} cannot be read: {text or type(error).__name__}") from error


def label_array(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """Return labels as an array of integers or texts, (n,).

    Raises:
        DataError: They are neither; one-hot labels and fractions are not.
    """
    labels = as_array(values, f"{name}: labels")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f" and ((labels == np.floor(labels)) & (abs(labels) < 2**53)).all():
        labels = labels.astype(np.int64)
    if labels.ndim != 1 or labels.dtype.kind not in "iuUT":
        raise DataError(
            f"{name}: labels are {labels.dtype} of shape {labels.shape}: "
            "give one integer or one name for each picture"
        )
    return labels


def check_sizes(pictures: int, labels: int, name: str) -> None:
    """Check that there is a label for each picture, and that they are not too many.

    Raises:
        DataError: They differ, or there are none, or too many.
    """
    if pictures != labels:
        raise DataError(
            f"{name} has {count(pictures, 'picture')}, but {count(labels, 'label')}: "
            "give one label for each picture"
        )
    if not pictures:
        raise DataError(f"{name} holds no pictures")
    if pictures > MAX_IMAGES:
        raise DataError(f"{name} has {pictures:,} pictures; at most {MAX_IMAGES:,} are accepted")
