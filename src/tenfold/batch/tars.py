"""Chunks of pictures in tar shards."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenfold.batch.chunks import (
    Chunk,
    Content,
    DamagedFile,
    Input,
    PictureItem,
    Unreadable,
    groups,
    one_line,
    until_damage,
)
from tenfold.batch.folders import File
from tenfold.imaging.decoding import MAX_BYTES, SUFFIXES

_PLAIN_SUFFIX = ".tar"
TAR_SUFFIXES = (_PLAIN_SUFFIX, ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class TarMembers(Chunk):
    """Pictures of an uncompressed shard, by the position of their bytes.

    Attributes:
        name: Of the file, below the root.
        first: Number of the first one, among the shard's pictures.
        positions: Offset and length of each, in bytes.
    """

    name: str
    first: int
    positions: tuple[tuple[int, int], ...]

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the bytes of each picture."""
        shown = source.source(self.name)
        with source.path(self.name).open("rb") as file:
            for index, (offset, size) in enumerate(self.positions, self.first):
                file.seek(offset)
                data = file.read(min(size, MAX_BYTES + 1))
                if len(data) < min(size, MAX_BYTES + 1):
                    yield Unreadable(shown, index, f"{shown} is cut short")
                else:
                    yield PictureItem(shown, index, data)


@dataclass(frozen=True)
class CompressedTar(Chunk):
    """A whole compressed shard, which can only be read from its start."""

    name: str

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the bytes of each picture, in their order."""
        shown = source.source(self.name)
        return until_damage(self._pictures(source.path(self.name), shown), shown, 0)

    def _pictures(self, path: Path, shown: str) -> Iterator[Content]:
        with tarfile.open(path, "r|*") as shard:
            for index, member in enumerate(_picture_members(shard)):
                stream = shard.extractfile(member)
                assert stream is not None  # a regular file
                yield PictureItem(shown, index, stream.read(MAX_BYTES + 1))


def tar_chunks(path: Path, file: File) -> Iterator[Chunk]:
    """Divide an uncompressed shard by its members' headers; a compressed one is one chunk."""
    if not path.name.lower().endswith(_PLAIN_SUFFIX):
        yield CompressedTar(file.name, size_bytes=file.size_bytes)
        return
    damage = ""

    def positions() -> Iterator[tuple[int, int]]:
        nonlocal damage
        try:
            with tarfile.open(path, "r:") as shard:
                for member in _picture_members(shard):
                    yield member.offset_data, member.size
        except Exception as error:
            damage = f"{path.name} is damaged or cut short: {one_line(error)}"

    first = begin = 0
    for group in groups(positions(), lambda position: position[1]):
        end = sum(group[-1])
        yield TarMembers(file.name, first, tuple(group), size_bytes=end - begin)
        first, begin = first + len(group), end
    if damage:
        yield DamagedFile(file.name, damage, first, size_bytes=max(0, file.size_bytes - begin))


def _picture_members(shard: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := shard.next()) is not None:
        shard.members = []  # type: ignore[attr-defined]  # otherwise it keeps every header
        if member.isfile() and member.name.lower().endswith(SUFFIXES):
            yield member
