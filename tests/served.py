"""A server in its own process, and pictures to send to it."""

import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

PNG = {"Content-Type": "image/png"}


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants (Linux)."""
    processes, total = [pid], 0
    while processes:
        folder = Path(f"/proc/{processes.pop()}")
        with contextlib.suppress(OSError):  # it has ended
            total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for thread in folder.glob("task/*/children"):
                processes += map(int, thread.read_text().split())
    return total


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Served:
    """`tenfold serve` on a free port; `seconds` is how long it took to start.

    Its stderr goes to a file, unless `stderr` is `subprocess.PIPE`, which the caller has to read.
    """

    def __init__(self, *options: str, stderr: int | None = None) -> None:
        command = [sys.executable, "-m", "tenfold", "serve", "--port", "0", "--json", *options]
        started = time.monotonic()
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr or self.log, text=True
        )
        assert self.process.stdout
        self.address: str = json.loads(self.process.stdout.readline())["address"]
        self.seconds = time.monotonic() - started
        self.host: str = urllib.parse.urlsplit(self.address).netloc

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=30)

    def ask(
        self,
        path: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        method: str = "",
    ) -> Answer:
        connection = self.connect()
        try:
            connection.request(
                method or ("GET" if data is None else "POST"), path, data, headers or {}
            )
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read())
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """Return a value from /metrics; the name includes the labels."""
        lines = self.ask("/metrics").body.decode().splitlines()
        found = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")]
        return found[0] if found else 0.0

    def end(self, with_signal: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and the text on stderr."""
        self.process.send_signal(with_signal)
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        with self.log:
            self.log.seek(0)
            return self.process.returncode, self.log.read()

    def end_well(self) -> list[dict[str, Any]]:
        """End the server, check that it reported no error, and return its log."""
        code, err = self.end()
        assert code == 0, err
        assert all(line.startswith("{") for line in err.splitlines()), err[-2000:]
        log = [json.loads(line) for line in err.splitlines()]
        bad = [line for line in log if line["level"] not in ("info", "warning")]
        assert not bad, bad
        assert all(line.get("status", 200) != 500 for line in log)
        return log


def maze(cells: int, side: int = 16) -> bytes:
    """Return a PNG of diagonal strokes in squares; 24 cells a side take a second, 128 three."""
    ways = np.random.default_rng(0).integers(0, 2, (cells, cells))
    paper = np.full((cells * side, cells * side), 255, np.uint8)
    for (down, across), falling in np.ndenumerate(ways):
        y, left, right = down * side, across * side, (across + 1) * side
        start, end = (left, right) if falling else (right, left)
        cv2.line(paper, (start, y), (end, y + side), 0, 2)
    return png(paper)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def form(data: bytes, name: str = "file") -> tuple[bytes, dict[str, str]]:
    """Return a form of one file, and its header."""
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=cut"}
    return head.encode() + data + b"\r\n--cut--\r\n", kind


def images_request(images: np.ndarray, **more: Any) -> bytes:
    """Return a JSON request to infer."""
    tensor = {
        "name": "images", "datatype": "UINT8", "shape": list(images.shape),
        "data": images.ravel().tolist(),
    }  # fmt: skip
    return json.dumps({"inputs": [tensor], **more}).encode()
