"""Data sets of one's own: every source gives the same images, and damage is one line."""

import csv
import gzip
import io
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tenfold
from tenfold.arrays import DIGITS
from tenfold.data.data_source import choose_data
from tenfold.data.idx import encode_idx
from tenfold.data.mnist import load_mnist
from tenfold.errors import DataError, TenfoldError, UsageError
from tenfold.imaging.canvas import to_canvas

TRAIN, TEST = 140, 40


@pytest.fixture(scope="module")
def arrays(mnist) -> dict[str, np.ndarray]:
    return {
        "x_train": mnist.train_images[:TRAIN],
        "y_train": mnist.train_labels[:TRAIN],
        "x_test": mnist.test_images[:TEST],
        "y_test": mnist.test_labels[:TEST],
    }


def write_npz(folder: Path, arrays: dict) -> Path:
    np.savez_compressed(folder / "digits.npz", **arrays)
    return folder / "digits.npz"


def write_idx(folder: Path, arrays: dict) -> Path:
    for name, word in (("train", "train"), ("test", "t10k")):
        (folder / f"{word}-images-idx3-ubyte").write_bytes(encode_idx(arrays[f"x_{name}"]))
        labels = gzip.compress(encode_idx(arrays[f"y_{name}"]))
        (folder / f"{word}-labels-idx1-ubyte.gz").write_bytes(labels)
    return folder


def write_csv(folder: Path, arrays: dict, *, header: bool = True) -> Path:
    for name in ("train", "test"):
        with gzip.open(folder / f"{name}.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            if header:
                writer.writerow(["label", *(f"pixel{i}" for i in range(784))])
            for label, image in zip(arrays[f"y_{name}"], arrays[f"x_{name}"], strict=True):
                writer.writerow([label, *image.ravel()])
    return folder


def write_pictures(folder: Path, arrays: dict) -> Path:
    for name in ("train", "test"):
        for number, label in enumerate(arrays[f"y_{name}"]):
            path = folder / name / str(label) / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(arrays[f"x_{name}"][number]).save(path)
    return folder


def write_parquet(folder: Path, arrays: dict) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for name in ("train", "test"):
        encoded = []
        for image in arrays[f"x_{name}"]:
            data = io.BytesIO()
            Image.fromarray(image).save(data, "PNG")
            encoded.append({"bytes": data.getvalue(), "path": None})
        table = pa.table({"image": encoded, "label": arrays[f"y_{name}"].astype(np.int64)})
        facts = {"info": {"features": {"label": {"names": list(DIGITS)}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(facts)})
        (folder / "data").mkdir(exist_ok=True)
        pq.write_table(table, folder / "data" / f"{name}-00000-of-00001.parquet")
    return folder


WRITERS: list[Callable[[Path, dict], Path]] = [
    write_npz, write_idx, write_csv, write_pictures, write_parquet,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS, ids=lambda one: one.__name__)
def test_every_source_gives_the_same_images(write, arrays, tmp_path: Path) -> None:
    source = write(tmp_path, arrays)
    for split in ("train", "test"):
        data = tenfold.load_dataset(source, split)
        assert data.classes == DIGITS
        assert (data.images.dtype, data.labels.dtype) == (np.uint8, np.uint8)
        assert not data.held_out
        order = np.lexsort((data.images.reshape(len(data), -1).sum(axis=1), data.labels))
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        expected = np.lexsort((images.reshape(len(images), -1).sum(axis=1), labels))
        assert np.array_equal(data.labels[order], labels[expected])
        assert np.array_equal(data.images[order], images[expected])
    assert len(tenfold.load_dataset(source, "all")) == TRAIN + TEST


def test_one_file_of_each_kind(arrays, tmp_path: Path) -> None:
    write_idx(tmp_path, arrays)
    write_csv(tmp_path, arrays, header=False)
    write_parquet(tmp_path, arrays)
    for name in (
        "train-images-idx3-ubyte",
        "train.csv.gz",
        "data/train-00000-of-00001.parquet",
    ):
        data = tenfold.load_dataset(tmp_path / name, "all")
        assert np.array_equal(data.images, arrays["x_train"])
        assert np.array_equal(data.labels, arrays["y_train"])
        assert data.held_out


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_may_be_saved_with_other_separators(arrays, tmp_path: Path, separator: str) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        for label, image in zip(arrays["y_train"], arrays["x_train"], strict=True):
            writer.writerow([label, *image.ravel()])
    data = tenfold.load_dataset(tmp_path / "a.csv", "all")
    assert np.array_equal(data.images, arrays["x_train"])
    assert np.array_equal(data.labels, arrays["y_train"])


def test_a_column_of_labels_may_stand_anywhere(arrays, tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([*(f"p{i}" for i in range(784)), "Class"])
        for label, image in zip(arrays["y_train"], arrays["x_train"], strict=True):
            writer.writerow([*image.ravel(), label])
    data = tenfold.load_dataset(tmp_path / "a.csv", "all")
    assert np.array_equal(data.images, arrays["x_train"])
    assert np.array_equal(data.labels, arrays["y_train"])


def test_arrays_of_every_shape(arrays) -> None:
    images, labels = arrays["x_train"], arrays["y_train"]
    for given in (
        images,
        images.reshape(-1, 784),
        images[..., None],
        images[:, None],
        images.astype(np.float64),
        images.astype(np.int64),
    ):
        data = tenfold.load_dataset((given, labels), "all")
        assert np.array_equal(data.images, images)
        assert np.array_equal(data.labels, labels)


def test_a_source_without_test_part_holds_one_of_seven_out(arrays) -> None:
    source = arrays["x_train"], arrays["y_train"]
    train, test = (tenfold.load_dataset(source, split) for split in ("train", "test"))
    assert train.held_out
    assert test.held_out
    assert not set(train.places) & set(test.places)
    assert sorted([*train.places, *test.places]) == list(range(TRAIN))
    for digit in range(10):
        whole = int((arrays["y_train"] == digit).sum())
        assert int((test.labels == digit).sum()) == max(1, round(whole / 7))
    again = tenfold.load_dataset(source, "test")
    assert np.array_equal(again.places, test.places)
    assert np.array_equal(source[0][test.places], test.images)


def test_training_does_not_open_the_test_part(arrays, tmp_path: Path) -> None:
    write_idx(tmp_path, arrays)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(b"damaged")
    assert len(tenfold.load_dataset(tmp_path, "train")) == TRAIN
    with pytest.raises(DataError, match="not an IDX file"):
        tenfold.load_dataset(tmp_path, "test")


def test_dark_ink_is_inverted(arrays) -> None:
    images, labels = arrays["x_train"], arrays["y_train"]
    dark = tenfold.load_dataset((255 - images, labels), "all")
    assert np.array_equal(dark.images, images)
    mixed = images.copy()
    mixed[::2] = 255 - mixed[::2]
    assert np.array_equal(tenfold.load_dataset((mixed, labels), "all").images, images)
    plain = tenfold.load_dataset((255 - images, labels), "all", as_="images")
    assert np.array_equal(plain.images, 255 - images)


def test_other_sizes_are_normalized_as_read_does(arrays, tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / str(arrays["y_train"][number]) / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(255 - arrays["x_train"][number]).resize((90, 90)).save(path)
    data = tenfold.load_dataset(tmp_path, "all")
    assert sorted(data.files)[0] == "0/1.png"
    for image, label, file in zip(data.images, data.labels, data.files, strict=True):
        assert file.startswith(data.classes[label])
        canvas = to_canvas(np.asarray(Image.open(tmp_path / file)))
        assert canvas is not None
        assert np.array_equal(image, canvas)
    plain = tenfold.load_dataset(tmp_path, "all", as_="images")
    assert plain.images.mean() > 150  # still dark ink on white
    assert plain.classes == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")[: len(plain.classes)]


def test_a_table_of_labels(arrays, tmp_path: Path) -> None:
    rows = ["file,label,kind"]
    for number in range(30):
        Image.fromarray(arrays["x_train"][number]).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{'even' if arrays['y_train'][number] % 2 == 0 else 'odd'},a")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    data = tenfold.load_dataset(tmp_path, "all")
    assert data.classes == ("even", "odd")
    assert np.array_equal(data.labels, arrays["y_train"][:30] % 2)
    assert np.array_equal(data.images, arrays["x_train"][:30])


def test_emnist_is_put_upright(arrays, tmp_path: Path) -> None:
    for part, word in (("train", "train"), ("test", "test")):
        flipped = np.ascontiguousarray(arrays[f"x_{part}"].transpose(0, 2, 1))
        name = f"emnist-letters-{word}"
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(encode_idx(flipped))
        labels = arrays[f"y_{part}"] + 1  # EMNIST counts letters from 1
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(encode_idx(labels))
    data = tenfold.load_dataset(tmp_path, as_="images")
    assert np.array_equal(data.images, arrays["x_train"])
    assert data.classes == tuple(str(number) for number in range(1, 11))
    assert np.array_equal(data.labels, arrays["y_train"])


def test_names_of_classes_beside_arrays(arrays, tmp_path: Path) -> None:
    small = {name: array[np.asarray(arrays[f"y{name[1:]}"]) < 3] for name, array in arrays.items()}
    names = ["shirt", "shoe", "bag"]
    path = write_npz(tmp_path, small | {"classes": np.array(names)})
    data = tenfold.load_dataset(path)
    assert data.classes == tuple(names)
    assert np.array_equal(data.labels, small["y_train"])


def test_numbers_as_names_sort_by_value(arrays) -> None:
    labels = np.array([["x1", "x10", "x2"][n % 3] for n in range(30)])
    assert tenfold.load_dataset((arrays["x_train"][:30], labels)).classes == ("x1", "x10", "x2")
    labels = np.array([["unknown", "10", "9"][n % 3] for n in range(30)])
    data = tenfold.load_dataset((arrays["x_train"][:30], labels), "all")
    assert data.classes == ("9", "10", "unknown")
    assert data.labels[:3].tolist() == [2, 1, 0]


def test_changed_files_are_read_again(arrays, tmp_path: Path) -> None:
    first = tenfold.load_dataset(write_npz(tmp_path, arrays))
    assert tenfold.load_dataset(tmp_path / "digits.npz").images is first.images
    write_npz(tmp_path, arrays | {"x_train": arrays["x_train"][::-1]})
    second = tenfold.load_dataset(tmp_path / "digits.npz")
    assert second.sha256 != first.sha256


def test_mnist_by_name(mnist) -> None:
    data = tenfold.load_dataset("mnist", "test")
    assert np.array_equal(data.images, mnist.test_images)
    assert repr(data) == "Dataset(MNIST: 10,000 images of test, 10 classes)"
    images, _ = load_mnist("test")
    assert np.array_equal(images, data.images)


IMAGES, LABELS = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
IMAGES[:, 10:18, 13:15] = 255


@pytest.mark.parametrize(
    ("images", "labels", "as_", "message"),
    [
        (IMAGES, LABELS[:9], "digits", "20 pictures, but 9 labels"),
        (IMAGES[:0], LABELS[:0], "digits", "holds no pictures"),
        (IMAGES, np.full(20, 3), "digits", "has one class, 3"),
        (IMAGES, LABELS + 1, "digits", "label 10 is not a digit.*--as images"),
        (IMAGES, LABELS - 1, "digits", "label -1 is not a digit"),
        (IMAGES, LABELS * 2, "images", "without gaps"),
        (IMAGES, LABELS + 0.5, "digits", "labels are float64"),
        (IMAGES, np.eye(10)[LABELS], "digits", r"labels are int64 of shape \(20, 10\)"),
        (IMAGES, np.array([""] * 10 + ["a"] * 10), "digits", "empty label"),
        (IMAGES[:, 0, 0], LABELS, "digits", r"shape \(20,\)"),
        (IMAGES[:, :, 0], LABELS, "digits", r"shape \(20, 28\)"),
        (IMAGES / 255, LABELS, "digits", "multiply the pictures by 255"),
        (np.where(IMAGES > 200, np.nan, IMAGES), LABELS, "digits", "pictures hold NaN"),
        (IMAGES // 255, LABELS, "digits", "multiply the pictures by 255"),
        (IMAGES * 2.0, LABELS, "digits", "between 0 and 510"),
        (IMAGES + np.nan, LABELS, "digits", "hold NaN"),
        (IMAGES > 0, LABELS, "digits", "pictures are bool"),
        (np.zeros((20, 40, 40)) + 9, LABELS, "digits", "picture 0: the picture is blank .20 "),
        (np.tile(IMAGES, (20, 1, 1)), np.arange(400), "images", "400 classes; at most 256"),
        (IMAGES, np.array([0] * 19 + [1]), "digits", "class 1 has one image"),
    ],
)  # fmt: skip
def test_wrong_arrays_are_one_line(images, labels, as_, message) -> None:
    with pytest.raises(DataError, match=message) as caught:
        tenfold.load_dataset((images, labels), as_=as_)
    assert "\n" not in str(caught.value)


def damage(folder: Path, arrays: dict) -> dict[str, tuple[Path, str]]:
    """Write damaged sources; return their paths and what is said of them, by name."""
    cases: dict[str, tuple[Path, str]] = {}

    def case(name: str, data: bytes, message: str) -> None:
        (folder / name).write_bytes(data)
        cases[name] = folder / name, message

    write_npz(folder, arrays)
    whole = (folder / "digits.npz").read_bytes()
    case("cut.npz", whole[:2000], "cannot be read")
    case("no.npz", b"", "cannot be read")
    np.savez(folder / "other.npz", a=np.zeros(3), b=np.zeros(3))
    cases["other.npz"] = folder / "other.npz", "arrays a, b: give x_train and y_train"
    np.savez(folder / "pickled.npz", x=np.zeros((3, 28, 28)), y=np.array([None] * 3))
    cases["pickled.npz"] = folder / "pickled.npz", "cannot be read: Object arrays"
    liar = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        liar, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 28, 28)}
    )
    with zipfile.ZipFile(folder / "liar.npz", "w") as archive:
        archive.writestr("x_train.npy", liar.getvalue())
        archive.writestr("y_train.npy", liar.getvalue())
    cases["liar.npz"] = folder / "liar.npz", "does not fit"
    case("empty.csv", b"", "is empty")
    case("few.csv", b"1,2,3,4\n", "has 4 columns")
    case("none.csv", b"a,b,c,d,e\n1,2,3,4,5\n", "no column of labels")
    row = ",".join(["0"] * 784)
    case("ragged.csv", f"1,{row}\n2,{row},9\n".encode(), "picture 2 has 786 columns")
    case("words.csv", f"1,{row}\n2,{row[:-1]}x\n".encode(), "no number")
    case("range.csv", f"1,{row}\n2,{row[:-1]}256\n".encode(), "between 0 and 256")
    case("binary.csv", bytes(range(128, 256)), "cannot be read")
    case("last.csv", f"{row},1\n{row},2\n".encode(), "0 as the label in the first column of every")
    case("bomb.csv.gz", gzip.compress(b"1" * 10**6), "a line has more than")
    case("cut.csv.gz", gzip.compress(f"1,{row}\n".encode())[:-20], "cannot be read")
    case("train-images-idx3-ubyte", encode_idx(arrays["x_train"]), "has no labels beside it")
    case("a.parquet", b"PAR1 nothing", "cannot be read")
    case("a.txt", b"1", "is no data set")
    (folder / "nothing").mkdir()
    cases["nothing"] = folder / "nothing", "holds no data set"
    for name, text, message in (
        ("lacks", "file,digit\n1.png,1", "lacks the column label"),
        ("absent", "file,label\n1.png,1", "does not exist"),
        ("short", "file,label\n1.png", "lacks a file or a label"),
    ):
        (folder / name).mkdir()
        (folder / name / "labels.csv").write_text(text)
        cases[name] = folder / name, message
    for name in ("3", "5"):
        (folder / "broken" / name).mkdir(parents=True)
        (folder / "broken" / name / "a.png").write_bytes(b"no picture")
        (folder / "empty_class" / name).mkdir(parents=True)
    (folder / "empty_class" / "3" / "a.png").write_bytes(b"no picture")
    cases["broken"] = folder / "broken", "3/a.png: .*2 pictures cannot be used"
    cases["empty_class"] = folder / "empty_class", "5 holds no pictures"
    return cases


def test_damaged_sources_are_one_line(arrays, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name, (path, message) in damage(tmp_path, arrays).items():
        with pytest.raises(DataError, match=message) as caught:
            tenfold.load_dataset(path)
        assert "\n" not in str(caught.value), name
        assert name.split(".")[0] in str(caught.value), name


def test_a_test_part_with_an_unknown_label_is_refused(arrays, tmp_path: Path) -> None:
    names = np.array([f"n{label % 3}" for label in arrays["y_train"]])
    strange = np.array(["n7"] * TEST)
    path = write_npz(tmp_path, arrays | {"y_train": names, "y_test": strange})
    with pytest.raises(DataError, match="label n7 is none of the classes: n0, n1, n2"):
        tenfold.load_dataset(path, "test")


def test_a_relative_path_is_named_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.npz").touch()
    monkeypatch.chdir(tmp_path)
    source = choose_data("bad.npz")
    for load in (partial(tenfold.load_dataset, "bad.npz"), partial(source.load, "train")):
        with pytest.raises(DataError, match=r"^bad.npz cannot be read"):
            load()
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}")):
        source.load("train")


def test_unknown_sources_and_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean fashion-mnist\?.*mnist, fashion"):
        tenfold.load_dataset("fashion-mnst")
    with pytest.raises(UsageError, match="no split 'val'"):
        tenfold.load_dataset("mnist", "val")
    with pytest.raises(UsageError, match="no kind of pictures 'letters'"):
        tenfold.load_dataset("mnist", as_="letters")
    wrong: Any
    for wrong in (None, IMAGES, [IMAGES, LABELS], (IMAGES, LABELS, LABELS)):
        for load in (tenfold.load_dataset, choose_data):
            with pytest.raises(UsageError, match=r"data is of type .*; give a name, a path, or"):
                load(wrong)
    with pytest.raises(TenfoldError, match="--data-dir is for MNIST"):
        tenfold.load_dataset(tmp_path, data_dir=tmp_path)


@pytest.mark.parametrize("labels", [np.array(1, np.uint8), np.zeros((2, 0), np.uint8)])
def test_idx_labels_of_a_wrong_shape(tmp_path: Path, labels: np.ndarray) -> None:
    images = tmp_path / "train-images-idx3-ubyte"
    images.write_bytes(encode_idx(np.zeros((2, 28, 28), np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(encode_idx(labels))
    with pytest.raises(DataError, match="labels are uint8 of shape"):
        tenfold.load_dataset(images)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names in UTF-8 only")
def test_a_class_may_have_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    for name in (b"a\xff", b"b"):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        for number in range(2):
            Image.new("L", (28, 28), 200 * number).save(folder / f"{number}.png")
    assert len(tenfold.load_dataset(tmp_path, as_="images").sha256) == 64
