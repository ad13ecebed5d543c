"""Pages of MNIST digits as photos and scans show them: on a desk, framed, or half in shadow."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from scenes import crop

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of the digits with a margin, in pixels."""

Draw = Callable[[np.ndarray, Box, np.random.Generator], np.ndarray]


class Scene(NamedTuple):
    """A picture, uint8 (h, w), the digits on it, and whether ink is darker than paper."""

    picture: np.ndarray
    text: str
    dark: bool


def light_scene(
    kind: str, rng: np.random.Generator, images: np.ndarray, labels: np.ndarray
) -> Scene:
    """Return a scene of a kind of `KINDS`, dark on light, or in one of four light on dark.

    Args:
        kind: A key of `KINDS`.
        rng: Draws every size, level and place.
        images: Images of digits, uint8 (n, 28, 28), white on black.
        labels: Their digits, (n,).
    """
    height = float(np.exp(rng.uniform(np.log(20), np.log(120))))
    count = int(rng.integers(3, 7))
    low = max(300.0, 1.6 * height * count, 5 * height)
    width = float(np.exp(rng.uniform(np.log(low), np.log(max(low, min(3000, 60 * height))))))
    shape = (round(max(300, 5 * height, width * rng.uniform(0.6, 1.5))), round(width))
    shape = (min(shape[0], 3000), shape[1])
    ink = np.zeros(shape, np.float32)
    chosen = rng.integers(0, len(images), count)
    marks = [crop(images[index], height * rng.uniform(0.85, 1.1)) for index in chosen]
    gaps = rng.uniform(0.15, 0.5) * height
    length = sum(mark.shape[1] for mark in marks) + gaps * (count - 1)
    space = max(0.0, 0.6 * shape[1] - length)
    x = shape[1] / 2 - length / 2 + rng.uniform(-0.5, 0.5) * space
    y = shape[0] * rng.uniform(0.42, 0.58) - height / 2
    box = (x - height / 2, y - height / 2, x + length + height / 2, y + 1.6 * height)
    for mark in marks:
        top, left = round(y + rng.uniform(-0.05, 0.05) * height), round(x)
        part = ink[top : top + mark.shape[0], left : left + mark.shape[1]]
        np.maximum(part, mark[: part.shape[0], : part.shape[1]], out=part)
        x += mark.shape[1] + gaps
    if kind in FRAMED:
        FRAMED[kind](ink, box, rng)
    paper = np.full(shape, rng.uniform(170, 245), np.float32)
    picture = paper * (1 - rng.uniform(0.5, 0.85) * ink)
    picture = KINDS[kind](picture, box, rng)
    picture = cv2.GaussianBlur(picture, None, rng.uniform(0.4, 1.0))
    picture += rng.normal(0, rng.uniform(0.5, 3), shape).astype(np.float32)
    gray = np.clip(picture, 0, 255).astype(np.uint8)
    dark = bool(rng.random() < 0.75)
    text = "".join(str(labels[index]) for index in chosen)
    return Scene(gray if dark else 255 - gray, text, dark)


def _depth(shape: tuple[int, int], side: int, tilt: float, share: float) -> np.ndarray:
    """Return how far each pixel lies beyond a tilted line along a side, in pixels, float32.

    Args:
        shape: Height and width of the page.
        side: 0 left, 1 top, 2 right, 3 bottom.
        tilt: Of the line, in pixels per pixel.
        share: Of the page beyond the line.
    """
    down, along = np.meshgrid(
        np.arange(shape[0], dtype=np.float32), np.arange(shape[1], dtype=np.float32), indexing="ij"
    )
    if side in (1, 3):
        down, along = along, down
    across, length = shape[1 - side % 2], shape[side % 2]
    if side in (2, 3):
        along = across - 1 - along
    depth: np.ndarray = share * across + tilt * (down - length / 2) - along
    return depth


def _plain(picture: np.ndarray, box: Box, rng: np.random.Generator) -> np.ndarray:
    return picture


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return a dark surface: even, striped or mottled, float32."""
    level, swing = rng.uniform(15, 90), rng.uniform(0, 0.4)
    style = rng.integers(3)
    if style == 0:
        return np.full(shape, level, np.float32)
    if style == 1:
        down, along = np.indices(shape, dtype=np.float32)
        angle, period = rng.uniform(0, np.pi), rng.uniform(6, 120)
        place = down * np.sin(angle) + along * np.cos(angle)
        waves = np.sin(2 * np.pi * (place / period + np.sin(place / period / 3)))
        return (level * (1 + swing * waves)).astype(np.float32)
    grain = rng.uniform(2, 40)
    small = rng.normal(0, 1, [max(2, round(side / grain)) for side in shape]).astype(np.float32)
    large = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return level * (1 + swing * np.clip(large, -1.5, 1.5))


def _on_desk(picture: np.ndarray, box: Box, rng: np.random.Generator) -> np.ndarray:
    """Lay the page on a dark desk, which shows on one to four sides."""
    sides = rng.permutation(4)[: rng.choice([1, 2, 3, 4], p=[0.55, 0.2, 0.1, 0.15])]
    most = 0.4 if len(sides) == 1 else 0.2
    desk = np.zeros(picture.shape, np.float32)
    tilt = rng.uniform(-0.1, 0.1)
    for side in sides:
        share = rng.uniform(0.03, most)
        depth = _depth(picture.shape, side, tilt if side in (0, 3) else -tilt, share)
        # The desk leaves the digits alone.
        inside = (slice(round(box[1]), round(box[3])), slice(round(box[0]), round(box[2])))
        depth -= max(0.0, float(depth[inside].max()) + 2)
        desk = np.maximum(desk, np.clip(depth + 0.5, 0, 1))
    return picture * (1 - desk) + _texture(picture.shape, rng) * desk


def _on_bright_desk(picture: np.ndarray, box: Box, rng: np.random.Generator) -> np.ndarray:
    """Lay a gray page on a brighter desk, which shows on one to four sides."""
    sides = rng.permutation(4)[: rng.choice([1, 2, 3, 4], p=[0.4, 0.2, 0.1, 0.3])]
    picture = picture * rng.uniform(0.5, 0.85)
    level = rng.uniform(1.1, 1.5) * float(picture.max())
    desk = np.zeros(picture.shape, np.float32)
    tilt = rng.uniform(-0.1, 0.1)
    for side in sides:
        share = rng.uniform(0.03, 0.4 if len(sides) == 1 else 0.2)
        depth = _depth(picture.shape, side, tilt if side in (0, 3) else -tilt, share)
        inside = (slice(round(box[1]), round(box[3])), slice(round(box[0]), round(box[2])))
        depth -= max(0.0, float(depth[inside].max()) + 2)
        desk = np.maximum(desk, np.clip(depth + 0.5, 0, 1))
    return picture * (1 - desk) + min(level, 250.0) * desk


def _with_edge(picture: np.ndarray, box: Box, rng: np.random.Generator) -> np.ndarray:
    """Show a thin dark gap along one or two borders."""
    for side in rng.permutation(4)[: rng.integers(1, 3)]:
        thick = rng.uniform(2, 20)
        length, across = picture.shape[side % 2], picture.shape[1 - side % 2]
        tilt = rng.uniform(-1, 1) * min(0.03, 1.5 * thick / length)
        gap = np.clip(_depth(picture.shape, side, tilt, thick / across) + 0.5, 0, 1)
        picture = picture * (1 - gap) + rng.uniform(5, 70) * gap
    return picture


def _in_shadow(picture: np.ndarray, box: Box, rng: np.random.Generator) -> np.ndarray:
    """Let a soft shadow fall on most or little of the page."""
    angle = rng.uniform(0, 2 * np.pi)
    down, along = np.indices(picture.shape, dtype=np.float32)
    place = down * np.sin(angle) + along * np.cos(angle)
    at = np.quantile(place[::7, ::7], rng.uniform(0.2, 0.9))
    # Edges of 20 to 400 pixels, at most a third of the page.
    soft = float(np.exp(rng.uniform(np.log(20), np.log(max(21, min(400, max(place.shape) / 3))))))
    share = np.clip((at - place) / soft + 0.5, 0, 1)
    share = share * share * (3 - 2 * share)
    return picture * (1 - (1 - rng.uniform(0.4, 0.8)) * share)


def _frames(ink: np.ndarray, box: Box, rng: np.random.Generator) -> None:
    """Draw one to three frames one below the other; the digits stand in one, or between two."""
    _stack(ink, box, rng, header=False)


def _headers(ink: np.ndarray, box: Box, rng: np.random.Generator) -> None:
    """Draw such frames with a header of empty cells."""
    _stack(ink, box, rng, header=True)


def _stack(ink: np.ndarray, box: Box, rng: np.random.Generator, *, header: bool) -> None:
    rows, columns = ink.shape
    thick, level = int(rng.integers(1, 6)), rng.uniform(0.6, 1.0)
    left = round(min(box[0] - 8, columns * rng.uniform(0.02, 0.15)))
    right = round(max(box[2] + 8, columns * rng.uniform(0.85, 0.98)))
    left, right = max(2, left), min(columns - 8, right)
    high = rng.uniform(0.1, 0.6) * rows
    middle = (box[1] + box[3]) / 2
    room = max(0.0, high - (box[3] - box[1]) - 16)
    top = middle - max(high, box[3] - box[1] + 16) / 2 + rng.uniform(-0.5, 0.5) * room
    frames = [(top, top + max(high, box[3] - box[1] + 16))]
    for _ in range(rng.integers(0, 3)):
        gap = rng.uniform(0.02, 0.06) * rows
        above = frames[0][0] - gap - high, frames[0][0] - gap
        below = frames[-1][1] + gap, frames[-1][1] + gap + high
        if below[1] < rows - 8:
            frames.append(below)
        elif above[0] > 8:
            frames.insert(0, above)
    for begin, end in frames:
        first, last = max(4, round(begin)), min(rows - 8, round(end))
        cv2.rectangle(ink, (left, first), (right, last), level, thick)
        cell = round(min(rng.uniform(0.1, 0.25) * (last - first), max(0.0, box[1] - first - 4)))
        inside = first < box[1] and box[3] < last
        if not inside:
            cell = round(rng.uniform(0.1, 0.25) * (last - first))
        if header and cell > 3 * thick:
            cv2.line(ink, (left, first + cell), (right, first + cell), level, thick)
            for x in np.linspace(left, right, int(rng.integers(3, 9)))[1:-1]:
                cv2.line(ink, (round(x), first), (round(x), first + cell), level, thick)


FRAMED = {"frames": _frames, "headers": _headers}

KINDS: dict[str, Draw] = {
    "plain": _plain,
    "desk": _on_desk,
    "bright desk": _on_bright_desk,
    "edge": _with_edge,
    "frames": _plain,
    "headers": _plain,
    "shadow": _in_shadow,
    "desk in shadow": lambda picture, box, rng: _in_shadow(_on_desk(picture, box, rng), box, rng),
}


def single_in_shadow(
    rng: np.random.Generator, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, str]:
    """Return a picture of one digit with the edge of a shadow across it, and the digit.

    The edge is soft, or hard.
    """
    side = float(rng.uniform(40, 300))
    index = int(rng.integers(len(images)))
    height = side * rng.uniform(0.4, 0.8)
    mark = crop(images[index], height)
    ink = np.zeros((round(side), round(side * rng.uniform(0.9, 1.4))), np.float32)
    top, left = (round((a - b) / 2) for a, b in zip(ink.shape, mark.shape, strict=True))
    part = ink[top : top + mark.shape[0], max(0, left) : max(0, left) + mark.shape[1]]
    np.maximum(part, mark[:, : part.shape[1]], out=part)
    picture = rng.uniform(170, 245) * (1 - rng.uniform(0.5, 0.85) * ink)
    angle = rng.uniform(0, 2 * np.pi)
    down, along = np.indices(ink.shape, dtype=np.float32)
    place = (down - top - height / 2) * np.sin(angle)
    place += (along - ink.shape[1] / 2) * np.cos(angle) + rng.uniform(-0.35, 0.35) * height
    soft = rng.uniform(0.01, 0.6) * side
    share = np.clip(place / soft + 0.5, 0, 1)
    picture = picture * (1 - (1 - rng.uniform(0.4, 0.8)) * share * share * (3 - 2 * share))
    picture += rng.normal(0, rng.uniform(0.5, 3), ink.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), str(labels[index])
