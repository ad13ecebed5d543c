"""Draw the pictures of reading, of looking inside and of explaining beside this file.

    python docs/images/make.py [NAME...]

reading.png shows a made photo of numbers, what was found in it and what was read; canvas.png digits
drawn here and what the network saw; page.png two numbers as `tenfold read --annotate` shows them;
limits.png a photo of which one number is read wrong. The others show what `tenfold show`, `tenfold
explain` and `tenfold robustness` draw. All are made by default.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import tenfold
from tenfold.imaging.decoding import load_picture
from tenfold.reading.annotate import ACCEPTED_COLOR, REJECTED_COLOR
from tenfold.reporting.drawing import EDGE, INK, MUTED, TEXT, TITLE, WIDTH, Drawing
from tenfold.reporting.saving import SMALL_WIDTH, save_small
from tenfold.scoring.robustness import CorruptionScore, Robustness, corruption_sheet

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
    pictures: dict[str, Callable[[], None]] = {
        "reading": draw_photo,
        "canvas": draw_canvases,
        "page": lambda: annotate(number_page(), "page"),
        "limits": lambda: annotate(photo_page(ruled=True), "limits"),
        "inside": draw_inside,
        "explaining": draw_explaining,
        "robustness": draw_robustness,
    }
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(pictures))
    names = parser.parse_args().names
    if unknown := sorted(set(names) - set(pictures)):
        parser.error(f"no picture is called {unknown[0]}; there are {', '.join(pictures)}")
    for name in names or pictures:
        pictures[name]()


def save(picture: Image.Image, name: str) -> None:
    small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(HERE / f"{name}.png", optimize=True)


def annotate(pixels: np.ndarray, name: str) -> None:
    picture = load_picture(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    save(tenfold.Reader().read_picture(picture).annotate(picture), name)


def draw_photo() -> None:
    """Draw a photo of a sheet of paper, a box and a label on each digit, and the text below."""
    photo = Image.fromarray(cv2.cvtColor(photo_page(), cv2.COLOR_BGR2RGB))
    reading = tenfold.Reader().read(photo)
    sheet = Image.new("RGB", (SMALL_WIDTH, photo.height + 96 + 40 * len(reading.lines)), "#0d0f13")
    sheet.paste(photo)
    pen = ImageDraw.Draw(sheet)
    for line in reading.lines:
        for digit in line.digits:
            x, y, width, height = digit.box
            color = REJECTED_COLOR if digit.rejected else ACCEPTED_COLOR
            pen.rectangle((x - 3, y - 3, x + width + 3, y + height + 3), outline=color, width=3)
            font = ImageFont.load_default(28)
            left, top, right, low = pen.textbbox((x + 3, y - 8), digit.text, font, "lb")
            pen.rectangle((left - 9, top - 5, right + 6, low + 5), fill=color)
            pen.text((x + 3, y - 8), digit.text, "white", font, "lb")
    y = photo.height + 44
    pen.text((32, y), "$ tenfold read photo.jpg", MUTED, ImageFont.load_default(26), "lm")
    for place, line in enumerate(reading.lines, 1):
        pen.text((32, y + 40 * place), line.text, INK, ImageFont.load_default(30), "lm")
    save(sheet, "reading")


def draw_canvases() -> None:
    """Draw digits as they were drawn, the images that the network saw, and its answers."""
    pictures = [
        page(7, pen=9, ink=(30, 30, 40), paper=(235, 240, 245)),
        page(3, pen=4, ink=(70, 60, 60), paper=(250, 250, 250), ruled=True),
        page(5, pen=22, ink=(160, 60, 20), paper=(215, 225, 235), shadow=True),
        page(2, pen=10, ink=(235, 240, 235), paper=(40, 60, 45)),
        page(9, pen=6, ink=(60, 60, 60), paper=(200, 205, 205), shadow=True, noise=12),
        page(4, pen=7, ink=(40, 40, 150), paper=(245, 245, 245), small=True),
    ]
    reader = tenfold.Reader()
    drawing = Drawing(WIDTH, 352, "Digits as drawn, as the network saw them, and what it read")
    pitch = (WIDTH - 2 * EDGE + 12) / len(pictures)
    side = pitch - 12
    for y, words in ((28, "drawn"), (160, "what the network sees: 28x28 pixels"), (292, "read")):
        drawing.text(EDGE, y, words, TEXT, MUTED)
    for place, picture in enumerate(pictures):
        x = EDGE + place * pitch
        color = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        digit = reader.read(color, single=True).lines[0].digits[0]
        drawing.image(x, 44, color, side / len(color))
        drawing.image(x, 176, digit.canvas, side / len(digit.canvas))
        drawing.text(x + side / 2, 314, digit.text, TITLE, INK, "middle")
        sure = "over 99.9%" if digit.confidence > 0.999 else f"{digit.confidence:.1%}"
        drawing.text(x + side / 2, 336, sure, TEXT, MUTED, "middle")
    save_small(drawing, HERE / "canvas.png")


def draw_inside() -> None:
    """Draw what `tenfold show` leaves, of a digit drawn here."""
    look = tenfold.show("standard", picture=three())
    names = {"feature-maps": "feature-maps", "filters-conv1": "filters",
             "filters-conv2": "filters-conv2", "top-patches-conv2": "top-patches",
             "map": "map"}  # fmt: skip
    for figure, name in names.items():
        save_small(look.figures[figure], HERE / f"{name}.png")


def draw_explaining() -> None:
    """Draw what `tenfold explain` leaves, of the same digit."""
    why = tenfold.explain(three(), single=True)
    save_small(why.digits[0].figure, HERE / "explaining.png")


def draw_robustness() -> None:
    """Draw the sheet of `tenfold robustness`, from results/robustness.json."""
    results = HERE.parent.parent / "results" / "robustness.json"
    found = json.loads(results.read_text(encoding="utf-8"))
    rows = tuple(CorruptionScore(**row) for row in found["corruptions"])
    sheet = corruption_sheet(Robustness(found["model"], found["n"], rows, ()))
    save_small(sheet, HERE / "robustness.png")


def three() -> np.ndarray:
    return page(3, pen=15, ink=(40, 40, 40), paper=(245, 245, 245))


def photo_page(*, ruled: bool = False) -> np.ndarray:
    """Return a photo uint8 (500, 750, 3), blue first: three numbers on paper, on a table."""
    rng = np.random.default_rng(3)
    paper = np.full((640, 900, 3), (236, 244, 247), np.float32)
    if ruled:
        for y in range(70, 640, 46):
            cv2.line(paper, (0, y), (899, y), (214, 190, 168), 2, cv2.LINE_AA)
        cv2.line(paper, (70, 0), (70, 639), (150, 150, 225), 2, cv2.LINE_AA)
    for row, number in enumerate(("7352", "94 1806", "20 57")):
        left = 120.0
        for digit in number:
            if digit == " ":
                left += 70
                continue
            size = rng.uniform(104, 122)
            corner = (left, 62 + 184 * row + rng.uniform(-8, 8))
            lean = np.array([[1, 0], [-0.16 + rng.uniform(-0.04, 0.04), 1]])
            for stroke in STROKES[int(digit)]:
                curve = (smooth(stroke) + rng.normal(0, 0.012, 2)) @ lean * size + corner
                points = np.round(curve * 16).astype(np.int32)
                cv2.polylines(paper, [points], False, (110, 45, 25), 8, cv2.LINE_AA, shift=4)
            left += size * (0.72 if digit == "1" else 1.04)
    grain = cv2.GaussianBlur(rng.normal(0, 40, (500, 750)).astype(np.float32), (0, 0), 40, sigmaY=2)
    table = np.array((58, 84, 118), np.float32) + 6 * grain[..., None]
    corners = np.array([(58, 26), (716, 50), (738, 470), (18, 488)], np.float32)
    flat = np.array([(0, 0), (899, 0), (899, 639), (0, 639)], np.float32)
    placed = cv2.getPerspectiveTransform(flat, corners)
    inside = cv2.warpPerspective(np.ones((640, 900), np.float32), placed, (750, 500))
    shade = cv2.GaussianBlur(np.roll(inside, (10, 8), (0, 1)), (0, 0), 9)
    table *= 1 - 0.5 * shade[..., None]
    cover = cv2.GaussianBlur(inside, (3, 3), 0)[..., None]
    photo = cover * cv2.warpPerspective(paper, placed, (750, 500)) + (1 - cover) * table
    light = np.linspace(1.02, 0.66, 750)[None, :] * np.linspace(1, 0.88, 500)[:, None]
    photo = cv2.GaussianBlur(photo * light[..., None], (3, 3), 0)
    return np.clip(photo, 0, 255).astype(np.uint8)


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


if __name__ == "__main__":
    main()
