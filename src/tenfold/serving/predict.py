"""`POST /predict`: the digits in a picture."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tenfold.pictures import load_pages
from tenfold.serving.service import service_of
from tenfold.serving.uploads import PICTURE_BODY, Upload, picture_in

if TYPE_CHECKING:
    from tenfold.reading import Reader

router = APIRouter()


@router.post("/predict", summary="Read the digits in a picture", openapi_extra=PICTURE_BODY)
async def predict(request: Request, single: bool = False) -> JSONResponse:
    """Read a picture, and answer as `tenfold read --json` does.

    `single` says that it shows one digit.
    """
    service = service_of(request)
    service.check_ready()
    upload = await picture_in(request)
    return JSONResponse(await service.in_worker(lambda reader: _document(reader, upload, single)))


def _document(reader: "Reader", upload: Upload, single: bool) -> dict[str, Any]:
    pictures = [
        {"path": upload.name, "page": page, **reader.read_picture(picture, single=single).to_dict()}
        for page, picture in enumerate(load_pages(upload.data), 1)
    ]
    return {"pictures": pictures}
