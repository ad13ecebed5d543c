"""MNIST as arrays: loaded from a verified cache, and split; and the state of its files."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from tenfold.arrays import Images, Labels
from tenfold.data import official, sources
from tenfold.data.idx import encode_idx
from tenfold.errors import DataError, UsageError
from tenfold.files import CACHE_VARIABLE, cache_dir, lock, remove_leftovers, user_path, write_atomic
from tenfold.formatting import no_such

_log = logging.getLogger("tenfold")

SPLITS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""Name of each split to the official files of its images and labels."""

Split = tuple[Images, Labels]
"""Images uint8 (n, 28, 28) and labels uint8 (n,)."""


@dataclass(frozen=True)
class FileStatus:
    """One of the four files of MNIST on disk.

    Attributes:
        name: Official name.
        present: Whether a file that should hold the data is there.
        size_bytes: Size of that file as stored, perhaps compressed; 0 if absent.
        sha256_ok: Whether the file holds the official data.
    """

    name: str
    present: bool
    size_bytes: int
    sha256_ok: bool


@dataclass(frozen=True)
class DataStatus:
    """MNIST on disk.

    Attributes:
        folder: The folder that was looked into.
        files: One entry for each of the four files.
        whole: Whether all four files are there and verified.
    """

    folder: Path
    files: tuple[FileStatus, ...]
    whole: bool


def load_mnist(split: str = "train", data_dir: str | Path | None = None) -> Split:
    """Load the training or the test split of MNIST, in the official order.

    Without `data_dir` the files come from the cache and are verified each time. Missing and damaged
    files are fetched. Each split loads without the other's files. The data is by Y. LeCun and
    C. Cortes, license CC BY-SA 3.0.

    Args:
        split: "train", 60,000 images, or "test", 10,000.
        data_dir: A folder with the IDX files (plain or .gz) or a mnist.npz, or the path of a
            mnist.npz. Nothing else is used, and nothing is written there.

    Returns:
        Images uint8 (n, 28, 28), white ink (255) on black (0), and labels uint8 (n,), 0..9.

    Raises:
        UsageError: There is no such split.
        DataError: The files cannot be fetched, or `data_dir` lacks one or holds an altered one.
    """
    names = SPLITS.get(split)
    if names is None:
        raise UsageError(no_such("split of MNIST", split, SPLITS))
    if data_dir is None:
        return _load_cached(_cache_folder(), names)
    return _read(user_path(data_dir), names)


def fetch_test() -> None:
    """Fetch the test split if the cache lacks it or holds an altered one.

    Raises:
        DataError: It cannot be fetched.
    """
    if not all(_file_status(_cache_folder(), name).sha256_ok for name in SPLITS["test"]):
        load_mnist("test")


def split_validation(images: Images, labels: Labels, val_size: int = 5_000) -> tuple[Split, Split]:
    """Split off the last `val_size` training images for validation.

    In MNIST the digits of one writer follow one another. So a contiguous tail keeps most writers
    out of the images trained on; a random choice would put nearly every writer into both.

    Args:
        images: uint8 (n, 28, 28), in the official order.
        labels: uint8 (n,).
        val_size: Number of validation images, 0 to n - 1.

    Returns:
        (images, labels) to train on and (images, labels) to validate on, as views.

    Raises:
        UsageError: `val_size` leaves nothing to train on, or is negative.
    """
    n_train = len(images) - val_size
    if not 0 < n_train <= len(images):
        raise UsageError(f"val_size must be from 0 to {len(images) - 1:,}, not {val_size:,}")
    return (images[:n_train], labels[:n_train]), (images[n_train:], labels[n_train:])


def status(data_dir: str | Path | None = None) -> DataStatus:
    """Check the four files; nothing is fetched, repaired or written.

    Args:
        data_dir: As for `load_mnist`; the cache by default.
    """
    place = _cache_folder() if data_dir is None else user_path(data_dir)
    files = tuple(_file_status(place, name) for name in official.FILES)
    return DataStatus(place, files, whole=all(file.sha256_ok for file in files))


def _file_status(place: Path, name: str) -> FileStatus:
    try:
        path = official.find_file(place, name)
        size_bytes = path.stat().st_size if path else 0
    except OSError:  # a folder that cannot be entered
        return FileStatus(name, present=False, size_bytes=0, sha256_ok=False)
    try:
        official.read_file(place, name)
    except DataError:
        return FileStatus(name, path is not None, size_bytes, sha256_ok=False)
    return FileStatus(name, True, size_bytes, sha256_ok=True)


def _cache_folder() -> Path:
    return cache_dir() / "mnist"


def _read(place: Path, names: Sequence[str]) -> Split:
    images, labels = (official.read_file(place, name) for name in names)
    return images, labels


def _load_cached(folder: Path, names: Sequence[str]) -> Split:
    # A good cache is read without the lock, so it may lie in a read-only folder.
    try:
        return _read(folder, names)
    except DataError:
        pass
    try:
        turn = lock(folder / ".lock")
        try:
            turn.acquire(timeout=1)
        except Timeout:
            _log.info("another process is fetching MNIST; waiting for it")
            turn.acquire()
        try:
            return _load_or_fetch(folder, names)
        finally:
            turn.release()
    except OSError as error:
        raise DataError(
            f"cannot keep MNIST in {folder}: {error.strerror or error}; "
            f"set {CACHE_VARIABLE} to a folder that can be written"
        ) from error


def _load_or_fetch(folder: Path, names: Sequence[str]) -> Split:
    remove_leftovers(folder, *official.FILES)
    try:
        return _read(folder, names)  # another process may have fetched it meanwhile
    except DataError as error:
        if any(official.find_file(folder, name) for name in official.FILES):
            _log.warning("MNIST is not whole in the cache: %s; fetching it again", error)
        else:
            _log.info("MNIST is not in the cache; fetching it")
    arrays = sources.fetch()
    for name, array in arrays.items():
        if not _file_status(folder, name).sha256_ok:
            write_atomic(folder / name, encode_idx(array))
    _log.info("MNIST is now in %s", folder)
    images, labels = (arrays[name] for name in names)
    return images, labels
