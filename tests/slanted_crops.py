"""Pictures of one digit cut out of slanting writing, with parts of its neighbors."""

import cv2
import numpy as np

from tenfold.arrays import Gray, Images, Labels

_SCALE = 3
_FOOT = 40
"""The row on which digits stand, before scaling."""


def slanted_crop(
    images: Images,
    labels: Labels,
    rng: np.random.Generator,
    slant: tuple[float, float],
    *,
    ruled: bool = False,
) -> tuple[Gray, int]:
    """Return a crop, dark ink on light, and its digit.

    Args:
        images: uint8 (n, 28, 28), white on black.
        labels: Their digits.
        rng: Decides all that is random.
        slant: Least and greatest slant, in pixels to the right for each pixel up.
        ruled: Rules of columns run down at the sides.
    """
    chosen = rng.integers(0, len(images), 3)
    gap = round(rng.uniform(-0.06, 0.15) * 20)
    board, alone, left = np.zeros((60, 200), np.float32), np.zeros((60, 200), np.float32), 60
    for place, index in enumerate(chosen):
        image = images[index].astype(np.float32) / 255
        rows, columns = (np.flatnonzero(image.max(axis=axis) > 0.2) for axis in (1, 0))
        image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        where = np.s_[_FOOT - len(image) : _FOOT, left : left + image.shape[1]]
        np.maximum(board[where], image, out=board[where])
        if place == 1:
            alone[where] = image
        left += image.shape[1] + gap
    lean = rng.uniform(*slant)
    move = np.array([[1, -lean, lean * _FOOT * _SCALE], [0, 1, 0]], np.float32)

    def slanted(ink: np.ndarray) -> np.ndarray:
        large = cv2.resize(ink, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_CUBIC)
        return cv2.warpAffine(large, move, (large.shape[1] + 150, large.shape[0]))

    ys, xs = np.nonzero(slanted(alone) > 0.3)
    margin = rng.uniform(0, 15)
    part = np.clip(slanted(board), 0, 1)[
        int(max(0, ys.min() - margin)) : int(ys.max() + margin),
        int(max(0, xs.min() - margin)) : int(xs.max() + margin),
    ]
    if ruled:
        _add_rules(part, rng)
    light, contrast, noise = rng.uniform(150, 230), rng.uniform(80, 140), rng.uniform(1, 6)
    picture = light - contrast * part + rng.normal(0, noise, part.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), int(labels[chosen[1]])


def _add_rules(ink: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a nearly upright line at one side or both, in place."""
    high, wide = ink.shape
    for right in (False, True):
        if rng.random() < 0.35:
            continue
        away, lean = rng.uniform(0, 0.12) * wide, rng.uniform(-0.03, 0.03) * wide
        middle = wide - away if right else away
        thickness = max(1, round(rng.uniform(0.02, 0.08) * wide))
        line = np.zeros((high, wide), np.uint8)
        ends = (round(middle - lean), -2), (round(middle + lean), high + 2)
        cv2.line(line, *ends, 255, thickness, cv2.LINE_AA)
        np.maximum(ink, line * np.float32(rng.uniform(0.6, 1) / 255), out=ink)
