"""The Open Inference Protocol: valid requests, and requests that must be refused."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from served import Served, images_request

import tenfold
from tenfold.serving.http_errors import HttpError
from tenfold.serving.tensors import decode_inference

INFER = "/v2/models/standard/infer"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served("--model", "standard", "--max-images", "40")
    yield server
    server.end_well()


@pytest.fixture(scope="module")
def expected(mnist) -> np.ndarray:
    return tenfold.load_classifier("standard").predict_proba(mnist.test_images[:20])


def test_metadata(served: Served) -> None:
    assert served.ask("/v2").document["extensions"] == ["binary_tensor_data"]
    assert served.ask("/v2/health/live").document == {"live": True}
    assert served.ask("/v2/health/ready").document == {"ready": True}
    for path in ("/v2/models/standard", "/v2/models/standard/versions/1"):
        document = served.ask(path).document
        assert document["inputs"][0] == {
            "name": "images", "datatype": "UINT8", "shape": [-1, 28, 28],
        }  # fmt: skip
        assert document["outputs"][0]["name"] == "probabilities"
        assert served.ask(f"{path}/ready").document == {"name": "standard", "ready": True}
    for path in ("/v2/models/other", "/v2/models/other/ready", "/v2/models/standard/versions/2"):
        assert served.ask(path).status == 404


def test_json(served: Served, mnist, expected: np.ndarray) -> None:
    images = mnist.test_images[:20]
    floats = {
        "name": "images", "datatype": "FP32", "shape": [20, 28, 28],
        "data": (images + 0.25).clip(0, 255).tolist(),
    }  # fmt: skip
    nested = {"name": "images", "datatype": "UINT8", "shape": [20, 28, 28], "data": images.tolist()}
    for body in (
        images_request(images, id="a"),
        json.dumps({"inputs": [floats], "id": "a"}).encode(),
        json.dumps(
            {"inputs": [nested], "id": "a", "outputs": [{"name": "probabilities"}]}
        ).encode(),
    ):
        answer = served.ask(INFER, body)
        document = answer.document
        assert (document["model_name"], document["model_version"]) == ("standard", "1")
        assert document["id"] == "a"
        (output,) = document["outputs"]
        assert (output["name"], output["datatype"]) == ("probabilities", "FP32")
        assert output["shape"] == [20, 10]
        found = np.array(output["data"], np.float32).reshape(20, 10)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    same = served.ask("/v2/models/standard/versions/1/infer", images_request(images)).document
    assert same["outputs"] == served.ask(INFER, images_request(images)).document["outputs"]


def test_pixels_alone(served: Served, mnist, expected: np.ndarray) -> None:
    answer = served.ask(
        INFER, mnist.test_images[:20].tobytes(), {"Inference-Header-Content-Length": "0"}
    )
    data = answer.document["outputs"][0]["data"]
    np.testing.assert_allclose(np.reshape(data, (20, 10)), expected, atol=1e-6)


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tritonclient(served: Served, mnist, expected: np.ndarray, datatype, binary) -> None:
    http = pytest.importorskip("tritonclient.http")

    client = http.InferenceServerClient(served.host)
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("standard")
        assert client.get_server_metadata()["name"] == "tenfold"
        assert client.get_model_metadata("standard")["platform"] == "onnxruntime_onnx"
        images = mnist.test_images[:20].astype(np.uint8 if datatype == "UINT8" else np.float32)
        tensor = http.InferInput("images", images.shape, datatype)
        tensor.set_data_from_numpy(images, binary_data=binary)
        wanted = http.InferRequestedOutput("probabilities", binary_data=binary)
        for outputs in ([wanted], None):
            result = client.infer("standard", [tensor], outputs=outputs, request_id="17")
            found = result.as_numpy("probabilities")
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=1e-6)
            assert result.get_response()["id"] == "17"
        with pytest.raises(http.InferenceServerException, match="no model has this name"):
            client.infer("other", [tensor])
    finally:
        client.close()


def test_requests_share_batches(served: Served, mnist) -> None:
    before = served.metric("tenfold_batch_images_count"), served.metric("tenfold_batch_images_sum")
    bodies = [images_request(image[None]) for image in mnist.test_images[:200]]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda body: served.ask(INFER, body), bodies))
    labels = [int(np.argmax(answer.document["outputs"][0]["data"])) for answer in answers]
    assert np.mean(labels == mnist.test_labels[:200]) > 0.98
    assert served.metric("tenfold_batch_images_sum") - before[1] == 200
    assert served.metric("tenfold_batch_images_count") - before[0] <= 200


def tensor(**changes) -> bytes:
    valid = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [0] * 784}
    return json.dumps({"inputs": [valid | changes]}).encode()


BAD = {
    "no JSON": b"{",
    "no object": b"[]",
    "no inputs": b"{}",
    "deep": b"[" * 100_000,
    "long number": b'{"inputs": ' + b"9" * 10_000 + b"}",
    "not UTF-8": json.dumps({"inputs": []}).encode("utf-16"),
    "one long string among many": tensor(data=["a" * 12_000, *[""] * 60_000]),
    "2.5 MB of strings": tensor(data=["a" * 12_000, *[""] * 600_000]),
    "floats from 0 to 1": tensor(datatype="FP32", data=[0.5] * 784),
    "0 and 1 alone": tensor(data=[0, 1] * 392),
    "lists": tensor(data=[[]] * 100_000),
    "objects": tensor(data=[{}] * 100_000),
    "objects with a repeated key": b'{"inputs": [' + b'{"a": {}, "a": {}},' * 50_000 + b"{}]}",
    "too many numbers": tensor(data=[0] * 30_000),
    "long id": json.dumps(json.loads(tensor()) | {"id": "a" * 10_000}).encode(),
    "two inputs": b'{"inputs": [{}, {}]}',
    "other name": tensor(name="input"),
    "other type": tensor(datatype="INT64"),
    "type of a wrong type": tensor(datatype=[]),
    "flat shape": tensor(shape=[784]),
    "no images": tensor(shape=[0, 28, 28], data=[]),
    "negative": tensor(shape=[-1, 28, 28]),
    "shape of strings": tensor(shape=["1", 28, 28]),
    "shape of booleans": tensor(shape=[True, 28, 28]),
    "short": tensor(data=[0] * 783),
    "fractions": tensor(data=[0.5] * 784),
    "too bright": tensor(data=[256] * 784),
    "huge": tensor(data=[10**30] * 784),
    "nested, too bright": tensor(data=[[[256] * 28] * 28]),
    "ragged": tensor(data=[[0], [0, 1]]),
    "nested and flat": tensor(data=[[0] * 28, *[0] * 756]),
    "nested unlike shape": tensor(data=[[0] * 784]),
    "nested too deeply": tensor(data=[[[[0]] * 28] * 28]),
    "mixed types": tensor(data=[0] * 783 + ["0"]),
    "booleans": tensor(data=[True] * 784),
    "null": tensor(data=[None] * 784),
    "floats for integers": tensor(data=[0] * 783 + [5.0]),
    "strings": tensor(data=["0"] * 784),
    "no data": tensor(data=None),
    "floats too bright": tensor(datatype="FP32", data=[300.0] * 784),
    "NaN": tensor(datatype="FP32", data=[float("nan")] * 784),
    "infinity": tensor(datatype="FP32", data=[float("inf")] * 784),
    "a float too large": tensor(datatype="FP32", data=[0] * 784).replace(b"0]", b"1e999]"),
    "a float too large for FP32": tensor(datatype="FP32", data=[1e39] * 784),
    "an integer too large": tensor(datatype="FP32", data=[10**400] * 784),
    "booleans as floats": tensor(datatype="FP32", data=[True] * 784),
    "strings as floats": tensor(datatype="FP32", data=["1"] * 784),
    "parameters of a wrong type": tensor(parameters=3),
    "bytes that never come": tensor(parameters={"binary_data_size": 784}),
    "id of a wrong type": json.dumps(json.loads(tensor()) | {"id": 3}).encode(),
    "other output": json.dumps(json.loads(tensor()) | {"outputs": [{"name": "x"}]}).encode(),
    "outputs of a wrong type": json.dumps(json.loads(tensor()) | {"outputs": [3]}).encode(),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_invalid_requests_are_400(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(HttpError) as raised:
            decode_inference(body, None, 40)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(body) + 1e6
    finally:
        tracemalloc.stop()
    assert raised.value.status == 400
    assert len(raised.value.message) < 200


@pytest.mark.parametrize(
    ("body", "length"), [(b"{}", 3), (b"abc", 0), (b"", 0), (tensor(), 10**8), (b"\x80", 1)]
)
def test_bytes_that_do_not_fit_are_400(body: bytes, length: int) -> None:
    with pytest.raises(HttpError) as raised:
        decode_inference(body, length, 40)
    assert raised.value.status == 400


def test_hostile_json_takes_little_time_and_memory(served: Served) -> None:
    strings = tensor(data=["a" * 12_000, *[""] * 60_000])
    numbers = tensor(datatype="FP32", data=[0.123456789] * 31_000)
    served.ask(INFER, strings)
    memory = served.metric("process_resident_memory_bytes")
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(served.ask, INFER, body) for body in (strings, numbers) * 20]
        slowest = 0.0
        while not all(answer.done() for answer in answers):
            started = time.monotonic()
            assert served.ask("/v2/health/live").status == 200
            slowest = max(slowest, time.monotonic() - started)
    assert {answer.result().status for answer in answers} == {400}
    assert served.metric("process_resident_memory_bytes") - memory < 50e6
    assert slowest < 2  # under 0.25 s on an idle machine


def test_refused_over_http(served: Served) -> None:
    assert served.ask(INFER, BAD["deep"]).status == 400
    assert served.ask(INFER, b"{}", {"Inference-Header-Content-Length": "-1"}).status == 400
    assert served.ask(INFER, b"{}", {"Inference-Header-Content-Length": "9" * 30}).status == 400
    assert served.ask(INFER, tensor(), {"Content-Encoding": "gzip"}).status == 415
    assert served.ask(INFER, tensor(shape=[41, 28, 28])).status == 413
    assert served.ask(INFER, bytes(2_000_000)).status == 413
    assert served.ask("/v2/models/none/infer", tensor()).status == 404
    assert served.ask(INFER).status == 405
