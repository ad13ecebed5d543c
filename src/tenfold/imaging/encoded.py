"""Encoded pictures decoded in this process: every format, page by page."""

import io
import threading
import warnings
from collections.abc import Iterator
from types import TracebackType

import numpy as np
from PIL import Image

from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.imaging.documents import (
    MAX_PIXELS,
    WEBP_BYTES,
    check_memory,
    check_size,
    is_heif,
    is_pdf,
    open_heif,
    pdf_pages,
    webp_pixels,
)
from tenfold.imaging.gray import to_gray
from tenfold.imaging.picture import Picture

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""Formats that Pillow may decode: those of cameras, scanners and browsers."""

_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180),
    5: (Image.Transpose.TRANSPOSE, 270),
    6: (Image.Transpose.ROTATE_270, 90),
    7: (Image.Transpose.TRANSVERSE, 90),
    8: (Image.Transpose.ROTATE_90, 270),
}
"""EXIF orientation to the transposition that sets it upright (Pillow's rotations are
counterclockwise), and the rotation in degrees clockwise."""


MAX_JPEG_SCANS = 50
"""Maximum number of scans of a JPEG. libjpeg's progressive script for color has 10
(`jpeg_simple_progression` in jcparam.c), and each takes up to 0.05 s at 50 megapixels."""

_SKIPPED_SUBFILES = 0b101
"""Bits of TIFF's tag 254, NewSubfileType, for a reduced copy of a page and for a mask (TIFF 6.0,
page 36)."""


def decode(data: bytes, name: str, max_side: int, max_pixels: int) -> Iterator[Picture]:
    """Decode an encoded picture, or the pages of a PDF or TIFF one after the other.

    Args:
        data: The bytes of the file.
        name: The file's name in error messages.
        max_side: Longest side of `gray`, in pixels.
        max_pixels: A page with more pixels is an error, raised before they are decoded.

    Raises:
        PictureTooLargeError: A page has too many pixels.
        PictureError: The file is damaged, or not a picture.
    """
    if is_pdf(data):
        for number, page in enumerate(pdf_pages(data, name, max_side), 1):
            yield decode_image(page, f"page {number} of {name}", max_side)
        return
    if data[:4] == b"RIFF":
        check_memory(webp_pixels(data), WEBP_BYTES, name)
    image = open_heif(data, name, max_pixels) if is_heif(data) else _open(data, name)
    if image.format == "TIFF":
        yield from _tiff_pages(image, name, max_side, max_pixels)
        return
    if image.format in ("JPEG", "MPO"):
        _check_scans(data, name)
    check_size(image.size, name, max_pixels)
    yield decode_image(image, name, max_side)


def needs_worker(data: bytes) -> bool:
    """Return whether decoding may take very long, or much more memory than the pixels.

    A PDF is a program, and libtiff, libheif and libwebp allocate what the file tells them to: a
    WebP of 96 megapixels takes 1.6 GB. PNG, JPEG, BMP and GIF take time and memory in proportion to
    their pixels, at most 0.5 GB at 50 megapixels.
    """
    is_tiff = data[:2] in (b"II", b"MM")
    is_webp = data[:4] == b"RIFF"
    return is_tiff or is_webp or is_pdf(data) or is_heif(data)


def _tiff_pages(image: Image.Image, name: str, max_side: int, max_pixels: int) -> Iterator[Picture]:
    """Decode the pages of a TIFF; reduced copies and masks are left out if there is a page."""
    number = place = 0
    while True:
        page = f"page {number + 1} of {name}" if number else name
        try:
            _seek_page(image, place)
        except EOFError:
            if number:
                return
            image.seek(0)  # there are only copies
        except Exception as error:
            raise PictureError(f"page {number + 1} of {name} is damaged or cut short") from error
        check_size(image.size, page, max_pixels)
        yield decode_image(image, page, max_side)
        number, place = number + 1, image.tell() + 1


def _seek_page(image: Image.Image, place: int) -> None:
    """Go to the first page of a TIFF from a place on; raises EOFError after the last."""
    image.seek(place)
    while image.tag_v2.get(254, 0) & _SKIPPED_SUBFILES:  # type: ignore[attr-defined]
        image.seek(image.tell() + 1)


def _check_scans(data: bytes, name: str) -> None:
    """Raise an error for a JPEG of too many scans: each is decoded over the whole picture."""
    if data.count(b"\xff\xda") <= MAX_JPEG_SCANS:
        return
    scans = _jpeg_scans(data)
    if scans > MAX_JPEG_SCANS:
        raise PictureTooLargeError(
            f"{name} is a JPEG of {scans} scans, more than {MAX_JPEG_SCANS}: save it again"
        )


def _jpeg_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG, from its markers (ITU-T T.81, annex B)."""
    scans, place = 0, 2
    while True:
        place = data.find(b"\xff", place)
        marker = data[place + 1 : place + 2]
        if place < 0 or not marker or marker == b"\xd9":  # the end of the image
            return scans
        if marker == b"\xff":  # a fill byte
            place += 1
        elif marker in (b"\0", b"\x01") or b"\xd0" <= marker <= b"\xd8":
            place += 2  # a byte of a scan, or a marker without a segment
        else:
            scans += marker == b"\xda"
            place += 2 + int.from_bytes(data[place + 2 : place + 4])


def decode_image(image: Image.Image, name: str, max_side: int, *, draft: bool = True) -> Picture:
    """Decode an opened image to gray, upright.

    Args:
        image: An image of any mode and format, whose header was read.
        name: Its name in error messages.
        max_side: Longest side of `gray`, in pixels.
        draft: Let libjpeg decode at a lower resolution if that is enough.

    Raises:
        PictureTooLargeError: It has more than MAX_PIXELS.
        PictureError: It is damaged, has no pixels, or some that are NaN or infinite.
    """
    width, height = image.size
    check_size(image.size, name)
    if not width or not height:
        raise PictureError(f"{name} has no pixels: give a picture")
    with _PILLOW_WARNINGS_OFF:
        try:
            if draft:
                # JPEG can be decoded at a lower resolution; other formats ignore this.
                image.draft(None, (max_side, max_side))
            orientation = _orientation(image)
            gray = to_gray(image, max_side)
            upright = _orientation(image) == 1  # Pillow sets a TIFF upright as it loads it
        except MemoryError as error:
            raise PictureError(
                f"{name} needs more memory than is available: scale it down"
            ) from error
        except FloatingPointError as error:
            raise PictureError(f"{name} {error}") from error
        except Exception as error:  # Pillow raises almost any exception on damaged files
            raise PictureError(f"{name} is damaged or cut short: {one_line(error)}") from error
    transpose, degrees = _UPRIGHT.get(orientation, (None, 0))
    if transpose is not None and not upright:
        gray = np.array(Image.fromarray(gray).transpose(transpose))
        if degrees in (90, 270):
            width, height = height, width
    return Picture(np.ascontiguousarray(gray), width, height, degrees)


class _PillowWarningsOff:
    """Silences warnings while any thread decodes: Pillow warns about metadata that is not used.

    ``warnings.catch_warnings`` alone is not safe in threads. So threads are counted: the first
    enters it, and the last leaves it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._catcher = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._catcher = warnings.catch_warnings()
                self._catcher.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._catcher.__exit__(kind, error, trace)


_PILLOW_WARNINGS_OFF = _PillowWarningsOff()


def _open(data: bytes, name: str) -> Image.Image:
    """Read the header of an encoded picture, without decoding its pixels."""
    with _PILLOW_WARNINGS_OFF:
        try:
            # Checks the checksums of PNG, which decoding skips. Then the file must be opened again.
            Image.open(io.BytesIO(data), formats=FORMATS).verify()
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise PictureTooLargeError(
                f"{name} is too large: more than {MAX_PIXELS // 1_000_000} megapixels;"
                " scale it down first"
            ) from error
        except Exception as error:
            raise PictureError(
                f"{name} cannot be read: it is not a picture (PNG, JPEG, WebP, BMP, TIFF, GIF,"
                " HEIC, PDF), or is damaged"
            ) from error


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a picture with broken metadata can still be read
        return 1


def one_line(error: Exception) -> str:
    """Return an error's message on one line, without the path that Python adds."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
