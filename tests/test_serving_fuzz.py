"""Fuzzing: no generated request may cause an internal error of the server."""

import http.client
import io
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from PIL import Image
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from served import Served, form, images_request

ALLOWED = {200, 400, 404, 405, 413, 415, 422, 429, 504}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served("--max-megapixels", "1", "--quiet", "--timeout", "5")
    yield server
    server.end_well()


@pytest.mark.filterwarnings("ignore")
def test_the_openapi_description_holds(served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{served.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 7
    for operation in operations:

        @settings(
            max_examples=20 if operation.method == "post" else 5, derandomize=True,
            deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            # The schema cannot say that some bytes are not a picture.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        check()


FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PDF")
ODD = ("Content-Type", "Content-Length", "Inference-Header-Content-Length", "Content-Encoding")


def originals(images: np.ndarray) -> list[tuple[str, bytes, dict[str, str]]]:
    """Return valid requests: path, body, headers."""
    requests: list[tuple[str, bytes, dict[str, str]]] = []
    for kind in FORMATS:
        for mode in ("L", "RGB"):
            file = io.BytesIO()
            Image.fromarray(255 - images[0]).convert(mode).resize((56, 56)).save(file, kind)
            data = file.getvalue()
            requests.append(("/predict", data, {"Content-Type": "application/octet-stream"}))
            requests.append(("/predict?single=true", *form(data)))
    infer = "/v2/models/reader/infer"
    requests.append((infer, images_request(images[:1]), {"Content-Type": "application/json"}))
    requests.append((infer, images[:2].tobytes(), {"Inference-Header-Content-Length": "0"}))
    head = (
        b'{"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 28, 28],'
        b' "parameters": {"binary_data_size": 784}}]}'
    )
    length = {"Inference-Header-Content-Length": str(len(head))}
    requests.append((infer, head + images[:1].tobytes(), length))
    return requests


def mutated(
    rng: np.random.Generator, requests: list[tuple[str, bytes, dict[str, str]]]
) -> tuple[str, bytes, dict[str, str]]:
    """Return a request with random changes to its body and headers."""
    path, body, headers = requests[rng.integers(len(requests))]
    data = bytearray(body)
    for _ in range(rng.integers(0, 4)):
        place = int(rng.integers(len(data) + 1))
        match rng.integers(6):
            case 0:
                data[place : place + 1] = rng.bytes(1)
            case 1:
                del data[place:]
            case 2:
                del data[place : place + int(rng.integers(1, 40))]
            case 3:
                data[place:place] = rng.bytes(int(rng.integers(1, 40)))
            case 4:
                _, other, _ = requests[rng.integers(len(requests))]
                data[place:] = other[int(rng.integers(len(other))) :]
            case 5:
                data = bytearray(rng.bytes(int(rng.integers(0, 3000))))
    if rng.random() < 0.1:
        name = ODD[rng.integers(len(ODD))]
        values = [
            "",
            "0",
            "7",
            "-1",
            "x",
            "gzip",
            "image/png",
            "multipart/form-data",
            "\xff",
            "9" * 99,
        ]
        headers = headers | {name: values[rng.integers(len(values))]}
    return path, bytes(data), headers


def send_all(served: Served, images: np.ndarray, count: int, seed: int) -> Counter[int]:
    """Send `count` requests over one connection, and count the statuses."""
    rng = np.random.default_rng(seed)
    requests = originals(images)
    statuses: Counter[int] = Counter()
    connection = served.connect()
    for number in range(count):
        # Valid requests come first.
        path, body, headers = (requests[number:] or [mutated(rng, requests)])[0]
        lies = headers.get("Content-Length", str(len(body))) != str(len(body))
        if lies:
            connection.close()
            connection.connect()
            connection.sock.settimeout(1)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            told = response.read()
        except (OSError, http.client.HTTPException):
            assert lies, (path, body, headers)
            continue
        finally:
            if lies:  # the next response would not match its request
                connection.close()
                connection = served.connect()
        statuses[response.status] += 1
        assert response.status in ALLOWED, (response.status, told, path, body, headers)
        assert number >= len(requests) or response.status == 200, (path, told, headers)
    connection.close()
    return statuses


@pytest.mark.parametrize("count", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_uploads(served: Served, mnist, count: int) -> None:
    # The same requests again: caches are full after the first time, a leak grows every time.
    send_all(served, mnist.test_images, count, seed=0)
    memory = [served.metric("process_resident_memory_bytes")]
    for _ in range(4):
        statuses = send_all(served, mnist.test_images, count, seed=0)
        memory.append(served.metric("process_resident_memory_bytes"))
        if memory[-1] - memory[-2] < 10e6:
            break
    else:
        pytest.fail(f"memory grows: {memory}")
    assert statuses[200] > count / 20
    assert statuses[400] + statuses[422] > count / 5
    until = time.monotonic() + 20  # a request with half a body may still be open
    while served.metric("tenfold_pictures") or served.metric("tenfold_requests_in_flight") > 1:
        assert time.monotonic() < until
        time.sleep(0.1)
