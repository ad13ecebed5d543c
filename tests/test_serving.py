"""`tenfold serve` as a process: its start, its answers, its end."""

import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served import PNG, Served, form, maze, png

from tenfold.cli.main import main
from tenfold.errors import UsageError
from tenfold.serving.http_errors import HttpError
from tenfold.serving.origins import OriginCheck
from tenfold.serving.settings import Settings

INFER = "/v2/models/reader/infer"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served("--max-megapixels", "1", "--max-megabytes", "1", "--max-pages", "2")
    yield server
    server.end_well()


def test_predict(served: Served, digit_png: Path) -> None:
    data = digit_png.read_bytes()
    body, kind = form(data)
    for path, sent, headers, name in (
        ("/predict", data, PNG, ""),
        ("/predict?single=true", data, {"Content-Type": "application/octet-stream"}, ""),
        ("/predict", data, {}, ""),
        ("/predict", body, kind, "a.png"),
    ):
        answer = served.ask(path, sent, headers)
        assert answer.status == 200
        (picture,) = answer.document["pictures"]
        assert picture["lines"][0]["text"] == "7"
        assert (picture["path"], picture["page"], picture["error"]) == (name, 1, None)
    command = [sys.executable, "-m", "tenfold", "read", "--json", str(digit_png)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert picture | {"path": str(digit_png)} == told["pictures"][0]


CODECS = ("undefined", "punycode", "raw_unicode_escape", "unicode_escape", "utf-7", "idna", "hex")


def with_charset(kind: dict[str, str], name: str) -> dict[str, str]:
    return {"Content-Type": f"{kind['Content-Type']}; charset={name}"}


def test_predict_with_invalid_bodies(served: Served, digit_png: Path) -> None:
    data = digit_png.read_bytes()
    wrong, kind = form(data, name="picture")
    form_body, _ = form(data)
    for status, body, headers in (
        (400, b"", PNG),
        (400, wrong, kind),
        (400, wrong[:60], kind),
        (400, wrong, {"Content-Type": "multipart/form-data"}),
        (413, bytes(1_000_001), PNG),
        (413, png(np.zeros((1001, 1000), np.uint8)), PNG),
        (415, b"{}", {"Content-Type": "application/json"}),
        (415, data, PNG | {"Content-Encoding": "gzip"}),
        (422, b"no picture", PNG | {"Content-Encoding": "Identity"}),
        *((415, form_body, with_charset(kind, name)) for name in CODECS),
        (422, b"no picture", PNG),
        (422, data[: len(data) // 2], PNG),
    ):
        answer = served.ask("/predict", body, headers)
        assert answer.status == status, answer
        assert list(answer.document) == ["error"]
        assert answer.headers["content-type"] == "application/json"
    assert served.ask("/predict?single=maybe", data, PNG).status == 422
    assert served.ask("/predict").status == 405
    assert served.ask("/nowhere").document == {"error": "Not Found"}


def test_a_pdf_of_too_many_pages(served: Served) -> None:
    pages = [Image.new("L", (60, 60), 255) for _ in range(3)]
    for count, status in ((2, 200), (3, 413)):
        file = io.BytesIO()
        pages[0].save(file, "PDF", save_all=True, append_images=pages[1:count])
        answer = served.ask("/predict", file.getvalue(), {"Content-Type": "application/pdf"})
        assert answer.status == status
    assert "2 pages" in answer.document["error"]


def test_the_page_and_its_headers(served: Served) -> None:
    page = served.ask("/")
    assert b"<!doctype html>" in page.body.lower()
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in page.headers
    assert "server" not in page.headers
    assert served.ask("/", method="HEAD").status == 200
    assert served.ask("/static/index.html").status == 200
    assert served.ask("/static/../app.py").status == 404
    assert served.ask("/docs").status == 404  # it would load scripts from another host


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_examples_in_the_docs(served: Served, digit_png: Path, tmp_path: Path) -> None:
    shutil.copy(digit_png, tmp_path / "digit.png")
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "serving.md").read_text()
    page = page.replace("http://127.0.0.1:8000", served.address)
    page = page.replace("127.0.0.1:8000", served.host)
    lines = [
        line for block in re.findall(r"```bash\n(.*?)```", page, re.S) for line in block.split("\n")
    ]
    for line in filter(None, (line.replace("curl ", "curl -sSf ") for line in lines)):
        told = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, check=False)
        assert told.returncode == 0, (line, told.stderr)
        if "predict" in line:
            assert json.loads(told.stdout)["pictures"][0]["lines"][0]["text"] == "7"
        elif "infer" in line:
            assert len(json.loads(told.stdout)["outputs"][0]["data"]) == 10
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.S)
    answer = served.ask("/predict", digit_png.read_bytes(), PNG).document["pictures"][0]
    (picture,) = json.loads(shown)["pictures"]
    (digit,), (told,) = picture["lines"][0]["digits"], answer["lines"][0]["digits"]
    assert digit.pop("box") == pytest.approx(told.pop("box"), abs=3)
    assert digit == pytest.approx(told, abs=0.01)
    assert picture | {"lines": []} == answer | {"lines": [], "path": "digit.png"}
    (snippet,) = re.findall(r"```\n(import numpy.*?)```", page, re.S)
    command = [sys.executable, "-c", snippet]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.startswith(
        "[["
    )


def test_forms_in_utf8(served: Served, digit_png: Path) -> None:
    body, kind = form(digit_png.read_bytes())
    body = body.replace(b"a.png", "\u96f6.png".encode())
    for headers in (kind, with_charset(kind, "UTF-8")):
        answer = served.ask("/predict", body, headers)
        assert answer.document["pictures"][0]["path"] == "\u96f6.png"


def test_other_hosts_and_origins_are_refused(served: Served, digit_png: Path) -> None:
    port = served.host.rpartition(":")[2]
    for host in (f"localhost:{port}", "LOCALHOST.", "127.0.0.1", f"[::1]:{port}"):
        assert served.ask("/v2/", headers={"Host": host}).document["name"] == "tenfold"
    for host in ("example.org", f"example.org:{port}", "127.0.0.1.example.org", "10.0.0.1", ""):
        for path in ("/", "/v2/", "/v2/health/live", "/metrics", "/nowhere"):
            answer = served.ask(path, headers={"Host": host})
            assert (answer.status, list(answer.document)) == (400, ["error"])
            assert "location" not in answer.headers
    data = digit_png.read_bytes()
    for origin, status in (
        (served.address, 200),
        (f"http://localhost:{port}", 403),
        ("http://127.0.0.1:1", 403),
        ("https://example.org", 403),
        ("null", 403),
    ):
        for path, body in (("/predict", data), ("/page/read", data), (INFER, bytes(784))):
            headers = {"Origin": origin, "Inference-Header-Content-Length": "0"}
            answer = served.ask(path, body, headers)
            assert answer.status == status, (origin, path, answer)
        assert served.ask("/v2", headers={"Origin": origin}).status == 200
    preflight = {"Origin": "null", "Access-Control-Request-Method": "POST"}
    assert served.ask("/predict", headers=preflight, method="OPTIONS").status == 403


@pytest.mark.parametrize(
    ("hosts", "accepted", "refused"),
    [
        (
            ("127.0.0.1", "digits.example"),
            ("digits.example:80",),
            ("www.digits.example", "10.1.1.1"),
        ),
        (("0.0.0.0",), ("10.1.1.1:8000", "[fe80::1]:8000", socket.gethostname()), ("a.example",)),
        (("::1", "*"), ("anything",), ()),
    ],
)
def test_allowed_hosts(
    hosts: tuple[str, ...], accepted: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    check = OriginCheck(hosts, ()).check
    for host in (*accepted, "localhost"):
        check("GET", "1.1", [(b"host", host.encode())])
    for host in refused:
        with pytest.raises(HttpError, match="not served"):
            check("GET", "1.1", [(b"host", host.encode())])
    check("GET", "1.0", [])
    for headers in ([], [(b"host", b"localhost"), (b"host", b"localhost")]):
        with pytest.raises(HttpError, match="one Host"):
            check("GET", "1.1", headers)


def test_messages_of_libtiff_are_not_in_the_log(served: Served) -> None:
    file = io.BytesIO()
    Image.effect_noise((60, 60), 50).save(file, "TIFF", compression="tiff_lzw")
    data = bytearray(file.getvalue())
    data[100:120] = 20 * b"\xff"
    tiff = {"Content-Type": "image/tiff"}
    assert served.ask("/predict", bytes(data), tiff).status == 422  # `end_well` reads the log


def test_cors_and_ctrl_c() -> None:
    server = Served("--cors", "https://example.org", "--quiet", "--allowed-hosts", "a.example,b")
    assert server.ask("/v2", headers={"Host": "b"}).status == 200
    origin = {"Origin": "https://example.org"}
    answer = server.ask("/v2/health/live", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    answer = server.ask("/v2/models/reader/infer", b"{}", origin)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, origin["Origin"])
    other = server.ask("/v2/health/live", headers={"Origin": "https://example.com"})
    assert "access-control-allow-origin" not in other.headers
    code, err = server.end(signal.SIGINT)
    assert (code, err.split()) == (130, ["tenfold:", "interrupted"])


def test_metrics_and_log(digit_png: Path) -> None:
    server = Served()
    server.ask("/predict", digit_png.read_bytes(), PNG)
    server.ask("/predict", b"no picture", PNG)
    server.ask("/made/up")
    assert server.metric('tenfold_requests_total{endpoint="/predict",status="200"}') == 1
    assert server.metric('tenfold_requests_total{endpoint="/predict",status="422"}') == 1
    assert server.metric('tenfold_requests_total{endpoint="other",status="404"}') == 1
    until = time.monotonic() + 5  # the previous request may not have ended
    while server.metric("tenfold_requests_in_flight") != 1:  # this request
        assert time.monotonic() < until
    log = server.end_well()
    assert [line["event"] for line in (log[0], log[-1])] == ["ready", "stopped"]
    first = log[1]
    assert (first["method"], first["path"], first["status"]) == ("POST", "/predict", 200)
    assert first["bytes"] == digit_png.stat().st_size


def test_start_is_quick(served: Served) -> None:
    assert served.seconds < 6  # under 2 s on an idle machine


def test_requests_get_503_while_the_server_starts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tenfold", "serve", "--port", str(port), "--model", "best"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = set()
    while 200 not in seen:
        assert process.poll() is None
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET /v2/health/ready HTTP/1.0\r\n\r\n")
                seen.add(int(connection.recv(12).split()[1]))
        except OSError:
            time.sleep(0.01)
    process.terminate()
    assert process.wait(20) == 0
    assert seen == {200, 503}


def test_sigterm_lets_requests_end() -> None:
    server = Served("--timeout", "20")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(server.ask("/predict", maze(24), PNG)))
    asking.start()
    while server.metric("tenfold_pictures") < 1:
        time.sleep(0.01)
    idle = server.connect()
    idle.request("GET", "/v2/health/live")
    idle.getresponse().read()
    server.process.terminate()
    time.sleep(0.05)
    if not answers:
        late = server.ask("/v2/health/ready")
        assert (late.status, late.document) == (503, {"error": "the server is draining"})
        assert int(late.headers["retry-after"]) > 0
        assert server.ask("/v2/health/live").status == 200
    asking.join()
    assert answers[0].status == 200
    server.end_well()
    idle.close()


def test_a_full_stdout_does_not_stop_the_server() -> None:
    command = [sys.executable, "-m", "tenfold", "serve", "--port", "0"]
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    lines = [json.loads(process.stderr.readline()) for _ in range(2)]
    assert [line["event"] for line in lines] == ["ready", "stdout is lost"]
    process.terminate()
    assert json.loads(process.communicate(timeout=30)[1])["event"] == "stopped"
    assert process.returncode == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "70000"], ["--host", "nowhere.invalid"], ["--host", "203.0.113.1"],
        ["--timeout", "0"], ["--queue", "0"], ["--workers", "-1"], ["--cors", "example.org"],
        ["--timeout", "nan"], ["--timeout", "inf"], ["--allowed-hosts", "a:80"],
        ["--allowed-hosts", "http://a"],
        ["--allowed-hosts", "a:b:c"], ["--max-megabytes", "0"], ["--model", "nonsense"], ["busy"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_options_give_one_line(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = str(other.getsockname()[1])
        where = ["--port", busy] if options == ["busy"] else ["--port", "0", *options]
        with pytest.raises(SystemExit) as ended:
            main(["serve", *where])
    failed = options[0] in ("--host", "busy")
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (1 if failed else 2, "")
    assert len(told.err.splitlines()) == 1, told.err
    assert ("choose another port with --port" in told.err) == (options == ["busy"])
    if options[0].startswith(("--max", "--timeout", "--queue", "--workers")):
        assert re.search(rf"\b{options[0].removeprefix('--')}\b", told.err)


def test_settings_name_the_wrong_limit_and_what_is_accepted() -> None:
    for limit, message in (
        ({"queue": 0}, "queue is 0: it must be at least 1"),
        ({"workers": -1}, "workers is -1: it must be at least 0"),
        ({"timeout_seconds": float("inf")}, "seconds is inf: it must be at least 0.001, and finit"),
    ):
        with pytest.raises(UsageError, match=message):
            Settings(**limit)
    assert Settings(timeout_seconds=0.001, workers=0, queue=1).queue == 1
    assert Settings(workers=3).threads == 3
    assert 1 <= Settings().threads <= 4


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.org/", "https://example.org/a", "https://Example.org", "https://",
        "https://example.org:443", "http://example.org:80", "https://me@example.org",
        "https://*.example.org", "https://example.org?a", "ftp://example.org", "null",
    ],
)  # fmt: skip
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(UsageError, match="not an origin as browsers send it"):
        Settings(cors=(origin,))


def test_origins_as_browsers_send_them_are_accepted() -> None:
    origins = ("*", "https://example.org", "http://localhost:3000", "http://[::1]:8000",
               "https://xn--bcher-kva.example:80", "http://my_host:443")  # fmt: skip
    assert Settings(cors=origins).cors == origins
