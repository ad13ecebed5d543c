"""Routes of the Open Inference Protocol, version 2.

The protocol is specified at https://github.com/kserve/open-inference-protocol.
"""

from functools import partial

from fastapi import APIRouter, Request, Response

from tenfold import __version__
from tenfold.arrays import SIDE
from tenfold.serving.http_errors import HttpError
from tenfold.serving.schemas import (
    INFER_BODY,
    INFER_RESPONSE,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from tenfold.serving.service import Service, service_of
from tenfold.serving.tensors import (
    INPUT,
    JSON_LENGTH,
    LONG_JSON_BYTES,
    OUTPUT,
    VERSION,
    InferenceResponse,
    decode_inference,
    encode_inference,
)

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])


async def infer(
    service: Service, name: str, headers: dict[bytes, bytes], body: bytes
) -> InferenceResponse:
    """Classify the images in a request.

    Args:
        service: The service whose model classifies them.
        name: The model's name in the request's path.
        headers: The request's headers, with names in lower case.
        body: The request's body.

    Raises:
        HttpError: 400, 404, 413, 415, 429 or 503.
    """
    _check_model(service, name)
    batcher = service.batcher()
    length = headers.get(JSON_LENGTH)
    if length is not None and not (length.isdigit() and len(length) < 10):
        raise HttpError(400, "Inference-Header-Content-Length must be a number of bytes")
    json_bytes = None if length is None else int(length)
    decode = partial(decode_inference, body, json_bytes, service.settings.max_images)
    is_long = (len(body) if json_bytes is None else json_bytes) > LONG_JSON_BYTES
    request = await service.run_parser(decode) if is_long else decode()
    return encode_inference(service.name, request, await batcher.predict(request.images))


@router.get("", summary="Name and version of the server")
@router.get("/", include_in_schema=False)
async def server_metadata() -> ServerMetadata:
    """Return the server's name, its version, and its extensions of the protocol."""
    return ServerMetadata(name="tenfold", version=__version__, extensions=["binary_tensor_data"])


@router.get("/health/live", summary="Liveness")
async def live() -> Live:
    """Return that the process answers."""
    return Live(live=True)


@router.get("/health/ready", summary="Readiness")
async def ready(request: Request) -> Ready:
    """Return that the model is loaded; 503 while it is loading and while the server drains."""
    service_of(request).check_ready()
    return Ready(ready=True)


@router.get("/models/{name}", summary="Inputs and outputs of the model")
@router.get("/models/{name}/versions/{version}", include_in_schema=False)
async def model_metadata(request: Request, name: str, version: str = VERSION) -> ModelMetadata:
    """Return the shapes and types of the model's input and output."""
    service = service_of(request)
    service.check_ready()
    _check_model(service, name, version)
    images = TensorMetadata(name=INPUT, datatype="UINT8", shape=[-1, SIDE, SIDE])
    output = TensorMetadata(name=OUTPUT, datatype="FP32", shape=[-1, len(service.classes)])
    return ModelMetadata(
        name=name,
        versions=[VERSION],
        platform=service.platform,
        inputs=[images],
        outputs=[output],
    )


@router.get("/models/{name}/ready", summary="Readiness of the model")
@router.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
async def model_ready(request: Request, name: str, version: str = VERSION) -> ModelReady:
    """Return that the model is loaded."""
    service = service_of(request)
    service.check_ready()
    _check_model(service, name, version)
    return ModelReady(name=name, ready=True)


@router.post(
    "/models/{name}/infer",
    summary="Classify 28x28 images",
    openapi_extra=INFER_BODY,
    responses={200: INFER_RESPONSE},
)
@router.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
async def infer_images(request: Request, name: str, version: str = VERSION) -> Response:
    """Return the probability of each digit for every image (white ink on black).

    Images and probabilities may be sent as bytes behind the JSON (the binary tensor extension).
    With the header `Inference-Header-Content-Length: 0` the body is pixels only.
    """
    service = service_of(request)
    _check_model(service, name, version)
    response = await infer(service, name, dict(request.scope["headers"]), await request.body())
    return Response(
        response.body, headers={key.decode(): value.decode() for key, value in response.headers}
    )


def _check_model(service: Service, name: str, version: str = VERSION) -> None:
    if name != service.name:
        raise HttpError(404, f"no model has this name: the server's model is {service.name}")
    if version != VERSION:
        raise HttpError(404, f"no model has this version: the model's version is {VERSION}")
