"""Measure requests per second and latency of `tenfold serve` and LitServe; needs wrk.

    python benchmarks/serving.py --litserve PYTHON

PYTHON is the interpreter of an environment with litserve and onnxruntime. Both servers run the
shipped network `standard` from the same ONNX file, receive one 28x28 image per request over 32
persistent connections, and log no requests. wrk runs on the same two cores. At full load, each
connection sends its next request at once. At half load, it pauses, so that the rate is half. The
servers alternate, each time in a new process. LitServe runs with the fastest of the settings that
are tried first. Run nothing else at the same time. Writes results/serving.json.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tenfold.classifiers.bundle import ONNX, load_bundle
from tenfold.data.mnist import load_mnist
from tenfold.files import write_json
from tenfold.machine import machine_facts

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "serving.json"
PEER = Path(__file__).parent / "litserve_peer.py"
MODEL = "standard"
CONNECTIONS, SECONDS, ROUNDS = 32, 3, 5
LITSERVE = (
    {"max_batch_size": 1, "batch_timeout": 0.0, "workers": 1, "fast_queue": False},
    {"max_batch_size": 1, "batch_timeout": 0.0, "workers": 1, "fast_queue": True},
    {"max_batch_size": 32, "batch_timeout": 0.001, "workers": 1, "fast_queue": False},
    {"max_batch_size": 32, "batch_timeout": 0.001, "workers": 1, "fast_queue": True},
    {"max_batch_size": 1, "batch_timeout": 0.0, "workers": 2, "fast_queue": True},
)
WRK = """
local file = io.open("%(body)s", "rb")
wrk.method = "POST"
wrk.headers["Content-Type"] = "%(kind)s"
%(header)s
wrk.body = file:read("*a")
%(delay)s
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.timeout + summary.errors.read
  io.write(string.format("JSON {\\"requests\\": %%d, \\"microseconds\\": %%d, \\"failed\\": %%d, ",
    summary.requests, summary.duration, failed))
  io.write(string.format("\\"p50\\": %%f, \\"p95\\": %%f, \\"p99\\": %%f}\\n",
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--litserve", required=True, help="Python with litserve")
    litserve = parser.parse_args().litserve
    with tempfile.TemporaryDirectory() as folder:
        bodies = write_bodies(Path(folder))
        trials = []
        for settings in LITSERVE:
            with litserve_server(litserve, settings) as url:
                trials.append(settings | load(url, bodies["json"], seconds=3))
            print(trials[-1], flush=True)
        best = max(trials, key=lambda trial: trial["requests_per_second"])
        chosen = {name: best[name] for name in LITSERVE[0]}
        measured: dict[str, list[dict[str, Any]]] = {}
        for _ in range(ROUNDS):
            with tenfold_server() as url:
                for name, body in (("tenfold, JSON", "json"), ("tenfold, pixels", "pixels")):
                    measured.setdefault(name, []).append(both_loads(url, bodies[body]))
                measured.setdefault("beside photos", []).append(
                    load_beside_photos(url, bodies["json"])
                )
            with litserve_server(litserve, chosen) as url:
                measured.setdefault("LitServe, JSON", []).append(both_loads(url, bodies["json"]))
            print({name: rounds[-1] for name, rounds in measured.items()}, flush=True)
    beside_photos = measured.pop("beside photos")
    ratio = [
        a["full"]["requests_per_second"] / b["full"]["requests_per_second"]
        for a, b in zip(measured["tenfold, JSON"], measured["LitServe, JSON"], strict=True)
    ]
    document = {
        "machine": machine_facts("fastapi", "httptools", "starlette", "uvicorn", "uvloop"),
        "versions": {"litserve": litserve_version(litserve)},
        "model": MODEL, "connections": CONNECTIONS, "seconds": SECONDS, "rounds": ROUNDS,
        "servers": {
            name: {kind: summary([each[kind] for each in rounds]) for kind in ("full", "half")}
            for name, rounds in measured.items()
        },
        "half_load_while_photos_are_read": summary(beside_photos),
        "ratio": spread(ratio),
        "litserve_settings": trials,
    }  # fmt: skip
    write_json(RESULTS, document)
    print(json.dumps(document["servers"], indent=2), document["ratio"])


def write_bodies(folder: Path) -> dict[str, dict[str, str]]:
    """Write the bodies of requests; return file, content type and headers for wrk."""
    image = load_mnist("test")[0][:1]
    tensor = {
        "name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": image.ravel().tolist()
    }  # fmt: skip
    (folder / "json").write_text(json.dumps({"inputs": [tensor]}))
    (folder / "pixels").write_bytes(image.tobytes())
    zero = 'wrk.headers["Inference-Header-Content-Length"] = "0"'
    return {
        "json": {"body": str(folder / "json"), "kind": "application/json", "header": ""},
        "pixels": {
            "body": str(folder / "pixels"), "kind": "application/octet-stream", "header": zero,
        },
    }  # fmt: skip


def both_loads(url: str, body: dict[str, str]) -> dict[str, dict[str, Any]]:
    load(url, body, seconds=1)
    full = load(url, body)
    return {"full": full, "half": half_load(url, body, full)}


def half_load(url: str, body: dict[str, str], full: dict[str, Any]) -> dict[str, Any]:
    """Send requests at half the rate of `full`, at random times."""
    period_ms = 2000 * CONNECTIONS / full["requests_per_second"]
    pause_ms = period_ms * 0.75
    found = load(url, body, pause_ms=pause_ms, seconds=1)
    # Corrects the pause for the time that a request takes on top of it.
    pause_ms += period_ms - 1000 * CONNECTIONS / found["requests_per_second"]
    return load(url, body, pause_ms=max(0.0, pause_ms))


def load(
    url: str, body: dict[str, str], *, pause_ms: float = 0.0, seconds: int = SECONDS
) -> dict[str, Any]:
    """Send requests for some seconds; return the responses per second and the latencies."""
    pause = f"function delay() return math.random(0, {round(2000 * pause_ms)}) / 1000 end"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK % {**body, "delay": pause if pause_ms else ""})
        script.flush()
        output = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", script.name, url],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    found = json.loads(next(line[5:] for line in output.splitlines() if line.startswith("JSON ")))
    if found["failed"]:
        raise SystemExit(f"{found['failed']} requests failed: {output}")
    return {
        "requests_per_second": round(1e6 * found["requests"] / found["microseconds"]),
        **{f"{name}_ms": round(found[name] / 1000, 2) for name in ("p50", "p95", "p99")},
    }


def load_beside_photos(url: str, body: dict[str, str]) -> dict[str, Any]:
    """Measure half load while a photo of 12 megapixels is read repeatedly."""
    full = load(url, body, seconds=2)
    photo = np.full((3000, 4000), 220, np.uint8)
    digits = 255 - load_mnist("test")[0][:8]
    row = np.concatenate([np.kron(digit, np.ones((8, 8), np.uint8)) for digit in digits], axis=1)
    photo[1000:1224, 500 : 500 + row.shape[1]] = np.minimum(row, 220)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Image.fromarray(photo).save(file.name)
        address = url.split("/v2", maxsplit=1)[0] + "/predict"
        command = f"while curl -sf -o /dev/null -F file=@{file.name} {address}; do :; done"
        reading = subprocess.Popen(["bash", "-c", command], start_new_session=True)
        try:
            return half_load(url, body, full)
        finally:
            os.killpg(reading.pid, signal.SIGKILL)
            reading.wait()


@contextmanager
def tenfold_server() -> Iterator[str]:
    command = [sys.executable, "-m", "tenfold", "serve", "--model", MODEL, "--quiet"]
    port = free_port()
    with running([*command, "--port", str(port)], f"http://127.0.0.1:{port}/v2/health/ready"):
        yield f"http://127.0.0.1:{port}/v2/models/{MODEL}/infer"


@contextmanager
def litserve_server(python: str, settings: dict[str, Any]) -> Iterator[str]:
    graph = load_bundle(MODEL).folder / ONNX
    port = free_port()
    command = [python, str(PEER), str(graph), str(port), json.dumps(settings)]
    with running(command, f"http://127.0.0.1:{port}/health"):
        yield f"http://127.0.0.1:{port}/predict"


@contextmanager
def running(command: list[str], health: str) -> Iterator[None]:
    """Start a server, wait until it is ready, and finally end all its processes."""
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(health)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(health: str) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(health, timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit(f"{health} does not answer")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: spread([each[name] for each in rounds]) for name in rounds[0]}


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "mean": round(statistics.mean(values), 2),
        "sd": round(statistics.stdev(values), 2),
        "min": min(values) if isinstance(values[0], int) else round(min(values), 2),
        "max": max(values) if isinstance(values[0], int) else round(max(values), 2),
        "n": len(values),
    }


def litserve_version(litserve: str) -> str:
    """Return the version of LitServe that a Python interpreter has."""
    code = "from importlib.metadata import version; print(version('litserve'))"
    return subprocess.check_output([litserve, "-c", code], text=True).strip()


if __name__ == "__main__":
    main()
