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
"""float64 (n, 5): left, top, width and height of each dash, and how far it leans: pixels across its
axis for each pixel along it, NaN where that is unknown."""


_EVEN = 0.06
"""By which share of its length a printed dash may differ from another one, beside 2 pixels."""


@dataclass(frozen=True, eq=False)
class _Chain:
    """Dashes in a straight row, at equal distances.

    Attributes:
        axis: 0 from left to right, 1 from top to bottom.
        count: Number of dashes.
        dash: Length of a dash, in pixels.
        pitch: Distance from dash to dash.
        ends: float64 (2, 2), x and y of both ends, a step further than the dashes.
        even: Whether dashes are as equal as a printer's in length, thickness and distance.
        cornered: Whether an arm of a corner is one of them.
    """

    axis: int
    count: int
    dash: float
    pitch: float
    ends: NDArray[np.float64]
    even: bool
    cornered: bool


def _chain(boxes: _Boxes, axis: int) -> _Chain | None:
    """Return dashes as a chain, or None if they lean away from it, as ones below each other do."""
    middles = boxes[:, :2] + boxes[:, 2:4] / 2
    length, thick = boxes[:, 2 + axis], boxes[:, 3 - axis]
    pitches = np.diff(middles[:, axis])
    pitch, dash = float(np.median(pitches)), float(np.median(length))
    if np.mean(np.abs(pitches - pitch) <= 2 + 0.2 * pitch) <= 0.7 or np.ptp(thick) > 3 + 0.1 * dash:
        return None
    way = middles[-1] - middles[0]
    leans = np.abs(boxes[:, 4] - way[1 - axis] / way[axis])
    leans = leans[~np.isnan(leans)]
    if leans.size and np.median(leans) * dash > 1.5 + 0.03 * dash:
        return None
    step = way / np.linalg.norm(way) * pitch
    ends = np.array([middles[0] - step, middles[-1] + step])
    even = max(np.ptp(length), np.ptp(pitches)) <= 2 + _EVEN * dash and np.ptp(thick) <= 2
    cornered = bool(np.isnan(boxes[:, 4]).any())
    return _Chain(axis, len(boxes), dash, pitch, ends, bool(even), cornered)


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
    if np.count_nonzero(short) < settings.fewest_dashes:
        return *lines, np.zeros_like(faint)
    solidity, leans = _shapes(parts, thin, len(stats))
    solid = short & (solidity >= settings.dash_solidity)
    flat = solid & (size[:, ::-1] <= settings.thickest_dash).T & (size >= 0.6 * size[:, ::-1]).T
    dash = flat.any(axis=0)
    chains: list[_Chain] = []
    if np.count_nonzero(dash) <= settings.most_dashes:
        arms = _arms(parts, stats, short & ~dash, size[dash], settings)
        if np.count_nonzero(dash) + len(arms[0]) >= settings.fewest_dashes:
            for axis in (0, 1):
                boxes = np.column_stack([stats[flat[axis], :4], leans[axis, flat[axis]]])
                chains += _chains(np.concatenate([boxes, arms[axis]]), axis)
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


def _arms(
    parts: NDArray[np.int32],
    stats: NDArray[np.int32],
    others: NDArray[np.bool_],
    dashes: NDArray[np.int32],
    settings: BoxSettings,
) -> list[_Boxes]:
    """Return the arms of corners, in which a dash from left to right meets one from top to bottom.

    Of more short strokes than a page of dashes has, none is a corner.

    Args:
        parts: int32 (h, w), the component of each pixel.
        stats: int32 (n, 5), left, top, width, height and pixels of each component.
        others: bool (n,), short strokes that are no dashes.
        dashes: int32 (m, 2), width and height of the dashes.
        settings: The settings of reading.

    Returns:
        The arms along each axis.
    """
    arms: list[list[tuple[float, ...]]] = [[], []]
    lengths = dashes.max(axis=1, initial=0)
    sizes = stats[:, 2:4]
    shortest, longest = 0.6 * lengths.min(initial=sizes.max()), 1.3 * lengths.max(initial=0)
    alike = others & (sizes >= shortest).all(axis=1) & (sizes <= longest).all(axis=1)
    numbers = np.flatnonzero(alike)
    for number in numbers if len(numbers) <= settings.most_dashes else ():
        x, y, w, h, area = (int(value) for value in stats[number])
        thick = round(area / (w + h)) + 2
        if 2 * thick >= min(w, h):
            continue
        part = parts[y : y + h, x : x + w] == number
        top = 0 if part[:thick].sum() > part[-thick:].sum() else h - thick
        left = 0 if part[:, :thick].sum() > part[:, -thick:].sum() else w - thick
        across, down = part[top : top + thick], part[:, left : left + thick]
        whole = min(across.any(axis=0).mean(), down.any(axis=1).mean())
        both = across.sum() + down.sum() - across[:, left : left + thick].sum()
        if whole > 0.95 and both > 0.95 * area:
            arms[0].append((x, y + top, w, thick, np.nan))
            arms[1].append((x + left, y, thick, h, np.nan))
    return [np.array(some, float).reshape(-1, 5) for some in arms]


def _shapes(
    parts: NDArray[np.int32], thin: Gray, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how solid each component is, and how far it leans.

    Returns:
        float64 (n,), the ink over that of a rectangle with its moments. A dash has about 1, a dot
        1.05. Strokes of digits turn, and leave paper between them.
        float64 (2, n), pixels across for each pixel along an axis.
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
    return mass / np.maximum(peak, 1) / rectangle, aslant / np.stack([wide, tall])


def _sure(chains: list[_Chain], settings: BoxSettings) -> list[_Chain]:
    """Return the chains that are lines.

    They have many dashes, or run beside a like one up to another one or a corner, or meet one of
    these, or go around something.
    """
    long = np.array([chain.count >= settings.fewest_dashes for chain in chains], bool)
    if len(chains) > settings.most_dashes / 5:
        return [chain for chain, sure in zip(chains, long, strict=True) if sure]
    if not chains:
        return []
    meets = _meeting(chains)
    turns = meets.any(axis=1) | np.array([chain.cornered for chain in chains])
    beside = _beside(chains)
    sure = long | (beside & (turns | turns[:, None])).any(axis=1)
    sure |= meets[:, sure].any(axis=1)
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


def _beside(chains: list[_Chain]) -> NDArray[np.bool_]:
    """Return which even chains of at least three like dashes run beside each other."""
    even = np.array([chain.even and chain.count >= 3 for chain in chains])
    axes = np.array([chain.axis for chain in chains])
    begin, end = np.array([chain.ends[:, chain.axis] for chain in chains]).T
    shared = np.minimum.outer(end, end) - np.maximum.outer(begin, begin)
    beside: NDArray[np.bool_] = even & even[:, None] & (axes[:, None] == axes)
    beside &= shared > 0.7 * np.maximum.outer(end - begin, end - begin)
    for name in ("dash", "pitch"):
        sizes = np.array([getattr(chain, name) for chain in chains])
        beside &= np.abs(np.subtract.outer(sizes, sizes)) <= 2 + _EVEN * sizes
    np.fill_diagonal(beside, False)
    return beside


def _chains(boxes: _Boxes, axis: int) -> Iterator[_Chain]:
    """Yield chains of at least two dashes along an axis."""
    if not len(boxes):
        return
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
        if (found := _chain(boxes[chain], axis)) is not None:
            yield found
