"""Rules: thin lines of ruled paper and forms, found and followed from column to column.

Staff-line removal in scanned music does the same: find the lines by long level runs, follow them,
and delete their pixels wherever no stroke meets them (Dalitz et al. 2008).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray, Ink

_Rows = NDArray[np.int64]
_Mask = NDArray[np.bool_]

# The following were set by hand on scenes made of MNIST training images (tests/rule_scenes.py).
# "Heights" are multiples of a typical digit's height.

RULE_LENGTH = 2.5
"""Least length of a rule, in heights."""

LEVEL_RUN = 0.75
"""A rule is found by parts that run level for this many heights. Strokes are curved, or shorter."""

STEEPEST = 0.06
"""Greatest slope of a rule, in pixels per pixel: 3.4 degrees."""

THICKEST = 0.2
"""Greatest thickness of a rule, in heights."""

STRAIGHT = 0.7
"""At least this share of a rule's columns has its middle near a smooth line; the others are hidden
by strokes."""

RULE_INK = 0.42
"""Share of full ink from which a pixel may belong to a rule."""

RULE_EDGE = 0.45
"""A rule ends, across, where its ink falls below this share of its middle's."""

MOST_RULES = 200
"""Most rules in each direction: more are a pattern, and would take long."""


@dataclass(frozen=True)
class Shape:
    """What counts as a rule.

    Attributes:
        length: Least length, in heights.
        level_run: Length of the level parts that it is found by, in heights.
        least_lean: Fewest rows in which a level part may run, beyond its thickness, plus one.
        thickness: Greatest thickness, in heights.
        wander: How many rows its middle may be away from a smooth line.
        straight: Least share of its columns in which it is no further away.
    """

    length: float
    level_run: float
    least_lean: int
    thickness: float
    wander: float
    straight: float


RULE = Shape(RULE_LENGTH, LEVEL_RUN, 3, THICKEST, 1, STRAIGHT)
"""A rule of ruled paper or of a form."""


@dataclass(frozen=True, eq=False)
class Rule:
    """A thin line across or down a page; it may slant or bend a little.

    Of a rule that runs down, rows and columns are exchanged in everything below.

    Attributes:
        down: Whether it runs down.
        start: Its first column.
        top: int64 (n,), its first row at each column from `start`.
        thickness: Its rows at each column.
        level: Its ink, 0 to 1.
    """

    down: bool
    start: int
    top: _Rows
    thickness: int
    level: float

    @property
    def end(self) -> int:
        """The column behind its last."""
        return self.start + len(self.top)

    @property
    def length(self) -> int:
        """Its columns."""
        return len(self.top)


def find_rules(ink: Ink, height: float, shape: Shape = RULE) -> list[Rule]:
    """Find the rules of a page, across and down.

    Args:
        ink: float32 (h, w), 0 paper to 1 full ink.
        height: Height of a typical digit, in pixels.
        shape: What counts as a rule.
    """
    near = (ink >= RULE_INK).astype(np.uint8)
    return [
        *rules_across(ink, near, height, down=False, shape=shape),
        *rules_across(ink, np.ascontiguousarray(near.T), height, down=True, shape=shape),
    ]


def rows_about(ink: Ink, rule: Rule, beside: int) -> Ink:
    """Return the ink of a rule and of rows beside it, straightened; 0 beyond the page."""
    rows = (
        rule.top.astype(np.float32)
        + np.arange(-beside, rule.thickness + beside, dtype=np.float32)[:, None]
    )
    columns = np.broadcast_to(np.arange(rule.start, rule.end, dtype=np.float32), rows.shape)
    columns = np.ascontiguousarray(columns)
    x, y = (rows, columns) if rule.down else (columns, rows)
    straight: Ink = cv2.remap(ink, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return straight


def rules_across(
    ink: Ink, near: Gray, height: float, *, down: bool, shape: Shape = RULE
) -> Iterator[Rule]:
    """Find the rules across a page.

    Args:
        ink: float32 (h, w).
        near: uint8 (h, w), 1 where a rule may be; transposed if `down`.
        height: Height of a typical digit, in pixels.
        down: Find those that run down.
        shape: What counts as a rule.
    """
    run = max(5, round(shape.level_run * height))
    length = max(run, round(shape.length * height))
    if length > near.shape[1]:
        return
    # A rule that slants runs on in the rows beside.
    lean = max(shape.least_lean, round(run * STEEPEST) | 1)
    tall = cv2.dilate(near, np.ones((lean, 1), np.uint8))
    level = cv2.morphologyEx(tall, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    # What runs level is known by every few columns.
    step = max(1, run // 8)
    level = np.ascontiguousarray(level[:, ::step])
    _, parts, stats, _ = cv2.connectedComponentsWithStats(level, connectivity=8)
    long = np.flatnonzero(stats[1:, 2] * step >= length) + 1
    for part in long[:MOST_RULES]:
        x, y, columns, rows = stats[part, :4].tolist()
        mask = parts[y : y + rows, x : x + columns] == part
        thickness, middle, straight = _path(mask, lean, height / step, shape.wander)
        thickest = max(2, round(shape.thickness * height))
        slope = np.ptp(middle) / (step * columns)
        if thickness > thickest or slope > 1.5 * STEEPEST or straight < shape.straight:
            continue
        start, end = max(0, (x - 1) * step + 1), min(near.shape[1], (x + columns) * step)
        everywhere = np.interp(np.arange(start, end) / step - x, np.arange(columns), middle)
        rule = measured(ink, Rule(down, start, everywhere + y, thickest, 1.0))
        if rule is not None:
            yield rule


def _path(
    mask: _Mask, lean: int, height: float, wander: float
) -> tuple[int, NDArray[np.float64], float]:
    """Return the thickness of a level component, its middle rows, and how straight it is.

    It is as straight as the share of its columns whose middle is near a smooth line.

    Args:
        mask: bool (h, n), the component, each `step` columns of the page.
        lean: It is higher than the rule by this many pixels, less one.
        height: Height of a typical digit, in columns of the mask.
        wander: How far its middle may be away from that line, in rows.
    """
    counts = mask.sum(axis=0)
    thickness = int(np.partition(counts, len(counts) // 3)[len(counts) // 3])
    clear = counts <= thickness + 1
    first, last = mask.argmax(axis=0), len(mask) - 1 - mask[::-1].argmax(axis=0)
    middles = (first + last) / 2
    middle, smooth = _smooth(np.flatnonzero(clear), middles[clear], len(counts), height)
    straight = np.mean(clear & (np.abs(middles - smooth) <= wander))
    return thickness - (lean - 1), middle, float(straight)


def measured(ink: Ink, rough: Rule) -> Rule | None:
    """Return a rule with its top, thickness and level measured, or None if it is none.

    Args:
        ink: float32 (h, w).
        rough: The rule with its middle in place of its top, and its greatest thickness.
    """
    reach = rough.thickness // 2 + 1
    # A middle between two rows is the upper one everywhere.
    middle = np.rint(rough.top - 0.25).astype(np.int64)
    around = replace(rough, top=middle - reach, thickness=2 * reach + 1)
    profile = np.median(rows_about(ink, around, 0), axis=1)
    peak = int(profile[reach - 1 : reach + 2].argmax()) + reach - 1
    edges = np.flatnonzero(profile < RULE_EDGE * profile[peak])
    before, after = edges[edges < peak], edges[edges > peak]
    if profile[peak] < RULE_INK or not before.size or not after.size:
        return None
    start, end = int(before[-1]) + 1, int(after[0])
    return replace(
        around, top=around.top + start, thickness=end - start, level=float(profile[peak])
    )


def _smooth(
    x: _Rows, y: NDArray[np.float64], length: int, height: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle row at each column, from those where no stroke hides it.

    Returns:
        The middle row, and the polynomial in it. The polynomial minimizes absolute deviations, by
        reweighting; the middle row is it and the running median of what deviates from it.
    """
    everywhere = np.arange(length)
    degree = 3 if length > 2 * RULE_LENGTH * height else 1
    weights = np.ones(len(x))
    for _ in range(4):
        fit = np.polynomial.Polynomial.fit(x, y, degree, w=weights)
        deviations = y - fit(x)
        weights = 1 / np.sqrt(np.maximum(np.abs(deviations), 0.5))
    window = max(3, round(height / 2) | 1)
    padded = np.pad(np.interp(everywhere, x, deviations), window // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    smooth = np.asarray(fit(everywhere))
    return smooth + np.median(windows, axis=1), smooth
