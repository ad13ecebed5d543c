"""Pictures of a data set made into images of 28x28, and their labels into classes."""

import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, MAX_CLASSES, SIDE, Gray, Images, Labels
from tenfold.data.parts import Part
from tenfold.errors import DataError, PictureError
from tenfold.formatting import listed
from tenfold.machine import usable_cores

Content: TypeAlias = Literal["digits", "images"]
"""What the pictures show: digits are normalized as `tenfold read` does, images only resized."""

MIXED = 0.1
"""A data set whose share of light images is below this, or above one minus this, has one polarity:
a few images of a dark set have light borders by chance."""


def prepare_images(part: Part, content: Content, name: str, *, progress: bool = False) -> Images:
    """Return the pictures of a part as images of 28x28.

    Pictures of 28x28 stay as they are; digits in dark ink on light are inverted. Other pictures of
    digits are normalized as `tenfold read --single` does (`tenfold.imaging.canvas.to_canvas`);
    other images are resized, without regard to their proportions.

    Args:
        part: The pictures.
        content: "digits" or "images".
        name: Of the data set, in messages.
        progress: Draw a progress bar on stderr.

    Returns:
        uint8 (n, 28, 28).

    Raises:
        DataError: A picture cannot be read or is blank, or the array is no array of pictures.
    """
    pictures: Sequence[Any] | npt.NDArray[Any] = part.pictures
    if isinstance(pictures, np.ndarray):
        pictures = as_pictures(pictures, name)
        if pictures.shape[1:] == (SIDE, SIDE):
            images = np.array(pictures, np.uint8, order="C")
            return with_one_polarity(images) if content == "digits" else images
    images = np.empty((len(pictures), SIDE, SIDE), np.uint8)
    whole = np.zeros(len(pictures), np.bool_)
    failures: list[str] = []

    def prepare(number: int) -> None:
        try:
            images[number], whole[number] = _prepare_one(pictures[number], content)
        except PictureError as error:
            where = part.files[number] if part.files else f"picture {number}"
            failures.append(f"{where}: {str(error).removeprefix(f'{pictures[number]} ')}")

    from tqdm import tqdm

    with (
        ThreadPoolExecutor(usable_cores()) as pool,
        tqdm(
            total=len(pictures), desc="pictures", disable=not progress, dynamic_ncols=True,
            leave=False,
        ) as bar,
    ):  # fmt: skip
        for _ in pool.map(prepare, range(len(pictures))):
            bar.update()
    if failures:
        some = f" ({len(failures):,} pictures cannot be used)" if len(failures) > 1 else ""
        raise DataError(f"{name}: {min(failures)}{some}; mend or remove it")
    if content == "digits" and whole.any():
        images[whole] = with_one_polarity(images[whole])
    return images


def _prepare_one(source: Any, content: Content) -> tuple[Gray, bool]:
    """Return the image of a picture, and whether it is the picture as it is."""
    import cv2

    from tenfold.imaging.canvas import to_canvas
    from tenfold.imaging.decoding import load_picture

    gray = load_picture(source).gray
    if gray.shape == (SIDE, SIDE):
        return gray, True
    if content == "images":
        way = cv2.INTER_AREA if min(gray.shape) > SIDE else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=way), np.uint8), False
    canvas = to_canvas(gray)
    if canvas is None:
        raise PictureError("the picture is blank")
    return canvas, False


def with_one_polarity(images: Images) -> Images:
    """Return images of digits as white ink on black.

    Args:
        images: uint8 (n, 28, 28), of one polarity or mixed.
    """
    from tenfold.imaging.gray import have_light_borders

    light = have_light_borders(images)
    share = float(light.mean())
    if share < MIXED:
        return images
    if share > 1 - MIXED:
        light[:] = True
    inverted: Images = np.where(light[:, None, None], 255 - images, images)
    return inverted


def as_pictures(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    """Return an array as pictures, uint8 (n, h, w), (n, h, w, 3) or (n, h, w, 4).

    Raises:
        DataError: It is no array of pictures, or its values are not 0 to 255.
    """
    shape = array.shape
    side = math.isqrt(shape[1]) if array.ndim == 2 else 0
    if side > 1 and side * side == shape[1]:
        array = array.reshape(-1, side, side)
    elif array.ndim == 4 and shape[3] == 1:
        array = array[..., 0]
    elif array.ndim == 4 and shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 4 and shape[1] == 3 and shape[3] != 3:
        array = array.transpose(0, 2, 3, 1)
    colors = array.shape[3] if array.ndim == 4 else 3
    if array.ndim not in (3, 4) or colors not in (3, 4) or array.size == 0:
        raise DataError(
            f"{name}: pictures have the shape {shape}: give (n, 28, 28), (n, 784), (n, h, w) or "
            "(n, h, w, 3)"
        )
    if array.dtype.kind not in "iuf":
        raise DataError(f"{name}: pictures are {array.dtype}: give uint8, 0 black to 255 white")
    low, high = array.min(), array.max()
    if 0 < high <= 1 and low >= 0:
        raise DataError(
            f"{name}: the largest value of the pictures is {high:g}, but white is 255: "
            "multiply the pictures by 255"
        )
    if np.isnan(low):
        raise DataError(f"{name}: pictures hold NaN: give 0 to 255")
    if not (low >= 0 and high <= 255):
        raise DataError(f"{name}: pictures lie between {low:g} and {high:g}: give 0 to 255")
    return array if array.dtype == np.uint8 else np.rint(array).astype(np.uint8)


def class_names(part: Part, content: Content, name: str) -> tuple[str, ...]:
    """Return the names of the classes of a part, by label.

    Integers from 0 to 9 are the ten digits, if the pictures show digits. Other integers count from
    0 or from 1, without gaps. Texts are names, in their order.

    Raises:
        DataError: There is one class, there are too many, or an integer is out of range.
    """
    values = np.unique(part.labels)
    if part.classes:
        names = part.classes
        if values.dtype.kind in "iu" and not 0 <= values[0] <= values[-1] < len(names):
            raise DataError(
                f"{name}: label {values[-1] if values[0] >= 0 else values[0]} is out of range: "
                f"the {len(names)} classes count from 0"
            )
    elif values.dtype.kind in "iu" or all(re.fullmatch(r"-?[0-9]+", text) for text in values):
        names = _integer_classes(np.unique(values.astype(np.int64)), content, name)
    else:
        names = tuple(map(str, sorted(values, key=_natural)))
    if len(names) < 2 or len(values) < 2:
        raise DataError(f"{name} has one class, {values[0]}: give pictures of at least two")
    if len(names) > MAX_CLASSES:
        raise DataError(f"{name} has {len(names):,} classes; at most {MAX_CLASSES} are accepted")
    if "" in names:
        raise DataError(f"{name}: a picture has an empty label")
    return names


def _integer_classes(values: npt.NDArray[np.int64], content: Content, name: str) -> tuple[str, ...]:
    first, last = int(values[0]), int(values[-1])
    if content == "digits":
        if first < 0 or last > 9:
            raise DataError(
                f"{name}: label {last if first >= 0 else first} is not a digit, 0 to 9; for other "
                "classes give --as images"
            )
        return DIGITS
    if first not in (0, 1) or last - first + 1 != len(values):
        raise DataError(
            f"{name}: labels are {listed(list(map(str, values)))} up to {last}: integer labels "
            "count from 0 or 1 without gaps; give names otherwise"
        )
    return tuple(map(str, values))


def label_numbers(part: Part, classes: tuple[str, ...], name: str) -> Labels:
    """Return the labels of a part as places in the names of the classes, uint8 (n,).

    Raises:
        DataError: A label is none of the classes.
    """
    values, inverse = np.unique(part.labels, return_inverse=True)
    if part.classes and values.dtype.kind in "iu":
        places = {str(number): number for number in range(len(part.classes))}
    else:
        places = {text: number for number, text in enumerate(classes)}
    numbers = [places.get(_plain(value), -1) for value in values]
    if -1 in numbers:
        raise DataError(
            f"{name}: label {values[numbers.index(-1)]} is none of the classes: {listed(classes)}"
        )
    return np.array(numbers, np.uint8)[inverse.reshape(-1)]


def _plain(value: Any) -> str:
    """Return a label as text; 07 and 7 are the same integer."""
    text = str(value)
    return str(int(text)) if re.fullmatch(r"-?[0-9]+", text) else text


def _natural(text: str) -> tuple[bool, int, str]:
    """Sort names that are numbers by value, before the others."""
    return (False, int(text), "") if text.isdigit() else (True, 0, text)
