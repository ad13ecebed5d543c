"""Dashes: dashed and dotted lines, found as chains of short strokes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.boxes.settings import BoxSettings

_Boxes = NDArray[np.float64]
"""float64 (n, 4): left, top, width and height of each dash."""


@dataclass(frozen=True, eq=False)
class _Chain:
    """Dashes in a straight row, at equal distances.

    Attributes:
        axis: 0 from left to right, 1 from top to bottom.
        count: Number of dashes.
        dash: Length of a dash, in pixels.
        pitch: Distance from dash to dash.
        ends: float64 (2, 2), x and y of both ends, a step further than the dashes.
    """

    axis: int
    count: int
    dash: float
    pitch: float
    ends: NDArray[np.float64]


def _chain(boxes: _Boxes, axis: int) -> _Chain:
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    first, last = middles[0], middles[-1]
    pitch = float(np.median(np.diff(middles[:, axis])))
    step = (last - first) / np.linalg.norm(last - first) * pitch
    ends = np.array([first - step, last + step])
    return _Chain(axis, len(boxes), float(np.median(boxes[:, 2 + axis])), pitch, ends)


def find_dashed(faint: Gray, thin: Gray, settings: BoxSettings) -> tuple[Gray, Gray, Gray]:
    """Find dashed and dotted lines.

    Args:
        faint: uint8 (h, w), 1 where there is ink, faint or not.
        thin: uint8 (h, w), the ink, 0 to 255.
        settings: The settings of reading.

    Returns:
        Lines from left to right and lines from top to bottom, without gaps and a little longer than
        they are, and the pixels of their dashes; each uint8 (h, w), 1 on a line.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(faint, connectivity=8)
    lines = np.zeros_like(faint), np.zeros_like(faint)
    size = stats[:, 2:4]
    short = (size.max(axis=1) <= settings.longest_dash) & (stats[:, 4] >= 4)
    short[0] = False
    solid = short.copy()
    if np.count_nonzero(short) >= settings.fewest_dashes:
        solid &= _solidity(parts, thin, len(stats)) >= settings.dash_solidity
    chains: list[_Chain] = []
    for axis in (0, 1):
        flat = solid & (size[:, 1 - axis] <= settings.thickest_dash)
        flat &= size[:, axis] >= 0.6 * size[:, 1 - axis]
        if settings.fewest_dashes <= np.count_nonzero(flat) <= settings.most_dashes:
            chains += _chains(stats[flat, :4].astype(float), axis)
    sure = _sure(chains, settings)
    for chain in sure:
        one, other = ([round(float(v)) for v in end] for end in chain.ends)
        cv2.line(lines[chain.axis], one, other, 1, 3)
    if not sure:
        return *lines, np.zeros_like(faint)
    longest = 1.4 * max(chain.dash for chain in sure) + settings.thickest_dash
    near = (lines[0] | lines[1]).ravel() > 0
    held = np.bincount(parts.ravel()[near], minlength=len(stats)) / np.maximum(stats[:, 4], 1)
    dashes = short & (size.max(axis=1) <= longest) & (held > 0.3)
    return *lines, dashes[parts].astype(np.uint8)


def _solidity(parts: NDArray[np.int32], thin: Gray, count: int) -> NDArray[np.float64]:
    """Return how solid each component is: its ink over that of a rectangle with its moments.

    A dash has about 1, a dot 1.05. Strokes of digits turn, and leave paper between them.
    """
    rows, columns = np.nonzero(parts)
    part = parts[rows, columns]
    weight = thin[rows, columns].astype(np.float64)
    peak = np.zeros(count)
    np.maximum.at(peak, part, weight)

    def total(values: NDArray[Any]) -> NDArray[np.float64]:
        sums = np.bincount(part, weights=weight * values, minlength=count)
        return sums.astype(np.float64)

    mass = np.maximum(total(np.ones(len(part))), 1)
    down, across = rows - (total(rows) / mass)[part], columns - (total(columns) / mass)[part]
    # A pixel has the moment of a square of its size.
    tall, wide = total(down * down) / mass + 1 / 12, total(across * across) / mass + 1 / 12
    aslant = total(down * across) / mass
    rectangle = 12 * np.sqrt(np.maximum(tall * wide - aslant * aslant, 1 / 144))
    solidity: NDArray[np.float64] = mass / np.maximum(peak, 1) / rectangle
    return solidity


def _sure(chains: list[_Chain], settings: BoxSettings) -> list[_Chain]:
    """Return chains of many dashes, chains that meet one, and chains that go around something."""
    long = np.array([chain.count >= settings.fewest_dashes for chain in chains], bool)
    if len(chains) > settings.most_dashes / 5:
        return [chain for chain, sure in zip(chains, long, strict=True) if sure]
    if not chains:
        return []
    meets = _meeting(chains)
    sure = long | meets[:, long].any(axis=1)
    around = np.ones(len(chains), bool)
    while True:  # each must meet two others of those that are left
        left = around & (meets[:, around].sum(axis=1) >= 2)
        if left.sum() == around.sum():
            break
        around = left
    return [chain for chain, one in zip(chains, sure | around, strict=True) if one]


def _meeting(chains: list[_Chain]) -> NDArray[np.bool_]:
    """Return which chains of like dashes, one across the other, begin or end at each other."""
    axes = np.array([chain.axis for chain in chains])
    dashes = np.array([chain.dash for chain in chains])
    pitches = np.array([chain.pitch for chain in chains])
    ends = np.array([chain.ends for chain in chains])
    alike = (axes[:, None] != axes) & (np.abs(np.log(dashes[:, None] / dashes)) < 0.35)
    reach = 1.2 * np.maximum(pitches[:, None], pitches)[:, :, None, None]
    low, high = (ends.min(axis=1)[None, :, None], ends.max(axis=1)[None, :, None])
    inside = (ends[:, None] >= low - reach) & (ends[:, None] <= high + reach)
    meets: NDArray[np.bool_] = alike & inside.all(axis=3).any(axis=2)
    return meets | meets.T


def _chains(boxes: _Boxes, axis: int) -> Iterator[_Chain]:
    """Yield chains of at least two dashes along an axis."""
    start, length, thick = boxes[:, axis], boxes[:, 2 + axis], boxes[:, 3 - axis]
    middle = boxes[:, 1 - axis] + thick / 2
    gap = start[None] - (start + length)[:, None]
    longer = np.maximum(length[:, None], length[None])
    shorter = np.minimum(length[:, None], length[None])
    near = (gap >= 1) & (gap <= 1.6 * longer + 6) & (shorter >= 0.6 * longer - 2)
    near &= np.abs(middle[:, None] - middle[None]) <= 2 + 0.06 * (gap + longer)
    near &= np.abs(thick[:, None] - thick[None]) <= 3
    reach = np.where(near, gap, np.inf)
    after, before = reach.argmin(axis=1), reach.argmin(axis=0)
    linked = near.any(axis=1) & (before[after] == np.arange(len(boxes)))
    first = np.ones(len(boxes), bool)
    first[after[linked]] = False
    for begin in np.flatnonzero(first & linked):
        chain = [int(begin)]
        while linked[chain[-1]]:
            chain.append(int(after[chain[-1]]))
        pitches = np.diff((start + length / 2)[chain])
        if np.mean(np.abs(pitches - np.median(pitches)) <= 2 + 0.2 * np.median(pitches)) > 0.7:
            yield _chain(boxes[chain], axis)
