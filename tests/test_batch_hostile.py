"""`tenfold batch` on hostile files: each becomes a row with an error, and the others are read."""

import gzip
import io
import os
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import batch, rows_of
from PIL import Image

from tenfold.batch.chunks import Input, Unreadable
from tenfold.batch.tars import TarMembers
from tenfold.cli.main import main
from tenfold.errors import UsageError
from tenfold.execution.local import LocalEngine
from tenfold.machine import address_space_bytes


def npy(shape: object, data: bytes = b"", descr: object = "|u1") -> bytes:
    """A .npy file with any header."""
    header = str({"descr": descr, "fortran_order": False, "shape": shape}) + "\n"
    return npy_with(header.encode(), data)


def npy_with(header: bytes, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def error_beside_a_good_file(name: str, content: bytes, tmp_path: Path, mnist) -> str:
    """Read a hostile file beside a good one, whose rows must be there; return the one error."""
    source = tmp_path / "in"
    source.mkdir()
    (source / name).write_bytes(content)
    np.save(source / "z.npy", mnist.test_images[:3])
    batch(source, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert [row["error"] for row in rows if row["source"] == "z.npy"] == [None] * 3
    (error,) = (row["error"] for row in rows if row["error"])
    assert "\n" not in error
    return error


HEADERS = {
    "type": npy((1, 28, 28), bytes(784), ()),
    "record": npy((1, 28, 28), bytes(784), [1]),
    "unary": npy_with(b"-" * 9000 + b"1"),
    "parentheses": npy_with(b"(" * 9000),
    "negative": npy((-1, 28, 28), bytes(784)),
    "large": npy((10**40, 28, 28), bytes(784)),
    "fraction": npy((1.5, 28, 28), bytes(784)),
    "cut": npy((100, 28, 28), bytes(784)),
    "no pixels": npy((10**12, 0, 28)),
    "pictures without end": npy((10**12, 100, 100), bytes(10_000)),
    "pickle": npy((1, 28, 28), b"\x80\x04.", "|O"),
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_damaged_array_headers(kind: str, suffix: str, tmp_path: Path, mnist) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(HEADERS[kind])
    if suffix == ".npz":
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.write(path, "a.npy")
        path = tmp_path / "a.npz"
    assert error_beside_a_good_file(path.name, path.read_bytes(), tmp_path, mnist)


def test_a_picture_too_large_for_memory_in_a_small_npz(tmp_path: Path, mnist) -> None:
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as member,
    ):
        member.write(npy((1, 30_000, 20_000)))
        for _ in range(600):
            member.write(bytes(10**6))
    error = error_beside_a_good_file(path.name, path.read_bytes(), tmp_path, mnist)
    assert "(30000, 20000)" in error


def test_images_whose_white_is_1_say_what_to_do(tmp_path: Path, mnist) -> None:
    source = tmp_path / "in"
    source.mkdir()
    binary = (mnist.test_images[:4] > 127).astype(np.uint8)
    np.save(source / "a.npy", binary)
    np.save(source / "b.npy", mnist.test_images[:3] / np.float32(255))
    np.save(source / "z.npy", mnist.test_images[:3])
    told = batch(source, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert [row["source"] for row in rows] == ["a.npy"] * 4 + ["b.npy"] + ["z.npy"] * 3
    assert told["errors"] == 5
    assert all("multiply" in row["error"] and "255" in row["error"] for row in rows[:5])


def tar_header(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """The header of a member a.png, with any size."""
    header = bytearray(tarfile.TarInfo("a.png").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = (
        b"\x80" + size.to_bytes(11) if size >= 0 else b"\xff" + size.to_bytes(11, signed=True)
    )
    header[148:157] = b" " * 8 + kind
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def picture_in_tar(mnist) -> bytes:
    data = io.BytesIO()
    Image.fromarray(mnist.test_images[0]).save(data, "PNG")
    content = data.getvalue()
    return tar_header(len(content)) + content + bytes(-len(content) % 512)


TARS = {
    "size beyond the file": tar_header(2**60),
    "size beyond any file": tar_header(2**80),
    "negative size": tar_header(-1536),
    "long name": tar_header(20_000_000, tarfile.GNUTYPE_LONGNAME) + bytes(20_000_000),
    "pax records": tar_header(20_000_000, tarfile.XHDTYPE) + b"1" * 20_000_000,
    "sparse file": tar_header(512, tarfile.GNUTYPE_SPARSE) + bytes(512),
}


@pytest.mark.parametrize("kind", TARS)
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_damaged_tar_headers(kind: str, suffix: str, tmp_path: Path, mnist) -> None:
    content = picture_in_tar(mnist) + TARS[kind] + bytes(1024)
    if suffix == ".tar.gz":
        content = gzip.compress(content)
    assert error_beside_a_good_file(f"a{suffix}", content, tmp_path, mnist)
    rows = rows_of(tmp_path / "out")
    assert [(row["source"], row["index"]) for row in rows[:2]] == [
        (f"a{suffix}", 0),
        (f"a{suffix}", 1),
    ]
    assert rows[0]["error"] is None


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_what_a_mac_puts_into_a_tar_is_left_out(suffix: str, tmp_path: Path, mnist) -> None:
    data = io.BytesIO()
    Image.fromarray(mnist.test_images[0]).save(data, "PNG")
    shard = io.BytesIO()
    with tarfile.open(fileobj=shard, mode="w") as members:
        for name, content in (("in/._a.png", b"Mac OS X"), ("in/a.png", data.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    path, content = tmp_path / f"a{suffix}", shard.getvalue()
    path.write_bytes(content if suffix == ".tar" else gzip.compress(content))
    told = batch(path, tmp_path / "out")
    assert (told["pictures"], told["errors"]) == (1, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".tar", ".tar.gz", ".png"])
def test_a_damaged_file_whose_name_is_no_utf_8(suffix: str, tmp_path: Path, mnist) -> None:
    name = os.fsdecode(b"\xff" + suffix.encode())
    assert "\\udcff" in error_beside_a_good_file(name, b"no pictures", tmp_path, mnist)


def test_links_to_themselves_are_refused(tmp_path: Path, mnist) -> None:
    loop, images = tmp_path / "loop", tmp_path / "a.npy"
    loop.symlink_to("loop")
    np.save(images, mnist.test_images[:1])
    for arguments, code in (
        (["batch", loop, tmp_path / "out"], 1),
        (["batch", images, loop], 2),
        (["batch", images, tmp_path / "out", "--model", loop], 2),
        (["show", loop], 2),
    ):
        assert exit_code(*arguments) == code


def test_a_table_without_pictures_does_not_end_a_batch(tmp_path: Path, mnist) -> None:
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    assert "no column of bytes" in error_beside_a_good_file("a.parquet", content, tmp_path, mnist)


def test_rows_too_large_for_memory(tmp_path: Path, mnist) -> None:
    table = pa.table({"image": [bytes(2**27 + 1)]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    content = (tmp_path / "a.parquet").read_bytes()
    assert "134,217,728 bytes" in error_beside_a_good_file("a.parquet", content, tmp_path, mnist)


@pytest.mark.skipif(not address_space_bytes(), reason="memory is limited on Linux only")
def test_a_page_too_large_for_memory_refuses_rows_from_there_on(tmp_path: Path, mnist) -> None:
    buffer = io.BytesIO()
    Image.fromarray(mnist.test_images[0]).save(buffer, "PNG")
    good = buffer.getvalue()
    fields = pa.schema([("image", pa.binary())])
    with pq.ParquetWriter(tmp_path / "a.parquet", fields, use_dictionary=False) as writer:
        writer.write_table(pa.table({"image": [good] * 3}, fields))
        # pyarrow looks at the size of a page after 1,024 rows: these make one page of 560 MB.
        writer.write_table(pa.table({"image": [good + bytes(2**23)] * 70}, fields))
        writer.write_table(pa.table({"image": [good] * 3}, fields))
    with LocalEngine(1) as engine:
        batch(tmp_path / "a.parquet", tmp_path / "out", engine=engine)
    errors = [row["error"] for row in rows_of(tmp_path / "out")]
    assert len(errors) == 76
    assert errors[:3] == [None] * 3
    assert all("smaller row groups" in error for error in errors[3:73])


def test_a_member_too_large_is_not_read(tmp_path: Path, mnist) -> None:
    header = tarfile.TarInfo("large.png")
    header.size = 2**29
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(header.tobuf())
        file.truncate(512 + header.size + 1024)
    chunk = TarMembers("a.tar", 0, (("large.png", 512, header.size),), size_bytes=header.size)
    (refused,) = chunk.contents(Input(tmp_path, "in"))
    assert isinstance(refused, Unreadable)
    assert refused.error == "in/a.tar/large.png is too large: more than 401 MB"


def exit_code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit:
        main([str(argument) for argument in arguments])
    return int(exit.value.code or 0)


@pytest.fixture
def odd_folder(tmp_path: Path, mnist) -> Path:
    """Two pictures, one of them .jfif, beside what must not be opened."""
    folder = tmp_path / "odd"
    folder.mkdir()
    Image.fromarray(mnist.test_images[0]).save(folder / "a.png")
    Image.fromarray(mnist.test_images[0]).save(folder / "b.jfif", "JPEG")
    (folder / "._a.png").write_bytes(b"Mac OS X")
    (folder / "d.png").mkdir()
    os.mkfifo(folder / "c.png")
    os.mkfifo(folder / "c.npy")
    (folder / "zero.png").symlink_to("/dev/zero")
    return folder


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_only_regular_files_of_a_folder_are_opened(odd_folder, tmp_path: Path) -> None:
    (odd_folder / "loop.png").symlink_to("loop.png")
    told = batch(odd_folder, tmp_path / "out", single=True)
    rows = rows_of(tmp_path / "out")
    assert [row["source"] for row in rows] == ["a.png", "b.jfif", "loop.png"]
    assert told["errors"] == 1
    with pytest.raises(UsageError, match="is a FIFO"):
        batch(odd_folder / "c.npy", tmp_path / "more")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_read_opens_only_regular_files(odd_folder, capsys) -> None:
    arguments = ["read", "--model", "tiny", "--single"]
    assert exit_code(*arguments, odd_folder) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert exit_code(*arguments, odd_folder / "c.png") == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "c.png is a FIFO" in err


def test_read_names_a_folder_that_cannot_be_read(odd_folder, capsys, monkeypatch) -> None:
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("d.png"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert exit_code("read", "--model", "tiny", "--single", odd_folder) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err == f"tenfold: cannot read the folder {odd_folder / 'd.png'}: Permission denied\n"
