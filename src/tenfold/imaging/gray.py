"""Pixels of any mode, color or depth made into gray."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.arrays import Gray, Images
from tenfold.imaging.ink import median

LIGHT_BORDER = 127
"""An image is dark ink on light if its outermost pixels have a higher mean; MNIST's are black."""

MOST_GRAYS = 16
"""Most grays of a dithered picture: with more, dithering changes no reading. Specks differ from
their neighbors by more than this: by less, JPEG makes them."""

SAMPLED_SIDE = 100
"""The grays of a larger picture are counted in about so many of its rows, and as densely in its
columns. Small pictures have few pixels to tell grays by."""

DITHERED = 0.02
"""Share of specks, pixels darker or lighter than all eight neighbors, from which a picture of few
grays is dithered. In pages in two grays, dithered by Floyd and Steinberg's method, it is 0.05 to
0.11; without dithering, 0.007 at most (dev/reading.md)."""

DITHER_BLUR = 1.4
"""Standard deviation, in pixels, of the blur that makes grays of dots."""


def to_gray(image: Image.Image, max_side: int) -> Gray:
    """Return the pixels of an image as gray, as they are stored.

    Args:
        image: An image of any mode.
        max_side: Longest side of the result, in pixels; larger images are averaged down.

    Returns:
        uint8 (h, w), 0 black to 255 white.

    Raises:
        FloatingPointError: Pixels are NaN or infinite.
    """
    # Integer factors first: `reduce` averages in one pass, without a second large copy.
    factor = max(1, max(image.size) // max_side)
    size = _fitted(image.size, max_side)
    if image.mode[0] in "IF":
        values = image.convert("F") if image.mode != "F" else image
        if factor > 1:
            values = values.reduce(factor)
        if values.size != size:
            values = values.resize(size, Image.Resampling.BOX)
        return _stretch(np.asarray(values, dtype=np.float32))
    if image.has_transparency_data:
        if image.mode != "RGBA":
            image = image.convert("RGBA")
        if factor > 1:
            image = image.reduce(factor)
        return _on_background(image.resize(size, Image.Resampling.BOX))
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    image = image.convert("L")
    if factor > 1:
        image = image.reduce(factor)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BOX)
    return _without_dither(np.array(image, dtype=np.uint8))


def _without_dither(gray: Gray) -> Gray:
    """Blur a dithered picture into the grays that its dots stand for; return others as they are."""
    step = max(1, min(gray.shape) // SAMPLED_SIDE)
    if np.count_nonzero(np.bincount(gray[::step, ::step].ravel())) > MOST_GRAYS:
        return gray
    around = np.ones((3, 3), np.uint8)
    around[1, 1] = 0
    darker = cv2.subtract(cv2.erode(gray, around), gray)  # 0 where it would be negative
    lighter = cv2.subtract(gray, cv2.dilate(gray, around))
    specks = np.mean(np.maximum(darker, lighter) > MOST_GRAYS)
    return cv2.GaussianBlur(gray, (0, 0), DITHER_BLUR) if specks > DITHERED else gray


def _fitted(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _stretch(values: NDArray[np.float32]) -> Gray:
    """Map the used range to 0..255; a flat picture becomes middle gray."""
    if not np.isfinite(values).all():
        raise FloatingPointError("has pixels that are NaN or infinite: give finite values")
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full(values.shape, 128, dtype=np.uint8)
    gray: Gray = np.rint((values - low) * (255.0 / (high - low))).astype(np.uint8)
    return gray


def _on_background(image: Image.Image) -> Gray:
    """Compose an RGBA picture with a background that suits its visible pixels.

    If most pixels are visible, they are paper with transparent parts, such as rounded corners, and
    the background is the median of them. Else they are strokes, and the background contrasts.
    """
    alpha = np.asarray(image.getchannel("A"), dtype=np.float32) / 255
    luma = np.asarray(image.convert("RGB").convert("L"), dtype=np.float32)
    visible = alpha > 0.5
    if visible.mean() > 0.5:
        background = median(luma[visible])
    else:
        total = float(alpha.sum())
        background = 0.0 if total and float((luma * alpha).sum()) / total > 127.5 else 255.0
    return np.rint(luma * alpha + background * (1 - alpha)).astype(np.uint8)


def have_light_borders(images: Images) -> NDArray[np.bool_]:
    """Return for each image whether it is dark ink on light, judged by its outermost pixels.

    Args:
        images: uint8 (n, h, w).
    """
    rows = images[:, [0, -1], :].mean(axis=(1, 2), dtype=np.float32)
    columns = images[:, :, [0, -1]].mean(axis=(1, 2), dtype=np.float32)
    light: NDArray[np.bool_] = (rows + columns) / 2 > LIGHT_BORDER
    return light
