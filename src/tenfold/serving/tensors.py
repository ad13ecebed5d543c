"""Requests and responses of the Open Inference Protocol as bytes, with their binary extension.

In the binary tensor extension (Triton's), JSON comes first; the header
Inference-Header-Content-Length says how long it is. The tensors follow as bytes, little-endian.
"""

import json
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import SIDE, Images, Probabilities
from tenfold.classifiers.base import as_images
from tenfold.errors import UsageError
from tenfold.serving.http_errors import HttpError

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
"""Names in lower case, and values."""

INPUT, OUTPUT = "images", "probabilities"
VERSION = "1"
"""The only version of a model."""

JSON_LENGTH = b"inference-header-content-length"
"""Header that says how many bytes of JSON the body starts with."""

PIXELS = SIDE * SIDE

LONG_JSON_BYTES = 2**16
"""Longer JSON is parsed outside of the event loop's thread."""

MAX_TOKENS = 1000
"""Maximum number of quotes and braces in a request, and of commas and brackets outside of data."""

MAX_ID_LENGTH = 1000
"""Maximum length of a request's id, which is part of the response."""

_BYTES = {"UINT8": 1, "FP32": 4}


@dataclass(frozen=True, slots=True)
class Inference:
    """A request to classify images.

    Attributes:
        images: uint8 (n, 28, 28).
        id: The client's name for the request, or None.
        binary: Whether the client wants the probabilities as bytes.
    """

    images: Images
    id: str | None = None
    binary: bool = False


class InferenceResponse(NamedTuple):
    """Headers and body of a successful response."""

    headers: RawHeaders
    body: bytes


def decode_inference(body: bytes, json_bytes: int | None, max_images: int) -> Inference:
    """Parse a request.

    Args:
        body: The request's body.
        json_bytes: Value of the header Inference-Header-Content-Length, or None without it. 0
            means that the body consists of pixels only, 784 bytes an image.
        max_images: Maximum number of images in a request.

    Raises:
        HttpError: 400 if the request does not follow the protocol, 413 for too many images.
    """
    if json_bytes == 0:
        if not body or len(body) % PIXELS:
            raise _bad(f"the body has {len(body)} bytes: give {PIXELS} for each image")
        count = len(body) // PIXELS
        return Inference(_from_bytes("UINT8", [count, SIDE, SIDE], body, max_images))
    if json_bytes is not None and not 0 < json_bytes <= len(body):
        raise _bad(f"the body is shorter than the {json_bytes} bytes of JSON in its header")
    request = _json(body if json_bytes is None else body[:json_bytes], max_images)
    inputs = request.get("inputs")
    if not (isinstance(inputs, list) and len(inputs) == 1 and isinstance(inputs[0], dict)):
        raise _bad(f"inputs must be a list of one tensor, {INPUT}")
    tensor = inputs[0]
    if tensor.get("name") != INPUT:
        raise _bad(f"the name of the input must be {INPUT}")
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    if not isinstance(datatype, str) or datatype not in _BYTES:
        raise _bad(f"datatype of {INPUT} must be UINT8, or FP32 with values from 0 to 255")
    size = _parameters(tensor).get("binary_data_size")
    if size is None:
        images = _from_json(datatype, shape, tensor.get("data"), max_images)
    elif json_bytes is None or size != len(body) - json_bytes:
        raise _bad("binary_data_size must be the number of bytes that follow the JSON")
    else:
        images = _from_bytes(datatype, shape, body[json_bytes:], max_images)
    name = request.get("id")
    if name is not None and not (isinstance(name, str) and len(name) <= MAX_ID_LENGTH):
        raise _bad(f"id must be a string of at most {MAX_ID_LENGTH} characters")
    return Inference(images, name, _wants_binary(request))


def encode_inference(
    model: str, request: Inference, probabilities: Probabilities
) -> InferenceResponse:
    """Return the response to a request.

    Args:
        model: The model's name.
        request: The request.
        probabilities: float32 (n, classes).
    """
    head = f'{{"model_name":{json.dumps(model)},"model_version":"{VERSION}",'
    if request.id is not None:
        head += f'"id":{json.dumps(request.id)},'
    shape = f"[{len(probabilities)},{probabilities.shape[1]}]"
    head += f'"outputs":[{{"name":"{OUTPUT}","datatype":"FP32","shape":{shape},'
    if request.binary:
        data = probabilities.astype("<f4", copy=False).tobytes()
        text = f'{head}"parameters":{{"binary_data_size":{len(data)}}}}}]}}'.encode()
        kind = (b"content-type", b"application/octet-stream")
        return InferenceResponse([kind, (JSON_LENGTH, str(len(text)).encode())], text + data)
    body = f'{head}"data":{probabilities.ravel().tolist()}}}]}}'.encode()
    return InferenceResponse([(b"content-type", b"application/json")], body)


def _json(body: bytes, max_images: int) -> dict[str, Any]:
    """Parse JSON with a limited number of values, so that they take little time and memory."""
    limits = {
        b",": PIXELS * max_images + MAX_TOKENS,
        b"[": (SIDE + 1) * max_images + MAX_TOKENS,
        b"{": MAX_TOKENS,
        b'"': MAX_TOKENS,
    }
    for token, limit in limits.items():
        if body.count(token) > limit:
            raise _bad(f"the JSON has more than {limit} of {token.decode()}: data must be numbers")
    try:
        request = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise _bad("the body is not valid JSON in UTF-8") from error
    if not isinstance(request, dict):
        raise _bad("the body must be a JSON object")
    return request


def _parameters(item: dict[str, Any]) -> dict[str, Any]:
    parameters = item.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise _bad("parameters must be an object")
    return parameters


def _wants_binary(request: dict[str, Any]) -> bool:
    binary = _parameters(request).get("binary_data_output") is True
    outputs = request.get("outputs")
    if outputs is None:
        return binary
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise _bad("outputs must be a list of tensors")
    for output in outputs:
        if output.get("name") != OUTPUT:
            raise _bad(f"the name of the output must be {OUTPUT}")
        binary = _parameters(output).get("binary_data", binary) is True
    return binary


def _check_shape(shape: Any, max_images: int) -> int:
    """Return the number of images in a tensor of this shape."""
    integers = isinstance(shape, list) and all(type(side) is int for side in shape)
    if not integers or len(shape) != 3 or shape[1:] != [SIDE, SIDE] or shape[0] < 1:
        raise _bad(f"shape must be [n, {SIDE}, {SIDE}], with n above 0")
    if shape[0] > max_images:
        raise HttpError(413, f"more than {max_images} images in one request")
    count: int = shape[0]
    return count


def _from_bytes(datatype: str, shape: Any, data: bytes, max_images: int) -> Images:
    count = _check_shape(shape, max_images)
    if len(data) != count * PIXELS * _BYTES[datatype]:
        raise _bad(f"{len(data)} bytes do not make {count} images of {datatype}")
    return _images(np.frombuffer(data, np.uint8 if datatype == "UINT8" else "<f4"), count)


def _from_json(datatype: str, shape: Any, data: Any, max_images: int) -> Images:
    count = _check_shape(shape, max_images)
    numbers = _flat(data, count)
    if len(numbers) != count * PIXELS:
        raise _bad(f"{len(numbers)} values do not make {count} images of {PIXELS} pixels")
    types = set(map(type, numbers))
    try:
        if datatype == "UINT8" and types == {int}:
            return _images(np.frombuffer(bytes(numbers), np.uint8), count)
        if datatype == "FP32" and types <= {int, float}:
            return _images(np.array(numbers, np.float64), count)
    except (ValueError, OverflowError):  # out of range
        pass
    accepted = "integers" if datatype == "UINT8" else "numbers"
    raise _bad(f"{datatype} data must be {accepted} from 0 to 255")


def _flat(data: Any, count: int) -> list[Any]:
    """Return the values of a list, which is flat or nested like its shape, [count, 28, 28]."""
    if not isinstance(data, list):
        raise _bad("data must be a list of numbers, flat or nested like shape")
    rows: list[Any] = data
    for length in (count, count * SIDE) if rows and isinstance(rows[0], list) else ():
        if len(rows) != length or any(type(row) is not list or len(row) != SIDE for row in rows):
            raise _bad("data must be a list of numbers, flat or nested like shape")
        rows = list(chain.from_iterable(rows))
    return rows


def _images(values: NDArray[Any], count: int) -> Images:
    try:
        return as_images(values.reshape(count, SIDE, SIDE))
    except UsageError as error:
        raise _bad(str(error)) from error


def _bad(message: str) -> HttpError:
    return HttpError(400, message)
