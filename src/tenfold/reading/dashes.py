"""Dashes: dashed and dotted lines, found as chains of short strokes."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tenfold.arrays import Gray
from tenfold.reading.settings import ReaderSettings

_Boxes = NDArray[np.float64]
"""float64 (n, 4): left, top, width and height of each dash."""


@dataclass(frozen=True, eq=False)
class _Chain:
    """Dashes in a straight row, at equal distances."""

    axis: int
    boxes: _Boxes

    @property
    def middles(self) -> NDArray[np.float64]:
        return self.boxes[:, :2] + self.boxes[:, 2:] / 2

    @property
    def pitch(self) -> float:
        return float(np.median(np.diff(self.middles[:, self.axis])))

    @property
    def dash(self) -> float:
        return float(np.median(self.boxes[:, 2 + self.axis]))

    @property
    def ends(self) -> NDArray[np.float64]:
        """Both ends, a step further than the dashes."""
        first, last = self.middles[0], self.middles[-1]
        step = (last - first) / np.linalg.norm(last - first) * self.pitch
        return np.array([first - step, last + step])

    def meets(self, other: "_Chain") -> bool:
        """Return whether another chain of like dashes, across this one, begins or ends at it."""
        if other.axis == self.axis or not 0.7 < self.dash / other.dash < 1.4:
            return False
        reach = 1.2 * max(self.pitch, other.pitch)
        low, high = other.ends.min(axis=0) - reach, other.ends.max(axis=0) + reach
        return bool(((self.ends >= low) & (self.ends <= high)).all(axis=1).any())


def find_dashed(faint: Gray, settings: ReaderSettings) -> tuple[Gray, Gray, Gray]:
    """Find dashed and dotted lines.

    Args:
        faint: uint8 (h, w), 1 where there is ink, faint or not.
        settings: The settings of reading.

    Returns:
        Lines from left to right and lines from top to bottom, without gaps and a little longer than
        they are, and the pixels of their dashes; each uint8 (h, w), 1 on a line.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(faint, connectivity=8)
    lines = np.zeros_like(faint), np.zeros_like(faint)
    size = stats[:, 2:4]
    short = size.max(axis=1) <= settings.longest_dash
    short[0] = False
    chains: list[_Chain] = []
    for axis in (0, 1):
        flat = short & (size[:, 1 - axis] <= settings.thickest_dash)
        flat &= size[:, axis] >= 0.6 * size[:, 1 - axis]
        if settings.fewest_dashes <= np.count_nonzero(flat) <= settings.most_dashes:
            chains += _chains(stats[flat, :4].astype(float), axis)
    sure = [chain for chain in chains if len(chain.boxes) >= settings.fewest_dashes]
    sure += [chain for chain in chains if chain not in sure and any(map(chain.meets, sure))]
    sure += [chain for chain in _around(chains) if chain not in sure]
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


def _around(chains: list[_Chain]) -> list[_Chain]:
    """Return chains that go around something: each meets two others."""
    while True:
        kept = [
            one
            for one in chains
            if sum(one.meets(other) or other.meets(one) for other in chains) >= 2
        ]
        if len(kept) == len(chains):
            return kept
        chains = kept


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
            yield _Chain(axis, boxes[chain])
