"""Data sets in files of arrays: pairs of IDX files, and .npz files as Keras writes them."""

import math
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.data.idx import decode_idx
from tenfold.data.npy import label_of, npz_headers
from tenfold.data.parts import (
    MAX_PIXELS_IN_ALL,
    Layout,
    Part,
    check_sizes,
    label_array,
    one_line_errors,
)
from tenfold.errors import DataError

IDX_IMAGES = "images-idx3-ubyte"
"""What the name of an IDX file of images contains; "images.idx3-ubyte" is accepted too."""

TEST_WORDS = ("t10k", "test")

NPZ_NAMES = {
    "train": (
        ("x_train", "train_images", "images", "x", "X", "data"),
        ("y_train", "train_labels", "labels", "y", "Y", "target"),
    ),
    "test": (("x_test", "test_images"), ("y_test", "test_labels")),
}
"""Names of a part's pictures and labels in a .npz: Keras's first, then others in use."""

CLASS_NAMES = ("classes", "class_names")


def is_idx(path: Path) -> bool:
    """Return whether a path is named like an IDX file, or a folder holds one of images."""
    if path.is_dir():
        return bool(_image_files(path.iterdir()))
    return "-ubyte" in path.name or path.name.endswith((".idx", ".idx.gz"))


def idx_layout(path: Path) -> Layout:
    """Return the parts of a pair of IDX files, or of a folder with one pair for each part.

    Args:
        path: A folder, or a file of images whose name contains "images-idx3-ubyte"; its labels
            lie beside it under the same name with "labels-idx1-ubyte". Plain or .gz.

    Raises:
        DataError: There is no such pair.
    """
    found = _image_files(path.iterdir() if path.is_dir() else [path])
    if not found:
        raise DataError(f"{path} is no IDX file of images: its name lacks {IDX_IMAGES}")
    by_part: Layout = {}
    for images in found:
        part = "test" if any(word in images.name for word in TEST_WORDS) else "train"
        if part in by_part:
            raise DataError(
                f"{path} holds several IDX files of {part} images: give a folder with one, "
                f"or name a file, such as {images}"
            )
        by_part[part] = partial(read_pair, images, _labels_beside(images))
    if path.is_file() or "train" not in by_part:
        return {"train": next(iter(by_part.values()))}
    return by_part


def _image_files(paths: Iterable[Path]) -> list[Path]:
    found: dict[str, Path] = {}
    for path in sorted(paths):
        name = path.name.replace("images.idx3", "images-idx3").removesuffix(".gz")
        if name.endswith(IDX_IMAGES) and path.is_file():
            found.setdefault(name, path)  # the plain file before its .gz
    return list(found.values())


def _labels_beside(images: Path) -> Path:
    """Return the file of labels that belongs to a file of images."""
    head = images.name.replace("images.idx3", "images-idx3").split(IDX_IMAGES)[0]
    for middle in ("labels-idx1-ubyte", "labels.idx1-ubyte", "labels-idx2-int"):
        for end in ("", ".gz"):
            path = images.with_name(head + middle + end)
            if path.is_file():
                return path
    raise DataError(f"{images} has no labels beside it: give {head}labels-idx1-ubyte, plain or .gz")


def read_pair(images: Path, labels: Path) -> Part:
    """Read a pair of IDX files; EMNIST's transposed images are put upright.

    Raises:
        DataError: One of them is damaged, or they do not belong together.
    """
    pixels, given = _read_idx(images), _read_idx(labels)
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise DataError(f"{images} holds {pixels.dtype} {pixels.shape}: give bytes (n, 28, 28)")
    if images.name.startswith("emnist-"):  # EMNIST stores its images transposed
        pixels = pixels.transpose(0, 2, 1)
    if given.ndim == 2 and given.size:  # QMNIST: the digit is the first of eight facts
        given = given[:, 0]
    given = label_array(given, str(labels))
    check_sizes(len(pixels), len(given), str(images))
    return Part(pixels, given)


def _read_idx(path: Path) -> npt.NDArray[Any]:
    """Read an IDX file, plain or .gz.

    Raises:
        DataError: It cannot be read, or is none; names the path.
    """
    with one_line_errors(str(path)):
        if path.stat().st_size > MAX_PIXELS_IN_ALL:
            raise DataError(f"{path} is too large: over {MAX_PIXELS_IN_ALL:,} bytes")
        data = path.read_bytes()
    try:
        return decode_idx(data, max_bytes=MAX_PIXELS_IN_ALL)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def npz_layout(path: Path) -> Layout:
    """Return the parts of a .npz with the arrays x_train and y_train, and x_test and y_test.

    Other names in use are accepted (`NPZ_NAMES`); an array `classes` of texts names the classes.

    Raises:
        DataError: The file is damaged or has no such arrays.
    """
    with one_line_errors(str(path)), zipfile.ZipFile(path) as archive:
        headers = npz_headers(archive, path.stat().st_size)
    names = {label_of(member) for member in headers}
    layout: Layout = {}
    for part, (pictures, labels) in NPZ_NAMES.items():
        chosen = [next((name for name in some if name in names), "") for some in (pictures, labels)]
        if all(chosen):
            layout[part] = partial(read_npz, path, *chosen)
    if "train" not in layout:
        raise DataError(
            f"{path} has the arrays {', '.join(sorted(names))}: give x_train and y_train, and "
            "x_test and y_test if there is a test part"
        )
    return layout


def read_npz(path: Path, pictures: str, labels: str) -> Part:
    """Read two arrays of a .npz, by their names; and the names of the classes, if it has them.

    Raises:
        DataError: The file is damaged, lacks an array, or the arrays do not belong together.
    """
    with one_line_errors(str(path)), zipfile.ZipFile(path) as archive:
        headers = npz_headers(archive, path.stat().st_size)

        def read(name: str) -> npt.NDArray[Any]:
            if f"{name}.npy" not in headers:
                held = ", ".join(map(label_of, headers))
                raise DataError(
                    f"{path} must hold the arrays {pictures} and {labels}: it has {held}"
                )
            shape = headers[f"{name}.npy"].shape
            if math.prod(shape) > MAX_PIXELS_IN_ALL:
                raise DataError(f"{path}: {name} has the shape {shape}, which is too large")
            with archive.open(f"{name}.npy") as member:
                array: npt.NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
            return array

        pixels, given = read(pictures), read(labels)
        named = next((name for name in CLASS_NAMES if f"{name}.npy" in headers), None)
        classes = tuple(map(str, read(named))) if named else ()
    if pixels.ndim < 2:
        raise DataError(f"{path}: {pictures} has the shape {pixels.shape}: give (n, 28, 28)")
    given = label_array(given, f"{path}: {labels}")
    check_sizes(len(pixels), len(given), str(path))
    return Part(pixels, given, classes=classes)
