"""The output: a folder of parts, and a manifest that ties it to its input and settings."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from tenfold.batch.working import part_name
from tenfold.errors import TenfoldError, UsageError
from tenfold.files import lock, make_folder, write_atomic

MANIFEST = "_batch.json"
"""Begins with _, as what readers of Parquet folders leave out does."""

LOCK = ".lock"

FINISHED = "finished"
"""What the manifest holds once all parts are there: how many, with how many rows and errors."""

_PART = re.compile(r"part-(\d{8,})\.parquet")


@dataclass(frozen=True)
class Output:
    """The folder of a batch.

    Attributes:
        folder: Where it is.
        manifest: What it was begun with.
        parts: Numbers of the parts that are there.
    """

    folder: Path
    manifest: dict[str, Any]
    parts: frozenset[int]

    @property
    def finished(self) -> bool:
        """Whether the batch has come to its end."""
        return FINISHED in self.manifest

    def counts(self, number: int) -> tuple[int, int] | None:
        """Return rows and errors of a part that is there, or None if it is damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            metadata = pq.read_metadata(self.folder / part_name(number))
        except (OSError, pa.ArrowException):
            return None
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        # `error` is the last column.
        nulls = (group.column(group.num_columns - 1).statistics.null_count for group in groups)
        errors = metadata.num_rows - sum(nulls)
        return metadata.num_rows, errors

    def finish(self, totals: dict[str, Any]) -> None:
        """Write down that all is done."""
        document = self.manifest | {FINISHED: totals}
        write_atomic(self.folder / MANIFEST, json.dumps(document, indent=2) + "\n")


@contextmanager
def output(folder: Path, manifest: dict[str, Any], *, resume: bool) -> Iterator[Output]:
    """Begin an output, or go on with one, and hold it so that no second process writes there.

    Args:
        folder: Made if missing.
        manifest: JSON-ready facts on input and settings; an output is gone on with if its own are
            the same, all but how input and model are called.
        resume: Whether to go on with what is there, if anything is.

    Raises:
        UsageError: The folder holds something else, or a batch of another input or with other
            settings, or one that was not to be resumed.
        TenfoldError: Another process writes there.
    """
    found = _look(folder, manifest, resume=resume)
    make_folder(folder)
    try:
        with lock(folder / LOCK, timeout=0):
            if found is None:
                write_atomic(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
            for left in folder.glob(".part-*.parquet"):  # by a kill while writing
                left.unlink(missing_ok=True)
            yield Output(folder, found or manifest, _parts(folder))
    except Timeout:
        raise TenfoldError(f"another process is writing to {folder}") from None
    if FINISHED in _read(folder):
        (folder / LOCK).unlink(missing_ok=True)


def _look(folder: Path, manifest: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
    """Return the manifest of a batch to go on with, or None if there is nothing yet."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder to write to")
    if not (folder / MANIFEST).exists():
        # A kill just after the start leaves no more than hidden files of ours.
        hidden = (f".{MANIFEST}", LOCK)
        if all(path.name.startswith(hidden) for path in folder.iterdir()):
            return None
        raise UsageError(f"{folder} already holds something; give another folder")
    found = _read(folder)
    if not resume:
        if FINISHED in found:
            raise UsageError(f"{folder} holds a finished batch; give another folder")
        raise UsageError(f"{folder} holds an unfinished batch; --resume goes on with it")
    for name in sorted(manifest.keys() | (found.keys() - {FINISHED})):
        if name not in ("input", "model") and manifest.get(name) != found.get(name):
            raise UsageError(f"{folder} {_why(name, found, manifest)}; give another folder")
    return found


def _why(name: str, found: dict[str, Any], manifest: dict[str, Any]) -> str:
    if name in ("fingerprint", "files", "bytes"):
        return f"was begun with other files than {manifest['input']} holds now"
    if name in ("format", "model_sha256"):
        return "was begun with another model, or by another version of tenfold"
    return f"was begun with other settings ({name}: {found.get(name)}, now {manifest.get(name)})"


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder / MANIFEST} cannot be read: {error}") from error
    if not isinstance(found, dict) or "fingerprint" not in found:
        raise UsageError(f"{folder / MANIFEST} was not written by tenfold")
    return found


def _parts(folder: Path) -> frozenset[int]:
    with os.scandir(folder) as entries:
        found = (_PART.fullmatch(entry.name) for entry in entries)
        return frozenset(int(match[1]) for match in found if match)
