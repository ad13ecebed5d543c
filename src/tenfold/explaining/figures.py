"""Figures of `show`: filters, feature maps, top patches, the map of the test images."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenfold.arrays import DIGITS, SIDE, Gray, Images, Labels
from tenfold.explaining.top_patches import TopPatches
from tenfold.formatting import percent
from tenfold.recipes.layers import LayerRow
from tenfold.reporting.drawing import (
    AMBER,
    BACKGROUND,
    INK,
    MUTED,
    RULE,
    Anchor,
    Drawing,
    diverging_colors,
    heat_colors,
    mosaic,
    scale_bar,
)

WIDTH, EDGE = 1000, 24
INNER_WIDTH = WIDTH - 2 * EDGE

ZOOM = 5
"""Magnification of a single image."""

DIGIT_COLORS = (
    "#88ccee", "#ee8866", "#ddcc77", "#44aa99", "#cc6699",
    "#aaaa33", "#6688dd", "#ffaabb", "#bbdd55", "#cccccc",
)  # fmt: skip
"""A hue for each class, after P. Tol's light and muted schemes; an eleventh class has the first hue
again. Not everybody can tell ten hues apart, so the classes are named on the map too."""

WEIGHT_QUANTILE = 0.99
"""Quantile of the absolute weights at the end of the color scale: a few extreme weights would make
all others dark."""

Maps = npt.NDArray[np.float32]


def draw_filters(name: str, kernel: Maps) -> Drawing:
    """Draw the filters of a convolution.

    The first convolution is drawn as a grid of filters, a later one as a column for each filter
    with a square for each input channel.

    Args:
        name: Name of the layer.
        kernel: float32 (height, width, input channels, filters).
    """
    height, width, seen, filters = kernel.shape
    most = float(np.quantile(np.abs(kernel), WEIGHT_QUANTILE)) or 1.0
    tiles = diverging_colors(np.moveaxis(kernel, (2, 3), (0, 1)), most).reshape(
        -1, height, width, 3
    )
    single = 1 in (seen, filters)
    columns = _even(seen * filters, 16) if single else filters
    gap = 8 if single else 1 if width > 1 else 0
    zoom = max(1, min(16 if single else 8, (INNER_WIDTH // columns - gap) // width))
    sheet = mosaic(tiles, columns, gap, zoom, RULE if gap == 1 else BACKGROUND)
    factor = min(1.0, INNER_WIDTH / sheet.shape[1])
    drawing = Drawing(WIDTH, round(sheet.shape[0] * factor) + 88, f"The filters of {name}")
    drawing.text(EDGE, 30, f"{name}: {_filters_words(kernel)}", 17)
    scale_bar(drawing, WIDTH - EDGE, 30, most, diverging=True)
    drawing.image((WIDTH - sheet.shape[1] * factor) / 2, 62, sheet, factor)
    return drawing


def _filters_words(kernel: Maps) -> str:
    height, width, seen, filters = kernel.shape
    if filters == 1:
        return f"one filter of {height}x{width} for each of {seen} channels"
    words = f"{filters} filters of {height}x{width}"
    if (height, width) == (1, 1):
        return f"{filters} mixtures (columns) of {seen} channels (rows)"
    return words if seen == 1 else f"{words} (columns) on {seen} channels (rows)"


def draw_feature_maps(
    image: Gray,
    maps: Mapping[str, Maps],
    layers: Sequence[LayerRow],
    title: str,
    classes: Sequence[str] = DIGITS,
) -> Drawing:
    """Draw the feature maps of every layer for one image, from the pixels down to the answer.

    Args:
        image: uint8 (28, 28).
        maps: Output of each layer, float32 (height, width, channels) or (units,).
        layers: The layers, in order.
        title: Title of the drawing.
        classes: Names of the classes, by label.
    """
    drawing = Drawing(WIDTH, 0, title)
    drawing.image(EDGE, EDGE, image, ZOOM)
    drawing.text(EDGE + 164, EDGE + 14, title, 20)
    words = "The network's input: 28x28 pixels, white ink on black."
    drawing.text(EDGE + 164, EDGE + 44, words, 14, MUTED)
    words = "Below, the feature maps of each layer: dark is no activation, light is high."
    drawing.text(EDGE + 164, EDGE + 66, words, 14, MUTED)
    y = EDGE + 140.0 + 40
    for row in layers:
        values = maps[row.name]
        if row.kind == "flatten" or row.name in ("logits", "probabilities"):
            continue  # the values of the layer before; the answer comes last
        y = _draw_layer(drawing, y, row, values)
    y = _draw_answer(drawing, y, maps["logits"], maps["probabilities"], classes)
    drawing.height = round(y)
    return drawing


def _draw_layer(drawing: Drawing, y: float, row: LayerRow, values: Maps) -> float:
    low, high = float(values.min()), float(values.max())
    both = low < -0.05 * max(high, 0)
    most = max(high, -low if both else 0) or 1.0
    colored = (diverging_colors if both else heat_colors)(values, most)
    drawing.line(EDGE, y - 18, WIDTH - EDGE, y - 18)
    if values.ndim == 3:
        height, width, channels = values.shape
        words = "one map" if channels == 1 else f"{channels} maps"
        drawing.text(EDGE, y, f"{row.name}: {words} of {height}x{width}", 15)
        columns = _even(channels, 16 if channels <= 64 else 32)
        zoom = max(1, (INNER_WIDTH // columns - 3) // width) if channels > 1 else ZOOM
        sheet = mosaic(np.moveaxis(colored, 2, 0), columns, 3, zoom)
    else:
        drawing.text(EDGE, y, f"{row.name}: {values.size} values", 15)
        columns = min(values.size, 50)
        sheet = mosaic(colored[:, None, None], columns, 2, min(24, INNER_WIDTH // columns - 2))
    scale_bar(drawing, WIDTH - EDGE, y, most, diverging=both)
    factor = INNER_WIDTH / sheet.shape[1] if sheet.shape[1] > 0.75 * INNER_WIDTH else 1
    drawing.image(EDGE, y + 18, sheet, factor)
    return y + 60 + float(sheet.shape[0] * factor)


def _draw_answer(
    drawing: Drawing, y: float, logits: Maps, probabilities: Maps, classes: Sequence[str]
) -> float:
    drawing.line(EDGE, y - 18, WIDTH - EDGE, y - 18)
    drawing.text(EDGE, y, "logits and probabilities: the answer", 15)
    kind = "digit" if tuple(classes) == DIGITS else "class"
    words = f"above each {kind} its probability, below it its logit"
    drawing.text(WIDTH - EDGE, y, words, 12, MUTED, "end")
    # The likeliest classes, as many as there are digits, in the order of labels.
    shown = np.sort(np.argsort(-probabilities, kind="stable")[: len(DIGITS)])
    pitch, tall = INNER_WIDTH / len(shown), 70
    base = y + 34 + tall
    for place, label in enumerate(shown):
        probability = float(probabilities[label])
        x = EDGE + place * pitch
        best = probability == probabilities.max()
        drawing.line(x + 8, base, x + pitch - 8, base)
        height = max(probability * tall, 1)
        drawing.box(x + 24, base - height, pitch - 48, height, AMBER if best else MUTED)
        color = INK if best else MUTED
        size = 17 if len(classes[label]) <= 6 else 11
        drawing.text(x + pitch / 2, base + 16, classes[label], size, color, "middle")
        words = percent(probability) if probability >= 0.001 else ""
        drawing.text(x + pitch / 2, base - height - 11, words, 12, color, "middle")
        drawing.text(x + pitch / 2, base + 38, f"{logits[label]:.1f}", 12, MUTED, "middle")
    return base + 64


def draw_top_patches(found: TopPatches, synthesized: Images | None) -> Drawing:
    """Draw the nine top patches of each filter, and beside them the image synthesized for it.

    Args:
        found: From `tenfold.explaining.top_patches.top_patches`.
        synthesized: uint8 (filters, size, size), or None without Keras.
    """
    size = found.patches.shape[-1]
    side = 105 if synthesized is not None else 96  # lets four, or eight, stand in a row
    zoom = max(1, (side - 4) // 3 // size)
    sheets = [mosaic(nine, 3, 2, zoom) for nine in found.patches]
    block = sheets[0].shape[0]
    cell = block + (8 + block if synthesized is not None else 0) + 26
    columns = _even(len(sheets), max(1, (INNER_WIDTH + 26) // cell))
    rows = -(-len(sheets) // columns)
    drawing = Drawing(WIDTH, 0, f"Patches that activate the filters of {found.layer} most")
    words = f"{found.layer}: what activates {len(sheets)} of its filters most"
    drawing.text(EDGE, 30, words, 17)
    words = f"{size}x{size} pixels" if size < SIDE else "the whole image"
    words = f"receptive field: {words}"
    drawing.text(WIDTH - EDGE, 30, words, 14, MUTED, "end")
    left = (WIDTH - columns * cell + 26) / 2
    for place, (number, sheet) in enumerate(zip(found.filters, sheets, strict=True)):
        x = left + place % columns * cell
        y = 62 + place // columns * (block + 40)
        drawing.text(x, y, f"filter {number}", 12, MUTED)
        drawing.image(x, y + 12, sheet)
        if synthesized is not None:
            drawing.image(x + block + 8, y + 12, synthesized[place], block / size)
    drawing.height = 62 + rows * (block + 40) + 6
    return drawing


def _even(count: int, most: int) -> int:
    """Return the number of columns, `most` or less, that fills rows evenly."""
    return -(-count // -(-count // most))


def draw_map(
    points: Maps,
    labels: Labels,
    predicted: npt.NDArray[np.integer],
    title: str,
    classes: Sequence[str] = DIGITS,
) -> Drawing:
    """Draw images as points, colored by class, with crosses for errors.

    Args:
        points: float32 (n, 2).
        labels: uint8 (n,).
        predicted: Integers (n,), the answers.
        title: Title of the drawing.
        classes: Names of the classes, by label.
    """
    side = INNER_WIDTH
    drawing = Drawing(WIDTH, side + 100, title)
    drawing.text(EDGE, 30, title, 17)
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max()) or 1.0
    middle = (low + high) / 2
    placed = (points - middle) / span * (side - 60) * (1, -1) + (WIDTH / 2, side / 2 + 62)
    for label in range(len(classes)):
        color = DIGIT_COLORS[label % len(DIGIT_COLORS)]
        drawing.dots(placed[labels == label], 1.6, color)
    wrong = np.flatnonzero(labels != predicted)
    for (x, y), label, answer in zip(placed[wrong], labels[wrong], predicted[wrong], strict=True):
        _draw_cross(drawing, x, y, "#000000", 4.5)
        _draw_cross(drawing, x, y)
        _on_dots(drawing, x + 9, y, f"{classes[label]} as {classes[answer]}", 11, "start")
    for label in np.unique(labels):
        x, y = np.median(placed[labels == label], axis=0)
        size = 40 if len(classes[label]) == 1 else 20
        _on_dots(drawing, x, y, classes[label], size, "middle")
    x, y = EDGE + 6, side + 76
    _draw_cross(drawing, x, y)
    words = f"errors (label as answer): {len(wrong):,} of {len(labels):,}"
    drawing.text(x + 16, y, words, 14, MUTED)
    return drawing


def _draw_cross(
    drawing: Drawing, x: float, y: float, color: str = "#ffffff", width: float = 2
) -> None:
    drawing.line(x - 5, y - 5, x + 5, y + 5, color, width)
    drawing.line(x - 5, y + 5, x + 5, y - 5, color, width)


def _on_dots(drawing: Drawing, x: float, y: float, words: str, size: float, anchor: Anchor) -> None:
    """Write in white with a dark rim, readable on dots of any color."""
    rim = 1 + size / 40
    for dx, dy in ((-rim, 0), (rim, 0), (0, -rim), (0, rim)):
        drawing.text(x + dx, y + dy, words, size, "#000000", anchor)
    drawing.text(x, y, words, size, "#ffffff", anchor)
