import contextlib
import gzip
import http.server
import io
import logging
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

# Before NumPy and scikit-learn are imported. Two test processes with two threads each, which wait
# in a loop, take ten times as long as with one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

from tenfold.data.idx import encode_idx
from tenfold.data.mnist import load_mnist
from tenfold.data.official import FILES

LONG = (
    "test_adapting.py",
    "test_annotating.py",
    "test_baselines.py",
    "test_batch.py",
    "test_batch_hostile.py",
    "test_batch_resuming.py",
    "test_boxes.py",
    "test_bundle.py",
    "test_c_header.py",
    "test_comparing.py",
    "test_comparing_objects.py",
    "test_compiled.py",
    "test_corruptions.py",
    "test_decoding_limits.py",
    "test_engines.py",
    "test_estimator.py",
    "test_explaining.py",
    "test_export.py",
    "test_features.py",
    "test_form.py",
    "test_golden_readings.py",
    "test_labels.py",
    "test_light.py",
    "test_mnist.py",
    "test_onnx_graph.py",
    "test_own_data.py",
    "test_own_models.py",
    "test_page.py",
    "test_program.py",
    "test_proposal.py",
    "test_report.py",
    "test_review_command.py",
    "test_serving.py",
    "test_serving_bombs.py",
    "test_serving_fuzz.py",
    "test_serving_limits.py",
    "test_show.py",
    "test_soap.py",
    "test_strikes.py",
    "test_strips.py",
    "test_touched_boxes.py",
    "test_training.py",
    "test_training_data.py",
    "test_training_lines.py",
    "test_translation.py",
    "test_tuning.py",
)
"""Files that take seconds of processor time each. `make quick` leaves them out; it keeps those of
them that find most, as the command's and the reader's do."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in LONG:
            item.add_marker("long")
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)  # short files fill the last gap


class Mnist(NamedTuple):
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@pytest.fixture(scope="session")
def mnist() -> Mnist:
    """MNIST from the usual cache (the first run fetches it); the arrays are read-only."""
    arrays = Mnist(*load_mnist("train"), *load_mnist("test"))
    for array in arrays:
        array.flags.writeable = False
    return arrays


@pytest.fixture(scope="session")
def digit_png(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first test image, a 7, as a picture of dark ink on white, ten times as large."""
    path = tmp_path_factory.mktemp("pictures") / "seven.png"
    ink = Image.fromarray(255 - mnist.test_images[0]).resize((280, 280), Image.Resampling.BICUBIC)
    page = Image.new("L", (400, 400), 255)
    page.paste(ink, (30, 70))
    page.save(path)
    return path


@pytest.fixture(scope="session")
def reader() -> Any:
    """The shipped reader, whose networks take a moment to load."""
    from tenfold.reading.reader import Reader

    return Reader()


@pytest.fixture(scope="session")
def tensorflow() -> None:
    """Keras on TensorFlow, for tests that build or train in this process."""
    from tenfold.networks.backend import use_backend

    use_backend("tensorflow", lean=True)


@pytest.fixture(autouse=True)
def same_networks(request: pytest.FixtureRequest) -> None:
    """Give untrained networks the same weights in every run: some answer all alike by chance."""
    if "tensorflow" in request.fixturenames:
        request.getfixturevalue("tensorflow")
        import keras

        keras.utils.set_random_seed(2)


@pytest.fixture(autouse=True)
def messages_as_before() -> Iterator[None]:
    """Undo what a call of the command does to the logger."""
    log = logging.getLogger("tenfold")
    handlers, level = log.handlers[:], log.level
    yield
    log.handlers[:] = handlers
    log.setLevel(level)


@pytest.fixture(scope="session")
def official(mnist: Mnist) -> dict[str, bytes]:
    """Official name -> uncompressed IDX bytes."""
    return dict(zip(FILES, map(encode_idx, mnist), strict=True))


@pytest.fixture(scope="session")
def packed(official: dict[str, bytes]) -> dict[str, bytes]:
    """Official name -> gzip bytes."""
    return {name: gzip.compress(data, compresslevel=1) for name, data in official.items()}


@pytest.fixture
def web(
    packed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve path -> bytes over HTTP; yields the address and the (mutable) files."""
    files = {f"/mnist/{name}.gz": data for name, data in packed.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in files:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[self.path])))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # a client may have had enough
                self.wfile.write(files[self.path])

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/mnist", files
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the test's own, and a Keras that never fetched anything."""
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TENFOLD_OFFLINE", raising=False)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # slow, and no test pulls the plug
    return tmp_path / "cache" / "mnist"


Shell = Callable[..., tuple[int, str, str]]
"""The command, from its words to its exit code, stdout and stderr."""


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    from tenfold.cli.main import main

    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, words)))
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands work in this process: workers import for seconds, with TensorFlow for five."""
    from batches import InlineEngine

    monkeypatch.setattr("tenfold.execution.local.LocalEngine", lambda workers: InlineEngine())


@pytest.fixture
def tenfold_batch(shell: Shell) -> Shell:
    return partial(shell, "batch")


@pytest.fixture(scope="session")
def pngs(mnist) -> list[bytes]:
    """Twenty test images as pictures of dark ink on white, four times as large."""
    found = []
    for image in mnist.test_images[:20]:
        data = io.BytesIO()
        Image.fromarray(255 - image).resize((112, 112)).save(data, "PNG")
        found.append(data.getvalue())
    return found


@pytest.fixture
def folder(pngs, tmp_path: Path) -> Path:
    """Pictures in two folders, with what is no picture among them."""
    for number, data in enumerate(pngs):
        path = tmp_path / "in" / f"{number // 10}" / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "in" / "notes.txt").write_text("not to be read")
    return tmp_path / "in"


def answers(network: Any, images: np.ndarray) -> Any:
    """Return what a Keras network gives for images; `predict` would trace it first."""
    import keras

    return keras.tree.map_structure(keras.ops.convert_to_numpy, network(images))


def outputs_of_layers(network: Any) -> Any:
    """Return a network on the same weights that gives the outputs of all layers by name."""
    import keras

    images, *layers = network.layers
    values, outputs = images.output, {}
    for layer in layers:  # a chain; deskewing, itself a network, has no output of its own in it
        values = outputs[layer.name] = layer(values)
    return keras.Model(images.output, outputs)
