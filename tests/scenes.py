"""Pages made of MNIST digits, to be read."""

import cv2
import numpy as np

INK = 0.8
"""Share of the paper's light that full ink takes away."""


def page(
    lines: list[list[np.ndarray]],
    *,
    rng: np.random.Generator,
    height: int = 60,
    gap: float = 0.25,
    rules: str = "",
    shadow: bool = False,
    slant: float = 0.0,
    lean: float = 0.0,
    pattern: float = 0.0,
) -> np.ndarray:
    """Return a page uint8 (h, w), dark on light, with a line of digits for each list.

    Args:
        lines: Images of digits, uint8 (28, 28), white on black.
        rng: Jitters place and size.
        height: Of a digit, in pixels.
        gap: Between the boxes of digits, in heights; below 0 they touch.
        rules: "" for none, "ruled", "squared" or "boxes" (one around each digit).
        shadow: Half of the page darker, with a soft edge.
        slant: How far lines climb, in pixels per pixel.
        lean: How far digits lean to the right, in pixels per pixel.
        pattern: Ink of the wavy lines printed on the paper, 0 for none.
    """
    pitch = round(2.2 * height)
    longest = max(len(line) for line in lines)
    width = round((longest + 2) * height * max(1.1, 1.0 + gap)) + height
    ink = np.zeros((pitch * len(lines) + 2 * height, width), np.float32)
    if rules:
        _draw_rules(ink, rules, height, pitch, len(lines))
    for number, digits in enumerate(lines):
        x = float(height)
        for place, digit in enumerate(digits):
            size = height * rng.uniform(0.85, 1.1)
            mark = crop(_leaning(digit, lean), size)
            if rules == "boxes":
                x = height + place * 1.6 * height + (1.6 * height - mark.shape[1]) / 2
            y = height + number * pitch - slant * x + rng.uniform(-0.06, 0.06) * height
            top, left = round(max(0, y)), round(x)
            part = ink[top : top + mark.shape[0], left : left + mark.shape[1]]
            np.maximum(part, mark[: part.shape[0], : part.shape[1]], out=part)
            # Digits that lean stand closer than their boxes do.
            x += mark.shape[1] + (gap - 0.6 * abs(lean)) * height
    if pattern:
        down, along = np.indices(ink.shape, dtype=np.float32)
        waves = np.sin(2 * np.pi * (down + 3 * np.sin(along / height)) / (0.15 * height))
        ink = np.maximum(ink, pattern * np.clip(waves, 0, 1))
    paper = np.full(ink.shape, 225.0)
    if shadow:
        edge = np.clip((np.arange(width) - width * 0.45) / (0.1 * width), 0, 1)
        paper *= 1 - 0.45 * edge
    picture = paper * (1 - INK * ink) + rng.normal(0, 2, ink.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _leaning(digit: np.ndarray, lean: float) -> np.ndarray:
    """Return a digit sheared about its middle on a canvas wide enough."""
    if not lean:
        return digit
    wide = np.pad(digit, ((0, 0), (14, 14)))
    shear = np.array([[1, -lean, lean * 14], [0, 1, 0]], np.float32)
    return cv2.warpAffine(wide, shear, wide.shape[::-1])


def crop(digit: np.ndarray, height: float) -> np.ndarray:
    """Return a digit cut to its ink and scaled, float32 0 to 1."""
    rows, columns = (np.flatnonzero((digit > 60).any(axis=axis)) for axis in (1, 0))
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
    scale = height / cut.shape[0]
    size = (max(2, round(cut.shape[1] * scale)), max(2, round(height)))
    return np.clip(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), 0, 1)


def _draw_rules(ink: np.ndarray, rules: str, height: int, pitch: int, lines: int) -> None:
    thick = max(1, height // 25)
    if rules == "ruled":
        for number in range(lines):
            y = round(height * 2.05) + number * pitch
            ink[y : y + thick] = 0.5
    elif rules == "squared":
        for at in range(0, max(ink.shape), round(height * 0.6)):
            ink[at : at + thick] = 0.35
            ink[:, at : at + thick] = 0.35
    else:
        side = round(1.6 * height)
        for number in range(lines + 1):
            y = round(0.7 * height) + number * pitch
            ink[y : y + thick, height // 2 :] = 0.9
        for x in range(height, ink.shape[1] - thick, side):
            ink[:, x : x + thick] = 0.9
