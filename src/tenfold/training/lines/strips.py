"""Training strips for the line network: a line of digits as photographs and scans show it."""

from collections.abc import Sequence

import cv2
import numpy as np

from tenfold.arrays import Gray, Images, Ink
from tenfold.augmentation.strokes import draw_stroke
from tenfold.reading.line_reader import STRIP_HEIGHT
from tenfold.training.lines.handwriting import BOARD, LEFT, Handwriting

WIDTH = 192
"""Width of a strip, in pixels."""

MAX_DIGITS = 7
"""Digits in a strip, at most."""

WORD_ALONE, WORD_BESIDE = 0.15, 0.1
"""Shares of strips that show a word alone, and a word beside digits."""

Rng = np.random.Generator


def make_strip(by_digit: Sequence[Images], rng: Rng) -> tuple[Gray, list[int]]:
    """Make a strip.

    Args:
        by_digit: Images of each digit 0 to 9, uint8 (n, 28, 28), white ink on black.
        rng: Source of the draws.

    Returns:
        uint8 (32, 192), white ink on black, and its digits from left to right.
    """
    board = np.zeros(BOARD, np.float32)
    hand = Handwriting.random(rng)
    kind = rng.random()
    digits: list[int] = []
    if kind < WORD_ALONE:
        end = hand.add_word(board, LEFT, int(rng.integers(2, 13)), rng)
    else:
        digits, end = hand.write(board, _draw_digits(rng), by_digit, rng)
        end = hand.add_dashes(board, end, rng)
        end = hand.add_sign(board, end, rng)
    if WORD_ALONE <= kind < WORD_ALONE + WORD_BESIDE:
        after = end + rng.uniform(0.3, 0.8) * hand.height
        end = hand.add_word(board, after, int(rng.integers(2, 6)), rng)
    if rng.random() < 0.6:
        board = _distorted(board, rng)
    board *= np.float32(rng.uniform(0.8, 1))
    if rng.random() < 0.25:  # a pen that runs dry, or what is left of a shadow
        first, last = rng.uniform(0.4, 1, 2)
        board *= np.linspace(first, last, BOARD[1], dtype=np.float32)
    board = _with_rules(_with_pattern(board, rng), hand, rng)
    return _photographed(board, hand, end, rng), digits


def _draw_digits(rng: Rng) -> list[int]:
    count = int(rng.integers(1, MAX_DIGITS + 1))
    if rng.random() < 0.25:  # zeros at the end, as amounts have
        zeros = int(rng.integers(1, count + 1))
        return [int(d) for d in rng.integers(0, 10, count - zeros)] + [0] * zeros
    return [int(d) for d in rng.integers(0, 10, count)]


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
    pitch, angle, bend = rng.uniform(3, 9), rng.uniform(0, np.pi), rng.uniform(15, 60)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = rows * np.cos(angle) - columns * np.sin(angle)
    swing, phase = rng.uniform(0, 6), rng.uniform(0, 6)
    along = along + swing * np.sin(2 * np.pi * across / bend + phase)
    waves = np.clip((np.sin(2 * np.pi * along / pitch) - rng.uniform(-0.2, 0.8)) * 2, 0, 1)
    if kind == 1:  # crossed by others
        other = angle + rng.uniform(0.5, 2.5)
        along = np.cos(other) * columns + np.sin(other) * rows
        crossing = np.clip((np.sin(2 * np.pi * along / pitch) - 0.3) * 2, 0, 1)
        waves = np.maximum(waves, crossing)
    if kind == 2:  # dots
        waves = waves * np.clip(np.sin(2 * np.pi * across / pitch) * 2, 0, 1)
    patterned: Ink = np.maximum(board, np.float32(strength) * waves)  # in float64
    return patterned


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


def _photographed(board: Ink, hand: Handwriting, end: float, rng: Rng) -> Gray:
    """Scale the board into a strip, by a rough guess of the height; add blur and noise."""
    scale = rng.uniform(0.72, 0.95) * STRIP_HEIGHT / hand.height
    scale = min(scale, (WIDTH - 6) / max(1, end - 34))
    down = STRIP_HEIGHT / 2 - scale * (hand.top + hand.height / 2) + rng.normal(0, 1.5)
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
    return np.asarray(255 * np.clip(strip, 0, 1), np.uint8)
