"""Files: atomic writes, hashes, locks, and the cache folder."""

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.errors import TenfoldError, UsageError, WriteError

if TYPE_CHECKING:  # `lock` imports it: reading a picture needs no lock
    from filelock import FileLock

CACHE_VARIABLE = "TENFOLD_CACHE"
"""Environment variable that moves the cache folder."""

ABANDONED_SECONDS = 86_400
"""Age from which a temporary file was left by a kill: no file here takes a day to write."""


def cache_dir() -> Path:
    """Return the folder for downloads and intermediate results; it may not exist yet.

    It is ``$TENFOLD_CACHE`` if that is set, else the platform's usual folder for caches.

    Raises:
        TenfoldError: There is no home folder, so no usual folder either.
    """
    if override := os.environ.get(CACHE_VARIABLE):
        return user_path(override)
    from platformdirs import user_cache_path

    try:
        return user_cache_path("tenfold").expanduser()
    except RuntimeError as error:
        raise TenfoldError(
            f"there is no home folder for the cache: set {CACHE_VARIABLE} to a folder"
        ) from error


MAC_METADATA = "._"
"""Start of the names of files that a Mac writes beside others on disks of other systems."""


def is_special(path: str | Path) -> bool:
    """Whether a path is a FIFO, a socket or a device; opening one may wait forever."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):  # missing, a broken link or a loop of links
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def user_path(text: str | Path) -> Path:
    """Return a path with `~` and `~user` replaced by the home folder.

    Raises:
        TenfoldError: There is no such user, or no home folder.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise TenfoldError(f"{text} has no home folder: give the path without ~") from error


def real_path(path: str | Path) -> Path:
    """Return an absolute path without links; `Path.resolve` raises for a link to itself."""
    return Path(os.path.realpath(path))


def parse_json(text: str) -> Any:
    """Return the value of a JSON text that a user may have written.

    Raises:
        ValueError: The text is not JSON, or lists and objects are nested too deep to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def make_folder(path: Path) -> Path:
    """Create a folder and its parents, and return it.

    Raises:
        UsageError: A file is in the way.
        WriteError: It cannot be made: permission is missing, the disk is full.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            sync_folder(folder.parent)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"cannot make the folder {path}: a file is in the way") from error
    except OSError as error:
        raise WriteError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to disk, so that a rename in it survives a power cut."""
    if os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system without it
            raise
    finally:
        os.close(handle)


@contextmanager
def atomic_path(path: Path, *, clean_up: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block succeeds.

    Readers see the old file or the new one, never a part, even after a power cut. On any error,
    Ctrl-C included, the temporary file is removed and `path` stays unchanged.

    Args:
        path: The file to write.
        clean_up: Remove temporary files of the same name that a kill left behind more than a day
            ago. This lists the folder: 0.25 s if it holds 100,000 files.

    Raises:
        WriteError: The file cannot be written.
    """
    make_folder(path.parent)
    start, end = _temporary_name(path)
    temporary = path.parent / f"{start}{os.urandom(8).hex()}{end}"
    with _named(path, path.parent):
        # Not `tempfile`, whose files are private: this one has the permissions of any new file.
        # To read the umask is to change it, for all threads.
        temporary.touch(exist_ok=False)
    try:
        if clean_up:
            _remove_abandoned(path, temporary)
        with _named(path, temporary):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_name(path: Path) -> tuple[str, str]:
    """Return the start and the end of a temporary name: 16 characters fit between.

    A file system takes 255 bytes, and a character has up to four.
    """
    return f".{path.name[:50]}.", path.suffix[:8]


@contextmanager
def _named(path: Path, temporary: Path) -> Iterator[None]:
    """Name the file or folder that cannot be written: a full disk names none.

    Errors that name a file elsewhere pass unchanged.
    """
    try:
        yield
    except OSError as error:
        failed = Path(error.filename or temporary).absolute()  # as `tempfile` makes paths
        if error.errno is None or not str(failed).startswith(str(temporary.absolute())):
            raise
        raise WriteError(f"cannot write {path}: {os.strerror(error.errno)}") from error


def _remove_abandoned(path: Path, temporary: Path) -> None:
    import glob  # not for every command

    oldest = temporary.stat().st_mtime - ABANDONED_SECONDS
    for other in path.parent.glob("*".join(map(glob.escape, _temporary_name(path)))):
        with suppress(OSError):  # another process may remove it too
            if other.is_file() and other.stat().st_mtime < oldest:
                other.unlink()


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder; the last one appears once all others are safely on disk.

    Args:
        folder: Made if missing; files of the same names are replaced.
        contents: Files by name.
    """
    make_folder(folder)
    *others, last = contents
    with temporary_folder(folder / "bundle") as aside:
        for name, data in contents.items():
            with (aside / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for name in others:
            (aside / name).replace(folder / name)
        sync_folder(folder)
        (aside / last).replace(folder / last)
        sync_folder(folder)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document to `path`, indented, whole or not at all."""
    write_atomic(path, json.dumps(document, indent=2) + "\n")


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """Yield an empty hidden folder in the parent of `beside`; remove it afterward.

    Raises:
        WriteError: The folder, or a file in it, cannot be written.
    """
    make_folder(beside.parent)
    with _named(beside.parent, beside.parent):
        folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    try:
        with _named(beside.parent, folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path, *names: str) -> None:
    """Remove temporary files and folders that a kill left behind, whatever their age.

    Args:
        folder: Where they are. The caller holds its lock: nobody else writes there.
        names: What they were to become, or patterns of it: `beside.name` of a `temporary_folder`,
            the file name of an `atomic_path`.
    """
    for name in names:
        for left in folder.glob(f".{name}.*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


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
