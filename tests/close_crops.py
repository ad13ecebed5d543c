"""Pictures of one number, cut out close, as from a check: joined digits, patterns, rules."""

import cv2
import numpy as np

from tenfold.training.lines import strips
from tenfold.training.lines.handwriting import BOARD, LEFT, Handwriting, Writers
from tenfold.training.lines.texts import random_text


def close_crop(writers: Writers, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Return a picture uint8 (h, w), dark on light, and its two digits or more."""
    while True:
        board = np.zeros(BOARD, np.float32)
        hand = Handwriting.random(writers.hands, rng)
        text = random_text(rng)
        if not text.isdigit():
            continue
        written, end = hand.write(board, text, writers, rng)
        if len(written) > 1:
            break
    if rng.random() < 0.6:
        board = strips._distorted(board, rng)
    board = strips._with_rules(strips._with_pattern(board, rng), hand, rng)
    above, below = rng.uniform(0.05, 0.45, 2) * hand.height
    before, behind = rng.uniform(0.1, 0.9, 2) * hand.height
    top = hand.top + min(0, hand.slope * end) - above
    bottom = hand.top + hand.height + max(0, hand.slope * end) + below
    part = board[round(max(0, top)) : round(bottom), round(LEFT - before) : round(end + behind)]
    scale = float(rng.uniform(1.2, 3))
    part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    paper, ink = rng.uniform(170, 250), rng.uniform(10, 110)
    gray = paper - (paper - ink) * np.clip(part, 0, 1)
    gray += rng.normal(0, rng.uniform(1, 10), gray.shape)
    return np.clip(gray, 0, 255).astype(np.uint8), "".join(one.text for one in written)
