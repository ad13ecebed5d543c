"""Chunks of .npy and .npz arrays: MNIST-style images, or pictures of any other shape."""

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tenfold.arrays import SIDE
from tenfold.batch.chunks import (
    BYTES_PER_CHUNK,
    IMAGES_PER_CHUNK,
    PICTURES_PER_CHUNK,
    Chunk,
    Content,
    DamagedFile,
    ImageBlock,
    Input,
    PictureItem,
    until_damage,
)
from tenfold.batch.folders import File
from tenfold.data.npy import Header, label_of, npz_headers, read_exactly, read_header
from tenfold.imaging.decoding import MAX_BYTES, picture_name

ARRAY_SUFFIXES = (".npy", ".npz")

IMAGE_SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE), (SIDE * SIDE,))
"""Shapes of one MNIST-style image."""

BLOCK_BYTES = 8 * 2**20
"""Bytes of an array that are in memory at once, or one picture if that is larger."""

MAX_NPZ_CHUNKS = 16
"""Most chunks of an array in a .npz. Each chunk is unpacked from the array's start, which takes as
long as half the array on average: little beside reading it (300,000 images a second), as long as
there are few chunks."""


@dataclass(frozen=True)
class ArraySlice(Chunk):
    """A range of images or pictures in an array.

    Attributes:
        name: Of the file, below the root.
        member: The array inside a .npz; "" for a .npy.
        start: First picture.
        stop: First picture after the range.
        picture_shape: Shape of one picture.
    """

    name: str
    member: str
    start: int
    stop: int
    picture_shape: tuple[int, ...]

    def contents(self, source: Input) -> Iterator[Content]:
        """Yield images in blocks, pictures one by one."""
        shown = source.source(self.name)
        if self.member:
            shown = str(Path(shown) / label_of(self.member))
        contents = self._contents(source.path(self.name), shown)
        return until_damage(contents, shown, self.start)

    def _contents(self, path: Path, shown: str) -> Iterator[Content]:
        index = self.start
        for block in _blocks(path, self):
            if self.picture_shape in IMAGE_SHAPES:
                yield ImageBlock(shown, index, block.reshape(-1, SIDE, SIDE))
            else:
                gray = self.picture_shape[2:] == (1,)
                pixels = block[..., 0] if gray else block
                for number, picture in enumerate(pixels, index):
                    name = picture_name(f"{shown}[{number}]")
                    yield PictureItem(shown, number, np.ascontiguousarray(picture), name)
            index += len(block)


def array_chunks(path: Path, file: File) -> Iterator[Chunk]:
    """Divide the array of a .npy, or all arrays of a .npz that hold pictures, into chunks.

    Raises:
        Exception: Almost any, if the file is damaged.
    """
    if path.suffix.lower() == ".npy":
        with path.open("rb") as stream:
            header = read_header(stream)
            header.check_size(file.size_bytes - stream.tell())
        yield from _slices(file.name, path.name, "", header)
        return
    with zipfile.ZipFile(path) as archive:
        headers = npz_headers(archive, file.size_bytes)
    for member, header in headers.items():
        shown = f"{path.name}/{label_of(member)}"
        if header.is_fortran_order and len(header.shape) > 1:
            why = f"{shown} is in Fortran order: save it with np.ascontiguousarray"
            yield DamagedFile(file.name, why, size_bytes=0)
        else:
            yield from _slices(file.name, shown, member, header)


def _slices(name: str, shown: str, member: str, header: Header) -> Iterator[Chunk]:
    shape, dtype = header.shape, header.dtype
    if len(shape) < 2:  # labels
        return
    count, picture_shape = _pictures_in(shape)
    if dtype != np.uint8 or not picture_shape:
        why = (
            f"{shown} is an array of {dtype} {shape}: give uint8 (n, 28, 28), (h, w), (n, h, w) or"
            " (n, h, w, 3)"
        )
        if dtype.kind == "f":
            why += "; white is 255, so multiply values in 0..1 by 255"
        yield DamagedFile(name, why, size_bytes=0)
        return
    picture_bytes = math.prod(picture_shape)
    if not 0 < picture_bytes <= MAX_BYTES:
        what = f"{shown} holds pictures of the shape {picture_shape}"
        why = f"{what}: give pictures of 1 to {MAX_BYTES:,} bytes"
        yield DamagedFile(name, why, size_bytes=0)
        return
    if picture_shape in IMAGE_SHAPES:
        step = IMAGES_PER_CHUNK
        if member:
            step = max(step, -(-count // MAX_NPZ_CHUNKS))
    else:
        step = max(1, min(PICTURES_PER_CHUNK, BYTES_PER_CHUNK // picture_bytes))
    for start in range(0, count, step):
        stop = min(count, start + step)
        size = (stop - start) * picture_bytes
        yield ArraySlice(name, member, start, stop, picture_shape, size_bytes=size)


def _pictures_in(shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Return the number of pictures in an array and the shape of one; () if it holds none.

    An array of two dimensions is one picture, unless its rows have the 784 pixels of an image. An
    array of three dimensions is one picture if the last holds three or four colors. If it is
    shorter, the array may be one picture with gray and alpha, or many of one or two columns.
    """
    if len(shape) > 1 and shape[1:] in IMAGE_SHAPES:
        return shape[0], shape[1:]
    colors = (3, 4)
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in colors):
        return 1, shape
    if (len(shape) == 3 and shape[2] > max(colors)) or (
        len(shape) == 4 and shape[3] in (1, *colors)
    ):
        return shape[0], shape[1:]
    return 0, ()


def _blocks(path: Path, part: ArraySlice) -> Iterator[np.ndarray]:
    """Yield the range in blocks of some megabytes, uint8 (n, *picture_shape)."""
    picture_bytes = math.prod(part.picture_shape)
    step = max(1, BLOCK_BYTES // picture_bytes)
    if not part.member:
        # Mapped for this chunk alone: mapped pages count as the worker's memory.
        with path.open("rb") as stream:
            header = read_header(stream)
            offset = stream.tell()
        order: Literal["F", "C"] = "F" if header.is_fortran_order else "C"
        array: np.ndarray = np.memmap(path, np.uint8, "r", offset, header.shape, order)
        if array.shape == part.picture_shape:
            array = array[None]
        for start in range(part.start, part.stop, step):
            yield np.array(array[start : min(part.stop, start + step)], order="C")
        return
    with zipfile.ZipFile(path) as archive, archive.open(part.member) as stream:
        read_header(stream)
        left = part.start * picture_bytes
        while left:
            left -= len(read_exactly(stream, min(left, BLOCK_BYTES)))
        for start in range(part.start, part.stop, step):
            count = min(step, part.stop - start)
            pixels = np.frombuffer(read_exactly(stream, count * picture_bytes), np.uint8)
            yield pixels.reshape(count, *part.picture_shape)
