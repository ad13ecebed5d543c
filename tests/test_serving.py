"""`tenfold serve`, as a process: its start, what it answers, its end."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self):
        return json.loads(self.body)


class Served:
    """A server in a process of its own, at `address`."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "tenfold", "serve", "--port", "0", "--json", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.address = json.loads(self.process.stdout.readline())["address"]

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.address + path, data, named)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def end(self, with_signal: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what stood on stderr."""
        self.process.send_signal(with_signal)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served()
    yield server
    code, err = server.end()
    assert code == 0, err
    assert "Traceback" not in err, err


def form(data: bytes, name: str = "file") -> tuple[bytes, dict[str, str]]:
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n\r\n'
    kind = {"Content_Type": "multipart/form-data; boundary=cut"}
    return head.encode() + data + b"\r\n--cut--\r\n", kind


def test_predict(served: Served, digit_png: Path) -> None:
    data = digit_png.read_bytes()
    body, kind = form(data)
    for answer in (
        served.ask("/predict", data, Content_Type="image/png"),
        served.ask("/predict?single=true", data, Content_Type="application/octet-stream"),
        served.ask("/predict", body, **kind),
    ):
        assert answer.status == 200
        (picture,) = answer.document["pictures"]
        assert picture["lines"][0]["text"] == "7"
        assert (picture["width"], picture["error"]) == (400, None)


def test_predict_says_what_is_wrong(served: Served, digit_png: Path) -> None:
    data = digit_png.read_bytes()
    wrong, kind = form(data, name="picture")
    for status, body, headers in (
        (400, b"", {"Content_Type": "image/png"}),
        (400, wrong, kind),
        (415, b"{}", {"Content_Type": "application/json"}),
        (422, b"no picture", {"Content_Type": "image/png"}),
        (422, data[: len(data) // 2], {"Content_Type": "image/png"}),
    ):
        answer = served.ask("/predict", body, **headers)
        assert answer.status == status
        assert list(answer.document) == ["error"]
    assert served.ask("/predict").status == 405
    assert served.ask("/nowhere").document == {"error": "Not Found"}


def test_the_page(served: Served) -> None:
    assert b"<!doctype html>" in served.ask("/").body
    assert served.ask("/static/index.html").status == 200
    assert served.ask("/static/../app.py").status == 404


def test_ctrl_c() -> None:
    code, err = Served().end(signal.SIGINT)
    assert code == 130
    assert err.splitlines()[-1] == "tenfold: interrupted"


@pytest.mark.parametrize("options", [["--port", "70000"], ["--host", "nowhere.invalid"], ["busy"]])
def test_what_cannot_be_served_is_one_line(options: list[str], tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = str(other.getsockname()[1])
        options = ["--port", busy] if options == ["busy"] else options
        command = [sys.executable, "-m", "tenfold", "serve", *options]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode == (2 if "70000" in options else 1)
    assert len(ended.stderr.splitlines()) == 1


def test_a_model_that_is_none_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tenfold", "serve", "--port", "0", "--model", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
