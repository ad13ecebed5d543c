"""What the page requests: `POST /page/read` reads a picture, `POST /page/explain` explains a digit.

`GET /page/network` gives the network's layers. All serve the page only. They are not in the OpenAPI
document and change with the page.
"""

import json
from base64 import b64encode
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray

from tenfold.arrays import SIDE
from tenfold.classifiers.base import as_images
from tenfold.errors import PictureError, UsageError
from tenfold.imaging.decoding import load_pages
from tenfold.serving.http_errors import HttpError
from tenfold.serving.service import service_of
from tenfold.serving.settings import Settings
from tenfold.serving.uploads import Upload, picture_in

if TYPE_CHECKING:
    from tenfold.classifiers.model_file import Model
    from tenfold.reading.reader import Reader
    from tenfold.reading.results import Digit

MAX_LEFT_OUT = 60
"""Maximum number of marks in a response that are not digits: a page of print has thousands."""

router = APIRouter(prefix="/page", include_in_schema=False)


@router.post("/read")
async def read(request: Request, single: bool = False, drawn: bool = False) -> JSONResponse:
    """Read the first page of a picture.

    The response is an entry of `tenfold read --json`. In addition, each digit has `canvas`, the
    28x28 bytes that the network saw, in base64, and `probabilities`, of 0 to 9. `left_out` holds
    the marks that are not digits, `threshold` the confidence that a digit must reach. `drawn`
    says that the picture was drawn on a clean sheet.
    """
    service = service_of(request)
    upload = await picture_in(request)
    return JSONResponse(
        await service.run_in_worker(
            _read_upload, upload, service.settings, single=single, drawn=drawn
        )
    )


@router.post("/explain")
async def explain(request: Request) -> JSONResponse:
    """Return how much each part of an image supports the answer.

    The body is one image: 784 bytes, white ink on black. `occlusion` says how much the odds of
    `digit` fall where ink is covered: signed bytes in base64, where 127 stands for `strongest`
    powers of ten.
    """
    service = service_of(request)
    body = await request.body()
    if len(body) != SIDE * SIDE:
        raise HttpError(422, f"the body has {len(body)} bytes; an image has 784, 28 rows of 28")
    try:
        (image,) = as_images(np.frombuffer(body, np.uint8).reshape(SIDE, SIDE))
    except UsageError as error:  # of 0 and 1
        raise HttpError(422, str(error)) from error
    return JSONResponse(await service.run_in_worker(_explain, image))


@router.get("/network")
async def network(request: Request) -> Response:
    """Return the layers of the network with their weights; see `page_network.page_network`.

    There are none if the network has layers that recipes do not have.
    """
    service = service_of(request)
    document = await service.run_in_worker(_network, service.model)
    return Response(document, media_type="application/json")


@lru_cache(maxsize=1)
def _network_of(model: "Model") -> bytes:
    from tenfold.classifiers.bundle import load_features
    from tenfold.exporting.own_files import open_layers
    from tenfold.serving.page_network import page_network

    try:
        document = page_network(load_features(open_layers(model)))
    except UsageError:  # a file of one's own, with layers that recipes do not have
        document = {"layers": [], "shifts": 0}
    return json.dumps(document).encode()


def _network(_: "Reader", model: "Model") -> bytes:
    return _network_of(model)


def _read_upload(
    reader: "Reader", upload: Upload, settings: Settings, *, single: bool, drawn: bool
) -> dict[str, Any]:
    limits = settings.decoding_limits
    with closing(load_pages(upload.data, max_pixels=settings.max_pixels, limits=limits)) as pages:
        picture = next(pages, None)
    if picture is None:
        raise PictureError("the picture is a PDF without pages")
    reading = reader.read_picture(picture, single=single, drawn=drawn)
    document = reading.to_dict()
    left_out = reading.left_out[:MAX_LEFT_OUT]
    document["threshold"] = reader.threshold
    document["left_out"] = [digit.to_dict() for digit in left_out]
    digits = [digit for line in reading.lines for digit in line.digits]
    entries = [entry for line in document["lines"] for entry in line["digits"]]
    _add_probabilities(reader, [*digits, *left_out], [*entries, *document["left_out"]])
    return document


def _add_probabilities(
    reader: "Reader", digits: list["Digit"], entries: list[dict[str, Any]]
) -> None:
    if not digits:
        return
    canvases = np.stack([digit.canvas for digit in digits])
    rows = reader.classifier.predict_proba(canvases)
    for entry, digit, row in zip(entries, digits, rows, strict=True):
        entry["canvas"] = _base64(digit.canvas)
        entry["probabilities"] = _consistent(row, digit).round(4).tolist()


def _consistent(probabilities: NDArray[np.float32], digit: "Digit") -> NDArray[np.float64]:
    """Return probabilities in which a digit has its confidence, and the others share the rest.

    The confidence can differ from the classifier's probability: the reader also considers the
    line, and the image in other forms.
    """
    others = probabilities.astype(np.float64)
    others[digit.digit] = 0
    others *= (1 - digit.confidence) / max(others.sum(), 1e-9)
    others[digit.digit] = digit.confidence
    return others


def _explain(reader: "Reader", image: NDArray[np.uint8]) -> dict[str, Any]:
    from tenfold.explaining.occlusion import occlusion

    digit = int(reader.classifier.predict_proba(image)[0].argmax())
    evidence = occlusion(reader.classifier, image, digit)
    strongest = float(np.abs(evidence).max())
    signed = np.rint(evidence * (127 / max(strongest, 1e-9))).astype(np.int8)
    return {
        "digit": digit,
        "occlusion": {"strongest": round(strongest, 3), "values": _base64(signed)},
    }


def _base64(values: NDArray[Any]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()
