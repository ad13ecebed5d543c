"""Clients that are slow, disconnect, send malformed HTTP, or are too many."""

import asyncio
import contextlib
import json
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from served import PNG, Served, images_request, maze

from tenfold.classifiers.base import Classifier
from tenfold.serving.batching import Batcher
from tenfold.serving.http_errors import HttpError
from tenfold.serving.logs import MAX_WAITING_LINES
from tenfold.serving.metrics import Metrics

INFER = "/v2/models/reader/infer"
SECONDS = 1.2
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    b"Content-Length: %d\r\n\r\n"
)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served(
        "--timeout", str(SECONDS), "--workers", "1", "--picture-queue", "2", "--queue", "300"
    )
    yield server
    server.end_well()


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def idle(served: Served) -> bool:
    return served.metric("tenfold_pictures") == 0


def raw(served: Served, text: bytes) -> socket.socket:
    host, port = served.host.split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(text)
    return connection


def received(connection: socket.socket) -> bytes:
    """Send no more, and return all that the server sends until it closes the connection."""
    with contextlib.suppress(OSError):  # it has closed already
        connection.shutdown(socket.SHUT_WR)
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(2**16):
            parts.append(part)
    return b"".join(parts)


def test_200_connections_at_once(served: Served, mnist) -> None:
    images = mnist.test_images[:200]
    connections = [served.connect() for _ in images]
    try:
        for connection, image in zip(connections, images, strict=True):
            connection.request("POST", INFER, images_request(image[None]))
        answers = [connection.getresponse() for connection in connections]
        assert Counter(answer.status for answer in answers) == {200: 200}
    finally:
        for connection in connections:
            connection.close()


def test_too_many_pictures_are_refused_while_infer_still_answers(served: Served) -> None:
    slow = maze(128)
    with ThreadPoolExecutor(12) as pool:
        coming = [pool.submit(served.ask, "/predict", slow, PNG) for _ in range(10)]
        wait_until(lambda: served.metric("tenfold_pictures") >= 3)
        started = time.monotonic()
        refused = served.ask("/predict", slow, PNG)
        # Requests to infer are still answered.
        assert served.ask(INFER, images_request(np.zeros((1, 28, 28), np.uint8))).status == 200
        quick = time.monotonic() - started
        answers = [future.result() for future in coming]
    assert (refused.status, list(refused.document)) == (429, ["error"])
    assert int(refused.headers["retry-after"]) >= 1
    assert quick < SECONDS
    assert set(Counter(answer.status for answer in answers)) <= {429, 504}
    late = next(answer for answer in answers if answer.status == 504)
    assert late.document == {"error": f"no answer within {SECONDS:g} seconds"}
    assert served.metric('tenfold_rejections_total{reason="too many"}') >= 8
    wait_until(lambda: idle(served))  # expired work ends


def test_work_ends_when_the_client_disconnects(served: Served) -> None:
    wait_until(lambda: idle(served))
    body = maze(128)
    connection = raw(served, HEAD % len(body) + body)
    wait_until(lambda: not idle(served))
    connection.close()
    wait_until(lambda: idle(served))
    label = 'tenfold_requests_total{endpoint="/predict",status="499"}'
    wait_until(lambda: served.metric(label) >= 1)


def test_a_half_closed_request_is_answered(served: Served) -> None:
    wait_until(lambda: idle(served))
    with raw(served, 3 * b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        assert received(connection).count(b"HTTP/1.1 200 OK") == 3
    body = maze(128)  # too slow, which shows that the server waits
    with raw(served, HEAD % len(body) + body) as connection:
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 504 "), answer
    with raw(served, HEAD % 500 + b"half") as connection:
        assert received(connection) == b""


def test_half_a_body(served: Served) -> None:
    left = raw(served, HEAD % 500 + b"half")
    left.close()
    waiting = raw(served, HEAD % 500 + b"half")
    assert waiting.recv(100).startswith(b"HTTP/1.1 504 ")
    waiting.close()
    wait_until(lambda: served.metric("tenfold_requests_in_flight") == 1)


def test_endless_headers_are_refused(served: Served) -> None:
    with raw(served, b"GET / HTTP/1.1\r\n") as connection:
        with contextlib.suppress(OSError):  # it has closed already
            connection.sendall(1000 * (b"A: %s\r\n" % (b"a" * 1000)))
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = connection.recv(100)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.slow
def test_incomplete_headers_time_out(served: Served) -> None:
    with raw(served, b"GET / HTTP/1.1\r\nHo") as connection:
        assert connection.recv(100) == b""


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"CONNECT a:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%ff%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
def test_malformed_http(served: Served, text: bytes) -> None:
    with raw(served, text) as connection:
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert head.split()[1][:1] == b"4", head
    assert b"content-type: application/json" in head
    assert list(json.loads(body)) == ["error"]
    assert served.ask("/v2/health/live").status == 200


def test_a_log_that_nobody_reads_does_not_stop_the_server() -> None:
    server = Served(stderr=subprocess.PIPE)
    log = server.process.stderr
    assert log is not None
    connection = server.connect()

    def request(count: int) -> None:
        for _ in range(count):
            connection.request("GET", "/v2/health/live")
            assert connection.getresponse().read() == b'{"live":true}'

    more = 700  # than a pipe holds: 64 kB, some 450 lines
    sent = MAX_WAITING_LINES + more
    request(sent)
    lines = [json.loads(log.readline()) for _ in range(1000)]
    request(1)  # there is space again: a note of what is lost comes before this line
    while "lines" not in lines[-1]:
        lines.append(json.loads(log.readline()))
    assert (lines[0]["event"], lines[-1]["event"]) == ("ready", "log lines dropped")
    assert lines[-1]["level"] == "warning"
    # The last ones may be logged after their answers are read here, and so after the note.
    assert sent - 3 <= len(lines) - 2 + lines[-1]["lines"] <= sent
    request(more)
    server.process.terminate()
    assert server.process.wait(10) == 0
    assert server.process.stdout
    for opened in (log, server.process.stdout, server.log, connection):
        opened.close()


class Slow(Classifier):
    """Blocks until `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.batches: list[int] = []

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        assert self.go_on.wait(20)
        self.batches.append(len(images))
        if images.max() == 255:
            raise RuntimeError("internal")
        return np.repeat(images[:, 0, :1], 10, axis=1).astype(np.float32)


def test_batches() -> None:
    async def scenario() -> None:
        slow = Slow()
        batcher = Batcher(slow, 4, Metrics())
        images = np.arange(8, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
        first = asyncio.create_task(batcher.predict(images[:1]))
        await asyncio.sleep(0.01)  # its batch starts at once
        four = [asyncio.create_task(batcher.predict(images[i : i + 1])) for i in range(1, 5)]
        await asyncio.sleep(0.01)
        with pytest.raises(HttpError, match="too many") as full:
            await batcher.predict(images[5:6])
        assert full.value.status == 429
        four[0].cancel()  # its client disconnected
        slow.go_on.set()
        assert (await first)[0, 0] == 0
        found = await asyncio.gather(*four, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        answers = [one for one in found if not isinstance(one, BaseException)]
        assert [float(answer[0, 0]) for answer in answers] == [2, 3, 4]
        assert slow.batches == [1, 3]
        with pytest.raises(RuntimeError, match="internal"):
            await batcher.predict(np.full((1, 28, 28), 255, np.uint8))
        many = await batcher.predict(np.zeros((200, 28, 28), np.uint8))
        assert many.shape == (200, 10)
        batcher.close()

    asyncio.run(scenario())
