"""Pictures in tar shards, read member by member."""

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenfold.batch.chunks import (
    BYTES_PER_CHUNK,
    GONE,
    PICTURES_PER_CHUNK,
    Chunk,
    Content,
    Damaged,
    Encoded,
    Place,
    Unread,
)
from tenfold.batch.folders import File
from tenfold.imaging.decoding import MAX_BYTES, SUFFIXES

PLAIN = ".tar"
PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_DAMAGE = (OSError, tarfile.TarError, EOFError, zlib.error)


@dataclass(frozen=True)
class Members(Chunk):
    """Pictures of a plain shard, by where their bytes lie.

    Attributes:
        name: Of the file, below the root.
        first: Number of the first, among the shard's pictures.
        places: Offset and length of each, in bytes.
    """

    name: str
    first: int
    places: tuple[tuple[int, int], ...]

    def contents(self, place: Place) -> Iterator[Content]:
        """Give the bytes of each picture."""
        source = place.source(self.name)
        with place.path(self.name).open("rb") as file:
            for index, (offset, size) in enumerate(self.places, self.first):
                file.seek(offset)
                data = file.read(min(size, MAX_BYTES + 1))
                if len(data) < min(size, MAX_BYTES + 1):
                    yield Unread(source, index, f"{source} is cut short")
                else:
                    yield Encoded(source, index, data)


@dataclass(frozen=True)
class Stream(Chunk):
    """All of a compressed shard, which can only be read from its start."""

    name: str

    def contents(self, place: Place) -> Iterator[Content]:
        """Give the bytes of each picture, in their order."""
        source, index = place.source(self.name), 0
        try:
            with tarfile.open(place.path(self.name), "r|*") as shard:
                while (member := shard.next()) is not None:
                    shard.members = []  # type: ignore[attr-defined]  # it would keep every header
                    stream = shard.extractfile(member) if _is_picture(member) else None
                    if stream is not None:
                        yield Encoded(source, index, stream.read(MAX_BYTES + 1))
                        index += 1
        except GONE:
            raise
        except _DAMAGE as error:
            yield Unread(source, index, f"{source} is damaged or cut short: {error}")


def tar_chunks(path: Path, file: File) -> Iterator[Chunk]:
    """Cut a plain shard into chunks by its members' headers; a compressed one is one chunk."""
    if not path.name.lower().endswith(PLAIN):
        yield Stream(file.name, size_bytes=file.size_bytes)
        return
    places: list[tuple[int, int]] = []
    first = held = begin = end = 0
    try:
        with tarfile.open(path, "r:") as shard:
            while (member := shard.next()) is not None:
                shard.members = []  # type: ignore[attr-defined]
                if not _is_picture(member):
                    continue
                full = len(places) == PICTURES_PER_CHUNK or held + member.size > BYTES_PER_CHUNK
                if places and full:
                    yield Members(file.name, first, tuple(places), size_bytes=end - begin)
                    first, places, held, begin = first + len(places), [], 0, end
                places.append((member.offset_data, member.size))
                held += member.size
                end = member.offset_data + member.size
        error = None
    except _DAMAGE as damage:
        error = f"{path.name} is damaged or cut short: {damage}"
    if places:
        yield Members(file.name, first, tuple(places), size_bytes=end - begin)
    if error:
        left = max(0, file.size_bytes - end)
        yield Damaged(file.name, error, first + len(places), size_bytes=left)


def _is_picture(member: tarfile.TarInfo) -> bool:
    return member.isfile() and member.name.lower().endswith(SUFFIXES)
