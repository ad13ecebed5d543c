"""The rule of a line to write on, told from what is written over it and just beside it."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Ink
from tenfold.imaging.ink import INK_SHARE
from tenfold.imaging.rule_removal import remove_rules
from tenfold.imaging.rules import Rule, rows_about

# The following were set on forms drawn in code (tests/form_scenes.py) with MNIST's first 50,000
# training images and the fonts to learn from.

REACH = 4
"""Rows up to this far from a rule of the blank page may show it: scans widen and move lines."""

LEVEL = 0.25
"""A row belongs to the rule if its ink, where nothing is written, is at least this on average."""

FREE_ROWS = 6
"""A column is free of writing if this many rows above and below the reach of the rule are free."""

ASIDE = 8
"""It is far from writing if this many columns on both sides are free too: feet may reach there."""

FEWEST_FREE = 24
"""With fewer such columns, all count."""

OVER = 0.2
"""Writing over a rule is darker than the rule by this share of the writing's full ink..."""

UNEVEN = 3.0
"""...and by this multiple of how far the rule's own ink differs from the ink around it."""

DARKEST = 4.0
"""Darkest ink that is told apart, in multiples of the full ink of the writing."""

LONG, THIN = 2.5, 2
"""A component on a rule or in the rows next to it is a remnant of the rule if its width is at least
`LONG` times its height, and its height at most `THIN` rows."""

POINT = (0.06, 0.25)
"""Least and greatest side of a point below a rule, as shares of the field's height. Specks of a fax
are smaller."""


def without_rule(ink: Ink, dark: Ink, rule: Rule, height: float) -> Ink:
    """Return ink without a rule; what is written over it, and stands on it, stays.

    Args:
        ink: float32 (h, w), 0 to 1.
        dark: float32 (h, w), the same ink up to `DARKEST`.
        rule: A rule of the blank page.
        height: Height of the field, in pixels.
    """
    around = rows_about(dark, rule, REACH + FREE_ROWS)
    beside = np.concatenate([around[:FREE_ROWS], around[-FREE_ROWS:]])
    written: NDArray[np.bool_] = beside.max(axis=0) >= INK_SHARE
    free = _or_all(~written)
    about = around[FREE_ROWS:-FREE_ROWS]
    aside = np.ones((1, 2 * ASIDE + 1), np.uint8)
    far = _or_all(cv2.dilate(written[None].astype(np.uint8), aside)[0] == 0)
    usual = _usual(about, far, height)
    uneven = UNEVEN * np.abs(about - usual)[:, far].mean(axis=1, keepdims=True)
    seen = _as_in(about[:, free], rule)
    part = remove_rules(ink, [seen], height / 2)
    over = _on_page(about >= usual + OVER + uneven, rule, REACH, ink.shape)
    part[over] = np.minimum(dark, 1)[over]
    part[_rests(part, seen)] = 0
    return part


def _or_all(columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return columns, bool (n,), or all if they are too few."""
    return columns if np.count_nonzero(columns) >= FEWEST_FREE else np.ones_like(columns)


def _as_in(about: Ink, rule: Rule) -> Rule:
    """Return a rule of the blank page as thick and dark as in ink.

    Args:
        about: float32 (rows, n), the ink of the rule and up to `REACH` rows beside it.
        rule: The rule on the blank page.
    """
    level = about.mean(axis=1)
    rows = np.flatnonzero(level >= LEVEL)
    if not rows.size:
        return rule
    first, last = int(rows[0]), int(rows[-1])
    top, inked = rule.top + first - REACH, float(level.max())
    return replace(rule, top=top, thickness=last - first + 1, level=inked)


def _usual(about: Ink, far: NDArray[np.bool_], height: float) -> Ink:
    """Return the ink of a rule row by row, as it is nearby: the median along the rule.

    Only columns far from writing count: where feet stand close, most of the ink is writing.
    """
    side = min(255, 2 * round(height / 2) + 1)
    levels = np.rint(about[:, far] * (255 / DARKEST)).astype(np.uint8)
    rows = np.concatenate([cv2.medianBlur(row[None], side) for row in levels])
    places = np.flatnonzero(far)
    nearest = np.interp(np.arange(far.size), places, np.arange(places.size))
    usual: Ink = rows[:, np.rint(nearest).astype(int)].astype(np.float32)
    return usual * np.float32(DARKEST / 255)


def _on_page(
    where: NDArray[np.bool_], rule: Rule, beside: int, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return the pixels, bool (h, w), that a mask of the shape of `rows_about` means."""
    offsets, columns = np.nonzero(where)
    rows, columns = rule.top[columns] + offsets - beside, columns + rule.start
    inside = (rows >= 0) & (rows < shape[1 if rule.down else 0])
    rows, columns = rows[inside], columns[inside]
    found = np.zeros(shape, bool)
    found[(columns, rows) if rule.down else (rows, columns)] = True
    return found


def _rests(ink: Ink, rule: Rule) -> NDArray[np.bool_]:
    """Return the pixels, bool (h, w), of what is left of a rule: long, low and beside nothing."""
    stroke = (ink >= INK_SHARE).astype(np.uint8)
    near = _on_page(np.ones((rule.thickness + 2, rule.length), bool), rule, 1, ink.shape)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    within = np.bincount(parts[near], minlength=len(stats)) == stats[:, 4]
    along, across = (stats[:, 3], stats[:, 2]) if rule.down else (stats[:, 2], stats[:, 3])
    rest = within & (along >= LONG * across) & (across <= THIN)
    rest[0] = False
    found: NDArray[np.bool_] = rest[parts]
    return found


def lift_points(ink: Ink, rule: Rule, height: float) -> None:
    """Move, in place, points that hang below a rule up onto it: only there are they read.

    Args:
        ink: float32 (h, w), 0 to 1, without the rule.
        rule: A rule across.
        height: Height of the field, in pixels.
    """
    base = int(np.median(rule.top))
    below = ink[base + rule.thickness :]
    stroke = (below >= INK_SHARE).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(stroke, connectivity=8)
    least, most = (share * height for share in POINT)
    for part in range(1, count):
        x, y, wide, high = stats[part, :4]
        if y > 0 and least <= min(wide, high) and max(wide, high) <= most:
            place = np.s_[y : y + high, x : x + wide]
            own = parts[place] == part
            point = np.where(own, below[place], np.float32(0))
            below[place][own] = 0
            onto = ink[base - high : base, x : x + wide]
            np.maximum(onto, point, out=onto)
