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
    EDGE,
    INK,
    MUTED,
    RULE,
    TEXT,
    TITLE,
    WIDTH,
    Drawing,
    diverging_colors,
    heat_colors,
    mosaic,
    scale_bar,
)

INNER_WIDTH = WIDTH - 2 * EDGE

ZOOM = 5
"""Magnification of a single image."""

DIGIT_COLORS = (
    "#88ccee", "#ee8866", "#ddcc77", "#44aa99", "#cc6699",
    "#aaaa33", "#6688dd", "#ffaabb", "#bbdd55", "#cccccc",
)  # fmt: skip
"""A hue for each class, after P. Tol's light and muted schemes; an eleventh class has the first hue
again. Not everybody can tell ten hues apart, so the classes are named on the map too."""

SHOWN_FILTERS = 12
"""Number of filters of a later convolution that are drawn."""

WEIGHT_QUANTILE = 0.99
"""Quantile of the absolute weights at the end of the color scale: a few extreme weights would make
all others dark."""

Maps = npt.NDArray[np.float32]


def draw_filters(name: str, kernel: Maps) -> Drawing:
    """Draw the filters of a convolution.

    The first convolution is drawn as a grid of filters; of a later one, the `SHOWN_FILTERS` with
    the largest weights, each as a block with a square for each input channel; a pointwise one as a
    table, with a column for each filter.

    Args:
        name: Name of the layer.
        kernel: float32 (height, width, input channels, filters).
    """
    height, width, seen, filters = kernel.shape
    most = float(np.quantile(np.abs(kernel), WEIGHT_QUANTILE)) or 1.0
    # (filters, channels, height, width, 3)
    tiles = diverging_colors(np.moveaxis(kernel, (3, 2), (0, 1)), most)
    drawing = Drawing(WIDTH, 0, f"The filters of {name}")
    drawing.text(EDGE, 28, name, TITLE)
    scale_bar(drawing, WIDTH - EDGE, 28, most, diverging=True)
    if (height, width) == (1, 1):
        words = f"{filters} mixtures (columns) of {seen} channels (rows)"
        sheet = mosaic(tiles.swapaxes(0, 1).reshape(-1, 1, 1, 3), filters, 0, 8)
        y = _draw_sheet(drawing, 78, sheet)
    elif 1 in (seen, filters):
        words = f"{filters} filters of {height}x{width}"
        if filters == 1:
            words = f"one filter of {height}x{width} for each of {seen} channels"
        tiles = tiles.reshape(-1, height, width, 3)
        y = _draw_sheet(drawing, 78, mosaic(tiles, _even(len(tiles), 8), 6, 16, RULE))
    else:
        norms = np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
        chosen = np.sort(np.argsort(-norms, kind="stable")[:SHOWN_FILTERS])
        words = f"{len(chosen)} of {filters} filters of {height}x{width}, each on {seen} channels"
        y = _draw_blocks(drawing, chosen, tiles[chosen])
    drawing.text(EDGE, 56, words, TEXT, MUTED)
    drawing.height = round(y) + EDGE
    return drawing


def _draw_sheet(drawing: Drawing, y: float, sheet: Gray) -> float:
    """Draw pixels in the middle, smaller if they are too wide, and return where they end."""
    factor = min(1.0, INNER_WIDTH / sheet.shape[1])
    drawing.image((WIDTH - sheet.shape[1] * factor) / 2, y, sheet, factor)
    return y + float(sheet.shape[0] * factor)


def _draw_blocks(drawing: Drawing, chosen: npt.NDArray[np.integer], tiles: Gray) -> float:
    """Draw each chosen filter as a block of its channels, three in a row; return where they end."""
    columns = 8 if tiles.shape[1] <= 64 else 16
    pitch = (INNER_WIDTH + 16) / 3
    blocks = [mosaic(channels, columns, 5, 8, RULE) for channels in tiles]
    factor = (pitch - 16) / blocks[0].shape[1]
    tall = blocks[0].shape[0] * factor + 38
    for place, (number, block) in enumerate(zip(chosen, blocks, strict=True)):
        x, y = EDGE + place % 3 * pitch, 88 + place // 3 * tall
        drawing.text(x, y, f"filter {number}", TEXT, MUTED)
        drawing.image(x, y + 14, block, factor)
    return 64 + float(-(-len(blocks) // 3) * tall)


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
    drawing.text(EDGE + 156, EDGE + 12, title, TITLE)
    for place, words in enumerate((
        "The network's input: 28x28 pixels, white ink on black.",
        "Below, the feature maps of each layer:",
        "dark is no activation, light is high.",
    )):  # fmt: skip
        drawing.text(EDGE + 156, EDGE + 42 + 24 * place, words, TEXT, MUTED)
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
        drawing.text(EDGE, y, f"{row.name}: {words} of {height}x{width}")
        columns = _even(channels, 8 if channels <= 64 else 16)
        zoom = max(1, (INNER_WIDTH // columns - 3) // width) if channels > 1 else ZOOM
        sheet = mosaic(np.moveaxis(colored, 2, 0), columns, 3, zoom)
    else:
        drawing.text(EDGE, y, f"{row.name}: {values.size} values")
        columns = min(values.size, 32)
        sheet = mosaic(colored[:, None, None], columns, 2, min(24, INNER_WIDTH // columns - 2))
    scale_bar(drawing, WIDTH - EDGE, y, most, diverging=both)
    factor = INNER_WIDTH / sheet.shape[1] if sheet.shape[1] > 0.6 * INNER_WIDTH else 1
    drawing.image(EDGE, y + 18, sheet, factor)
    return y + 60 + float(sheet.shape[0] * factor)


def _draw_answer(
    drawing: Drawing, y: float, logits: Maps, probabilities: Maps, classes: Sequence[str]
) -> float:
    drawing.line(EDGE, y - 18, WIDTH - EDGE, y - 18)
    drawing.text(EDGE, y, "logits and probabilities: the answer")
    kind = "digit" if tuple(classes) == DIGITS else "class"
    words = f"Above each {kind}: its probability. Below it: its logit."
    drawing.text(EDGE, y + 24, words, TEXT, MUTED)
    # The likeliest classes, as many as there are digits, in the order of labels.
    shown = np.sort(np.argsort(-probabilities, kind="stable")[: len(DIGITS)])
    pitch, tall = INNER_WIDTH / len(shown), 70
    base = y + 58 + tall
    for place, label in enumerate(shown):
        probability = float(probabilities[label])
        x = EDGE + place * pitch
        best = probability == probabilities.max()
        drawing.line(x + 8, base, x + pitch - 8, base)
        height = max(probability * tall, 1)
        drawing.box(x + 16, base - height, pitch - 32, height, AMBER if best else MUTED)
        color = INK if best else MUTED
        size = TITLE if len(classes[label]) <= 4 else TEXT
        name = classes[label] if 0.6 * TEXT * len(classes[label]) <= pitch else f"{label}"
        drawing.text(x + pitch / 2, base + 16, name, size, color, "middle")
        words = percent(probability) if probability >= 0.001 else ""
        drawing.text(x + pitch / 2, base - height - 12, words, TEXT, color, "middle")
        drawing.text(x + pitch / 2, base + 40, f"{logits[label]:.1f}", TEXT, MUTED, "middle")
    return base + 64


def draw_top_patches(found: TopPatches, synthesized: Images | None) -> Drawing:
    """Draw the nine top patches of each filter, and beside them the image synthesized for it.

    Args:
        found: From `tenfold.explaining.top_patches.top_patches`.
        synthesized: uint8 (filters, size, size), or None without Keras.
    """
    size = found.patches.shape[-1]
    block = (INNER_WIDTH - 3 * 16) / 4  # four blocks in a row: the patches, or patches and image
    sheets = [mosaic(nine, 3, 2, max(1, 38 // size)) for nine in found.patches]
    columns = 4 if synthesized is None else 2
    drawing = Drawing(WIDTH, 0, f"Patches that activate the filters of {found.layer} most")
    words = f"{found.layer}: what activates {len(sheets)} of its filters most"
    drawing.text(EDGE, 28, words, TITLE)
    words = f"Receptive field: {f'{size}x{size} pixels' if size < SIDE else 'the whole image'}."
    drawing.text(EDGE, 54, words, TEXT, MUTED)
    for place, (number, sheet) in enumerate(zip(found.filters, sheets, strict=True)):
        x = EDGE + place % columns * (4 // columns) * (block + 16)
        y = 88 + place // columns * (block + 44)
        drawing.text(x, y, f"filter {number}", TEXT, MUTED)
        drawing.image(x, y + 14, sheet, block / sheet.shape[0])
        if synthesized is not None:
            drawing.image(x + block + 8, y + 14, synthesized[place], block / size)
    drawing.height = round(76 + -(-len(sheets) // columns) * (block + 44))
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
    drawing.text(EDGE, 28, title, TITLE)
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max()) or 1.0
    middle = (low + high) / 2
    placed = (points - middle) / span * (side - 40) * (1, -1) + (WIDTH / 2, side / 2 + 58)
    for label in range(len(classes)):
        color = DIGIT_COLORS[label % len(DIGIT_COLORS)]
        drawing.dots(placed[labels == label], 1.2, color)
    wrong = np.flatnonzero(labels != predicted)
    for x, y in placed[wrong]:
        _draw_cross(drawing, x, y, "#000000", 4.5)
        _draw_cross(drawing, x, y)
    for label in np.unique(labels):
        x, y = np.median(placed[labels == label], axis=0)
        _on_dots(drawing, x, y, classes[label], 32 if len(classes[label]) == 1 else TITLE)
    x, y = EDGE + 6, side + 76
    _draw_cross(drawing, x, y)
    drawing.text(x + 16, y, f"errors: {len(wrong):,} of {len(labels):,}", TEXT, MUTED)
    return drawing


def _draw_cross(
    drawing: Drawing, x: float, y: float, color: str = "#ffffff", width: float = 2
) -> None:
    drawing.line(x - 5, y - 5, x + 5, y + 5, color, width)
    drawing.line(x - 5, y + 5, x + 5, y - 5, color, width)


def _on_dots(drawing: Drawing, x: float, y: float, words: str, size: float) -> None:
    """Write in white with a dark rim, readable on dots of any color."""
    rim = 1 + size / 40
    for dx, dy in ((-rim, 0), (rim, 0), (0, -rim), (0, rim)):
        drawing.text(x + dx, y + dy, words, size, "#000000", "middle")
    drawing.text(x, y, words, size, "#ffffff", "middle")
