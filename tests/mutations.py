"""Valid requests with pictures and images, and random changes to them."""

import http.client
import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from PIL import Image
from served import Served, form, images_request

ALLOWED = {200, 400, 404, 405, 413, 415, 422, 429, 504}

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PDF")
ODD = ("Content-Type", "Content-Length", "Inference-Header-Content-Length", "Content-Encoding")


Request: TypeAlias = tuple[str, bytes, dict[str, str]]
"""Path, body and headers of a POST."""


def originals(images: np.ndarray) -> list[Request]:
    """Return valid requests."""
    requests: list[Request] = []
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


def mutated(rng: np.random.Generator, requests: list[Request]) -> Request:
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
            "", "0", "7", "-1", "x", "gzip", "image/png", "multipart/form-data", "\xff", "9" * 99,
        ]  # fmt: skip
        headers = headers | {name: values[rng.integers(len(values))]}
    return path, bytes(data), headers


def answers(
    connect: Callable[[], http.client.HTTPConnection], images: np.ndarray, count: int, seed: int
) -> Iterator[tuple[Request, int, bytes]]:
    """Send `count` requests over one connection, valid ones first; yield their answers.

    A request that lies about its length may get no answer, and none is yielded.
    """
    rng = np.random.default_rng(seed)
    requests = originals(images)
    connection = connect()
    for number in range(count):
        path, body, headers = request = (requests[number:] or [mutated(rng, requests)])[0]
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
            assert lies, request
            continue
        finally:
            if lies:  # the next response would not match its request
                connection.close()
                connection = connect()
        yield request, response.status, told
    connection.close()


def send_all(served: Served, images: np.ndarray, count: int, seed: int) -> Counter[int]:
    """Send `count` requests over one connection, and count the statuses."""
    statuses: Counter[int] = Counter()
    valid = len(originals(images))
    for number, (request, status, told) in enumerate(answers(served.connect, images, count, seed)):
        statuses[status] += 1
        assert status in ALLOWED, (status, told, request)
        assert number >= valid or status in (200, 504), (told, request)
    return statuses
