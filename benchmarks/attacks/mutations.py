"""Good files of many pictures, and mutations of them that only a seed decides."""

import gzip
import io
import random
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attacks.jobs import png
from tenfold.arrays import Images

NUMBERS = (0, 1, 2, 27, 28, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1,
           2**33, 10**12, 2**63 - 1)  # fmt: skip
"""Numbers at which sizes go wrong."""

Mutation = Callable[[random.Random, bytes, bytes], bytes]
"""Makes another file of a good one; the second file is there to take pieces from."""


def good_files(images: Images) -> dict[str, bytes]:
    """Return small files of each kind, by name."""
    few, pictures = images[:12], [png(image) for image in images[:8]]
    colors = np.stack([np.kron(255 - image, np.ones((2, 2), np.uint8)) for image in images[:3]])
    colored = np.stack([colors] * 3, axis=-1)
    records = [{"bytes": data, "path": None} for data in pictures]
    return {
        "images.npy": npy(few),
        "pictures.npy": npy(colored),
        "compressed.npz": npz({"x": few, "y": np.arange(12)}, zipfile.ZIP_DEFLATED),
        "stored.npz": npz({"a": few, "b": colored}, zipfile.ZIP_STORED),
        "ustar.tar": tar(pictures, tarfile.USTAR_FORMAT),
        "gnu.tar": tar(pictures, tarfile.GNU_FORMAT, "long name " * 20),
        "pax.tar": tar(pictures, tarfile.PAX_FORMAT, "long name " * 20),
        "packed.tar.gz": gzip.compress(tar(pictures, tarfile.USTAR_FORMAT)),
        "snappy.parquet": parquet(pictures, compression="snappy"),
        "zstd.parquet": parquet(pictures * 4, compression="zstd", row_group_size=9),
        "records.parquet": parquet(records, compression="none", use_dictionary=False),
        "v2.parquet": parquet(pictures, data_page_version="2.0", compression="gzip"),
    }


def npy(array: np.ndarray) -> bytes:
    """Return a .npy file."""
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def npz(arrays: dict[str, np.ndarray], method: int) -> bytes:
    """Return a .npz file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", npy(array))
    return data.getvalue()


def tar(pictures: list[bytes], kind: int, folder: str = "") -> bytes:
    """Return a tar shard; a long folder name needs headers of its own."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=kind) as shard:
        for number, picture in enumerate(pictures):
            member = tarfile.TarInfo(f"{folder}{number}.png")
            member.size = len(picture)
            shard.addfile(member, io.BytesIO(picture))
    return data.getvalue()


def parquet(values: list, **options: object) -> bytes:
    """Return a Parquet file with a column of pictures and one of numbers."""
    data = io.BytesIO()
    table = pa.table({"image": values, "label": list(range(len(values)))})
    pq.write_table(table, data, **options)
    return data.getvalue()


def flip_bits(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Flip 1 to 30 bits, anywhere."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 3, 30))):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def flip_header_bits(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Flip 1 to 8 bits in the first or last 600 bytes, where most formats have their headers."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        found[_in_header(rng, data)] ^= 1 << rng.randrange(8)
    return bytes(found)


def cut_short(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Keep the start, or leave out the start, or leave out the middle."""
    at, until = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return rng.choice((data[:at], data[at:], data[:at] + data[until:]))


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Insert or overwrite a piece with a piece of this file or of another one."""
    source = rng.choice((data, other))
    start = rng.randrange(len(source))
    piece = source[start : start + rng.choice((1, 4, 16, 512, 4096))] * rng.choice((1, 1, 20))
    at = rng.randrange(len(data))
    return data[:at] + piece + data[at + rng.choice((0, len(piece))) :]


def change_sizes(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Write an extreme number over a binary number in the headers."""
    at = _in_header(rng, data)
    size, form = rng.choice(((2, "H"), (4, "I"), (8, "Q")))
    number = rng.choice(NUMBERS) % 2 ** (8 * size)
    written = struct.pack(rng.choice("<>") + form, number)
    return data[:at] + written + data[at + size :]


def change_digits(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Replace a decimal or octal number in text: a shape, a size; checksums of tar are mended."""
    numbers = list(re.finditer(rb"\d+", data[:20_000]))
    if not numbers:
        return change_sizes(rng, data, other)
    place = rng.choice(numbers[:40])
    number = rng.choice((*NUMBERS, -1, -28))
    if data[257:262] == b"ustar":  # fields have a fixed width, and are octal
        header = 512 * (place.start() // 512)
        written = (b"%o" % abs(number))[: len(place[0])].rjust(len(place[0]), b"0")
        return mend_checksum(data[: place.start()] + written + data[place.end() :], header)
    return data[: place.start()] + str(number).encode() + data[place.end() :]


def change_member(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Change a whole tar header field, binary sizes included, or the array inside a .npz."""
    if data[257:262] == b"ustar":
        header = 512 * rng.choice((0, 1, 2, 3, 4))
        if header + 512 > len(data):
            header = 0
        number = rng.choice((*NUMBERS, 2**80, -1, -512, -1536))
        size = b"\xff" if number < 0 else b"\x80"
        size += (number % 2**88).to_bytes(11)
        found = data[: header + 124] + size + data[header + 136 :]
        kind = rng.choice((b"0", b"x", b"g", b"L", b"K", b"S", b"1", b"5", b"3"))
        if rng.random() < 0.5:
            found = found[: header + 156] + kind + found[header + 157 :]
        return mend_checksum(found, header)
    if data[:2] == b"PK":
        inside = rng.choice((flip_header_bits, change_digits, cut_short))
        array = inside(rng, npy(np.zeros((9, 28, 28), np.uint8)), other)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", array + bytes(rng.choice((0, 10**6, 5 * 10**7))))
        return packed.getvalue()
    return change_sizes(rng, data, other)


def mend_checksum(data: bytes, header: int) -> bytes:
    """Write the right checksum into the tar header at an offset."""
    blank = data[header : header + 148] + b" " * 8 + data[header + 156 : header + 512]
    checksum = b"%06o\0 " % sum(blank)
    return data[: header + 148] + checksum + data[header + 156 :]


def _in_header(rng: random.Random, data: bytes) -> int:
    """Return a place in the first or last 600 bytes."""
    size = min(600, len(data))
    return rng.choice((rng.randrange(size), len(data) - 1 - rng.randrange(size)))


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, flip_header_bits, cut_short, splice, change_sizes, change_digits, change_member,
)  # fmt: skip


def mutant(rng: random.Random, good: dict[str, bytes]) -> tuple[str, bytes]:
    """Return a name, such as flip-bits-images.npy, and a file; some are mutated twice."""
    name = rng.choice(sorted(good))
    data = good[name]
    mutation = rng.choice(MUTATIONS)
    for _ in range(rng.choice((1, 1, 1, 2))):
        data = mutation(rng, data, good[rng.choice(sorted(good))]) or b"\0"
    return f"{mutation.__name__.replace('_', '-')}-{name}", data
