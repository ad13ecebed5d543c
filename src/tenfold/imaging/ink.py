"""Binarization: ink separated from paper under uneven light, whichever of the two is dark."""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink

INK_SHARE = 0.5
"""Share of full ink from which a pixel is stroke: the edge of an even stroke. On pictures made from
MNIST training images 0.4 and 0.45 read alike, and give canvases a little less like the images."""

MIN_CONTRAST = 12.0
"""Least difference between ink and paper, of 255; a picture with less is blank. Weak pencil has
20."""

NOISE_SIGMAS = 7.0
"""Least difference between ink and paper, in standard deviations of the paper's noise. On pictures
made from MNIST training images 5 to 9 read alike; on noisy blank pictures 5 finds more ink."""

PAPER_SHARE = 0.25
"""Quantile of a page's ink that is still paper: strokes may fill more than half of a close crop.
On pictures made from MNIST training images 0.4 reads close crops of fat strokes worse; 0 reads
alike, but finds more ink on noisy blank pictures."""

PAPER_SQUARE = 0.5
"""Side of the square that is wider than any stroke, as a share of the picture's shorter side. On
pictures made from MNIST training images 1/3 reads close crops of fat strokes worse, 1 reads corner
shadows worse, and 2/3 reads alike."""

EVEN_LIGHT = 0.5
"""Light counts as even if a fitted surface leaves more than this share of the pixels' deviations.
On pictures made from MNIST training images 0.3 misses uneven light; 0.7 and more read close crops
of fat strokes worse."""

SAMPLE_SIDE = 250
"""Levels of a picture whose shorter side is longer are measured on every second pixel, every third
and so on."""

UNDECIDED = 0.1
"""If the share of light pixels is closer to a half, it does not decide whether ink is dark: half of
the page may lie in shadow. Set on pages made from MNIST training images."""


def ink_of(
    gray: Gray,
    paper_square: float = PAPER_SQUARE,
    *,
    ink_is_dark: bool | None = None,
    writing: NDArray[np.bool_] | None = None,
    most: float = 1.0,
    noise_sigmas: float = NOISE_SIGMAS,
) -> Ink | None:
    """Separate ink from paper under uneven light.

    Args:
        gray: uint8 (h, w).
        paper_square: Side of a square wider than any stroke, as a share of the shorter side.
        ink_is_dark: Whether ink is darker than paper; None lets the picture decide.
        writing: bool (h, w), the pixels that decide what full ink is; None takes all.
        most: Darkest ink that is returned, in multiples of full ink.
        noise_sigmas: See `NOISE_SIGMAS`.

    Returns:
        float32 (h, w), 0 paper to 1 full ink, or `most`; None if nothing stands out.
    """
    values = gray.astype(np.float32)
    step = 1 + min(gray.shape) // SAMPLE_SIDE
    # A small square follows the light by itself; a surface would bend beside a shadow's edge.
    light = _light(values) if paper_square == PAPER_SQUARE else np.float32(0)
    flat = values - light
    dark = _light_share(flat) > 0.5 if ink_is_dark is None else ink_is_dark
    paper = light + _paper(flat, dark, paper_square)
    ink: Ink = values - paper
    if dark:
        # Ink absorbs a share of the light, so in shadow it differs less from paper: undo that.
        full = max(median(paper[::step, ::step]), 1.0)
        ink *= -full / np.maximum(paper, full / 4)
    # Noise shifts the level of the paper. Of a large picture a sample of pixels is enough.
    ink -= np.float32(quantile(ink[::step, ::step], PAPER_SHARE))
    high = ink > max(noise_sigmas * _noise(ink), MIN_CONTRAST)
    stands_out = ink[high if writing is None else high & writing]
    if stands_out.size == 0:
        return None
    share: Ink = np.clip(ink / _full_ink(stands_out), 0, most).astype(np.float32)
    return share


def _light(values: Ink) -> Ink:
    """Return the light that falls on the picture, as the quadratic surface that fits it best.

    The fit minimizes absolute deviations by reweighting, on a thumbnail, so that strokes have
    little influence. If the surface explains little, the light is even: strokes that fill the
    picture must not bend the surface.
    """
    side = 32
    thumbnail = cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA)
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    target = thumbnail.ravel()
    weights = np.ones_like(target)
    for _ in range(12):
        weighted = terms * weights[:, None]
        surface = np.linalg.solve(weighted.T @ terms + 1e-3 * np.eye(6), weighted.T @ target)
        weights = 1 / np.maximum(np.abs(target - terms @ surface), 1)
    even = median(target)
    if np.abs(target - terms @ surface).mean() > EVEN_LIGHT * np.abs(target - even).mean():
        return np.full_like(values, even)
    fitted = (terms @ surface).reshape(side, side).astype(np.float32)
    light: Ink = cv2.resize(fitted, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return light


def median(values: NDArray[Any] | Sequence[float]) -> float:
    """Return the median."""
    return quantile(values, 0.5)


def quantile(values: NDArray[Any] | Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies, as `np.quantile` does.

    NumPy's quantile and median import its masked arrays, which takes 10 ms.
    """
    flat = np.ravel(values)
    place = share * (flat.size - 1)
    low = int(place)
    high = min(low + 1, flat.size - 1)
    ordered = np.partition(flat, (low, high))
    return float(ordered[low]) + (place - low) * (float(ordered[high]) - float(ordered[low]))


def is_ink_dark(gray: Gray) -> bool | None:
    """Return whether ink is darker than paper, or None if each is about half of the picture.

    Args:
        gray: uint8 (h, w).
    """
    values = gray.astype(np.float32)
    if abs(_light_share(values) - 0.5) < UNDECIDED:
        return None
    return _light_share(values - _light(values)) > 0.5


def light_share(gray: Gray) -> float:
    """Return the share of light pixels in a picture uint8 (h, w), 0 to 1; see `is_ink_dark`."""
    return _light_share(gray.astype(np.float32))


def _light_share(flat: Ink) -> float:
    """Return the share of light pixels, 0 to 1: the mean over corners, margin and whole picture.

    Paper is most of a picture. A thin frame or a scanner's dark rim fills the corners, and the
    other two outvote it. The margin is the outer tenth.
    """
    levels = cv2.normalize(flat, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    light = levels > threshold
    height, width = light.shape
    margin = np.ones(light.shape, dtype=bool)
    deep, wide = math.ceil(height / 10), math.ceil(width / 10)
    margin[deep : height - deep, wide : width - wide] = False
    corners = light[[0, 0, -1, -1], [0, -1, 0, -1]]
    return float(corners.mean() + light[margin].mean() + light.mean()) / 3


def _paper(flat: Ink, ink_is_dark: bool, share: float) -> Ink:
    """Return the level of the paper under and around strokes, with shadows and without strokes.

    It is a morphological closing (opening, for light ink) of a thumbnail, with a square wider than
    any stroke.
    """
    # The thumbnail has enough pixels for the square to have at least ten.
    scale = min(1.0, max(96, 10 / share * max(flat.shape) / min(flat.shape)) / max(flat.shape))
    size = (max(1, round(flat.shape[1] * scale)), max(1, round(flat.shape[0] * scale)))
    thumbnail = cv2.resize(flat, size, interpolation=cv2.INTER_AREA)
    side = int(min(size) * share) | 1
    # Beside the edge of a shadow that meets the border aslant, a small square must reach out of
    # the picture. Close crops have strokes along the border, which must not become paper.
    reaches = ((side, 0), (0, side)) if share < PAPER_SQUARE else ((0, 0),)
    level = _closed(thumbnail if ink_is_dark else -thumbnail, side, reaches)
    if not ink_is_dark:
        level = -level
    paper: Ink = cv2.resize(level, flat.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return paper


def _closed(values: Ink, side: int, reaches: Sequence[tuple[int, int]]) -> Ink:
    """Return the least of closings with a square that reaches out of the picture.

    Args:
        values: float32 (h, w).
        side: Side of the square in pixels.
        reaches: How far it reaches out for each closing, down and across, in pixels.
    """
    square = np.ones((side, side), np.uint8)
    closings = []
    for down, across in reaches:
        wide = cv2.copyMakeBorder(
            values, down, down, across, across, cv2.BORDER_CONSTANT, value=float(values.min())
        )
        closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, square)
        closings.append(closed[down : down + len(values), across : across + values.shape[1]])
    least: Ink = np.minimum.reduce(closings)
    return least


def _noise(ink: Ink) -> float:
    """Return the standard deviation of the paper's noise, from differences of nearby pixels.

    The median difference is one between pixels of paper, unless strokes are most of the picture.
    So the noise of a small picture is taken to be 0.
    """
    if min(ink.shape) < 64:
        return 0.0
    # The pixels are four apart, because blur and JPEG make adjacent pixels similar. 1.4826 turns a
    # median deviation into a Gaussian's sigma; the sigma of a difference is sqrt(2) times as large.
    step = 2 + min(ink.shape) // SAMPLE_SIDE
    differences = np.abs(ink[::step, 4::step] - ink[::step, :-4:step])
    return 1.4826 / math.sqrt(2) * median(differences)


def _full_ink(stands_out: Ink) -> float:
    """Return the level of full ink among pixels that stand out from paper.

    Otsu's threshold separates strokes from their faint edges, shadows and printed rules. Full ink
    is the median of the strokes, which an uneven pen reaches along most of its way. On pictures
    made from MNIST training images a fixed percentile of all pixels is worse: up to 90 for drawn
    digits under half a shadow, from 95 for an uneven pen. Percentiles 25, 75 and 90 of the strokes
    are no better than the median.
    """
    top = float(stands_out.max())
    levels = np.clip(stands_out * (255 / top), 0, 255).astype(np.uint8).reshape(1, -1)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    strokes = stands_out[levels[0] > threshold]
    return median(strokes) if strokes.size else top
