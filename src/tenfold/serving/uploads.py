"""The picture in a request: the body itself, or the field `file` of a form."""

from typing import NamedTuple

from fastapi import Request
from starlette.datastructures import UploadFile

from tenfold.serving.problems import ProblemError


class Upload(NamedTuple):
    """A picture as it came: its name, empty if it has none, and its encoded bytes."""

    name: str
    data: bytes


async def picture_in(request: Request) -> Upload:
    """Return the picture in a request.

    Raises:
        ProblemError: 400 without a picture, 415 for a body of another kind.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=8) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise ProblemError(400, "the form has no file: send the picture as its field file")
            upload = Upload(file.filename or "", await file.read())
    elif kind.startswith("image/") or kind in ("", "application/pdf", "application/octet-stream"):
        upload = Upload("", await request.body())
    else:
        raise ProblemError(
            415,
            f"a body of type {kind} is no picture: send it as image/png or the like, or as the"
            " field file of a form",
        )
    if not upload.data:
        raise ProblemError(400, "the picture is empty")
    return upload
