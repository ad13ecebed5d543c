"""Training strips for the line network: a line of digits as photographs and scans show it."""

import math
from itertools import pairwise

import cv2
import numpy as np

from tenfold.arrays import Gray, Ink
from tenfold.augmentation.strokes import draw_stroke
from tenfold.reading.line_reader import STRIP_HEIGHT
from tenfold.training.lines.handwriting import BOARD, LEFT, Handwriting, Writers, Written
from tenfold.training.lines.texts import random_text, target

WIDTH = 192
"""Width of a strip, in pixels."""

MAX_CHARACTERS = 20
"""Characters that a strip shows, at most."""

Rng = np.random.Generator


def make_strip(writers: Writers, rng: Rng) -> tuple[Gray, str]:
    """Make a strip.

    Args:
        writers: What digits, signs and words are made of.
        rng: Source of the draws.

    Returns:
        uint8 (32, 192), white ink on black, and what it shows from left to right, as
        `tenfold.training.lines.texts.target` writes it.
    """
    board = np.zeros(BOARD, np.float32)
    hand = Handwriting.random(writers.hands, rng)
    written, end = hand.write(board, random_text(rng), writers, rng)
    if rng.random() < 0.6:
        board = _distorted(board, rng)
    board *= np.float32(rng.uniform(0.8, 1))
    if rng.random() < 0.25:  # a pen that runs dry, or what is left of a shadow
        first, last = rng.uniform(0.4, 1, 2)
        board *= np.linspace(first, last, BOARD[1], dtype=np.float32)
    if rng.random() < 0.1:
        _erase_rule(board, hand, rng)
    board = _with_rules(_with_pattern(board, rng), hand, rng)
    _add_walls(board, hand, written, rng)
    if rng.random() < 0.35:
        _crop(board, hand, end, rng)
    return _photographed(board, hand, end, rng), target([one.text for one in written])


def _distorted(board: Ink, rng: Rng) -> Ink:
    """Distort the writing smoothly, so that no two digits are alike."""
    rows, columns = np.indices(BOARD, dtype=np.float32)
    reach = float(rng.uniform(5, 12))
    moved = []
    for _ in range(2):
        coarse = rng.normal(0, 1, (round(BOARD[0] / reach) + 2, round(BOARD[1] / reach) + 2))
        smooth = cv2.resize(coarse.astype(np.float32), BOARD[::-1], interpolation=cv2.INTER_CUBIC)
        moved.append(np.float32(rng.uniform(0.3, 1.5)) * smooth)
    return np.asarray(
        cv2.remap(board, columns + moved[0], rows + moved[1], cv2.INTER_LINEAR), np.float32
    )


def _with_pattern(board: Ink, rng: Rng) -> Ink:
    """Print waves, crossed waves or dots under every second board."""
    if rng.random() >= 0.5:
        return board
    strength = rng.uniform(0.05, 0.6)
    rows, columns = np.indices(board.shape, dtype=np.float32)
    kind = rng.integers(3)
    pitch, angle, bend = rng.uniform(3, 9), rng.uniform(0, math.pi), rng.uniform(15, 60)
    along = math.cos(angle) * columns + math.sin(angle) * rows
    across = rows * math.cos(angle) - columns * math.sin(angle)
    swing, phase = rng.uniform(0, 6), rng.uniform(0, 6)
    along += swing * np.sin(2 * math.pi / bend * across + phase)
    waves = np.clip((np.sin(2 * math.pi / pitch * along) - rng.uniform(-0.2, 0.8)) * 2, 0, 1)
    if kind == 1:  # crossed by others
        other = angle + rng.uniform(0.5, 2.5)
        along = math.cos(other) * columns + math.sin(other) * rows
        crossing = np.clip((np.sin(2 * math.pi / pitch * along) - 0.3) * 2, 0, 1)
        waves = np.maximum(waves, crossing)
    if kind == 2:  # dots
        waves *= np.clip(np.sin(2 * math.pi / pitch * across) * 2, 0, 1)
    return np.asarray(np.maximum(board, strength * waves), np.float32)


def _crop(board: Ink, hand: Handwriting, end: float, rng: Rng) -> None:
    """Take away, in place, what lies outside of a close crop, which may cut the outer digits."""
    least, most = (-0.12, -0.12, 0, 0), (0.7, 0.7, 0.45, 0.45)
    before, behind, above, below = hand.height * rng.uniform(least, most)
    first, last = hand.top + hand.slope * LEFT, hand.top + hand.slope * end
    rows = slice(round(max(0, min(first, last) - above)),
                 round(max(first, last) + hand.height + below))  # fmt: skip
    columns = slice(round(LEFT - before), round(max(end + behind, LEFT + 4)))
    inside = np.zeros(BOARD, bool)
    inside[rows, columns] = True
    board[~inside] = 0


def _erase_rule(board: Ink, hand: Handwriting, rng: Rng) -> None:
    """Take away, in place, what is lost with a rule in which feet stand; pieces of it stay."""
    rows, columns = np.indices(BOARD, dtype=np.float32)
    middle = hand.top + hand.height * rng.uniform(0.86, 1.05) + hand.slope * columns
    on_rule = np.abs(rows - middle) <= hand.height * rng.uniform(0.02, 0.09)
    kept = rng.random(BOARD[1] // 4) < rng.uniform(0, 0.4)
    board[on_rule & ~np.repeat(kept, 4)] = 0


def _with_rules(board: Ink, hand: Handwriting, rng: Rng) -> Ink:
    """Draw a rule under or above every fourth line, and now and then the side of a frame."""
    if rng.random() < 0.25:
        below = rng.random() < 0.7
        y = hand.top + hand.height * (
            rng.uniform(1.0, 1.3) if below else -rng.uniform(0.05, 0.3))  # fmt: skip
        points = [(0.0, y), (BOARD[1], y + rng.normal(0, 1.5))]
        draw_stroke(board, points, float(rng.uniform(0.4, 1)), 1)
    if rng.random() < 0.08:
        x = int(LEFT - rng.uniform(0.2, 0.6) * hand.height)
        cv2.line(board, (x, 0), (x, BOARD[0] - 1), float(rng.uniform(0.4, 1)), 1)
    return board


def _add_walls(board: Ink, hand: Handwriting, written: list[Written], rng: Rng) -> None:
    """Draw walls of boxes between characters of every tenth line, or what is left of walls."""
    if rng.random() >= 0.1:
        return
    ink, thickness = float(rng.uniform(0.4, 1)), int(rng.integers(1, 3))
    share, whole = rng.uniform(0.3, 1), rng.random() < 0.6
    edges = [LEFT - rng.uniform(0.15, 0.5) * hand.height]
    edges += [(one.end + other.start) / 2 for one, other in pairwise(written)]
    edges += [written[-1].end + rng.uniform(0.15, 0.5) * hand.height] if written else []
    top, bottom = hand.top - rng.uniform(0.1, 0.5) * hand.height, hand.top + hand.height
    for x in edges:
        if rng.random() >= share:
            continue
        if whole:
            draw_stroke(board, [(x, top), (x, bottom + hand.top - top)], ink, thickness)
            continue
        for y in (top, bottom + 0.1 * hand.height):
            if rng.random() < 0.5:
                reach = rng.uniform(0.05, 0.3) * hand.height
                draw_stroke(board, [(x, y), (x, y + reach)], ink, thickness)


def _photographed(board: Ink, hand: Handwriting, end: float, rng: Rng) -> Gray:
    """Scale the board into a strip, by a rough guess of the height; add blur and noise."""
    scale = rng.uniform(0.72, 0.95) * STRIP_HEIGHT / hand.height
    scale = min(scale, (WIDTH - 6) / max(1, end - 34))
    middle = hand.top + hand.height / 2 + hand.slope * (LEFT + end) / 2
    down = STRIP_HEIGHT / 2 - scale * middle + rng.normal(0, 1.5)
    room = WIDTH - scale * (end - 34)
    right = rng.uniform(2, max(3, room - 2)) - scale * 36
    matrix = np.array([[scale, 0, right], [0, scale, down]], np.float32)
    way = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
    strip = cv2.warpAffine(board, matrix, (WIDTH, STRIP_HEIGHT), flags=way)
    if rng.random() < 0.4:
        strip = cv2.GaussianBlur(strip, (0, 0), rng.uniform(0.3, 0.8))
    if rng.random() < 0.6:
        strip = strip + rng.normal(0, rng.uniform(0.01, 0.12), strip.shape)
    if rng.random() < 0.3:
        strip = np.clip((strip - rng.uniform(0, 0.3)) / rng.uniform(0.4, 1), 0, 1)
    if rng.random() < 0.05:  # a fax: fewer rows, black and white
        strip = cv2.resize(strip, None, fx=1, fy=rng.uniform(0.5, 1), interpolation=cv2.INTER_AREA)
        strip = np.float32(strip + rng.normal(0, 0.1, strip.shape) > rng.uniform(0.25, 0.5))
        strip = cv2.resize(strip, (WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(255 * np.clip(strip, 0, 1), np.uint8)
