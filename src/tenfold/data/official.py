"""MNIST's four official files: found, read and verified by their hashes."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold.data.idx import decode_idx, encode_idx
from tenfold.errors import DataError
from tenfold.files import sha256

FILES = {
    # MD5 6bbc9ace898e44ae57da46a324031adb
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    # MD5 a25bea736e30d166cdddb491f175f624
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    # MD5 2646ac647ad5339dbf082846283269ea
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    # MD5 27ae3e4e09519cfbb04c329615203637
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""Official name of each file to the SHA-256 of its uncompressed bytes.

The hashes are of files with the MD5 that mirrors and other loaders have published for years.
"""

NPZ_NAMES = dict(zip(FILES, ["x_train", "y_train", "x_test", "y_test"], strict=True))
"""Official name of each file to the name of its array in Keras's mnist.npz."""

MAX_FILE_BYTES = 64 << 20
"""Largest size to read; the largest official file has 47 MB uncompressed."""

Array = NDArray[np.uint8]


def find_file(place: Path, name: str) -> Path | None:
    """Return the path that holds the official file `name`, or None.

    Args:
        place: A Keras mnist.npz, or a folder with IDX files (``train-images-idx3-ubyte`` or
            ``train-images.idx3-ubyte``, plain or .gz) or with a mnist.npz.
        name: A key of FILES.
    """
    if place.is_file():
        return place
    dotted = name.replace("-idx", ".idx")
    candidates = (name, dotted, f"{name}.gz", f"{dotted}.gz", "mnist.npz")
    return next((place / c for c in candidates if (place / c).is_file()), None)


def require_file(place: Path, name: str) -> Path:
    """Return the path that holds the official file `name`; see `find_file`.

    Raises:
        DataError: There is none.
    """
    if path := find_file(place, name):
        return path
    if not place.exists():
        raise DataError(f"{place} does not exist: give a folder with MNIST or a mnist.npz")
    raise DataError(f"{place} holds neither {name}, plain or .gz, nor a mnist.npz")


def read_file(place: Path, name: str) -> Array:
    """Read one official file from a folder or from a mnist.npz.

    Args:
        place: As for `find_file`.
        name: A key of FILES.

    Returns:
        uint8 (n, 28, 28) for images, (n,) for labels.

    Raises:
        DataError: The file is missing, cannot be read, or is not the official one; names the path.
    """
    path = place
    try:
        path = require_file(place, name)
        if path == place or path.name == "mnist.npz":
            array = _read_npz(path, NPZ_NAMES[name])
        else:
            array = _read_idx(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    verify(name, array, str(path))
    return array


def verify(name: str, array: Array, origin: str) -> None:
    """Check that `array` is what the official file `name` holds.

    Raises:
        DataError: The array differs; names `origin`.
    """
    if array.dtype != np.uint8 or sha256(encode_idx(array)) != FILES[name]:
        raise DataError(f"{origin} is altered or damaged: its SHA-256 is not that of {name}")


def _read_idx(path: Path) -> Array:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path} is too large for a file of MNIST: over {MAX_FILE_BYTES:,} bytes")
    try:
        return decode_idx(path.read_bytes(), max_bytes=MAX_FILE_BYTES)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _read_npz(path: Path, key: str) -> Array:
    # Not np.load: only the array asked for is opened, after its size is checked.
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as member:
            if archive.getinfo(f"{key}.npy").file_size > MAX_FILE_BYTES:
                raise DataError(f"{path}: {key} is too large: over {MAX_FILE_BYTES:,} bytes")
            array: Array = np.lib.format.read_array(member, allow_pickle=False)
    except (KeyError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is not Keras's mnist.npz: {error}") from error
    return array
