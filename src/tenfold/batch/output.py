"""The output folder: numbered parts, and a manifest that ties them to input and settings."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from tenfold.errors import TenfoldError, UsageError
from tenfold.files import lock, make_folder, parse_json, real_path, remove_leftovers, write_json

MANIFEST = "_batch.json"
"""Readers of Parquet folders skip names that begin with _."""

LOCK = ".lock"

FINISHED = "finished"
"""Key of the manifest that is set at the end: numbers of parts, pictures and errors."""

_PART = re.compile(r"part-(\d{8,})\.parquet")


def part_name(number: int) -> str:
    """Return the file name of the part that belongs to a chunk."""
    return f"part-{number:08}.parquet"


@dataclass(frozen=True)
class Output:
    """The output folder of a batch.

    Attributes:
        folder: Its path.
        manifest: Facts on input and settings that the batch was begun with.
        parts: Numbers of the parts that exist.
    """

    folder: Path
    manifest: dict[str, Any]
    parts: frozenset[int]

    @property
    def finished(self) -> bool:
        """Whether the batch is complete."""
        return FINISHED in self.manifest

    def counts(self, number: int) -> tuple[int, int] | None:
        """Return the numbers of rows and of errors in a part that exists; None if it is damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            metadata = pq.read_metadata(self.folder / part_name(number))
        except (OSError, pa.ArrowException):
            return None
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        # `error` is the last column.
        nulls = (group.column(group.num_columns - 1).statistics.null_count for group in groups)
        return metadata.num_rows, metadata.num_rows - sum(nulls)

    def finish(self, totals: dict[str, Any]) -> None:
        """Record that the batch is complete."""
        document = self.manifest | {FINISHED: totals}
        write_json(self.folder / MANIFEST, document)


@contextmanager
def open_output(folder: Path, manifest: dict[str, Any], *, resume: bool) -> Iterator[Output]:
    """Begin or resume an output, and lock it against other processes.

    Args:
        folder: Made if missing.
        manifest: JSON-ready facts on input and settings. An output is resumed only if its own
            manifest is the same, apart from the paths of input and model.
        resume: Whether to resume the batch that is there, if there is one.

    Raises:
        UsageError: The folder holds something else, a batch of another input or with other
            settings, or a batch while `resume` is not set; or its name is no UTF-8.
        TenfoldError: Another process writes there.
    """
    try:
        str(real_path(folder)).encode()
    except UnicodeEncodeError:  # Arrow takes no such path
        raise UsageError(f"{folder} has a name that is no UTF-8: give another") from None
    found = _find_batch(folder, manifest, resume=resume)
    make_folder(folder)
    try:
        with lock(folder / LOCK, timeout=0):
            if found is None:
                write_json(folder / MANIFEST, manifest)
            remove_leftovers(folder, "part-*", MANIFEST)
            yield Output(folder, found or manifest, _parts(folder))
    except Timeout:
        raise TenfoldError(f"another process is writing to {folder}") from None
    if FINISHED in read_manifest(folder):
        (folder / LOCK).unlink(missing_ok=True)


def _find_batch(folder: Path, manifest: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
    """Return the manifest of a batch to resume, or None if there is nothing yet."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder to write to")
    if not (folder / MANIFEST).exists():
        # A kill just after the start leaves only these hidden files.
        hidden = (f".{MANIFEST}", LOCK)
        if all(path.name.startswith(hidden) for path in folder.iterdir()):
            return None
        raise UsageError(f"{folder} is not empty; give another folder")
    found = read_manifest(folder)
    if not resume:
        if FINISHED in found:
            raise UsageError(f"{folder} holds a finished batch; give another folder")
        raise UsageError(f"{folder} holds an unfinished batch; add --resume to continue it")
    given = found.get("input")
    if not isinstance(given, list) or list(map(type, given)) != [str] * len(manifest["input"]):
        raise UsageError(f"{folder / MANIFEST} was edited: it names no inputs; give another folder")
    for name in sorted(manifest.keys() | (found.keys() - {FINISHED})):
        if name not in ("input", "model") and manifest.get(name) != found.get(name):
            raise UsageError(f"{folder} {_difference(name, found, manifest)}; give another folder")
    return found


def _difference(name: str, found: dict[str, Any], manifest: dict[str, Any]) -> str:
    if name in ("fingerprint", "files", "bytes"):
        return f"was begun with other files than {', '.join(manifest['input'])} holds now"
    if name.startswith("template"):
        return "was begun with another template"
    if name == "format" or name.endswith("_sha256"):
        return "was begun with another model, or by another version of tenfold"
    return f"was begun with other settings ({name}: {found.get(name)}, now {manifest.get(name)})"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an output folder.

    Raises:
        UsageError: It is missing, damaged, or was not written by tenfold.
    """
    try:
        found = parse_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no output of tenfold: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder / MANIFEST} cannot be read: {error}") from error
    if not isinstance(found, dict) or "fingerprint" not in found:
        raise UsageError(f"{folder / MANIFEST} was not written by tenfold")
    return found


def _parts(folder: Path) -> frozenset[int]:
    with os.scandir(folder) as entries:
        found = (_PART.fullmatch(entry.name) for entry in entries)
        return frozenset(int(match[1]) for match in found if match)
