"""Files: atomic writes, hashes, locks, and the cache folder."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.errors import TenfoldError

if TYPE_CHECKING:  # `lock` imports it: reading a picture needs no lock
    from filelock import FileLock

CACHE_VARIABLE = "TENFOLD_CACHE"
"""Environment variable that moves the cache folder."""


def cache_dir() -> Path:
    """Return the folder for downloads and intermediate results; it may not exist yet.

    It is ``$TENFOLD_CACHE`` if that is set, else the platform's usual folder for caches.
    """
    if override := os.environ.get(CACHE_VARIABLE):
        return Path(override).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("tenfold")


def make_folder(path: Path) -> Path:
    """Create a folder and its parents, and return it.

    Raises:
        TenfoldError: It cannot be made: a file is in the way, permission is missing, the disk is
            full.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TenfoldError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block succeeds.

    Readers see the old file or the new one, never a part. On any error, Ctrl-C included, the
    temporary file is removed and `path` stays unchanged.

    Raises:
        TenfoldError: The folder cannot be written.
    """
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        raise TenfoldError(f"cannot write {path}: {error.strerror}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        # mkstemp makes files private; give this one the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document to `path`, indented, whole or not at all."""
    write_atomic(path, json.dumps(document, indent=2) + "\n")


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """Yield an empty hidden folder in the parent of `beside`; remove it afterward."""
    make_folder(beside.parent)
    folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sha256(source: Path | bytes) -> str:
    """Return the SHA-256 of a file or of bytes as 64 hexadecimal digits."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock(path: Path, timeout: float = -1) -> "FileLock":
    """Return a lock shared between processes, held by ``with``.

    Args:
        path: The lock file; it stays behind, empty.
        timeout: Seconds to wait before filelock.Timeout is raised; -1 waits forever.
    """
    from filelock import FileLock

    make_folder(path.parent)
    return FileLock(path, timeout=timeout)
