"""A gray picture made into ink on paper: the light evened out, whichever of the two is dark."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Gray: TypeAlias = NDArray[np.uint8]
Ink: TypeAlias = NDArray[np.float32]

MIN_CONTRAST = 12.0
"""Ink differs from paper by at least this, of 255; a page without is blank. Weak pencil has 20."""

NOISE_SIGMAS = 7.0
"""Ink stands this many standard deviations of the paper's noise above it. On pictures made from
MNIST training images 5 to 9 read alike; on noisy blank ones 5 finds more ink."""

PAPER_SHARE = 0.25
"""Share of a page's ink that is still paper, as strokes may fill more than half of a close
crop. On pictures made from MNIST training images 0.4 costs close crops of fat strokes; 0 reads
alike, but finds more ink on noisy blank ones."""

PAPER_SQUARE = 0.5
"""Side of the square that is wider than any stroke, as a share of the picture's shorter side. On
pictures made from MNIST training images a third costs close crops of fat strokes, the whole costs
corner shadows, and two thirds read alike."""

EVEN_LIGHT = 0.5
"""Light is called even if a surface leaves more than this share of the pixels' deviations. On
pictures made from MNIST training images 0.3 misses uneven light; 0.7 and more cost close crops of
fat strokes."""

SAMPLE_SIDE = 250
"""Pictures of a longer shorter side are sampled, every other pixel and so on, for levels."""

UNDECIDED = 0.1
"""So near to a half, the share of light pixels does not tell ink from paper: half of the page may
lie in shadow. Set on pages made from MNIST training images."""


def ink_of(
    gray: Gray, paper_square: float = PAPER_SQUARE, *, ink_is_dark: bool | None = None
) -> Ink | None:
    """Tell ink from paper under uneven light, whichever of them is dark.

    Args:
        gray: uint8 (h, w).
        paper_square: Side of a square wider than any stroke, as a share of the shorter side.
        ink_is_dark: Whether it is darker than the paper; None finds out.

    Returns:
        float32 (h, w), 0 paper to 1 full ink, or None if nothing stands out.
    """
    values = gray.astype(np.float32)
    step = 1 + min(gray.shape) // SAMPLE_SIDE
    light = _light(values)
    flat = values - light
    dark = _light_share(flat) > 0.5 if ink_is_dark is None else ink_is_dark
    paper = light + _paper(flat, dark, paper_square)
    ink: Ink = values - paper
    if dark:
        # Ink takes away a share of the light, so in shadow it differs less: undo that.
        full = max(median(paper[::step, ::step]), 1.0)
        ink *= -full / np.maximum(paper, full / 4)
    # Noise moves the level of the paper. A large picture tells it by some of its pixels.
    ink -= np.float32(quantile(ink[::step, ::step], PAPER_SHARE))
    stands_out = ink[ink > max(NOISE_SIGMAS * _noise(ink), MIN_CONTRAST)]
    if stands_out.size == 0:
        return None
    share: Ink = np.clip(ink / _full_ink(stands_out), 0, 1).astype(np.float32)
    return share


def _light(values: Ink) -> Ink:
    """Fit the light that falls on the picture: the quadratic surface nearest to most pixels.

    Least absolute deviations by reweighting, on a thumbnail, so that strokes have no say. Where
    the surface explains little, the light is called even: strokes that fill the picture must not
    bend it.
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
    """Return the middle value, or the mean of the two in the middle."""
    return quantile(values, 0.5)


def quantile(values: NDArray[Any] | Sequence[float], share: float) -> float:
    """Return the value that this share of the values lie below, as `np.quantile` does.

    NumPy's own, and its median, would import its masked arrays: 10 ms of a short command.
    """
    flat = np.ravel(values)
    place = share * (flat.size - 1)
    low = int(place)
    high = min(low + 1, flat.size - 1)
    ordered = np.partition(flat, (low, high))
    return float(ordered[low]) + (place - low) * (float(ordered[high]) - float(ordered[low]))


def is_ink_dark(gray: Gray) -> bool | None:
    """Tell whether ink is darker than the paper, or None if light and dark hold half each.

    Args:
        gray: uint8 (h, w).
    """
    values = gray.astype(np.float32)
    if abs(_light_share(values) - 0.5) < UNDECIDED:
        return None
    return _light_share(values - _light(values)) > 0.5


def _light_share(flat: Ink) -> float:
    """Return how much of a picture is light, 0 to 1: the mean of corners, margin and the whole.

    Paper is most of it. A thin frame or a scanner's dark rim owns the corners, and is outvoted.
    The margin is the outer tenth.
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
    """Return the level of the paper under and around strokes: shadows stay, strokes go.

    A morphological closing (opening, for light ink) on a thumbnail, with a square wider than any
    stroke.
    """
    # So many pixels that the square has ten or more.
    scale = min(1.0, max(96, 10 / share * max(flat.shape) / min(flat.shape)) / max(flat.shape))
    size = (max(1, round(flat.shape[1] * scale)), max(1, round(flat.shape[0] * scale)))
    thumbnail = cv2.resize(flat, size, interpolation=cv2.INTER_AREA)
    square = np.ones((int(min(size) * share) | 1,) * 2, dtype=np.uint8)
    operation = cv2.MORPH_CLOSE if ink_is_dark else cv2.MORPH_OPEN
    level = cv2.morphologyEx(thumbnail, operation, square)
    paper: Ink = cv2.resize(level, flat.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return paper


def _noise(ink: Ink) -> float:
    """Return the standard deviation of the paper's noise, from differences of pixels near by.

    The median difference is one of paper, not of strokes, unless the picture is so small that
    strokes are most of it; then noise is taken as none.
    """
    if min(ink.shape) < 64:
        return 0.0
    # Four apart, since blur and JPEG make adjacent pixels alike. 1.4826 makes a median deviation
    # a Gaussian's sigma; a difference has sqrt(2) times as much.
    step = 2 + min(ink.shape) // SAMPLE_SIDE
    differences = np.abs(ink[::step, 4::step] - ink[::step, :-4:step])
    return 1.4826 / math.sqrt(2) * median(differences)


def _full_ink(stands_out: Ink) -> float:
    """Return the level of full ink among pixels that stand out from paper.

    Otsu's threshold parts strokes from their faint edges, shadows and printed rules; full ink is
    the median of what is left, which an uneven pen reaches along most of its way. A
    fixed percentile of all is worse: up to 90 for drawn digits under half a shadow, from 95 for an
    uneven pen on pictures made from MNIST training images. There 25, 75 and 90 instead of the
    median are no better.
    """
    top = float(stands_out.max())
    levels = np.clip(stands_out * (255 / top), 0, 255).astype(np.uint8).reshape(1, -1)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    strokes = stands_out[levels[0] > threshold]
    return median(strokes) if strokes.size else top
