"""Storage of a study: a journal file for one machine, or PostgreSQL for many."""

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

HEARTBEATS = 6
"""Heartbeats within the grace period after which a silent worker is given up."""

MAX_RETRIES = 3
"""Times that a lost trial is retried: after more, the trial itself may be what kills workers."""

_JOURNAL_START = b'{"op_code":'

_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")


@dataclass(frozen=True)
class Address:
    """Address of the storage of a study.

    Attributes:
        text: Path of a journal, or URL of a PostgreSQL database, perhaps with a password.
        grace_seconds: A worker on PostgreSQL that is silent for this time is given up, and its
            trial is retried.
        given: The path of a journal as it was given; `text` is absolute.
    """

    text: str
    grace_seconds: int = 60
    given: str = ""

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"  # never the password: this may be logged

    @property
    def is_file(self) -> bool:
        """Whether it is a journal file."""
        return "://" not in self.text

    @property
    def shown(self) -> str:
        """The address as it was given, without its password, for messages."""
        return self.given or re.sub(r"(://[^:/@]*):[^@]*@", r"\1@", self.text)


def parse_address(text: str, grace_seconds: int = 60) -> Address:
    """Return the address that `--storage` names.

    Raises:
        UsageError: It is neither a path nor a PostgreSQL URL, or the grace period is too short.
    """
    if grace_seconds < HEARTBEATS:
        raise UsageError(f"grace is {grace_seconds}; it must be at least {HEARTBEATS} seconds")
    if "://" not in text:
        return Address(str(Path(text).absolute()), grace_seconds, text)
    if not text.startswith(_SCHEMES):
        scheme = text.partition("://")[0]
        raise UsageError(f"the storage must be a file or postgresql://..., not {scheme}://...")
    return Address(text, grace_seconds)


def open_storage(address: Address) -> Any:
    """Return the Optuna storage of an address; creates a missing journal or missing tables.

    Raises:
        TenfoldError: The file cannot be written, or no database answers. The message holds no
            password.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address.is_file:
        return _open_journal(address)
    with warnings.catch_warnings():
        # Heartbeats are experimental in Optuna.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for last in (False, False, True):
            try:
                return optuna.storages.get_storage(_database(address))
            except Exception as error:  # a dozen kinds, of SQLAlchemy or of the driver
                # Two commands that create the tables at the same time disturb each other.
                if last or "already exists" not in str(error):
                    raise TenfoldError(_without_password(address, error)) from None
                time.sleep(1)
    raise AssertionError


def _open_journal(address: Address) -> Any:
    path = Path(address.text)
    make_folder(path.parent)
    journal_lock: Any = _JournalLock(path)
    try:
        _refuse_other_files(address)
        return optuna.storages.JournalStorage(JournalFileBackend(str(path), journal_lock))
    except OSError as error:
        raise TenfoldError(f"cannot use {address.shown}: {error.strerror}") from error


def _database(address: Address) -> Any:
    url = address.text.replace("postgres://", "postgresql://", 1)
    return optuna.storages.RDBStorage(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        engine_kwargs={"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}},
        heartbeat_interval=address.grace_seconds // HEARTBEATS,
        grace_period=address.grace_seconds,
        heartbeat_stale_trial_callback=retry_callback(),
    )


def retry_callback() -> Any:
    """Return Optuna's function that enqueues the settings of a lost trial again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)


def close_storage(storage: Any) -> None:
    """Close the connections to a database."""
    engine = getattr(getattr(storage, "_backend", None), "engine", None)
    if engine is not None:
        engine.dispose()


def _without_password(address: Address, error: Exception) -> str:
    """Return the first line of an error, with the password masked."""
    text = str(getattr(error, "orig", None) or error).strip()
    lines = text.splitlines() or [type(error).__name__]
    message = f"the storage {address.shown} cannot be used: {lines[0]}"
    secret = re.search(r"://[^:/@]*:([^@]+)@", address.text)
    for word in {secret[1], unquote(secret[1]), quote(secret[1])} if secret else ():
        message = message.replace(word, "***")
    return message


class _JournalLock:
    """A lock that the system releases when its holder is killed; Optuna's own stays for 30 s."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        self._lock.acquire()
        _cut_partial_line(self._path)
        return True

    def release(self) -> None:
        self._lock.release()


def _refuse_other_files(address: Address) -> None:
    """Refuse a file that is no journal, because Optuna would append to it.

    Raises:
        UsageError: It is another file.
    """
    path = Path(address.text)
    if path.exists():
        with path.open("rb") as file:
            start = file.read(len(_JOURNAL_START))
        if start and start != _JOURNAL_START:
            raise UsageError(f"{address.shown} is another file, not the journal of a search")


def _cut_partial_line(path: Path) -> None:
    """Remove a last line without end, left by a writer that was killed; nobody has read it."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def exclusive(address: Address) -> Iterator[None]:
    """Lock a journal for one command: trials still running in it are then lost ones.

    A database is not locked.

    Raises:
        TrainingError: Another command uses the journal.
    """
    if not address.is_file:
        yield
        return
    path = Path(f"{address.text}.held")
    try:
        with lock(path, timeout=0):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                Path(f"{address.text}.lock").unlink(missing_ok=True)
    except Timeout:
        raise TrainingError(
            f"another command uses {address.shown}; for several commands at once give "
            "--storage postgresql://..."
        ) from None
