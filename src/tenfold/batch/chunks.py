"""What a chunk of the input is, and what it holds: images as they are, pictures, or an error."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IMAGES_PER_CHUNK = 10_000
"""Images of 28x28 in a chunk: some two seconds' work of a core with the shipped reader."""

PICTURES_PER_CHUNK = 1_000
"""Most pictures in a chunk: some seconds' work of a core if each shows a digit."""

BYTES_PER_CHUNK = 64 * 2**20
"""Most bytes of pictures in a chunk, as they are stored: some twenty photos, or all of a thousand
small pictures."""


@dataclass(frozen=True)
class Place:
    """Where the input lies and what its files are called.

    Attributes:
        root: The file or folder, absolute.
        shown: The same as the user gave it: what `source` begins with.
    """

    root: Path
    shown: str

    def path(self, name: str) -> Path:
        """Return the path of a file by its name below the root; "" is the root itself."""
        return self.root / name if name else self.root

    def source(self, name: str) -> str:
        """Return what the column `source` says of a file; bytes that are no text are escaped."""
        source = str(Path(self.shown) / name) if name else self.shown
        return source.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Images:
    """Images as MNIST has them, which go to the network as they are: uint8 (n, 28, 28)."""

    source: str
    first: int
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Encoded:
    """One picture: a file, its bytes, or its pixels as an array that `load_picture` takes.

    With `pages` it may be a PDF, whose pages count from `index` on.
    """

    source: str
    index: int
    picture: Path | bytes | NDArray[Any]
    pages: bool = False


@dataclass(frozen=True)
class Unread:
    """A place in the input that holds nothing readable, and why."""

    source: str
    index: int
    error: str


GONE = (FileNotFoundError, PermissionError)
"""What is raised where a file is not there any more, as opposed to damaged."""

Content: TypeAlias = Images | Encoded | Unread


@dataclass(frozen=True, kw_only=True)
class Chunk(ABC):
    """A piece of the input that one worker reads, and that one part of the output tells of.

    Chunks say where their pictures are, and are small; what they hold is read in `contents`.
    `size_bytes` is the size of that as it is stored: it tells how far a batch has come.
    """

    size_bytes: int

    @abstractmethod
    def contents(self, place: Place) -> Iterator[Content]:
        """Give what it holds, little by little, so that memory does not depend on the size.

        Raises:
            OSError: A file of many pictures is gone. That is no picture's fault: it stops the
                batch, which can go on once the file is back.
        """


@dataclass(frozen=True)
class Damaged(Chunk):
    """A file of many pictures that cannot be read from some place on.

    `usage` tells that an option would help.
    """

    name: str
    error: str
    index: int = 0
    usage: bool = False

    def contents(self, place: Place) -> Iterator[Content]:
        """Give the error."""
        yield Unread(place.source(self.name), self.index, self.error)
