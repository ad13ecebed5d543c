"""`tenfold batch`: every kind of input, bad pictures, wrong usage, memory."""

import gzip
import io
import json
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Literal

import bombs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import ORDER, batch, command, rows_of
from PIL import Image

from tenfold.batch import arrays, chunks, parquet
from tenfold.batch.read_batch import BatchResult
from tenfold.classifiers.bundle import load_bundle, load_classifier
from tenfold.cli.batch import _text as batch_text
from tenfold.errors import PictureError
from tenfold.reading.reader import Reader
from tenfold.reading.settings import ReaderSettings

COLUMNS = {
    "source": "string", "index": "int64", "text": "string", "confidence": "float",
    "digits": "list<element: struct<digit: int8, confidence: float, box: list<element: int32>,"
    " rejected: bool>>", "error": "string",
}  # fmt: skip


def test_a_folder_reads_as_read_does(folder: Path, tmp_path: Path, mnist) -> None:
    told = batch(folder, tmp_path / "out")
    assert (told["pictures"], told["errors"], told["parts"]) == (20, 0, 1)
    table = pq.read_table(tmp_path / "out")
    assert {field.name: str(field.type) for field in table.schema} == COLUMNS
    rows = table.sort_by(ORDER).to_pylist()
    reader = Reader(load_classifier("standard"))
    for number, row in enumerate(rows):
        path = folder / f"{number // 10}" / f"{number:02}.png"
        assert (row["source"], row["index"], row["error"]) == (str(path), 0, None)
        reading = reader.read(path)
        assert row["text"] == reading.text
        digits = [digit for line in reading.lines for digit in line.digits]
        assert [d["box"] for d in row["digits"]] == [list(digit.box) for digit in digits]
        assert [d["digit"] for d in row["digits"]] == [digit.digit for digit in digits]
        least = min(digit.confidence for digit in digits)
        assert row["confidence"] == pytest.approx(least, abs=1e-5)


def test_a_batch_reads_with_its_own_model(pngs, tmp_path: Path) -> None:
    picture, model = tmp_path / "5.png", tmp_path / "model"
    picture.write_bytes(pngs[8])  # of which networks are not equally sure
    for name in ("tiny", "nano"):  # in turn in the same folder
        shutil.copytree(load_bundle(name).folder, model, dirs_exist_ok=True)
        batch(picture, tmp_path / name, model=model)
        (row,) = rows_of(tmp_path / name)
        reading = Reader(load_classifier(name)).read(picture)
        assert row["confidence"] == pytest.approx(reading.lines[0].digits[0].confidence, abs=1e-5)


def test_images_go_to_the_network_as_they_are(mnist, tmp_path: Path) -> None:
    images = np.concatenate([mnist.test_images[:300], np.zeros((1, 28, 28), np.uint8)])
    np.save(tmp_path / "digits.npy", images)
    assert batch(tmp_path / "digits.npy", tmp_path / "out")["pictures"] == 301
    rows = rows_of(tmp_path / "out")
    probabilities = load_classifier("standard").predict_proba(images)
    assert [row["index"] for row in rows] == list(range(301))
    assert rows[-1]["text"] == ""
    assert rows[-1]["digits"] == []
    assert rows[-1]["confidence"] is None
    for row, expected in zip(rows[:-1], probabilities, strict=False):
        (digit,) = row["digits"]
        assert digit["digit"] == expected.argmax()
        assert digit["box"] == [0, 0, 28, 28]
        assert row["confidence"] == digit["confidence"] == pytest.approx(expected.max(), abs=1e-6)
        assert row["text"] == ("?" if digit["rejected"] else str(digit["digit"]))
        assert digit["rejected"] == (expected.max() < ReaderSettings().threshold)


def test_dark_ink_on_light_images_is_read_too(mnist, tmp_path: Path) -> None:
    images = mnist.test_images[:40].copy()
    images[1::2] = 255 - images[1::2]
    np.save(tmp_path / "mixed.npy", images)
    batch(tmp_path / "mixed.npy", tmp_path / "out", model="reader")
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["index"] for row in rows] == list(range(40))
    read = [digit["digit"] for row in rows for digit in row["digits"]]  # rejected digits too
    assert sum(a == b for a, b in zip(read, mnist.test_labels[:40], strict=True)) >= 39


@pytest.mark.parametrize("shape", [(-1, 28, 28, 1), (-1, 1, 28, 28), (-1, 784)], ids=str)
def test_other_forms_of_images(shape, mnist, tmp_path: Path) -> None:
    images = mnist.test_images[:30]
    for name, array in (
        ("a", images),
        ("b", images.reshape(shape)),
        ("c", np.asfortranarray(images)),
    ):
        np.save(tmp_path / f"{name}.npy", array)
        batch(tmp_path / f"{name}.npy", tmp_path / name)
    rows = [[row | {"source": ""} for row in rows_of(tmp_path / name)] for name in "abc"]
    assert rows[0] == rows[1] == rows[2]


def test_arrays_of_pictures(pngs, tmp_path: Path) -> None:
    gray = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in pngs])
    color = np.repeat(gray[..., None], 3, axis=3)
    texts = []
    for name, array in (("a", gray), ("b", color), ("c", gray[..., None]), ("d", gray[0])):
        np.save(tmp_path / f"{name}.npy", array)
        batch(tmp_path / f"{name}.npy", tmp_path / name, single=True)
        texts.append([row["text"] for row in rows_of(tmp_path / name)])
    assert len(texts[0]) == 20
    assert texts[0] == texts[1] == texts[2]
    assert texts[3] == texts[0][:1]


@pytest.mark.parametrize("channels", [1, 2])
def test_an_array_of_one_picture_or_of_narrow_ones_is_refused(
    channels: int, mnist, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.repeat(mnist.test_images[0][..., None], channels, axis=2))
    with pytest.raises(PictureError, match=rf"uint8 \(28, 28, {channels}\): give"):
        batch(tmp_path / "a.npy", tmp_path / "out")


def test_npz_members_and_labels(mnist, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrays, "IMAGES_PER_CHUNK", 100)
    monkeypatch.setattr(arrays, "MAX_NPZ_CHUNKS", 3)
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 50_000)
    images, labels = mnist.test_images[:350], mnist.test_labels[:350]
    np.savez_compressed(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images[:50])
    np.savez(tmp_path / "b.npz", images)
    np.save(tmp_path / "c.npy", images)
    for name in ("a.npz", "b.npz", "c.npy"):
        batch(tmp_path / name, tmp_path / f"out-{name}")
    packed, plain, array = (rows_of(tmp_path / f"out-{n}") for n in ("a.npz", "b.npz", "c.npy"))
    assert len(packed) == 400
    assert {row["source"] for row in packed} == {"x_train", "x_test"}
    assert len(list((tmp_path / "out-a.npz").glob("*.parquet"))) == 4
    train = [row | {"source": ""} for row in packed if row["source"] == "x_train"]
    assert [row["index"] for row in train] == list(range(350))
    texts = [[row["text"] for row in rows] for rows in (train, plain, array)]
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize("kind", ["binary", "struct", "large", "dotted.name"])
def test_parquet(kind: str, pngs, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parquet, "PICTURES_PER_CHUNK", 6)
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 4)
    values: list = [*pngs, None, b"nonsense"]
    if kind == "struct":
        values = [{"bytes": value, "path": f"{i}.png"} for i, value in enumerate(values)]
    types = {"binary": pa.binary(), "large": pa.large_binary()}
    column = pa.array(values, types.get(kind))
    table = pa.table({"id": pa.array(range(22)), kind: column})
    for name, size in (("small", 4), ("large", 100)):
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=size)
        told = batch(tmp_path / f"{name}.parquet", tmp_path / name, single=True)
        assert (told["pictures"], told["errors"], told["parts"]) == (22, 2, 4)
    small, large = rows_of(tmp_path / "small"), rows_of(tmp_path / "large")
    assert [row["index"] for row in small] == list(range(22))
    assert [row["text"] for row in small] == [row["text"] for row in large]
    assert small[20]["error"] == f"row 20 of {tmp_path / 'small.parquet'} holds no bytes"
    assert "not a picture" in small[21]["error"]
    assert small[21]["text"] is None
    reader = Reader(load_classifier("standard"))
    assert small[3]["text"] == reader.read(pngs[3], single=True).text


def test_which_column(pngs, tmp_path: Path, tenfold_batch) -> None:
    table = pa.table({"front": pngs, "back": pngs[::-1], "n": list(range(20))})
    pq.write_table(table, tmp_path / "in.parquet")
    code, _, err = tenfold_batch(tmp_path / "in.parquet", tmp_path / "out")
    assert code == 2
    assert "several columns of bytes (front, back): choose one by --column" in err
    for name, why in (("middle", "has no column"), ("n", "holds no bytes")):
        code, _, err = tenfold_batch(tmp_path / "in.parquet", tmp_path / "out", "--column", name)
        assert code == 2
        assert why in err
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "5.png").write_bytes(pngs[0])
    for name in ("pictures", "pictures/5.png"):
        code, _, err = tenfold_batch(tmp_path / name, tmp_path / "out", "--column", "back")
        assert (code, "leave out --column" in err) == (2, True)
    assert not (tmp_path / "out").exists()
    batch(tmp_path / "in.parquet", tmp_path / "out", column="back", single=True)
    batch(tmp_path / "in.parquet", tmp_path / "other", column="front", single=True)
    texts = [[row["text"] for row in rows_of(tmp_path / name)] for name in ("out", "other")]
    assert texts[0] == texts[1][::-1]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("suffix", ["tar", "tgz"])
def test_tar_shards(
    mode: Literal["w", "w:gz"], suffix: str, pngs, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(chunks, "PICTURES_PER_CHUNK", 7)
    path = tmp_path / f"shard.{suffix}"
    with tarfile.open(path, mode) as shard:
        for number, data in enumerate([*pngs, b"nonsense"]):
            name = f"{'long/' * 40 if number == 3 else ''}{number:06}"
            for ending, content in ((".png", data), (".cls", b"7")):
                member = tarfile.TarInfo(name + ending)
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
    told = batch(path, tmp_path / "out", single=True)
    assert (told["pictures"], told["errors"]) == (21, 1)
    assert told["parts"] == (3 if (mode, suffix) == ("w", "tar") else 1)
    rows = rows_of(tmp_path / "out")
    assert [row["index"] for row in rows] == list(range(21))
    reader = Reader(load_classifier("standard"))
    texts = [reader.read(data, single=True).text for data in pngs]
    assert [row["text"] for row in rows] == [*texts, None]


@pytest.mark.parametrize("kind", ["tar", "tgz", "parquet"])
def test_every_page_of_a_document_in_a_file_of_many_pictures(
    kind: str, pngs, tmp_path: Path
) -> None:
    digits: list[Image.Image] = [Image.open(io.BytesIO(data)) for data in pngs[:3]]
    several = bombs.tiff(digits)
    cut = several[: len(several) - 500]
    pictures = [pngs[0], several, bombs.tiff(digits[:1]), cut]
    path = tmp_path / f"many.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"image": pictures}), path)
    else:
        with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as shard:
            for number, data in enumerate(pictures):
                member = tarfile.TarInfo(f"{number}.tif")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
    batch(path, tmp_path / "out", single=True)
    rows = rows_of(tmp_path / "out")
    found = {(row["source"], row["index"]): row["text"] for row in rows if not row["error"]}
    reader = Reader(load_classifier("standard"))
    texts = [reader.read(digit, single=True).text for digit in digits]
    name = path.name
    places = [(name, 0), ("1", 0), ("1", 1), ("1", 2), (name, 2)]
    for place, text in zip(places, [texts[0], *texts, texts[0]], strict=True):
        assert found[place] == text
    (failed,) = [row for row in rows if row["error"]]
    assert "3.tif" in failed["error"] or "row 3" in failed["error"]
    assert len({(row["source"], row["index"]) for row in rows}) == len(rows)


def test_damaged_files_go_to_the_error_column(folder: Path, pngs, tmp_path: Path, mnist) -> None:
    (folder / "0" / "03.png").write_bytes(pngs[3][:100])
    (folder / "empty.png").touch()
    np.save(folder / "whole.npy", mnist.test_images[:20])
    whole = (folder / "whole.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:5000])
    np.save(folder / "floats.npy", mnist.test_images[:20] / 255)
    np.savez_compressed(folder / "flipped.npz", x=mnist.test_images[:2000])
    packed = (folder / "flipped.npz").read_bytes()
    middle = bytes(byte ^ 255 for byte in packed[50_000:50_100])
    (folder / "flipped.npz").write_bytes(packed[:50_000] + middle + packed[50_100:])
    (folder / "no.parquet").write_bytes(b"PAR1 and no more")
    pq.write_table(pa.table({"n": [1, 2]}), folder / "none.parquet")
    with tarfile.open(folder / "t.tar", "w") as shard:
        for number, data in enumerate(pngs):
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    whole = (folder / "t.tar").read_bytes()
    (folder / "t.tar").write_bytes(whole[:10_000])
    (folder / "u.tar.gz").write_bytes(b"no gzip")
    told = batch(folder, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert len({(row["source"], row["index"]) for row in rows}) == len(rows) == told["pictures"]
    bad = {row["source"]: row["error"] for row in rows if row["error"]}
    assert set(bad) == {
        "03.png", "empty.png", "cut.npy", "floats.npy", "x", "no.parquet", "none.parquet",
        "t.tar", "u.tar.gz",
    }  # fmt: skip
    assert all("\n" not in error for error in bad.values())
    assert told["errors"] == sum(row["error"] is not None for row in rows) >= len(bad)
    assert sum(row["source"] == "whole.npy" for row in rows) == 20
    assert sum(row["source"].endswith(".png") for row in rows) == 21


def test_errors_name_the_picture_in_its_file(folder: Path, pngs, tmp_path: Path, tenfold_batch):
    for path in folder.rglob("*.png"):
        path.unlink()
    with tarfile.open(folder / "a.tar", "w") as shard:
        for member, data in (("good.png", pngs[0]), ("bad.png", b"no picture")):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            shard.addfile(info, io.BytesIO(data))
    (folder / "b.tgz").write_bytes(gzip.compress((folder / "a.tar").read_bytes()))
    ones = np.ones((2, 40, 40), np.uint8)
    np.save(folder / "c.npy", ones)
    np.savez(folder / "d.npz", x=ones)
    np.savez(folder / "e.npz", x=ones / 2)
    pq.write_table(pa.table({"image": [pngs[0], b"no picture", None]}), folder / "f.parquet")
    code, _, err = tenfold_batch(folder, tmp_path / "out", "--workers", 1)
    assert code == 1
    assert "a.tar/bad.png cannot be read: it is not a picture" in err
    errors = [row["error"] for row in rows_of(tmp_path / "out") if row["error"]]
    names = [
        "a.tar/bad.png", "b.tgz/bad.png", "c.npy[0]", "c.npy[1]", "d.npz/x[0]", "d.npz/x[1]",
        "e.npz/x", "row 1 of", "row 2 of",
    ]  # fmt: skip
    assert [name in error for name, error in zip(names, errors, strict=True)] == [True] * 9


def test_exit_code_and_json(folder: Path, tmp_path: Path, tenfold_batch) -> None:
    (folder / "bad.png").write_text("no picture")
    code, out, err = tenfold_batch(folder, tmp_path / "out", "--single", "--json", "--workers", 1)
    assert code == 1
    told = json.loads(out)
    assert (told["pictures"], told["errors"], told["engine"]) == (21, 1, "local")
    assert err.splitlines() == [f"tenfold: {folder / 'bad.png'} cannot be read: it is not a picture"
        " (PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC, PDF), or is damaged"]  # fmt: skip
    (folder / "bad.png").unlink()
    code, out, err = tenfold_batch(folder, tmp_path / "more", "--workers", 1)
    assert (code, err) == (0, "")
    assert out.startswith("20 pictures in ")


def test_wrong_usage(folder: Path, tmp_path: Path, tenfold_batch, mnist) -> None:
    out = tmp_path / "out"
    np.save(tmp_path / "labels.npy", mnist.test_labels)
    np.save(tmp_path / "floats.npy", mnist.test_images[:3] / 255)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "nothing").mkdir()
    for arguments, expected in [
        ((tmp_path / "absent", out), 1), ((tmp_path / "notes.txt", out), 2),
        ((tmp_path / "nothing", out), 2), ((folder, folder / "inside"), 2),
        ((folder, tmp_path / "notes.txt"), 2), ((folder, folder.parent), 2),
        ((folder, out, "--workers", 0), 2), ((folder, out, "--ray-address", "auto"), 2),
        ((folder, out, "--engine", "ray", "--ray-address", "127.0.0.1:1"), 1),
        ((tmp_path / "labels.npy", out), 2), ((tmp_path / "floats.npy", out), 1),
        ((folder, out, "--model", "nonsense"), 2), ((folder,), 2),
        ((folder, f"{out}\udcff"), 2),
    ]:  # fmt: skip
        code, text, err = tenfold_batch(*arguments)
        assert (code, text) == (expected, ""), arguments
        assert len(err.splitlines()) == 1, err
        assert not out.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1", "notes.txt"]


@pytest.mark.engines
def test_ray_gives_the_same_rows(folder: Path, pngs, mnist, tmp_path: Path) -> None:
    (folder / "bad.png").write_text("no picture")
    np.save(folder / "digits.npy", mnist.test_images)
    np.savez_compressed(folder / "packed.npz", x=mnist.test_images[:500])
    pq.write_table(pa.table({"image": pngs}), folder / "in.parquet", row_group_size=6)
    with tarfile.open(folder / "shard.tar.gz", "w:gz") as shard:
        for number, data in enumerate(pngs):
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    here, there = tmp_path / "here", tmp_path / "there"
    assert batch(folder, here, model="standard")["errors"] == 1
    ray = ["--model", "standard", "--engine", "ray", "--workers", "2", "--resume", "--json"]
    script = [*command(folder, there), *ray]
    child = subprocess.Popen(script, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not list(there.glob("part-*")) and child.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    finished = subprocess.run(script, capture_output=True, text=True, check=False)
    assert finished.returncode == 1, finished.stderr
    assert len(finished.stderr.splitlines()) <= 1, finished.stderr
    told = json.loads(finished.stdout)
    assert (told["engine"], told["errors"]) == ("ray", 1)
    tables = [pq.read_table(out).sort_by(ORDER) for out in (here, there)]
    assert tables[0].equals(tables[1])
    assert len(tables[0]) == told["pictures"] == 10_000 + 500 + 61


@pytest.mark.parametrize(
    ("missing", "more", "extra"),
    [("pyarrow", [], "batch"), ("ray", ["--engine", "ray"], "cluster")],
)
def test_a_missing_extra_is_named(missing, more, extra, folder: Path, tmp_path: Path) -> None:
    script = (
        f"import sys\nsys.modules[{missing!r}] = None\nfrom tenfold.cli import main\n"
        f"main.main({['batch', str(folder), str(tmp_path / 'out'), *more]!r})"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f'pip install "tenfold[{extra}]"' in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
def test_memory_does_not_grow_with_the_input(mnist, tmp_path: Path) -> None:
    peaks = []
    for times in (1, 8):  # 55 MB of images more in each file
        source = tmp_path / f"in{times}"
        source.mkdir()
        images = np.tile(mnist.test_images, (times, 1, 1))
        np.save(source / "a.npy", images)
        np.savez(source / "b.npz", images)
        script = (
            "import sys\n"
            "import numpy as np\n"
            "from tests.batches import InlineEngine\n"
            "from tenfold.classifiers.onnx import OnnxClassifier\n"
            "from tenfold.batch.read_batch import read_batch\n"
            "same = lambda self, images: np.full((len(images), 10), 0.1, np.float32)\n"
            "OnnxClassifier.predict_proba = same  # what is held, not what is read, counts\n"
            "read_batch(sys.argv[1], sys.argv[2], model='tiny', engine=InlineEngine())\n"
            "status = open('/proc/self/status').read()\n"
            "print(status.split('VmHWM:')[1].split()[0])\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", script, source, tmp_path / f"out{times}"],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        peaks.append(int(finished.stdout) // 1024)
    assert peaks[1] < peaks[0] + 40, peaks


@pytest.mark.parametrize(
    ("read_now", "seconds", "text"),
    [
        (1, 40.0, "3 pictures in out: 1 picture read in 40.0 s"),
        (3, 1.0, "3 pictures in out: 3 pictures read in 1.00 s, 3 per second"),
        (0, 1.0, "3 pictures in out: all of them were read before"),
    ],
)
def test_what_a_slow_batch_says(read_now: int, seconds: float, text: str) -> None:
    speed = round(read_now / seconds, 1) if read_now else None
    assert batch_text(BatchResult(Path("out"), "tiny", 3, 0, 1, read_now, seconds, speed)) == text
