"""`POST /predict`: reads the digits in a picture."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from tenfold.imaging.decoding import load_pages
from tenfold.serving.schemas import PICTURE_BODY, Document
from tenfold.serving.service import service_of
from tenfold.serving.settings import Settings
from tenfold.serving.uploads import Upload, picture_in

if TYPE_CHECKING:
    from tenfold.reading.reader import Reader

router = APIRouter(tags=["Pictures"])


@router.post(
    "/predict",
    summary="Read the digits in a picture",
    openapi_extra=PICTURE_BODY,
    responses={200: {"model": Document}},
)
async def predict(
    request: Request,
    single: Annotated[bool, Query(description="the picture shows one digit")] = False,
) -> JSONResponse:
    """Read a picture, sent as the body or as the field `file` of a form.

    The response is the same document as `tenfold read --json` prints. A PDF or TIFF gives one
    entry for each page.
    """
    service = service_of(request)
    upload = await picture_in(request)
    return JSONResponse(
        await service.run_in_worker(
            lambda reader: read_upload(reader, upload, service.settings, single=single)
        )
    )


def read_upload(
    reader: "Reader", upload: Upload, settings: Settings, *, single: bool
) -> dict[str, Any]:
    """Return the document that `tenfold read --json` prints for a picture.

    Raises:
        PictureError: The picture cannot be read.
        PictureTooLargeError: It has too many pixels or pages.
    """
    # All pages first: decoding keeps memory that other pictures may need.
    pages = list(
        load_pages(upload.data, max_pixels=settings.max_pixels, limits=settings.decoding_limits)
    )
    return {
        "pictures": [
            {
                "path": upload.name,
                "page": number,
                **reader.read_picture(page, single=single).to_dict(),
            }
            for number, page in enumerate(pages, 1)
        ]
    }
