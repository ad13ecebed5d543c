"""Explanations of one digit, drawn side by side."""

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.explaining.counterfactual import Change
from tenfold.reporting.drawing import AGAINST, FOR, INK, MUTED, Drawing, signed

ZOOM = 5
PANEL = 28 * ZOOM
GAP = 24
EDGE = 24
TOP = 92

SOFT = 0.7
"""Integrated gradients jump from pixel to pixel; they are drawn blurred by so many pixels."""

TITLES = {
    "occlusion": ("occlusion", "odds fall {} times"),
    "integrated-gradients": ("integrated gradients", "a pixel: up to {} times"),
    "grad-cam": ("Grad-CAM", "coarse, no unit"),
}
"""Title of each method, and what is said of the strongest place."""

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float64]


def draw_explanation(
    image: Image, answer: str, maps: dict[str, Map], change: Change | None
) -> Drawing:
    """Draw a digit as it was seen, and beside it one panel for each explanation.

    Args:
        image: uint8 (28, 28), white ink on black.
        answer: What it was read as, in a few words.
        maps: float64 (28, 28) by method, named as `TITLES` does: how much the ink there speaks for
            the answer (above 0) or against it (below 0).
        change: What would have to change, or None.
    """
    panels = 1 + len(maps) + (2 if change else 0)
    width = 2 * EDGE + panels * PANEL + (panels - 1) * GAP
    drawing = Drawing(max(width, 460), TOP + PANEL + 46, f"Why it was read as {answer}")
    drawing.text(EDGE, 30, f"Read as {answer}", 19)
    means = {FOR: ["speaks for it"] * bool(maps), AGAINST: ["speaks against it"] * bool(maps)}
    if change is not None:
        means[FOR].append("to be added")
        means[AGAINST].append("to be rubbed out")
    keys = [(color, ", or ".join(words)) for color, words in means.items()]
    right = float(drawing.width - EDGE)
    for color, words in reversed(keys if panels > 2 else []):
        right -= 6.5 * len(words)
        drawing.text(right, 30, words, 12, MUTED)
        drawing.box(right - 17, 25, 10, 10, color)
        right -= 17 + 20
    x = EDGE
    _panel(drawing, x, "as it was seen", _gray(image), "")
    for method, values in maps.items():
        x += PANEL + GAP
        soft = (
            cv2.GaussianBlur(values, (0, 0), SOFT) if method == "integrated-gradients" else values
        )
        most = float(np.abs(soft).max())
        times = _times(float(np.abs(values).max()))
        title, words = TITLES[method]
        _panel(drawing, x, title, over(image, soft, most), words.format(times))
    if change is not None:
        x += PANEL + GAP
        words = f"{change.ink:.1f} pixels of ink" if change.strokes else "nothing found"
        _panel(drawing, x, "what would change it", changed(change), words)
        x += PANEL + GAP
        words = "read as" if change.turned else "nearer to"
        words += f" {change.after} ({change.confidence:.0%})"
        _panel(drawing, x, "then it looks so", _gray(change.changed), words)
    return drawing


def _times(decades: float) -> str:
    """Return a power of ten as a number for reading, in two digits: 2.2, 120, 730,000."""
    value = 10 ** min(decades, 9.0)
    if value < 10:
        return f"{value:.1f}"
    unit = 10 ** (int(np.log10(value)) - 1)
    return f"{round(value / unit) * unit:,}"


def over(image: Image, values: Map, most: float) -> Image:
    """Return a map in amber and blue over the dimmed digit, uint8 (28, 28, 3)."""
    colors = signed(values, most or 1.0).astype(float)
    shown: Image = np.clip(colors + 0.3 * image[..., None], 0, 255).astype(np.uint8)
    return shown


def changed(change: Change) -> Image:
    """Return the digit dimmed, ink to be added in amber and to be taken away in blue."""
    difference = (change.changed.astype(float) - change.image) / 255
    stays = 0.55 * np.minimum(change.image, change.changed)[..., None]
    shown: Image = np.clip(stays + signed(difference, 1.0), 0, 255).astype(np.uint8)
    return shown


def _gray(image: Image) -> Image:
    return np.repeat(image[..., None], 3, axis=-1)


def _panel(drawing: Drawing, x: float, title: str, pixels: Image, words: str) -> None:
    drawing.text(x, TOP - 18, title, 13, INK)
    drawing.image(x, TOP, pixels, ZOOM)
    drawing.text(x, TOP + PANEL + 20, words, 12, MUTED)
