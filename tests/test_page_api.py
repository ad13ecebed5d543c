"""What the page requests: `POST /page/read` and `POST /page/explain`."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from served import PNG, Served, form

from tenfold.reading.settings import ReaderSettings
from tenfold.serving.http_errors import add_error_handlers

BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.end_well()


def array(text: str, kind: type, *shape: int) -> np.ndarray:
    return np.frombuffer(b64decode(text), kind).reshape(shape)


def test_read(served: Served, digit_png: Path) -> None:
    data = digit_png.read_bytes()
    plain = served.ask("/predict", data, PNG).document["pictures"][0]
    body, kind = form(data)
    for query, sent, headers in (
        ("", data, PNG),
        ("?drawn=true", data, PNG),
        ("?single=true", body, kind),
    ):
        answer = served.ask(f"/page/read{query}", sent, headers)
        assert answer.status == 200
        document = answer.document
        (digit,) = document["lines"][0]["digits"]
        assert document["threshold"] == ReaderSettings().threshold
        assert document["left_out"] == []
        canvas = array(digit.pop("canvas"), np.uint8, 28, 28)
        assert canvas.max() > 200
        probabilities = digit.pop("probabilities")
        assert len(probabilities) == 10
        assert np.argmax(probabilities) == digit["digit"] == 7
        assert probabilities[7] == digit["confidence"]
        assert sum(probabilities) == pytest.approx(1, abs=1e-3)
        if query != "?single=true":
            assert digit == plain["lines"][0]["digits"][0]


def test_explain(served: Served, mnist) -> None:
    image = mnist.train_images[0]  # a 5
    answer = served.ask("/page/explain", image.tobytes(), BYTES)
    assert answer.status == 200
    document = answer.document
    assert document["digit"] == 5
    occlusion = array(document["occlusion"]["values"], np.int8, 28, 28)
    assert max(abs(occlusion.min()), abs(occlusion.max())) == 127
    assert document["occlusion"]["strongest"] > 0
    assert not occlusion[0].any()


def test_the_network(served: Served) -> None:
    answer = served.ask("/page/network")
    assert answer.status == 200
    document = answer.document
    names = [layer["name"] for layer in document["layers"]]
    assert names == ["conv1", "conv2", "conv3", "conv4", "conv5", "logits"]
    for layer in document["layers"]:
        sides = [layer[one] for one in ("size", "size", "channels", "filters")]
        assert array(layer["kernel"], np.float32, *sides).any()


def test_explain_a_blank(served: Served) -> None:
    answer = served.ask("/page/explain", bytes(784), BYTES)
    assert answer.status == 200
    assert answer.document["occlusion"]["strongest"] == 0


def test_an_internal_error_is_json_too() -> None:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/")
    def fail() -> None:
        raise RuntimeError

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):  # for the log
        asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 500
    assert list(json.loads(sent[1]["body"])) == ["error"]


def test_bad_bodies_are_answered_with_their_error(served: Served) -> None:
    for path, body in (
        ("/page/read", b"no picture"),
        ("/page/explain", b"short"),
        ("/page/explain", bytes(785)),
        ("/page/explain", bytes([1]) * 784),
    ):
        answer = served.ask(path, body, BYTES)
        assert answer.status == 422
        assert list(answer.document) == ["error"]
    assert served.ask("/page/read", b"", PNG).status == 400
    assert served.ask("/page/read", b"{}", {"Content-Type": "application/json"}).status == 415
    assert served.ask("/page/read?single=perhaps", b"x", PNG).status == 422
    assert served.ask("/page/explain").status == 405
