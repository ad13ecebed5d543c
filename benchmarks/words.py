"""Measure whether the reader leaves out printed words, alone and beside numbers.

    python benchmarks/words.py

Makes pages of printed words in Matplotlib's fonts, on which nothing was trained, and of numbers
beside them, made of the last 10,000 training images. A page is correct if the reader finds the
number and nothing else, or no digit on a page without one. Writes results/words.json. Does not open
the test images.
"""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from lines import digits_of, written
from PIL import Image, ImageDraw, ImageFont

from tenfold.arrays import Gray, Images
from tenfold.files import write_json
from tenfold.reading.reader import Reader
from tenfold.training.lines.train import writers_of_lines

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "words.json"
PAGES = 120
FONTS = [
    str(path)
    for path in sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("DejaVu*.ttf"))
]
TEXT = """
the quick brown fox jumps over lazy dog Total Amount signed yours sincerely October Bread Milk is of
Solo Bologna illos Sos GOLD zoo boss Balls slab loss Boil lobes soil hello silo Zoll Isis sell to so
"""
WORDS = TEXT.split()
"""Words with all letters of the alphabet, and many that look like digits."""

Rng = np.random.Generator
Source = Sequence[Images]


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    source = writers_of_lines(held_back=True).by_digit
    reader = Reader()
    rows = []
    for number, (name, page) in enumerate(KINDS.items()):
        rng = np.random.default_rng((7, number))
        right = digits = 0
        for _ in range(PAGES):
            picture, wanted = page(source, rng)
            found = digits_of(reader.read(picture))
            right += found == wanted
            digits += 0 if wanted else len(found)
        rows.append({"pages": name, "n": PAGES, "right": round(right / PAGES, 4)})
        rows[-1] |= {} if wanted else {"digits_read": digits}
        print(rows[-1], file=sys.stderr, flush=True)
    write_json(RESULTS, {"pages": rows})
    print(json.dumps(rows))


def words_only(source: Source, rng: Rng) -> tuple[Gray, list[int]]:
    lines, size = int(rng.choice([1, 1, 2, 5])), int(rng.choice([24, 40]))
    page = Image.new("L", (700, 60 * lines + 40), 235)
    font = ImageFont.truetype(rng.choice(FONTS), size)
    for line in range(lines):
        text = " ".join(rng.choice(WORDS, int(rng.choice([1, 2, 4]))))
        ImageDraw.Draw(page).text((20, 60 * line + 15), text, fill=40, font=font)
    return np.asarray(page), []


def number_after(source: Source, rng: Rng) -> tuple[Gray, list[int]]:
    return _beside(source, rng, after=True)


def number_before(source: Source, rng: Rng) -> tuple[Gray, list[int]]:
    return _beside(source, rng, after=False)


KINDS: dict[str, Callable[[Source, Rng], tuple[Gray, list[int]]]] = {
    "words only": words_only,
    "a number after a word": number_after,
    "a number before a word": number_before,
}


def _beside(source: Source, rng: Rng, *, after: bool) -> tuple[Gray, list[int]]:
    """Return a page with a printed word and a handwritten number beside it, and its digits."""
    digits, images = written(source, rng)
    page = Image.new("L", (900, 160), 235)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(rng.choice(FONTS), int(rng.integers(30, 50)))
    word = str(rng.choice(WORDS))
    height = int(rng.integers(38, 60))
    gap = rng.uniform(0.5, 1.5) * height
    x, ink = 30.0, Image.new("L", page.size, 0)
    if after:
        pen.text((x, 95), word, fill=40, font=font, anchor="ls")
        x += font.getlength(word) + gap
    for image in images:
        mark = _ink(image, height * rng.uniform(0.9, 1.1))
        ink.paste(mark, (round(x), 98 - mark.height), mark)
        x += mark.width + rng.uniform(0.05, 0.3) * height
    page.paste(50, mask=ink)
    if not after:
        pen.text((x + gap, 95), word, fill=40, font=font, anchor="ls")
    return np.asarray(page), digits


def _ink(image: Gray, height: float) -> Image.Image:
    """Return a digit, cropped to its ink and scaled to a height."""
    ink = Image.fromarray(image)
    ink = ink.crop(ink.point(lambda gray: 255 * (gray > 60)).getbbox())
    return ink.resize((max(2, round(ink.width * height / ink.height)), round(height)))


if __name__ == "__main__":
    main()
