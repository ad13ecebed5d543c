"""Decoding: a picture of any usual form to upright gray pixels, and the rotation applied."""

from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.files import is_special
from tenfold.imaging.documents import MAX_PIXELS, check_extras
from tenfold.imaging.encoded import decode, decode_image, needs_worker, one_line
from tenfold.imaging.isolation import Limits, decode_in_worker
from tenfold.imaging.picture import Picture

PictureSource: TypeAlias = str | Path | bytes | BinaryIO | Image.Image | NDArray[np.uint8]

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
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


def load_picture(
    source: PictureSource, *, max_side: int = MAX_SIDE, name: str | None = None
) -> Picture:
    """Decode a picture of one page to gray, upright.

    Color becomes luma. The used range of 16-bit pixels is stretched to 0..255. Transparent pixels
    get a background that contrasts with the visible ones: black under light strokes, white under
    dark strokes. Of an animation the first frame is decoded. Safe to call from several threads.

    Args:
        source: Path, encoded bytes, binary file, Pillow image, or uint8 array of shape (h, w),
            (h, w, 3) as RGB or (h, w, 4) as RGBA.
        max_side: Longest side of `gray`, in pixels; larger pictures are averaged down.
        name: What errors call the picture; None takes its path, if it has one.

    Raises:
        PictureError: The source cannot be read, is not a picture, is damaged or too large, or has
            pixels that are NaN or infinite.
    """
    pages = load_pages(source, max_side=max_side, name=name)
    picture = next(pages)
    if next(pages, None) is not None:
        raise PictureError(f"{name or picture_name(source)} has several pages: give one page")
    return picture


def load_pages(
    source: PictureSource,
    *,
    max_side: int = MAX_SIDE,
    max_pixels: int = MAX_PIXELS,
    limits: Limits | None = None,
    name: str | None = None,
) -> Generator[Picture, None, None]:
    """Decode a picture, or the pages of a PDF or TIFF one after the other; see `load_picture`.

    PDF, TIFF, WebP and HEIC are decoded in a worker process, which is killed if a page takes too
    much time or memory.

    Args:
        source: See `load_picture`.
        max_side: Longest side of `gray`, in pixels.
        max_pixels: A page with more pixels is an error, raised before they are decoded.
        limits: Limits of the worker process; None takes the defaults.
        name: See `load_picture`.

    Raises:
        PictureTooLargeError: The file has more than `max_pixels`, or too many pages.
        PictureError: The source cannot be read for another reason.
    """
    name = name or picture_name(source)
    if isinstance(source, np.ndarray):
        yield decode_image(_from_array(source, name), name, max_side)
        return
    if isinstance(source, Image.Image):
        yield decode_image(source, name, max_side, draft=False)
        return
    data = _read_bytes(source, name)
    if not data:
        raise PictureError(f"{name} is empty: give a picture")
    check_extras(data, name)
    if needs_worker(data):
        yield from decode_in_worker(data, name, max_side, max_pixels, limits or Limits())
    else:
        yield from decode(data, name, max_side, max_pixels)


def picture_name(source: object) -> str:
    """Return the name of a source in error messages: its path if it has one."""
    if isinstance(source, (str, Path)):
        name: object = str(source) or "the empty path"
    else:
        name = getattr(source, "filename", None) or getattr(source, "name", None)
    if not isinstance(name, str) or not name:
        return "the picture"
    return name if name.isprintable() else ascii(name)


def _refuse_special(path: str | Path, name: str) -> None:
    if is_special(path):
        raise PictureError(f"{name} is a FIFO, a socket or a device: give a file, or - for stdin")


def _read_bytes(source: object, name: str) -> bytes:
    """Return the encoded bytes of a path, bytes or binary file, at most MAX_BYTES."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        data: object = bytes(source)
    elif isinstance(source, (str, Path)):
        _refuse_special(source, name)
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
            raise PictureError(f"{name} cannot be read: {one_line(error)}") from error
    elif hasattr(source, "read"):
        try:
            data = source.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise PictureError(f"{name} cannot be read: {one_line(error)}") from error
    else:
        raise PictureError(
            f"the picture is of type {type(source).__name__}: give a path, bytes, a binary file,"
            " a Pillow image or a uint8 array"
        )
    if not isinstance(data, bytes):
        raise PictureError(f"{name} returns text instead of bytes: open it in binary mode")
    if len(data) > MAX_BYTES:
        raise PictureTooLargeError(f"{name} is too large: more than {MAX_BYTES // 10**6} MB")
    return data


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    if array.dtype != np.uint8:
        raise PictureError(
            f"{name} is an array of type {array.dtype}: give uint8, 0 black to 255 white"
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(
            f"{name} is an array of shape {array.shape}: give (h, w), (h, w, 3) or (h, w, 4)"
        )
    if not array.size:
        raise PictureError(f"{name} is an empty array of shape {array.shape}: give pixels")
    if array.max() == 1:
        raise PictureError(
            f"the largest value of {name} is 1, but white is 255: multiply it by 255"
        )
    return Image.fromarray(np.ascontiguousarray(array))
