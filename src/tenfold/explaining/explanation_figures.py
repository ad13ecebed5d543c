"""Figures of `explain`: one digit with its explanations side by side."""

import cv2
import numpy as np
import numpy.typing as npt

from tenfold.arrays import SIDE, Gray
from tenfold.explaining.counterfactual import Counterfactual
from tenfold.formatting import percent
from tenfold.reporting.drawing import (
    AMBER,
    EDGE,
    MUTED,
    SKY_BLUE,
    TEXT,
    TITLE,
    WIDTH,
    Drawing,
    Rgb,
    diverging_colors,
)

ZOOMS = {2: 9, 3: 6}
"""Magnification of the images by the number of columns."""

BLUR = 0.7
"""Standard deviation of the blur of integrated gradients, in pixels; they jump between pixels."""

TITLES = {
    "occlusion": ("occlusion", "odds up to {}x less"),
    "integrated-gradients": ("integrated gradients", "a pixel: up to {}x"),
    "grad-cam": ("Grad-CAM", "coarse, no unit"),
}
"""Title of each method, and the line about the strongest place."""

Map = npt.NDArray[np.float64]


def draw_explanation(
    image: Gray,
    answer: str,
    maps: dict[str, Map],
    counterfactual: Counterfactual | None,
    below: str = "",
) -> Drawing:
    """Draw a digit as the network sees it, and beside it one panel for each explanation.

    Args:
        image: uint8 (28, 28), white ink on black.
        answer: The answer, in a few words.
        maps: float64 (28, 28) by method, named as in `TITLES`: how much the ink speaks for the
            answer (above 0) or against it (below 0).
        counterfactual: The change that turns the answer, or None.
        below: The line below the digit.
    """
    panels: list[tuple[str, Rgb, str]] = [("input", _gray(image), below)]
    for method, values in maps.items():
        title, words = TITLES[method]
        # Where ink speaks against the answer, the odds rise.
        most = values.max() if method == "occlusion" else np.abs(values).max()
        words = words.format(_times(float(most)))
        blurred = method == "integrated-gradients"
        drawn = cv2.GaussianBlur(values, (0, 0), BLUR) if blurred else values
        panels.append((title, _overlay(image, drawn), words))
    if counterfactual is not None:
        found = counterfactual
        words = f"{found.ink:.1f} pixels of ink" if found.strokes else "nothing found"
        panels.append(("counterfactual", _changes(found), words))
        words = "read as" if found.found else "closer to"
        words += f" {found.target} ({percent(found.confidence)})"
        panels.append(("changed input", _gray(found.changed), words))
    drawing = Drawing(WIDTH, 0, f"Why it was read as {answer}")
    drawing.text(EDGE, 28, f"Read as {answer}", TITLE)
    top = 66
    if len(panels) > 2:
        _draw_legend(drawing, bool(maps), counterfactual is not None)
        top += 28
    columns = 2 if len(panels) in (2, 4) else 3
    zoom = ZOOMS[columns]
    size = SIDE * zoom
    pitch = (WIDTH - 2 * EDGE - size) / (columns - 1)
    for place, (title, pixels, words) in enumerate(panels):
        x, y = EDGE + place % columns * pitch, top + place // columns * (size + 70)
        drawing.text(x, y, title)
        drawing.image(x, y + 16, pixels, zoom)
        drawing.text(x, y + size + 32, words, TEXT, MUTED)
    drawing.height = top + -(-len(panels) // columns) * (size + 70) - 8
    return drawing


def _draw_legend(drawing: Drawing, maps: bool, counterfactual: bool) -> None:
    x = float(EDGE)
    for color, of_maps, of_counterfactual in (
        (AMBER, "speaks for it", "added"), (SKY_BLUE, "speaks against it", "erased"),
    ):  # fmt: skip
        words = ", or ".join([of_maps] * maps + [of_counterfactual] * counterfactual)
        drawing.box(x, 51, 12, 12, color)
        drawing.text(x + 20, 57, words, TEXT, MUTED)
        x += 230


def _times(decades: float) -> str:
    """Return a power of ten, 1 or more, as a number with two digits: 2.2, 120, 730,000."""
    value = 10 ** min(max(decades, 0.0), 9.0)
    if value < 10:
        return f"{value:.1f}"
    unit = 10 ** (int(np.log10(value)) - 1)
    return f"{round(value / unit) * unit:,}"


def _overlay(image: Gray, values: Map) -> Rgb:
    """Return a map in amber and blue over the dimmed digit."""
    colors = diverging_colors(values, float(np.abs(values).max()) or 1.0).astype(float)
    shown: Rgb = np.clip(colors + 0.3 * image[..., None], 0, 255).astype(np.uint8)
    return shown


def _changes(found: Counterfactual) -> Rgb:
    """Return the dimmed digit with added ink in amber and erased ink in blue."""
    difference = (found.changed.astype(float) - found.image) / 255
    kept = 0.55 * np.minimum(found.image, found.changed)[..., None]
    shown: Rgb = np.clip(kept + diverging_colors(difference, 1.0), 0, 255).astype(np.uint8)
    return shown


def _gray(image: Gray) -> Rgb:
    return np.repeat(image[..., None], 3, axis=-1)
