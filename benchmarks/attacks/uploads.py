"""Mutated uploads and bombs sent to a server, while other clients send good pictures.

Four clients run at the same time, each in a process of its own: one sends n mutated requests; one
sends bombs, as many at once as the server has workers, until the mutated requests are answered; one
sends good pictures, again when it is told to; one asks for liveness every 20 ms, over a persistent
connection, and adds up the memory of the server and its decoding processes. All but the last yield
the processor to the server. Then servers whose workers are all stuck get SIGTERM.
"""

import http.client
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import bombs
import numpy as np
from mutations import ALLOWED, Request, answers
from served import PNG, Served, form, maze, png, resident_bytes

from attacks.finding import Finding
from tenfold.data.mnist import load_mnist
from tenfold.machine import usable_cores

TIMEOUT = 10
"""The server's time limit for a request, in seconds: the default."""

WORKERS = min(4, usable_cores())
"""Number of threads that read pictures: the default."""

LIVE_SECONDS, GROWTH_MEGABYTES, PICTURE_SECONDS = 0.25, 512, 15
"""Most time for liveness, growth of memory, and time for a good picture."""

CODECS = ("undefined", "punycode", "raw_unicode_escape", "unicode_escape", "utf-7")
Connect = Callable[[], http.client.HTTPConnection]
Told = tuple[list[str], dict[str, float]]
INFER = "/v2/models/reader/infer"
PDF = {"Content-Type": "application/pdf"}


def make_bombs() -> dict[str, Request]:
    """Return requests that took very much time or memory, or were internal errors."""
    named = {
        "nested forms": ("/predict", bombs.nested_forms(), PDF),
        "many fills": ("/predict", bombs.many_fills(), PDF),
        "inflating stream": ("/predict", bombs.inflating_stream(1_500_000_000), PDF),
        "JPEG scans": ("/predict", bombs.progressive_jpeg(2000), PNG),
        "wide JPEG scans": ("/predict", bombs.progressive_jpeg(2000, 2000), PNG),
        "huge TIFF": ("/predict", bombs.huge_tiff(7000, 7000), {}),
    }
    for count in (60_000, 600_000):
        data = ["x" * (count // 5), *[""] * count]
        tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": data}
        body = json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()
        named[f"{count:,} strings"] = (INFER, body, {})
    body, kind = form(b"no picture")
    for codec in CODECS:
        headers = {"Content-Type": f"{kind['Content-Type']}; charset={codec}"}
        named[codec] = ("/predict", body, headers)
    return named


def attack(folder: Path, n: int, seed: int) -> Finding:
    """Send n mutated uploads, and bombs."""
    found = Finding(
        "mutated uploads, and bombs at the same time, beside good pictures; SIGTERM while all"
        " workers are stuck",
        "no status of 500 or above but 503 and 504 for bombs; liveness within"
        f" {LIVE_SECONDS:g} s, good pictures within {PICTURE_SECONDS} s, memory grows by at most"
        f" {GROWTH_MEGABYTES} MB; SIGTERM ends the server within its timeout and 5 s",
        n,
    )
    images = load_mnist("test")[0][:2]
    good = png(np.kron(255 - images[0], np.ones((4, 4), np.uint8)))
    served = Served("--quiet", "--timeout", str(TIMEOUT))
    with ThreadPoolExecutor(WORKERS) as pool:  # starts all decoding processes
        for body, kind in ((good, PNG), (bombs.pdf(b"0 0 9 9 re f"), PDF)):
            asked = [pool.submit(served.ask, "/predict", body, kind) for _ in range(WORKERS)]
            assert {answer.result().status for answer in asked} == {200}
    over = folder / "over"
    connect = partial(http.client.HTTPConnection, served.host, timeout=60)
    with ProcessPoolExecutor(4) as processes:
        others = [
            processes.submit(watch, served.host, served.process.pid, over),
            processes.submit(send_good, connect, good, over),
            processes.submit(send_bombs, connect, over),
        ]
        try:
            told = [processes.submit(send_mutated, connect, images, n, seed).result()]
        finally:
            over.touch()
        told += [client.result() for client in others]
    for failures, figures in told:
        found.failures += failures
        found.figures |= figures
    try:
        served.end_well()
    except AssertionError as error:
        found.failures.append(f"the server's log: {error}")
    for name, (path, body, kind) in {**make_bombs(), "maze": ("/predict", maze(128), PNG)}.items():
        if name in ("nested forms", "many fills", "maze"):
            seconds = stop_stuck_server(path, body, kind)
            found.figures[f"seconds_to_exit_{name.replace(' ', '_')}"] = round(seconds, 1)
            if seconds > TIMEOUT + 5:
                found.failures.append(f"SIGTERM during {name} took {seconds:.1f} s")
    return found


def send_mutated(connect: Connect, images: np.ndarray, n: int, seed: int) -> Told:
    """Send mutated requests; return failures and figures."""
    os.nice(10)
    statuses: Counter[int] = Counter()
    failures = []
    for request, status, told in answers(connect, images, n, seed):
        statuses[status] += 1
        if status not in ALLOWED - {504}:
            failures.append(f"mutated upload: {status}, {told!r}, {request!r:.500}")
    return failures, {f"mutated_{status}": count for status, count in sorted(statuses.items())}


def send_bombs(connect: Connect, over: Path) -> Told:
    """Send one bomb after the other, at the same time as many as there are workers."""
    os.nice(10)
    statuses: Counter[int] = Counter()
    failures: list[str] = []

    def send(name: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        status, told = ask(connect, path, body, headers)
        statuses[status] += 1
        if status not in ALLOWED | {503}:
            failures.append(f"{name}: {status}, {told!r:.300}")

    named = make_bombs()
    with ThreadPoolExecutor(WORKERS) as pool:
        while not over.exists():
            for name, request in named.items():
                list(
                    pool.map(
                        lambda _, name=name, request=request: send(name, *request), range(WORKERS)
                    )
                )
                time.sleep(1)  # the mutated requests go on
    return failures, {f"bombs_{status}": count for status, count in sorted(statuses.items())}


def send_good(connect: Connect, picture: bytes, over: Path) -> Told:
    """Send a good picture, again when the server is busy, and the next one when it is read."""
    os.nice(10)
    seconds: list[float] = []
    failures = []
    while not over.exists():
        started = time.monotonic()
        status, told = 0, b""
        while status != 200 and time.monotonic() < started + 2 * PICTURE_SECONDS:
            status, told = ask(connect, "/predict", picture, PNG)
            if status in (429, 503, 504):
                time.sleep(1)
            elif status != 200:
                break
        seconds.append(time.monotonic() - started)
        if status != 200 or seconds[-1] > PICTURE_SECONDS:
            failures.append(f"a good picture: {status} after {seconds[-1]:.1f} s, {told!r:.300}")
        time.sleep(0.1)
    return failures, {
        "good_pictures": len(seconds),
        "slowest_good_picture_seconds": round(max(seconds), 2),
    }


def watch(host: str, pid: int, over: Path) -> Told:
    """Ask for liveness and look at memory until it is over."""
    name, port = host.split(":")
    seconds: list[float] = []
    failures = []
    before = most = resident_bytes(pid)
    with socket.create_connection((name, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not over.exists():
            started = time.monotonic()
            connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
            answer = b""
            while not answer.endswith(b'{"live":true}') and (part := connection.recv(2**16)):
                answer += part
            seconds.append(time.monotonic() - started)
            if not answer.startswith(b"HTTP/1.1 200"):
                failures.append(f"liveness: {answer!r:.100}")
                break
            most = max(most, resident_bytes(pid))
            time.sleep(0.02)
    late = sorted(second for second in seconds if second > LIVE_SECONDS)
    if late:
        failures.append(
            f"{len(late)} of {len(seconds)} times liveness took {late[0]:.2f} to {late[-1]:.2f} s"
        )
    growth = (most - before) / 1e6
    if growth > GROWTH_MEGABYTES:
        failures.append(f"memory grew by {growth:.0f} MB")
    return failures, {
        "liveness_requests": len(seconds),
        "slowest_liveness_seconds": round(max(seconds), 3),
        "growth_megabytes": round(growth),
    }


def stop_stuck_server(path: str, body: bytes, headers: dict[str, str]) -> float:
    """Send SIGTERM while all workers are stuck; return the seconds until the server has ended."""
    served = Served("--quiet", "--timeout", str(TIMEOUT))
    with ThreadPoolExecutor(2 * WORKERS) as pool:
        for _ in range(2 * WORKERS):
            pool.submit(served.ask, path, body, headers)
        until = time.monotonic() + TIMEOUT
        while served.metric("tenfold_pictures") < 2 * WORKERS and time.monotonic() < until:
            time.sleep(0.05)
        started = time.monotonic()
        served.end_well()
        return time.monotonic() - started


def ask(connect: Connect, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send a request over a new connection; return status and body."""
    connection = connect()
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()
