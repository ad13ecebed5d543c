"""Chunks of pictures in tar shards."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

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
from tenfold.files import MAC_METADATA
from tenfold.imaging.decoding import MAX_BYTES, SUFFIXES, picture_name

_PLAIN_SUFFIX = ".tar"
TAR_SUFFIXES = (_PLAIN_SUFFIX, ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

MAX_HEADER_BYTES = 2**20
"""Most bytes of a member's headers, with long names and pax records: usual are 512 to 2,048."""

_TOO_LARGE = f"is too large: more than {MAX_BYTES // 10**6} MB"

_OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))
"""First bytes of the compressed formats."""


@dataclass(frozen=True)
class TarMembers(Chunk):
    """Pictures of an uncompressed shard, by the place of their bytes.

    Attributes:
        name: Of the file, below the root.
        first: Number of the first one, among the shard's pictures.
        places: Name of each, and offset and length of its bytes.
    """

    name: str
    first: int
    places: tuple[tuple[str, int, int], ...]

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the bytes of each picture."""
        shown = source.source(self.name)
        with source.path(self.name).open("rb") as file:
            for index, (member, offset, size) in enumerate(self.places, self.first):
                name = picture_name(f"{shown}/{member}")
                if size > MAX_BYTES:
                    yield Unreadable(shown, index, f"{name} {_TOO_LARGE}")
                    continue
                file.seek(offset)
                data = file.read(size)
                if len(data) < size:
                    yield Unreadable(shown, index, f"{name} is cut short")
                else:
                    yield PictureItem(shown, index, data, name)


@dataclass(frozen=True)
class CompressedTar(Chunk):
    """A whole compressed shard, which can only be read from its start."""

    name: str

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the bytes of each picture, in their order."""
        shown = source.source(self.name)
        return until_damage(self._pictures(source.path(self.name), shown), shown, 0)

    def _pictures(self, path: Path, shown: str) -> Iterator[Content]:
        with _unpacked(path) as stream:
            for index, member in enumerate(_picture_members(stream)):
                stream.seek(member.offset_data)
                data = stream.read(min(member.size, MAX_BYTES + 1))
                if len(data) < min(member.size, MAX_BYTES + 1):
                    raise EOFError("the file ends too soon")
                yield PictureItem(shown, index, data, picture_name(f"{shown}/{member.name}"))


def tar_chunks(path: Path, file: File) -> Iterator[Chunk]:
    """Divide an uncompressed shard by its members' headers; a compressed one is one chunk."""
    with path.open("rb") as opened:
        compressed = _opener(opened) is not None
    if compressed or not path.name.lower().endswith(_PLAIN_SUFFIX):
        yield CompressedTar(file.name, size_bytes=file.size_bytes)
        return
    damage = ""

    def places() -> Iterator[tuple[str, int, int]]:
        nonlocal damage
        try:
            with path.open("rb") as stream:
                for member in _picture_members(stream):
                    if member.offset_data + member.size > file.size_bytes:
                        raise EOFError(f"{member.name!r:.100} is longer than the file")
                    yield member.name, member.offset_data, member.size
        except Exception as error:
            damage = f"{path.name} is damaged or cut short: {one_line(error)}"

    first = begin = 0
    for group in groups(places(), lambda place: place[2]):
        end = sum(group[-1][1:])
        yield TarMembers(file.name, first, tuple(group), size_bytes=end - begin)
        first, begin = first + len(group), end
    if damage:
        yield DamagedFile(file.name, damage, first, size_bytes=max(0, file.size_bytes - begin))


@contextmanager
def _unpacked(path: Path) -> Iterator[Any]:
    """Open a file that may be compressed, whatever its suffix says."""
    with path.open("rb") as file:
        opener = _opener(file)
        with opener(file, "rb") if opener else nullcontext(file) as stream:
            yield stream


def _opener(file: IO[bytes]) -> Callable[..., Any] | None:
    """Return what opens a compressed file, or None for one that is not compressed."""
    start = file.read(6)
    file.seek(0)
    return next((opener for magic, opener in _OPENERS if start.startswith(magic)), None)


class _HeaderStream(io.RawIOBase):
    """A stream that tarfile reads headers from; refuses to read more than `left` bytes.

    tarfile reads a long name, or pax records, into memory, whatever size a header claims.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.left = MAX_HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.left:
            raise tarfile.ReadError(f"a header is longer than {MAX_HEADER_BYTES:,} bytes")
        self.left -= size
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _picture_members(stream: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    headers = _HeaderStream(stream)
    with tarfile.open(fileobj=headers, mode="r:") as shard:
        end = 0
        while True:
            headers.left = MAX_HEADER_BYTES
            member = shard.next()
            if member is None:
                return
            if member.size < 0 or shard.offset <= end:
                raise tarfile.ReadError(f"a member has the size {member.size}")
            end = shard.offset
            shard.members = []  # type: ignore[attr-defined]  # otherwise it keeps every header
            name = member.name.lower().rpartition("/")[2]
            if member.isfile() and name.endswith(SUFFIXES) and not name.startswith(MAC_METADATA):
                if member.issparse():
                    raise tarfile.ReadError("sparse files are not supported")
                yield member
