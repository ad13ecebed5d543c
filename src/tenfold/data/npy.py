"""Headers of .npy and .npz files, checked before anything of their size is allocated."""

import io
import math
import zipfile
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

MAX_HEADER_BYTES = 1_000
"""Longest header of a .npy, in bytes: numpy writes 118 bytes for an array of pictures. Python's
parser is not safe on longer ones."""

MAX_COMPRESSION = 1_040
"""Most bytes that one compressed byte of a .npz may stand for: deflate reaches 1,032."""


@dataclass(frozen=True)
class Header:
    """The header of an array: its shape, its type, and whether it is in Fortran order."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran_order: bool

    def check_size(self, size_bytes: int) -> None:
        """Raise a ValueError if the array does not fit in the bytes that follow the header."""
        claimed = math.prod(self.shape) * self.dtype.itemsize
        if min(self.shape, default=0) < 0 or claimed > size_bytes:
            raise ValueError(
                f"its array of {self.dtype} {self.shape} does not fit in the {size_bytes:,} bytes"
                " of the file: the file is damaged or cut short"
            )


def read_header(stream: IO[bytes]) -> Header:
    """Read an array's header; almost any exception is raised if it is damaged."""
    magic = read_exactly(stream, 8)
    version = np.lib.format.read_magic(io.BytesIO(magic))
    length = read_exactly(stream, 2 if version == (1, 0) else 4)
    size = int.from_bytes(length, "little")
    if version not in ((1, 0), (2, 0), (3, 0)) or size > MAX_HEADER_BYTES:
        raise ValueError(f"its .npy header has the version {version} and {size} bytes")
    header = io.BytesIO(length + read_exactly(stream, size))
    # Versions 2 and 3 differ only in the encoding of names, which arrays of pictures do not have.
    read = "read_array_header_1_0" if version == (1, 0) else "read_array_header_2_0"
    shape, is_fortran_order, dtype = getattr(np.lib.format, read)(header)
    return Header(tuple(map(int, shape)), dtype, is_fortran_order)


def npz_headers(archive: zipfile.ZipFile, size_bytes: int) -> dict[str, Header]:
    """Return the headers of all arrays of a .npz, by the name of their member.

    Args:
        archive: The open .npz.
        size_bytes: Size of the file.

    Raises:
        Exception: Almost any, if the file is damaged or an array claims more than it can hold.
    """
    members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    if not members:
        raise ValueError("it holds no arrays")
    if sum(info.compress_size for info in members) > size_bytes:
        raise ValueError("its arrays are larger than the file")
    headers = {}
    for info in members:
        if info.file_size > MAX_COMPRESSION * (info.compress_size + 1):
            raise ValueError(f"{label_of(info.filename)} is larger than its bytes can hold")
        with archive.open(info) as stream:
            header = read_header(stream)
            header.check_size(info.file_size - stream.tell())
        headers[info.filename] = header
    return headers


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """Read this many bytes, or raise EOFError."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the file ends too soon")
    return data


def label_of(member: str) -> str:
    """Return the name of an array from the name of its member."""
    return member.removesuffix(".npy")
