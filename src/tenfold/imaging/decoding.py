"""Decoding: a picture of any usual form to upright gray pixels, and the rotation applied."""

import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.arrays import Gray
from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.imaging.documents import MAX_PIXELS, check_size, is_heif, is_pdf, open_heif, pdf_pages
from tenfold.imaging.gray import to_gray

PictureSource: TypeAlias = str | Path | bytes | BinaryIO | Image.Image | NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""Formats that Pillow may decode: those of cameras, scanners and browsers."""

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".gif",
    ".heic",
    ".heif",
    ".pdf",
)
"""Suffixes of the files read from a folder; a file given by name may have any suffix."""

MAX_BYTES = 4 * MAX_PIXELS + 2**20
"""Largest file read, in bytes: an uncompressed picture of MAX_PIXELS with a generous header."""

MAX_SIDE = 2048
"""Longest side kept, in pixels: on a page of 2048, a digit of 1/70 of its height has 28 rows."""

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


@dataclass(frozen=True, eq=False)
class Picture:
    """The gray pixels of an upright picture.

    Attributes:
        gray: uint8 (h, w), 0 black to 255 white; smaller than the picture if that is large.
        width: Width of the whole picture, upright, in pixels.
        height: Height of the whole picture, upright, in pixels.
        orientation: Rotation of the stored pixels, degrees clockwise: 0, 90, 180 or 270.
    """

    gray: Gray
    width: int
    height: int
    orientation: int

    def rotated(self, degrees: int) -> "Picture":
        """Return the picture rotated further, by 90, 180 or 270 degrees clockwise."""
        width, height = self.width, self.height
        if degrees in (90, 270):
            width, height = height, width
        gray = np.ascontiguousarray(np.rot90(self.gray, -degrees // 90))
        return Picture(gray, width, height, (self.orientation + degrees) % 360)


def load_picture(source: PictureSource, *, max_side: int = MAX_SIDE) -> Picture:
    """Decode a picture of one page to gray, upright.

    Color becomes luma. The used range of 16-bit pixels is stretched to 0..255. Transparent pixels
    get a background that contrasts with the visible ones: black under light strokes, white under
    dark strokes. Of an animation the first frame is decoded. Safe to call from several threads.

    Args:
        source: Path, encoded bytes, binary file, Pillow image, or uint8 array of shape (h, w),
            (h, w, 3) as RGB or (h, w, 4) as RGBA.
        max_side: Longest side of `gray`, in pixels; larger pictures are averaged down.

    Raises:
        PictureError: The source cannot be read, is not a picture, is damaged or too large.
    """
    pages = load_pages(source, max_side=max_side)
    picture = next(pages)
    if next(pages, None) is not None:
        raise PictureError(f"{picture_name(source)} has several pages: give one page")
    return picture


def load_pages(
    source: PictureSource, *, max_side: int = MAX_SIDE, max_pixels: int = MAX_PIXELS
) -> Iterator[Picture]:
    """Decode a picture, or the pages of a PDF one after the other; see `load_picture`.

    Args:
        source: See `load_picture`.
        max_side: Longest side of `gray`, in pixels.
        max_pixels: A file with more pixels is an error, raised before they are decoded.

    Raises:
        PictureTooLargeError: The file has more than `max_pixels`.
        PictureError: The source cannot be read for another reason.
    """
    name = picture_name(source)
    if isinstance(source, np.ndarray):
        yield _decode(_from_array(source), name, max_side)
        return
    if isinstance(source, Image.Image):
        yield _decode(source, name, max_side, draft=False)
        return
    data = _read_bytes(source, name)
    if not data:
        raise PictureError(f"{name} is empty: give a picture")
    if is_pdf(data):
        for number, page in enumerate(pdf_pages(data, name, max_side), 1):
            yield _decode(page, f"page {number} of {name}", max_side)
    else:
        image = open_heif(data, name, max_pixels) if is_heif(data) else _open(data, name)
        check_size(image.size, name, max_pixels)
        yield _decode(image, name, max_side)


def _decode(image: Image.Image, name: str, max_side: int, *, draft: bool = True) -> Picture:
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
        except MemoryError as error:
            raise PictureError(
                f"{name} needs more memory than is available: scale it down"
            ) from error
        except Exception as error:  # Pillow raises almost any exception on damaged files
            raise PictureError(f"{name} is damaged or cut short: {_one_line(error)}") from error
    transpose, degrees = _UPRIGHT.get(orientation, (None, 0))
    if transpose is not None:
        gray = np.array(Image.fromarray(gray).transpose(transpose))
    if degrees in (90, 270):
        width, height = height, width
    return Picture(np.ascontiguousarray(gray), width, height, degrees)


def picture_name(source: object) -> str:
    """Return the name of a source in error messages: its path if it has one."""
    if isinstance(source, (str, Path)):
        name: object = str(source) or "the empty path"
    else:
        name = getattr(source, "filename", None) or getattr(source, "name", None)
    if not isinstance(name, str) or not name:
        return "the picture"
    return name if name.isprintable() else ascii(name)


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


def _read_bytes(source: object, name: str) -> bytes:
    """Return the encoded bytes of a path, bytes or binary file, at most MAX_BYTES."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        data: object = bytes(source)
    elif isinstance(source, (str, Path)):
        try:
            with Path(source).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except IsADirectoryError as error:
            raise PictureError(f"{name} is a folder: give a picture file") from error
        except FileNotFoundError as error:
            raise PictureError(f"{name} does not exist") from error
        except PermissionError as error:
            if Path(source).is_dir():  # the error for a folder on Windows
                raise PictureError(f"{name} is a folder: give a picture file") from error
            raise PictureError(f"{name} cannot be read: permission denied") from error
        except (OSError, ValueError) as error:
            raise PictureError(f"{name} cannot be read: {_one_line(error)}") from error
    elif hasattr(source, "read"):
        try:
            data = source.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise PictureError(f"{name} cannot be read: {_one_line(error)}") from error
    else:
        raise PictureError(
            f"a {type(source).__name__} is not a picture: give a path, bytes, a binary file,"
            " a Pillow image or a uint8 array"
        )
    if not isinstance(data, bytes):
        raise PictureError(f"{name} returns text instead of bytes: open it in binary mode")
    if len(data) > MAX_BYTES:
        raise PictureTooLargeError(f"{name} is too large: more than {MAX_BYTES // 10**6} MB")
    return data


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
                f"{name} is not a picture that can be read (PNG, JPEG, WebP, BMP, TIFF, GIF,"
                " HEIC, PDF), or is damaged"
            ) from error


def _from_array(array: NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8:
        raise PictureError(
            f"the picture is an array of type {array.dtype}: give uint8, 0 black to 255 white"
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(
            f"the picture is an array of shape {array.shape}: give (h, w), (h, w, 3) or (h, w, 4)"
        )
    if not array.size:
        raise PictureError(f"the picture is an empty array of shape {array.shape}: give pixels")
    if array.max() == 1:
        raise PictureError("the picture's largest value is 1, but white is 255: multiply it by 255")
    return Image.fromarray(np.ascontiguousarray(array))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a picture with broken metadata can still be read
        return 1


def _one_line(error: Exception) -> str:
    """Return an error's message on one line, without the path that Python adds."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
