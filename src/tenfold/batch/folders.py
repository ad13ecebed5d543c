"""Files of the input in a fixed order, their fingerprint, and chunks of picture files."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tenfold.batch.chunks import Chunk, Content, Input, PictureItem, groups
from tenfold.errors import PictureError
from tenfold.files import MAC_METADATA, is_special
from tenfold.imaging.decoding import picture_name


@dataclass(frozen=True)
class File:
    """A file of the input: its name below the root, with / between folders; size; time."""

    name: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Survey:
    """Number and size of the input's files, and a hash of their names, sizes and times."""

    files: int
    size_bytes: int
    fingerprint: str


@dataclass(frozen=True)
class PictureFiles(Chunk):
    """Picture files of a folder, by their names below the root."""

    names: tuple[str, ...]

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the path of each file."""
        for name in self.names:
            shown = source.source(name)
            yield PictureItem(shown, 0, source.path(name), picture_name(shown), is_file=True)


def picture_chunks(files: Iterable[File], most: int | None = None) -> Iterator[Chunk]:
    """Group picture files into chunks; see `groups`."""
    for group in groups(files, lambda file: file.size_bytes, most):
        size = sum(file.size_bytes for file in group)
        yield PictureFiles(tuple(file.name for file in group), size_bytes=size)


def list_files(root: Path, suffixes: tuple[str, ...], shown: str | None = None) -> Iterator[File]:
    """Yield the files below a folder that have one of the suffixes; a file yields itself, as "".

    Folder by folder, in the order of their names. Folders that are links are skipped, as `tenfold
    read` does. Keeps the names of one folder in memory, and of those above it.

    Args:
        root: The file or folder.
        suffixes: In lower case.
        shown: What an error calls the root; None takes its path.

    Raises:
        PictureError: A folder cannot be read.
    """
    if not root.is_dir():
        return iter([_file(root, "")])
    return _walk(root, "", suffixes, Path(root if shown is None else shown))


def _walk(folder: Path, prefix: str, suffixes: tuple[str, ...], shown: Path) -> Iterator[File]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", suffixes, shown)
            elif entry.name.lower().endswith(suffixes) and _is_wanted(Path(entry.path)):
                yield _file(Path(entry.path), prefix + entry.name)
    except OSError as error:
        raise PictureError(f"cannot read the folder {shown / prefix}: {error.strerror}") from error


def _is_wanted(path: Path) -> bool:
    """Return whether to read a file: no folder, FIFO or device, nor what a Mac puts beside it."""
    return not (path.is_dir() or is_special(path) or path.name.startswith(MAC_METADATA))


def _file(path: Path, name: str) -> File:
    try:
        status = path.stat()
    except OSError:  # a broken link: reading it gives the error
        return File(name, 0, 0)
    return File(name, status.st_size, status.st_mtime_ns)


def survey(files: Iterable[File]) -> Survey:
    """Count and hash files."""
    count, size, digest = 0, 0, hashlib.sha256()
    for file in files:
        count, size = count + 1, size + file.size_bytes
        facts = f"{file.name}\0{file.size_bytes}\0{file.modified_ns}\n"
        digest.update(facts.encode("utf-8", "surrogateescape"))
    return Survey(count, size, digest.hexdigest())
