"""What the page asks for: `POST /look` reads a picture, `POST /inside` tells how the network saw.

Both are for the page alone: they stand in no OpenAPI and change with it.
"""

from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tenfold.arrays import SIDE
from tenfold.imaging.decoding import load_pages
from tenfold.serving.problems import ProblemError
from tenfold.serving.service import service_of
from tenfold.serving.settings import Settings
from tenfold.serving.uploads import Upload, picture_in

if TYPE_CHECKING:
    from tenfold.classifiers.features import FeatureClassifier
    from tenfold.reading.reader import Reader
    from tenfold.reading.results import Digit

MOST_LEFT_OUT = 60
"""Marks that are told of though they are no digits: a page of print has thousands."""

router = APIRouter(include_in_schema=False)


@router.post("/look")
async def look(request: Request, single: bool = False, drawn: bool = False) -> JSONResponse:
    """Read the first page of a picture for the page.

    The answer is an entry of `tenfold read --json`; every digit has also `canvas`, the 28x28
    bytes the network saw, in base64, and `probabilities`, of 0 to 9. `left_out` holds the marks
    that were taken for no digits, `threshold` the confidence that a digit must reach. `drawn`
    says that the picture was drawn on a clean sheet.
    """
    service = service_of(request)
    upload = await picture_in(request)
    return JSONResponse(
        await service.in_worker(
            lambda reader: _look(reader, upload, service.settings, single=single, drawn=drawn)
        )
    )


@router.post("/inside")
async def inside(request: Request) -> JSONResponse:
    """Tell what each layer makes of an image, and which ink speaks for the answer.

    The body is one image, 784 bytes, white ink on black. `layers` holds the feature maps in
    bytes, 0 to the layer's largest value; `occlusion` how much the odds of `digit` fall where ink
    is covered, as signed bytes, 127 for `strongest` powers of ten. All in base64.
    """
    service = service_of(request)
    body = await request.body()
    if len(body) != SIDE * SIDE:
        raise ProblemError(422, f"the body has {len(body)} bytes; an image has 784, 28 rows of 28")
    image = np.frombuffer(body, np.uint8).reshape(SIDE, SIDE)
    return JSONResponse(
        await service.in_worker(lambda reader: _inside(reader, features_of(service.model), image))
    )


@lru_cache(maxsize=1)
def features_of(model: str) -> "FeatureClassifier":
    """Return a model with its layers to look at, loaded when first asked for."""
    from tenfold.classifiers.bundle import load_features

    return load_features(model)


def _look(
    reader: "Reader", upload: Upload, settings: Settings, *, single: bool, drawn: bool
) -> dict[str, Any]:
    picture = next(load_pages(upload.data, max_pixels=settings.max_pixels))
    reading = reader.read_picture(picture, single=single, drawn=drawn)
    document = reading.to_dict()
    left_out = reading.left_out[:MOST_LEFT_OUT]
    digits = [digit for line in reading.lines for digit in line.digits]
    told = [entry for line in document["lines"] for entry in line["digits"]]
    document["threshold"] = reader.threshold
    document["left_out"] = [digit.to_dict() for digit in left_out]
    _add_sight(reader, [*digits, *left_out], [*told, *document["left_out"]])
    return document


def _add_sight(reader: "Reader", digits: list["Digit"], entries: list[dict[str, Any]]) -> None:
    if not digits:
        return
    canvases = np.stack([digit.canvas for digit in digits])
    probabilities = reader.classifier.predict_proba(canvases)
    for entry, canvas, row in zip(entries, canvases, probabilities, strict=True):
        entry["canvas"] = _text(canvas)
        entry["probabilities"] = [round(float(value), 4) for value in row]


def _inside(
    reader: "Reader", features: "FeatureClassifier", image: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    from tenfold.explaining.occlusion import occlusion

    maps = features.feature_maps(image)
    digit = int(maps.pop("probabilities")[0].argmax())
    rows = {row.name: row for row in features.layers}
    evidence = occlusion(reader.classifier, image, digit)
    strongest = float(np.abs(evidence).max())
    signed = np.rint(evidence * (127 / max(strongest, 1e-9))).astype(np.int8)
    return {
        "digit": digit,
        "occlusion": {"strongest": round(strongest, 3), "values": _text(signed)},
        "layers": [
            {
                "name": name,
                "kind": rows[name].kind,
                "purpose": rows[name].purpose,
                "shape": list(values.shape[1:]),
                "values": _text(_as_bytes(values[0])),
            }
            for name, values in maps.items()
        ],
    }


def _as_bytes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return values as bytes, channels first: 0 for 0 and below, 255 for the largest."""
    strongest = max(float(values.max()), 1e-9)
    scaled = np.rint(np.clip(values / strongest, 0, 1) * 255).astype(np.uint8)
    return np.moveaxis(scaled, -1, 0)


def _text(values: npt.NDArray[Any]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()
