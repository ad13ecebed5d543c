"""Files below a folder in an order that stays, what tells whether they changed, and pictures."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tenfold.batch.chunks import BYTES_PER_CHUNK, PICTURES_PER_CHUNK, Chunk, Content, Encoded, Place
from tenfold.errors import PictureError


@dataclass(frozen=True)
class File:
    """A file of the input: its name below the root with / between folders, size, and age."""

    name: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Survey:
    """What the input comes to, and a hash of names, sizes and ages that ties the output to it."""

    files: int
    size_bytes: int
    fingerprint: str


@dataclass(frozen=True)
class Pictures(Chunk):
    """Picture files of a folder, by their names below the root."""

    names: tuple[str, ...]

    def contents(self, place: Place) -> Iterator[Content]:
        """Give each file; it is opened where it is decoded."""
        for name in self.names:
            yield Encoded(place.source(name), 0, place.path(name), pages=True)


def walk(root: Path, suffixes: tuple[str, ...]) -> Iterator[File]:
    """Give the files whose names end so, folder by folder in the order of their names.

    Folders that are links are left out, as `tenfold read` does. Holds the names of one folder at a
    time, and of those above it.

    Raises:
        PictureError: A folder cannot be read.
    """
    yield from _walk(root, "", suffixes)


def _walk(folder: Path, before: str, suffixes: tuple[str, ...]) -> Iterator[File]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{before}{entry.name}/", suffixes)
            elif entry.name.lower().endswith(suffixes) and not entry.is_dir():
                yield _file(Path(entry.path), before + entry.name)
    except OSError as error:
        raise PictureError(f"cannot read the folder {folder}: {error.strerror}") from error


def _file(path: Path, name: str) -> File:
    try:
        facts = path.stat()
    except OSError:  # a link that leads nowhere: told when it is read
        return File(name, 0, 0)
    return File(name, facts.st_size, facts.st_mtime_ns)


def files_of(root: Path, suffixes: tuple[str, ...]) -> Iterator[File]:
    """Give the files of an input; of one that is a file itself, that with the name ""."""
    return walk(root, suffixes) if root.is_dir() else iter([_file(root, "")])


def survey(files: Iterable[File]) -> Survey:
    """Go through all files once."""
    count, size, digest = 0, 0, hashlib.sha256()
    for file in files:
        count, size = count + 1, size + file.size_bytes
        facts = f"{file.name}\0{file.size_bytes}\0{file.modified_ns}\n"
        digest.update(facts.encode("utf-8", "surrogateescape"))
    return Survey(count, size, digest.hexdigest())


class Gathering:
    """Picture files that wait for company, until they make a chunk."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._size = 0

    def add(self, file: File) -> Iterator[Pictures]:
        """Take a file; give the chunk before it if that is full now."""
        if self._names and (
            len(self._names) == PICTURES_PER_CHUNK or self._size + file.size_bytes > BYTES_PER_CHUNK
        ):
            yield from self.rest()
        self._names.append(file.name)
        self._size += file.size_bytes

    def rest(self) -> Iterator[Pictures]:
        """Give what was gathered, if anything."""
        if self._names:
            yield Pictures(tuple(self._names), size_bytes=self._size)
        self._names, self._size = [], 0
