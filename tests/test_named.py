"""The family of MNIST by name: fetched once from a mirror, verified, and kept."""

import gzip
import hashlib
import io
import logging
import re
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tenfold
from tenfold.data import named
from tenfold.data.data_source import choose_data
from tenfold.data.idx import encode_idx
from tenfold.errors import DataError

Web = tuple[str, dict[str, bytes]]


def test_every_file_has_a_pinned_hash() -> None:
    assert list(named.NAMES) == ["fashion-mnist", "kmnist", "emnist-digits", "qmnist"]
    for known in named.NAMES.values():
        hashes = [*known.hashes.values(), *filter(None, [known.archive])]
        assert set(known.hashes) == {file for pair in known.files.values() for file in pair}
        for one in hashes:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", one)
        assert len(set(hashes)) == len(hashes)
        assert len(known.classes) == 10
        assert known.mirrors


def serve(name: str, web: Web, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """Put the files of a named set on the local server, with their hashes."""
    address, served = web
    for file, data in files.items():
        served[f"/mnist/{file}"] = data
    known = named.NAMES[name]
    hashes = {file: f"sha256:{hashlib.sha256(files[file]).hexdigest()}" for file in known.hashes}
    local = replace(known, hashes=hashes, mirrors=("http://name.invalid", address))
    monkeypatch.setattr(named, "NAMES", {**named.NAMES, name: local})


@pytest.fixture
def fashion(web: Web, packed, monkeypatch: pytest.MonkeyPatch, cache) -> Web:
    serve("fashion-mnist", web, monkeypatch, {f"{name}.gz": data for name, data in packed.items()})
    return web


def test_a_named_set_is_fetched_once(fashion: Web, mnist, caplog) -> None:
    caplog.set_level(logging.INFO, "tenfold")
    data = tenfold.load_dataset("fashion-mnist", "test")
    assert np.array_equal(data.images, mnist.test_images)
    assert data.classes[0] == "T-shirt/top"
    assert data.name == "Fashion-MNIST"
    assert not data.held_out
    assert "fetching Fashion-MNIST (H. Xiao" in caplog.text
    fashion[1].clear()
    assert len(tenfold.load_dataset("fashion-mnist", "test")) == 10_000


def test_training_fetches_no_test_images(fashion: Web, cache: Path) -> None:
    tenfold.load_dataset("fashion-mnist")
    assert [path.name[:5] for path in sorted((cache.parent / "fashion-mnist").glob("*.gz"))] == [
        "train", "train",
    ]  # fmt: skip


def test_a_damaged_file_is_fetched_again(fashion: Web, cache: Path, mnist) -> None:
    tenfold.load_dataset("fashion-mnist", "test")
    (cache.parent / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    assert np.array_equal(tenfold.load_dataset("fashion-mnist", "test").labels, mnist.test_labels)


def test_an_altered_mirror_is_refused(fashion: Web, cache: Path) -> None:
    fashion[1]["/mnist/t10k-images-idx3-ubyte.gz"] += b"\0"
    with pytest.raises(DataError, match=r"its hash is not the known one.*by hand") as caught:
        tenfold.load_dataset("fashion-mnist", "test")
    assert "\n" not in str(caught.value)
    assert not list((cache.parent / "fashion-mnist").glob("*.gz"))


def test_without_a_network_it_is_one_line(fashion: Web, monkeypatch) -> None:
    monkeypatch.setenv("TENFOLD_OFFLINE", "1")
    with pytest.raises(DataError, match="unset TENFOLD_OFFLINE"):
        tenfold.load_dataset("fashion-mnist")


def test_a_training_that_lacks_its_test_part_fails_before_it_begins(
    fashion: Web, monkeypatch
) -> None:
    source = choose_data("fashion-mnist")
    classes = source.load("train").classes
    monkeypatch.setenv("TENFOLD_OFFLINE", "1")
    with pytest.raises(DataError, match="unset TENFOLD_OFFLINE"):
        source.check_test(classes)
    monkeypatch.delenv("TENFOLD_OFFLINE")
    source.check_test(classes)
    fashion[1].clear()
    assert len(source.load("test")) == 10_000


def test_a_disk_that_takes_no_more_is_named_and_not_the_network(fashion: Web, cache: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DataError, match=r"cannot keep .*File too large; set TENFOLD_CACHE"):
            tenfold.load_dataset("fashion-mnist")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((cache.parent / "fashion-mnist").glob("*train*"))


def test_several_threads_fetch_once(fashion: Web, caplog) -> None:
    caplog.set_level(logging.INFO, "tenfold")
    loaded: list[tenfold.Dataset] = []
    threads = [
        threading.Thread(target=lambda: loaded.append(tenfold.load_dataset("fashion-mnist")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 3
    assert caplog.text.count("fetching Fashion-MNIST") == 2  # images and labels


def test_emnist_comes_in_an_archive_and_is_put_upright(web, mnist, monkeypatch, cache) -> None:
    files: dict[str, bytes] = {}
    for part, images, labels in (
        ("train", mnist.train_images[:50], mnist.train_labels[:50]),
        ("test", mnist.test_images[:30], mnist.test_labels[:30]),
    ):
        flipped = np.ascontiguousarray(images.transpose(0, 2, 1))
        names = named.NAMES["emnist-digits"].files[part]
        files |= dict(zip(names, map(gzip.compress, map(encode_idx, (flipped, labels)))))  # noqa: B905
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name, data in {**files, "emnist-letters-mapping.txt": b"1"}.items():
            members.writestr(f"gzip/{name}", data)
    data = archive.getvalue()
    serve("emnist-digits", web, monkeypatch, files | {"gzip.zip": data})
    local = replace(
        named.NAMES["emnist-digits"],
        mirrors=(f"{web[0]}/gzip.zip",),
        archive=f"sha256:{hashlib.sha256(data).hexdigest()}",
    )
    monkeypatch.setattr(named, "NAMES", {"emnist-digits": local})
    loaded = tenfold.load_dataset("emnist-digits")
    assert np.array_equal(loaded.images, mnist.train_images[:50])
    assert np.array_equal(loaded.labels, mnist.train_labels[:50])
    web[1].clear()
    assert len(tenfold.load_dataset("emnist-digits", "test")) == 30
    assert sorted(path.name for path in (cache.parent / "emnist-digits").glob("[!.]*")) == sorted(
        files
    )


def test_the_first_fact_of_qmnist_is_the_digit(web, mnist, monkeypatch, cache) -> None:
    facts = np.arange(8, dtype=np.int32) + np.zeros((50, 1), np.int32)
    facts[:, 0] = mnist.train_labels[:50]
    images, labels = named.NAMES["qmnist"].files["train"]
    files = {images: encode_idx(mnist.train_images[:50]), labels: encode_idx(facts)}
    others = dict.fromkeys(named.NAMES["qmnist"].files["test"], b"")
    packed = {name: gzip.compress(data) for name, data in files.items()}
    serve("qmnist", web, monkeypatch, packed | others)
    loaded = tenfold.load_dataset("qmnist")
    assert np.array_equal(loaded.labels, mnist.train_labels[:50])
