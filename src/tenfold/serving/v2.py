"""The Open Inference Protocol, version 2: https://github.com/kserve/open-inference-protocol."""

from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from tenfold import __version__
from tenfold.arrays import SIDE
from tenfold.serving.problems import ProblemError
from tenfold.serving.schemas import (
    INFER_BODY,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from tenfold.serving.service import Service, service_of
from tenfold.serving.tensors import INPUT, OUTPUT, VERSION, decode_inference, encode_inference

HEADER_LENGTH = b"inference-header-content-length"

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])


class Answer(NamedTuple):
    """What is sent: headers and body of a 200."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


async def infer(service: Service, name: str, headers: dict[bytes, bytes], body: bytes) -> Answer:
    """Answer a request to read images.

    Args:
        service: Whose model reads.
        name: The model that was asked for.
        headers: The request's, by names in lower case.
        body: The request's body.

    Raises:
        ProblemError: 400, 404, 413, 415, 429 or 503.
    """
    _check_model(service, name)
    batcher = service.batcher()
    length = headers.get(HEADER_LENGTH)
    if length is not None and not (length.isdigit() and len(length) < 10):
        raise ProblemError(400, "Inference-Header-Content-Length must be a number of bytes")
    json_bytes = None if length is None else int(length)
    request = decode_inference(body, json_bytes, service.settings.max_images)
    encoded = encode_inference(service.name, request, await batcher.predict(request.images))
    if encoded.json_bytes is None:
        return Answer([(b"content-type", b"application/json")], encoded.body)
    kind = (b"content-type", b"application/octet-stream")
    return Answer([kind, (HEADER_LENGTH, str(encoded.json_bytes).encode())], encoded.body)


@router.get("", summary="What this server is")
async def server_metadata() -> ServerMetadata:
    """Tell the server's name, its version, and which extensions of the protocol it knows."""
    return ServerMetadata(name="tenfold", version=__version__, extensions=["binary_tensor_data"])


@router.get("/health/live", summary="Is the process alive?")
async def live() -> Live:
    """Tell that the process answers."""
    return Live(live=True)


@router.get("/health/ready", summary="Does it take work?")
async def ready(request: Request) -> Ready:
    """Tell that the model is loaded; 503 before, and once the server is to stop."""
    service_of(request).check_ready()
    return Ready(ready=True)


@router.get("/models/{name}", summary="What the model takes and gives")
@router.get("/models/{name}/versions/{version}", include_in_schema=False)
async def model_metadata(request: Request, name: str, version: str = VERSION) -> ModelMetadata:
    """Tell the shapes and types of the model's input and output."""
    service = service_of(request)
    service.check_ready()
    _check_model(service, name, version)
    images = TensorMetadata(name=INPUT, datatype="UINT8", shape=[-1, SIDE, SIDE])
    output = TensorMetadata(name=OUTPUT, datatype="FP32", shape=[-1, 10])
    return ModelMetadata(
        name=name,
        versions=[VERSION],
        platform="onnxruntime_onnx",
        inputs=[images],
        outputs=[output],
    )


@router.get("/models/{name}/ready", summary="Does the model take work?")
@router.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
async def model_ready(request: Request, name: str, version: str = VERSION) -> ModelReady:
    """Tell that the model is loaded."""
    service = service_of(request)
    service.check_ready()
    _check_model(service, name, version)
    return ModelReady(name=name, ready=True)


@router.post("/models/{name}/infer", summary="Read 28x28 images", openapi_extra=INFER_BODY)
@router.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
async def infer_images(request: Request, name: str, version: str = VERSION) -> Response:
    """Return the probability of each digit for every image, white ink on black.

    Images and probabilities may go as bytes behind the JSON (the binary tensor extension). With
    the header `Inference-Header-Content-Length: 0` the body is pixels alone.
    """
    service = service_of(request)
    _check_model(service, name, version)
    answer = await infer(service, name, dict(request.scope["headers"]), await request.body())
    return Response(
        answer.body, headers={key.decode(): value.decode() for key, value in answer.headers}
    )


def _check_model(service: Service, name: str, version: str = VERSION) -> None:
    if name != service.name:
        raise ProblemError(404, f"no model of that name: this server has {service.name}")
    if version != VERSION:
        raise ProblemError(404, f"no such version: the model has version {VERSION} alone")
