"""Where a study is kept: a journal file of one machine, or PostgreSQL for many."""

import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from tenfold.errors import MissingExtraError, TenfoldError, TrainingError, UsageError
from tenfold.files import lock, make_folder

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend
except ModuleNotFoundError as error:
    raise MissingExtraError("tuning", "tune") from error

BEATS = 6
"""Heartbeats within the time after which a silent worker is given up."""

RETRIES = 3
"""A trial that was lost so often is not taken up again: it may be what kills the workers."""

_FIRST = b'{"op_code":'
"""How a journal begins."""

_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")


@dataclass(frozen=True)
class Place:
    """Where a study is kept.

    `address`: the path of a journal, or the URL of a PostgreSQL database. `grace_seconds`: a
    worker of PostgreSQL that is silent for so long is given up, and its trial taken up again.
    """

    address: str
    grace_seconds: int = 60

    def __repr__(self) -> str:
        return f"Place({self.shown!r})"  # never the password: this may be logged

    @property
    def is_file(self) -> bool:
        """Whether it is a journal file."""
        return "://" not in self.address

    @property
    def shown(self) -> str:
        """The address without its password, for people and files."""
        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1@", self.address)


def place_of(address: str, grace_seconds: int = 60) -> Place:
    """Return the place of an address as the shell takes it.

    Raises:
        UsageError: It is neither a path nor a PostgreSQL URL, or the grace is too short.
    """
    if grace_seconds < BEATS:
        raise UsageError(f"grace is {grace_seconds}; it must be at least {BEATS} seconds")
    if "://" not in address:
        return Place(str(Path(address).absolute()), grace_seconds)
    if not address.startswith(_SCHEMES):
        scheme = address.partition("://")[0]
        raise UsageError(f"the storage is a file or postgresql://..., not {scheme}://...")
    return Place(address, grace_seconds)


def open_storage(place: Place) -> Any:
    """Return the Optuna storage of a place; a journal and the tables are made if missing.

    Raises:
        TenfoldError: The file cannot be written, or no database answers; never with a password.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if place.is_file:
        path = Path(place.address)
        make_folder(path.parent)
        own_lock: Any = _Lock(path)
        try:
            _refuse_other_files(path)
            backend = JournalFileBackend(str(path), own_lock)
            return optuna.storages.JournalStorage(backend)
        except OSError as error:
            raise TenfoldError(f"cannot use {path}: {error.strerror}") from error
    with warnings.catch_warnings():
        # Heartbeats are called experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for last in (False, False, True):
            try:
                return optuna.storages.get_storage(_database(place))
            except Exception as error:  # of SQLAlchemy or the driver, a dozen kinds
                # Two commands that make the tables at once get in each other's way.
                if last or "already exists" not in str(error):
                    raise TenfoldError(_told(place, error)) from None
                time.sleep(1)
    raise AssertionError


def _database(place: Place) -> Any:
    url = place.address.replace("postgres://", "postgresql://", 1)
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    return optuna.storages.RDBStorage(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        engine_kwargs={"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}},
        heartbeat_interval=place.grace_seconds // BEATS,
        grace_period=place.grace_seconds,
        heartbeat_stale_trial_callback=retry,
    )


def close_storage(storage: Any) -> None:
    """Let go of the connections to a database."""
    engine = getattr(getattr(storage, "_backend", None), "engine", None)
    if engine is not None:
        engine.dispose()


def _told(place: Place, error: Exception) -> str:
    """Return what went wrong in one line, without what stands between user and @."""
    text = str(getattr(error, "orig", None) or error).strip()
    lines = text.splitlines() or [type(error).__name__]
    told = f"the storage {place.shown} cannot be used: {lines[0]}"
    secret = re.search(r"://[^:/@]*:([^@]*)@", place.address)
    for word in {secret[1], unquote(secret[1]), quote(secret[1])} if secret else ():
        told = told.replace(word, "***") if word else told
    return told


class _Lock:
    """A lock that the system lets go of when its holder is killed; Optuna's stays for 30 s."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        self._lock.acquire()
        _drop_half_a_line(self._path)
        return True

    def release(self) -> None:
        self._lock.release()


def _refuse_other_files(path: Path) -> None:
    """Leave alone what is no journal: lines would be added to it.

    Raises:
        UsageError: It is another file.
    """
    if path.exists():
        with path.open("rb") as file:
            first = file.read(len(_FIRST))
        if first and first != _FIRST:
            raise UsageError(f"{path} is another file, not the journal of a search")


def _drop_half_a_line(path: Path) -> None:
    """Cut off what a writer left that was stopped within a line; nobody has read it yet."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def held(place: Place) -> Iterator[None]:
    """Hold a journal, so that whatever runs in it was left behind; of a database nothing is held.

    Raises:
        TrainingError: Another command works on the journal.
    """
    if not place.is_file:
        yield
        return
    path = Path(f"{place.address}.held")
    try:
        with lock(path, timeout=0):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                Path(f"{place.address}.lock").unlink(missing_ok=True)
    except Timeout:
        raise TrainingError(
            f"another command works on {place.address}; for several commands at once give "
            "--storage postgresql://..."
        ) from None
