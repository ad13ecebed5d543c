"""Arrays in .npy and .npz files: images of 28x28 as they are, others as pictures."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from tenfold.batch.chunks import (
    BYTES_PER_CHUNK,
    GONE,
    IMAGES_PER_CHUNK,
    PICTURES_PER_CHUNK,
    Chunk,
    Content,
    Damaged,
    Encoded,
    Images,
    Place,
    Unread,
)
from tenfold.batch.folders import File

IMAGE_SHAPES = ((28, 28), (28, 28, 1), (1, 28, 28), (784,))
"""Shapes of one image that MNIST's kind comes in."""

BLOCK_BYTES = 8 * 2**20
"""So much of an array is in memory at once, or one picture if that is more: a chunk of images."""

PACKED_CHUNKS = 16
"""Most chunks of an array inside a .npz. Each is unpacked from the array's start, which costs the
time of half the array a chunk: at some 300,000 images a second little beside reading them, if
chunks are few."""


_DAMAGE = (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Slice(Chunk):
    """A run of images or pictures in an array.

    Attributes:
        name: Of the file, below the root.
        member: Of the array inside a .npz; "" for a .npy.
        start: First of the run.
        stop: First after it.
        picture_shape: Of one picture.
    """

    name: str
    member: str
    start: int
    stop: int
    picture_shape: tuple[int, ...]

    def contents(self, place: Place) -> Iterator[Content]:
        """Give images in blocks, pictures one by one."""
        source = _source(place.source(self.name), self.member)
        done = self.start
        try:
            for block in _blocks(place.path(self.name), self):
                if self.picture_shape in IMAGE_SHAPES:
                    yield Images(source, done, block.reshape(-1, 28, 28))
                else:
                    gray = self.picture_shape[2:] == (1,)
                    for number, picture in enumerate(block):
                        one = picture[..., 0] if gray else picture
                        yield Encoded(source, done + number, np.ascontiguousarray(one))
                done += len(block)
        except GONE:
            raise
        except _DAMAGE as error:
            yield Unread(source, done, f"{source} is damaged or cut short from here on: {error}")


def array_chunks(path: Path, file: File) -> Iterator[Chunk]:
    """Cut the array of a .npy, or all of a .npz that hold pictures, into chunks."""
    try:
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            yield from _slices(file.name, "", array.shape, array.dtype)
            return
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if not members:
                raise ValueError("it holds no arrays")
            headers = []
            for info in members:
                with archive.open(info) as stream:
                    headers.append((info.filename, *_header(stream)))
    except _DAMAGE as error:
        yield Damaged(file.name, f"{path.name} cannot be read: {error}", size_bytes=file.size_bytes)
        return
    for member, shape, in_columns, dtype in headers:
        if in_columns and len(shape) > 1:
            why = f"{_label(member)} is stored in Fortran's order: save it by np.ascontiguousarray"
            yield Damaged(file.name, f"{path.name}: {why}", size_bytes=0)
        else:
            yield from _slices(file.name, member, shape, dtype)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read an array's header: its shape, whether it lies in Fortran's order, its type."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of NumPy's format is none of ours")


def _slices(
    name: str, member: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[Chunk]:
    if len(shape) < 2:  # labels
        return
    count, picture_shape = _pictures_in(shape)
    if dtype != np.uint8 or not picture_shape:
        what = f"{_label(member)} is an array" if member else "the array is one"
        why = f"{what} of {dtype} {shape}: give uint8 (n, 28, 28), (n, h, w) or (n, h, w, 3)"
        yield Damaged(name, why, size_bytes=0)
        return
    each = int(np.prod(picture_shape))
    if picture_shape in IMAGE_SHAPES:
        step = IMAGES_PER_CHUNK
        if member:
            step = max(step, -(-count // PACKED_CHUNKS))
    else:
        step = max(1, min(PICTURES_PER_CHUNK, BYTES_PER_CHUNK // max(1, each)))
    for start in range(0, count, step):
        stop = min(count, start + step)
        size = (stop - start) * each
        yield Slice(name, member, start, stop, picture_shape, size_bytes=size)


def _pictures_in(shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Return how many pictures an array holds and their shape; () if it holds none.

    An array of two dimensions is one picture, unless its rows have the 784 pixels of an image; so
    is one of three whose last are three or four colors.
    """
    if len(shape) > 1 and shape[1:] in IMAGE_SHAPES:
        return shape[0], shape[1:]
    colors = (3, 4)
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in colors):
        return 1, shape
    if len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, *colors)):
        return shape[0], shape[1:]
    return 0, ()


def _blocks(path: Path, part: Slice) -> Iterator[np.ndarray]:
    """Give the run in blocks of some megabytes, the first axis counting pictures."""
    each = int(np.prod(part.picture_shape))
    step = max(1, BLOCK_BYTES // max(1, each))
    if not part.member:
        # Mapped for this chunk alone: what is mapped counts as memory held.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.shape == part.picture_shape:
            array = array[None]
        for start in range(part.start, part.stop, step):
            yield np.array(array[start : min(part.stop, start + step)], order="C")
        return
    with zipfile.ZipFile(path) as archive, archive.open(part.member) as stream:
        _header(stream)
        left = part.start * each
        while left:
            left -= len(_exactly(stream, min(left, BLOCK_BYTES)))
        for start in range(part.start, part.stop, step):
            count = min(step, part.stop - start)
            pixels = np.frombuffer(_exactly(stream, count * each), np.uint8)
            yield pixels.reshape(count, *part.picture_shape)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("it ends too soon")
    return data


def _label(member: str) -> str:
    return member.removesuffix(".npy")


def _source(source: str, member: str) -> str:
    return str(Path(source) / _label(member)) if member else source
