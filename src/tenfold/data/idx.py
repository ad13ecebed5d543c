"""IDX, the file format of MNIST: decoding and encoding.

A file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
uint32, then the values, big-endian, last dimension fastest (Y. LeCun, "THE IDX FILE FORMAT").
"""

import gzip
import io
import math
import zlib
from typing import BinaryIO

import numpy as np

from tenfold.errors import DataError

DTYPES: dict[int, np.dtype] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(np.int16),
    0x0C: np.dtype(np.int32),
    0x0D: np.dtype(np.float32),
    0x0E: np.dtype(np.float64),
}
"""Type code of an IDX file to the dtype of its values, as the format defines it."""

CODES = {dtype: code for code, dtype in DTYPES.items()}

GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
MAX_DIMENSIONS = 32  # numpy's limit; IDX itself can count to 255
MAX_BYTES = 1 << 30
CHUNK_BYTES = 1 << 20


def decode_idx(data: bytes, *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Decode an IDX file.

    Memory grows with the values that are present, never with what the header promises. Of a gzip
    file, decompression stops one byte after what the header promises.

    Args:
        data: The whole file, gzip-compressed or not.
        max_bytes: The most bytes of values to accept, 1 GiB by default.

    Returns:
        A new, writable array in native byte order; dtype and shape are the file's.

    Raises:
        DataError: The file is not an IDX file, is truncated, has bytes after its values, promises
            more than `max_bytes`, or is a broken gzip file.
    """
    if not data.startswith(GZIP_MAGIC):
        return _decode(io.BytesIO(data), max_bytes)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return _decode(stream, max_bytes)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"broken gzip file: {error}") from error


def encode_idx(array: np.ndarray) -> bytes:
    """Encode an array as an IDX file.

    Args:
        array: Any shape; dtype uint8, int8, int16, int32, float32 or float64.

    Raises:
        DataError: IDX cannot hold the dtype or the number of dimensions.
    """
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        names = ", ".join(str(dtype) for dtype in CODES)
        raise DataError(f"IDX cannot hold {array.dtype}: convert it to one of {names}")
    if array.ndim > MAX_DIMENSIONS:
        raise DataError(f"IDX arrays have at most {MAX_DIMENSIONS} dimensions, not {array.ndim}")
    if max(array.shape, default=0) >= 1 << 32:
        raise DataError(f"IDX dimensions must be below 2**32; the shape is {array.shape}")
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    values = np.ascontiguousarray(array, array.dtype.newbyteorder(">"))
    return b"".join((header, values.view(np.uint8).data))


def _decode(stream: BinaryIO | gzip.GzipFile, max_bytes: int) -> np.ndarray:
    magic = _read(stream, 4)
    if len(magic) < 4:
        raise DataError(f"not an IDX file: {len(magic)} bytes are too short for its header")
    if magic[:2] != b"\0\0":
        raise DataError(f"not an IDX file: it starts with 0x{magic[:2].hex()}, not with 0x0000")
    dtype = DTYPES.get(magic[2])
    if dtype is None:
        raise DataError(f"not an IDX file: 0x{magic[2]:02x} is not a type code of IDX")
    n_dimensions = magic[3]
    if n_dimensions > MAX_DIMENSIONS:
        raise DataError(f"IDX header promises {n_dimensions} dimensions, over {MAX_DIMENSIONS}")
    dimensions = _read(stream, 4 * n_dimensions)
    if len(dimensions) < 4 * n_dimensions:
        raise DataError(f"IDX header is truncated: it promises {n_dimensions} dimensions")
    shape = tuple(np.frombuffer(dimensions, ">u4").tolist())
    # A zero among the dimensions must not hide absurd others, which numpy would reject.
    if math.prod(size or 1 for size in shape) * dtype.itemsize > max_bytes:
        raise DataError(f"IDX header promises shape {shape} of {dtype}, over {max_bytes:,} bytes")
    n_bytes = math.prod(shape) * dtype.itemsize
    values = _read(stream, n_bytes + 1)
    if len(values) < n_bytes:
        raise DataError(f"IDX file is truncated: {len(values):,} of {n_bytes:,} bytes of values")
    if len(values) > n_bytes:
        raise DataError(f"IDX file has bytes after the {n_bytes:,} bytes of values it promises")
    array = np.frombuffer(values, dtype.newbyteorder(">")).reshape(shape)
    return array.astype(dtype, copy=False)


def _read(stream: BinaryIO | gzip.GzipFile, n_bytes: int) -> bytearray:
    """Read up to `n_bytes`, in chunks, so that memory grows only with what is there."""
    data = bytearray()
    while chunk := stream.read(min(CHUNK_BYTES, n_bytes - len(data))):
        data += chunk
    return data
