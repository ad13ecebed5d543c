"""The picture in a request: the body, or the field `file` of a form."""

from typing import NamedTuple

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile

from tenfold.serving.http_errors import HttpError


class Upload(NamedTuple):
    """A picture as uploaded: its name (empty if it has none) and its encoded bytes."""

    name: str
    data: bytes


async def picture_in(request: Request) -> Upload:
    """Return the picture in a request.

    Raises:
        HttpError: 400 if there is no picture, 415 for another content type or charset.
    """
    content_type, options = parse_options_header(request.headers.get("content-type"))
    kind = content_type.decode("latin-1")
    if kind == "multipart/form-data":
        # Starlette decodes names with any of Python's codecs, some of which raise other errors.
        if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8", b"us-ascii"):
            raise HttpError(415, "the charset of the form is not supported: send UTF-8")
        async with request.form(max_files=1, max_fields=8) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HttpError(400, "the form has no file: send the picture as its field file")
            upload = Upload(file.filename or "", await file.read())
    elif kind.startswith("image/") or kind in ("", "application/pdf", "application/octet-stream"):
        upload = Upload("", await request.body())
    else:
        raise HttpError(
            415,
            f"a body of type {kind} is not a picture: send it as image/png or another image type,"
            " or as the field file of a form",
        )
    if not upload.data:
        raise HttpError(400, "the picture is empty: it has 0 bytes")
    return upload
