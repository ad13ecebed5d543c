import gzip
import io
import struct
import tracemalloc

import numpy as np
import pytest

from tenfold.data.idx import decode_idx, encode_idx
from tenfold.errors import DataError

DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


def header(*shape, code=0x08):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 4), (2, 0, 5), (2, 3, 4)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_round_trip(dtype, shape, pack):
    rng = np.random.default_rng(0)
    array = (rng.standard_normal(shape) * 100).astype("int8").astype(dtype)
    back = decode_idx(pack(encode_idx(array)))
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array, strict=True)


@pytest.mark.parametrize(
    ("code", "layout", "value"),
    [
        (0x08, ">B", 200),
        (0x09, ">b", -100),
        (0x0B, ">h", -12345),
        (0x0C, ">i", -123456789),
        (0x0D, ">f", 1.5),
        (0x0E, ">d", -2.5e100),
    ],
)
def test_bytes_are_those_of_the_format(code, layout, value):
    data = header(1, code=code) + struct.pack(layout, value)
    array = decode_idx(data)
    assert array.tolist() == [value]
    assert encode_idx(array) == data


def test_foreign_byte_order_and_strides_are_encoded_by_value():
    array = np.arange(12, dtype=">i4").reshape(3, 4).T
    np.testing.assert_array_equal(decode_idx(encode_idx(array)), array)


MALFORMED = [
    (b"", "0 bytes are too short"),
    (b"\0\0\x08", "3 bytes are too short"),
    (b"\x89PNG\r\n", "starts with 0x8950"),
    (b"\0\x01\x08\x01\0\0\0\0", "starts with 0x0001"),
    (header(1, code=0x0A) + b"1", "0x0a is not a type"),
    (header(1, code=0x00) + b"1", "0x00 is not a type"),
    (header(2, 3)[:-1], "truncated"),
    (header(*[1] * 255) + b"1", "255 dimensions"),
    (header(2, 3) + b"12345", "5 of 6 bytes"),
    (header(2, 3) + b"1234567", "bytes after"),
    (header(0) + b"1", "bytes after"),
    (header(2, code=0x0E) + b"1" * 15, "15 of 16 bytes"),
    (header(1 << 31, 1 << 31, 1 << 31), "promises shape"),
    (header(0, 1 << 31, 1 << 31, 1 << 31), "promises shape"),
    (header((1 << 30) + 1) + b"1", "promises shape"),
]


@pytest.mark.parametrize(("data", "reason"), MALFORMED)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_malformed_files_are_rejected_in_one_line(data, reason, pack):
    with pytest.raises(DataError, match=reason) as caught:
        decode_idx(pack(data))
    assert "\n" not in str(caught.value)


def test_broken_gzip_is_rejected():
    whole = gzip.compress(encode_idx(np.arange(1000, dtype=np.int32)))
    wrong_sum = bytearray(whole)
    wrong_sum[-8] ^= 1
    garbled = bytearray(whole)
    garbled[40] ^= 0xFF
    for data in (whole[:-1], whole[:200], whole[:3], bytes(wrong_sum), bytes(garbled)):
        with pytest.raises(DataError):
            decode_idx(data)


def test_max_bytes_is_a_limit_on_values():
    data = encode_idx(np.zeros(100, np.int16))
    assert decode_idx(data, max_bytes=200).size == 100
    with pytest.raises(DataError, match="over 199 bytes"):
        decode_idx(data, max_bytes=199)


def peak_bytes(data):
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            decode_idx(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_gzip_bomb_is_not_inflated():
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        file.write(header(10))
        for _ in range(64):
            file.write(bytes(1 << 20))
    assert peak_bytes(buffer.getvalue()) < 4 << 20


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_header_alone_allocates_nothing(pack):
    assert peak_bytes(pack(header(1 << 29) + b"123")) < 4 << 20


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint16", "float16", "complex64", "U3", "O"])
def test_other_dtypes_cannot_be_encoded(dtype):
    with pytest.raises(DataError, match="IDX cannot hold"):
        encode_idx(np.zeros(3, dtype))


def test_mnist_is_decoded(mnist):
    images = mnist.test_images[:500]
    data = encode_idx(images)
    assert data[:16] == bytes.fromhex("00000803 000001f4 0000001c 0000001c")
    assert data[16:] == images.tobytes()
