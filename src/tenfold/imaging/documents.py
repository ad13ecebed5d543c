"""Pages of a PDF and photos in HEIC, decoded by libraries that are extras."""

import io
import threading
from collections.abc import Iterator
from importlib.util import find_spec

from PIL import Image

from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.machine import free_address_space_bytes

PAGE_DPI = 200
"""Resolution at which a page of a PDF is rendered, unless that gives more than `max_side` pixels:
the "fine" of scanners, at which a digit 4 mm high has 31 pixels."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""Brands of ISO/IEC 23008-12, annex B, which follow `ftyp` in a HEIC file."""

_PDFIUM = threading.Lock()
"""PDFium is not safe in several threads."""

MAX_PIXELS = 100_000_000
"""Largest picture read: above the 48 or 50 megapixels of common phones, and 400 MB as RGBA."""


HEIF_BYTES, WEBP_BYTES = 7.6, 16.3
"""Memory that libheif and libwebp take for a pixel, in bytes; measured at 12 to 48 megapixels."""


def check_size(size: tuple[int, int], name: str, max_pixels: int = MAX_PIXELS) -> None:
    """Raise an error for a picture of too many pixels, before they are decoded.

    Raises:
        PictureTooLargeError: The picture has more than `max_pixels`.
    """
    width, height = size
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"{name} is too large: {width}x{height} pixels, more than"
            f" {max_pixels / 1_000_000:g} megapixels; scale it down first"
        )


def check_memory(pixels: int, bytes_per_pixel: float, name: str) -> None:
    """Raise an error if decoding needs more memory than this process may take.

    For libraries that report a lack of memory as a damaged file.

    Raises:
        PictureError: Caused by a MemoryError.
    """
    if pixels * bytes_per_pixel > free_address_space_bytes():
        raise PictureError(f"{name} needs more memory than is available") from MemoryError()


def webp_pixels(data: bytes) -> int:
    """Return the number of pixels in the header of a WebP (RFC 9649, sections 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(data[i : i + 2], "little") & 0x3FFF for i in (26, 28))
    return width * height


def is_pdf(data: bytes) -> bool:
    """Return whether a file is a PDF, whose header may stand anywhere in the first 1,024 bytes."""
    return b"%PDF-" in data[:1024]


def is_heif(data: bytes) -> bool:
    """Return whether a file is HEIC or HEIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def open_heif(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a HEIC photo, which is returned upright.

    Raises:
        PictureError: The file is damaged.
    """
    import pillow_heif

    try:
        photo = pillow_heif.open_heif(io.BytesIO(data))
        check_size(photo.size, name, max_pixels)
        check_memory(photo.size[0] * photo.size[1], HEIF_BYTES, name)
        image: Image.Image = photo.to_pillow()
    except PictureError:
        raise
    except Exception as error:
        raise PictureError(f"{name}, a HEIC photo, is damaged or cut short") from error
    return image


def pdf_pages(data: bytes, name: str, max_side: int) -> Iterator[Image.Image]:
    """Yield the pages of a PDF one after the other, rendered in gray.

    Raises:
        PictureError: The file is damaged or needs a password.
    """
    import pypdfium2

    try:
        with _PDFIUM:
            document = pypdfium2.PdfDocument(data)
            count = len(document)
    except pypdfium2.PdfiumError as error:
        why = "needs a password" if "assword" in str(error) else "is damaged or cut short"
        raise PictureError(f"{name}, a PDF, {why}") from error
    for number in range(count):
        try:
            with _PDFIUM:
                page = document[number]
                scale = min(PAGE_DPI / 72, max_side / max(page.get_size()))
                drawn = page.render(scale=scale, grayscale=True).to_pil().convert("L")
        except pypdfium2.PdfiumError as error:
            raise PictureError(f"page {number + 1} of {name} is damaged") from error
        yield drawn


def check_extras(data: bytes, name: str) -> None:
    """Raise an error for a PDF or HEIC photo whose library is not installed.

    Raises:
        PictureError: The message names the extra.
    """
    needed = (is_pdf, "pypdfium2", "a PDF", "pdf"), (is_heif, "pillow_heif", "a HEIC photo", "heic")
    for is_kind, module, what, extra in needed:
        if is_kind(data) and find_spec(module) is None:
            raise PictureError(f'{name} is {what}, which needs: pip install "tenfold[{extra}]"')
