"""Files on disk: written whole or not at all, hashed, locked; and the cache folder."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.errors import TenfoldError

if TYPE_CHECKING:  # imported where it is needed: reading a picture needs neither lock nor cache
    from filelock import FileLock

CACHE_VARIABLE = "TENFOLD_CACHE"
"""Environment variable that moves the cache folder."""


def cache_dir() -> Path:
    """Return the folder that keeps what was fetched; it need not exist yet.

    ``$TENFOLD_CACHE`` if set, else the platform's usual place for caches.
    """
    if override := os.environ.get(CACHE_VARIABLE):
        return Path(override).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("tenfold")


def make_folder(path: Path) -> Path:
    """Create a folder and its parents, and return it.

    Raises:
        TenfoldError: It cannot be made (a file is in the way, no permission, disk full).
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TenfoldError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it there if the block succeeds.

    Readers see the old file or the new one, never a part. On any error, Ctrl-C included,
    the temporary file is removed and `path` stays as it was.

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
        # mkstemp makes files private; give ours the rights any new file would have.
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


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """Give an empty hidden folder in the parent of `beside`; remove it afterward."""
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
        timeout: Seconds to wait; -1 waits for ever, after which filelock.Timeout is raised.
    """
    from filelock import FileLock

    make_folder(path.parent)
    return FileLock(path, timeout=timeout)
