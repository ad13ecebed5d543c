"""Pictures made to take time or memory, sent to a server: good ones are answered all the same."""

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import bombs
import pytest
from PIL import Image
from served import PNG, Served

PDF = {"Content-Type": "application/pdf"}


def good() -> bytes:
    file = io.BytesIO()
    Image.new("L", (60, 60), 255).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served("--timeout", "6", "--workers", "2")
    yield server
    server.end_well()


def test_bombs_and_good_pictures(served: Served) -> None:
    stopped = threading.Event()
    slowest = 0.0

    def watch() -> None:
        nonlocal slowest
        while not stopped.is_set():
            started = time.monotonic()
            assert served.ask("/v2/health/live").status == 200
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.02)

    sent = [bombs.nested_forms(), bombs.many_fills(), bombs.inflating_stream(1_100_000_000)]
    with ThreadPoolExecutor(4) as pool:
        watching = pool.submit(watch)
        asked = [pool.submit(served.ask, "/predict", bomb, PDF) for bomb in sent]
        answers = [answer.result() for answer in asked]
        stopped.set()
        watching.result()
    for answer in answers:
        assert answer.status in (422, 429, 504), answer
        assert list(answer.document) == ["error"]
    assert slowest < 2  # 0.25 s on a machine with idle cores
    many_scans = served.ask("/predict", bombs.progressive_jpeg(2000), PNG)
    assert many_scans.status == 413
    assert "2000 scans" in many_scans.document["error"]
    assert served.ask("/predict", good(), PNG).status == 200
    assert served.ask("/predict", bombs.pdf(b"0 0 9 9 re f"), PDF).status == 200


def test_a_server_whose_workers_are_all_stuck_ends_at_sigterm() -> None:
    server, bomb = Served("--timeout", "2", "--workers", "2"), bombs.many_fills()
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(server.ask, "/predict", bomb, PDF) for _ in range(3)]
        time.sleep(1)
        started = time.monotonic()
        server.end_well()
        assert time.monotonic() - started < 2 + 5
        assert {answer.result().status for answer in asked} <= {422, 429, 503, 504}
