"""Draw the pictures of reading, of looking inside and of explaining beside this file.

    python docs/images/make.py

reading.png shows digits drawn here, the canvases the network saw and its answers; the second two
numbers drawn here, as `tenfold read --annotate` shows them; the third what still goes wrong.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

import tenfold
from tenfold.imaging.canvas import to_canvas
from tenfold.imaging.decoding import load_picture
from tenfold.reporting.saving import save_figure

HERE = Path(__file__).parent

# Pen paths in a unit square, x to the right and y down; one list a stroke.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(0.52, 0.08), (0.28, 0.2), (0.2, 0.52), (0.32, 0.84), (0.55, 0.92), (0.75, 0.72),
         (0.78, 0.4), (0.68, 0.15), (0.48, 0.08)]],
    1: [[(0.56, 0.08), (0.53, 0.4), (0.5, 0.7), (0.48, 0.94)]],
    2: [[(0.2, 0.3), (0.35, 0.1), (0.65, 0.12), (0.7, 0.35), (0.45, 0.65), (0.2, 0.9),
         (0.5, 0.86), (0.82, 0.9)]],
    3: [[(0.25, 0.15), (0.6, 0.1), (0.7, 0.28), (0.42, 0.46), (0.72, 0.6), (0.68, 0.84),
         (0.4, 0.93), (0.2, 0.82)]],
    4: [[(0.5, 0.08), (0.35, 0.3), (0.18, 0.58), (0.5, 0.57), (0.85, 0.55)],
        [(0.66, 0.3), (0.63, 0.6), (0.6, 0.95)]],
    5: [[(0.75, 0.1), (0.5, 0.11), (0.33, 0.12), (0.3, 0.28), (0.27, 0.45), (0.5, 0.4),
         (0.73, 0.55), (0.68, 0.82), (0.4, 0.93), (0.2, 0.82)]],
    6: [[(0.66, 0.08), (0.45, 0.25), (0.3, 0.52), (0.28, 0.78), (0.45, 0.93), (0.68, 0.85),
         (0.72, 0.66), (0.55, 0.55), (0.31, 0.68)]],
    7: [[(0.18, 0.15), (0.5, 0.13), (0.8, 0.1), (0.62, 0.45), (0.45, 0.92)],
        [(0.35, 0.5), (0.5, 0.49), (0.7, 0.47)]],
    8: [[(0.68, 0.2), (0.48, 0.08), (0.3, 0.24), (0.48, 0.46), (0.7, 0.68), (0.52, 0.93),
         (0.28, 0.78), (0.44, 0.52), (0.66, 0.34), (0.66, 0.18)]],
    9: [[(0.72, 0.25), (0.5, 0.1), (0.3, 0.25), (0.35, 0.48), (0.6, 0.45), (0.72, 0.22),
         (0.7, 0.5), (0.62, 0.93)]],
}  # fmt: skip


def main() -> None:
    pictures = [
        page(7, pen=9, ink=(30, 30, 40), paper=(235, 240, 245)),
        page(3, pen=4, ink=(70, 60, 60), paper=(250, 250, 250), ruled=True),
        page(5, pen=22, ink=(160, 60, 20), paper=(215, 225, 235), shadow=True),
        page(2, pen=10, ink=(235, 240, 235), paper=(40, 60, 45)),
        page(9, pen=6, ink=(60, 60, 60), paper=(200, 205, 205), shadow=True, noise=12),
        page(4, pen=7, ink=(40, 40, 150), paper=(245, 245, 245), small=True),
    ]
    save_figure(draw(pictures), HERE / "reading.png")
    picture = load_picture(cv2.cvtColor(number_page(), cv2.COLOR_BGR2RGB))
    tenfold.Reader().read_picture(picture).annotate(picture).save(HERE / "page.png", optimize=True)
    draw_insides()
    picture = load_picture(limits_page())
    tenfold.Reader().read_picture(picture).annotate(picture).save(
        HERE / "limits.png", optimize=True
    )


def draw_insides() -> None:
    """Draw what `tenfold show` and `tenfold explain` leave, of a digit drawn here."""
    three = page(3, pen=15, ink=(40, 40, 40), paper=(245, 245, 245))
    look = tenfold.show("standard", picture=three)
    names = {"feature-maps": "feature-maps", "filters-conv1": "filters",
             "top-patches-conv2": "top-patches", "map": "map"}  # fmt: skip
    for figure, name in names.items():
        (HERE / f"{name}.png").write_bytes(look.figures[figure].png(1.5))
    why = tenfold.explain(three, single=True)
    (HERE / "explaining.png").write_bytes(why.digits[0].figure.png(1.5))


def number_page() -> np.ndarray:
    """Return a picture uint8 (330, 760, 3), blue first, of two numbers on squared paper."""
    rng = np.random.default_rng(0)
    picture = np.full((330, 760, 3), (242, 245, 248), np.float32)
    for at in range(10, 760, 30):
        cv2.line(picture, (at, 0), (at, 329), (225, 205, 190), 1, cv2.LINE_AA)
        cv2.line(picture, (0, at), (759, at), (225, 205, 190), 1, cv2.LINE_AA)
    for row, number in enumerate(("7352", "94273")):
        left = 60
        for place, digit in enumerate(number):
            size = rng.uniform(80, 100)
            corner = (left, 45 + 150 * row + rng.uniform(-8, 8))
            for stroke in STROKES[int(digit)]:
                curve = np.round((smooth(stroke) * size + corner) * 16).astype(np.int32)
                cv2.polylines(picture, [curve], False, (90, 40, 20), 6, cv2.LINE_AA, shift=4)
            left += round(size + (60 if place % 2 else 20))
        cv2.circle(picture, (left, 130 + 150 * row), 5, (90, 40, 20), -1, cv2.LINE_AA)
    picture *= np.linspace(1, 0.55, 760, dtype=np.float32)[None, :, None]
    picture += rng.normal(0, 4, picture.shape)
    return cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (3, 3), 0)


def limits_page() -> np.ndarray:
    """Return a picture uint8 (330, 760), of what goes wrong: joined zeros, and a tilted table."""
    rng = np.random.default_rng(0)
    picture = np.full((330, 760), 225, np.float32)
    write(picture, "5", (30, 60), 80, 5)
    for number in range(4):  # low, wide, and each grown into the next
        cv2.ellipse(picture, (158 + 62 * number, 108), (35, 27), 0, 0, 360, 40, 5, cv2.LINE_AA)
    table = np.full((240, 300), 225, np.float32)
    for at in range(20, 240, 65):
        cv2.line(table, (20, at), (280, at), 90, 2, cv2.LINE_AA)
        cv2.line(table, (20 + (at - 20) * 4 // 3, 20), (20 + (at - 20) * 4 // 3, 215), 90, 2)
    for place, digit in enumerate("735294273"):
        write(table, digit, (43 + place % 3 * 87, 30 + place // 3 * 65), 44, 4)
    tilt = cv2.getRotationMatrix2D((150, 120), 14, 1.0)
    tilt[:, 2] += (420, 45)
    cv2.warpAffine(table, tilt, (760, 330), dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
    picture += rng.normal(0, 4, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def write(
    picture: np.ndarray, digit: str, corner: tuple[float, float], size: float, pen: int
) -> None:
    for stroke in STROKES[int(digit)]:
        curve = np.round((smooth(stroke) * size + corner) * 16).astype(np.int32)
        cv2.polylines(picture, [curve], False, 40, pen, cv2.LINE_AA, shift=4)


def smooth(points: list[tuple[float, float]], steps: int = 24) -> np.ndarray:
    """Return a Catmull-Rom curve through the points."""
    p = np.array([points[0], *points, points[-1]])
    t = np.linspace(0, 1, steps)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
               + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]  # fmt: skip
    return np.concatenate(pieces)


def page(
    digit: int, *, pen: int, ink: tuple[int, int, int], paper: tuple[int, int, int],
    ruled: bool = False, shadow: bool = False, noise: float = 4, small: bool = False,
) -> np.ndarray:  # fmt: skip
    """Return a picture uint8 (300, 300, 3), blue first, of one digit on paper."""
    rng = np.random.default_rng(digit)
    picture = np.full((300, 300, 3), paper, np.float32)
    if ruled:
        for y in range(30, 300, 45):
            cv2.line(picture, (0, y), (299, y + 2), (235, 215, 200), 1, cv2.LINE_AA)
    corner, size = ((150, 40), 90) if small else ((60, 40), 190)
    for stroke in STROKES[digit]:
        curve = np.round((smooth(stroke) * size + corner) * 16).astype(np.int32)
        cv2.polylines(picture, [curve], False, ink, pen, cv2.LINE_AA, shift=4)
    if shadow:
        across = np.linspace(1, 0.45, 300)[None, :, None] * np.linspace(1, 0.8, 300)[:, None, None]
        picture *= across.astype(np.float32)
    picture += rng.normal(0, noise, picture.shape)
    return cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (3, 3), 0)


def draw(pictures: list[np.ndarray]) -> Figure:
    classifier = tenfold.load_classifier("standard")
    reader = tenfold.Reader(classifier)
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes: Any = figure.subplots(3, len(pictures), height_ratios=[1, 1, 0.75])
    for column, picture in zip(axes.T, pictures, strict=True):
        color = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        digit = reader.read(color, single=True).lines[0].digits[0]
        canvas = to_canvas(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        column[0].imshow(color)
        column[1].imshow(canvas, cmap="gray", vmin=0, vmax=255)
        column[2].bar(range(10), classifier.predict_proba(canvas)[0], color="#2a6f97")
        column[2].set(ylim=(0, 1), xticks=range(10), yticks=[])
        column[2].tick_params(labelsize=7, length=0)
        sure = "over 99.9%" if digit.confidence > 0.999 else f"{digit.confidence:.1%}"
        column[2].set_xlabel(f"{digit.text}  ({sure})", fontsize=12)
        for side in ("top", "left", "right"):
            column[2].spines[side].set_visible(False)
        for axis in column[:2]:
            axis.set(xticks=[], yticks=[])
    for axis, name in zip(axes[:, 0], ("drawn", "seen, 28x28", "read"), strict=True):
        axis.set_ylabel(name, fontsize=11)
    return figure


if __name__ == "__main__":
    main()
