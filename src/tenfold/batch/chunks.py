"""Chunks: the pieces of the input that workers read, and what a chunk holds."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from tenfold.arrays import Images

T = TypeVar("T")

IMAGES_PER_CHUNK = 10_000
"""Images of 28x28 in a chunk: about two seconds of one core with the shipped reader."""

PICTURES_PER_CHUNK = 1_000
"""Most pictures in a chunk: a few seconds of one core if each picture shows one digit."""

BYTES_PER_CHUNK = 64 * 2**20
"""Most bytes of pictures in a chunk, as they are stored: about twenty photos."""

MISSING_FILE_ERRORS = (FileNotFoundError, PermissionError)
"""Errors of a file that is gone, as opposed to damaged."""


@dataclass(frozen=True)
class Input:
    """The file or folder that a batch reads.

    Attributes:
        root: Its absolute path.
        shown: The path as the user gave it; `source` in the output begins with it.
    """

    root: Path
    shown: str

    def path(self, name: str) -> Path:
        """Return the path of a file by its name below the root; "" is the root itself."""
        return self.root / name if name else self.root

    def source(self, name: str) -> str:
        """Return a file's entry in the column `source`; bytes that are not UTF-8 are escaped."""
        return escaped(str(Path(self.shown) / name) if name else self.shown)


@dataclass(frozen=True)
class ImageBlock:
    """MNIST-style images, which go to the network unchanged; `first` is the first one's index."""

    source: str
    first: int
    images: Images


@dataclass(frozen=True)
class PictureItem:
    """One picture: a file, its bytes, or its pixels in an array that `load_picture` takes.

    Errors call it `name`. Pages of a PDF or TIFF count from `index` if `is_file` is set; otherwise
    several pages have the source `source`/`index`, and count from 0.
    """

    source: str
    index: int
    picture: Path | bytes | NDArray[Any]
    name: str
    is_file: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A place in the input that cannot be read, and why."""

    source: str
    index: int
    error: str


Content: TypeAlias = ImageBlock | PictureItem | Unreadable


@dataclass(frozen=True, kw_only=True)
class Chunk(ABC):
    """A piece of the input; one worker reads it and writes one part of the output.

    A chunk is small: it says where its pictures are, and `contents` reads them. `size_bytes` is
    their stored size, by which progress is shown.
    """

    size_bytes: int

    @abstractmethod
    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the contents piece by piece, so that memory does not grow with the chunk.

        Raises:
            OSError: A file of many pictures is gone. This stops the batch, which can be resumed
                once the file is back.
        """


@dataclass(frozen=True)
class DamagedFile(Chunk):
    """A file of many pictures that cannot be read from picture `index` on.

    `needs_option` is set if an option of the command would make it readable.
    """

    name: str
    error: str
    index: int = 0
    needs_option: bool = False

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield the error."""
        yield Unreadable(source.source(self.name), self.index, escaped(self.error))


def until_damage(
    contents: Iterator[Content],
    source: str,
    index: int,
) -> Iterator[Content]:
    """Pass contents on; if reading them fails, end with an `Unreadable` at that place.

    Args:
        contents: Of a chunk. Reading a damaged file can raise almost any exception.
        source: The file, as the column `source` names it.
        index: Of the first picture.

    Raises:
        OSError: The file is gone.
    """
    try:
        for content in contents:
            yield content
            index += len(content.images) if isinstance(content, ImageBlock) else 1
    except MISSING_FILE_ERRORS:
        raise
    except Exception as error:
        why = f"{source} is damaged or cut short from here on: {one_line(error)}"
        yield Unreadable(source, index, why)


def groups(
    items: Iterable[T], size_bytes: Callable[[T], int], most: int | None = None
) -> Iterator[list[T]]:
    """Group consecutive items so that each group makes up one chunk, of `most` pictures at most.

    None takes PICTURES_PER_CHUNK.
    """
    most = most or PICTURES_PER_CHUNK
    group: list[T] = []
    held = 0
    for item in items:
        size = size_bytes(item)
        if group and (len(group) == most or held + size > BYTES_PER_CHUNK):
            yield group
            group, held = [], 0
        group.append(item)
        held += size
    if group:
        yield group


def escaped(text: str) -> str:
    """Return a text in which bytes of a name that are not UTF-8 are escaped: Arrow takes none."""
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(error: BaseException) -> str:
    """Return an error's message on one line, at most 300 characters; its type if it has none."""
    return " ".join(str(error).split())[:300] or type(error).__name__
