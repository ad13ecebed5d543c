"""Measure how well the shipped line network reads strips, and the reader whole pages.

    python benchmarks/lines.py

Counts the strips made of the last 10,000 training images and of the fonts held back that the
network reads exactly, and the pages made of these images (tests/scenes.py) that the reader gets
right with the network and without. Writes results/line.json. The test images are not opened.
"""

import importlib
import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tenfold.arrays import DIGITS, Gray, Images
from tenfold.augmentation.digit_forms import with_upstroke
from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.files import write_json
from tenfold.reading.line_reader import LineReader
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading
from tenfold.training.lines.handwriting import Writers
from tenfold.training.lines.strips import make_strip
from tenfold.training.lines.train import writers_of_lines

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "line.json"
STRIPS = 1024
PAGES = 40
SCENES: dict[str, dict[str, Any]] = {
    "apart": {},
    "near": {"gap": 0.02},
    "touching": {"gap": -0.08},
    "leaning, near": {"gap": 0.05, "lean": 0.35},
    "leaning, patterned": {"gap": 0.1, "lean": 0.3, "pattern": 0.35},
    "touching, ruled": {"gap": -0.05, "rules": "ruled"},
    "touching, patterned": {"gap": -0.06, "pattern": 0.3},
    "touching, in shadow": {"gap": 0.0, "shadow": True},
}
"""Kinds of pages, as `scenes.page` makes them."""


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    writers = writers_of_lines(held_back=True)
    document: dict[str, Any] = {
        "protocol": (
            "made of the last 10,000 training images, which did not train the line's network but "
            "did train the shipped reader's, and of the families of fonts held back from both; a "
            "strip or page is right if all its digits are; error_at_80% is the share of wrong "
            "strips among the surest 80%, by their least sure digit"
        ),
        "strips": strips(writers),
        "pages": pages(writers.by_digit),
    }
    write_json(RESULTS, document)
    print(json.dumps(document))


def strips(writers: Writers) -> dict[str, float]:
    """Return how many strips are read right, by their digits and with signs and words."""
    network = LineReader(load_bundle("reader").read(LINE))
    rng = np.random.default_rng(99)
    with_signs = 0
    digits_right = []
    for _ in range(STRIPS):
        strip, text = make_strip(writers, rng)
        found = network.find_characters(strip)
        with_signs += "".join(one.character for one in found) == text
        digits = [one for one in found if one.character in DIGITS]
        right = [one.character for one in digits] == [one for one in text if one in DIGITS]
        digits_right.append((min((one.confidence for one in digits), default=1.0), right))
    surest = sorted(digits_right, reverse=True)[: round(0.8 * STRIPS)]
    return {
        "n": STRIPS,
        "right": round(sum(right for _, right in digits_right) / STRIPS, 4),
        "right_with_signs": round(with_signs / STRIPS, 4),
        "error_at_80%": round(1 - sum(right for _, right in surest) / len(surest), 4),
    }


def pages(source: Sequence[Images]) -> list[dict[str, Any]]:
    """Return how many pages of each kind are read right, with the line network and without."""
    sys.path.insert(0, str(ROOT / "tests"))
    page = importlib.import_module("scenes").page

    readers = {"line recognition too": Reader(), "segmentation only": Reader(whole_lines=False)}
    rows = []
    for number, (name, settings) in enumerate(SCENES.items()):
        rng = np.random.default_rng((5, number))
        right = dict.fromkeys(readers, 0)
        for _ in range(PAGES):
            digits, images = written(source, rng)
            height = int(rng.integers(35, 80))
            picture = page([images], rng=rng, height=height, **settings)
            for which, reader in readers.items():
                right[which] += digits_of(reader.read(picture)) == digits
        row = {"pages": name, "n": PAGES}
        rows.append(row | {which: round(count / PAGES, 4) for which, count in right.items()})
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def written(source: Sequence[Images], rng: np.random.Generator) -> tuple[list[int], list[Gray]]:
    """Return digits of one writer: alike in weight, some with upstrokes, and zeros at the end."""
    digits = [int(digit) for digit in rng.integers(0, 10, int(rng.integers(3, 7)))]
    if rng.random() < 0.3:
        digits[-2:] = [0, 0]
    weight = rng.uniform(-0.5, 0.7)
    around = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    images = []
    for digit in digits:
        image = source[digit][rng.integers(len(source[digit]))]
        if digit == 1 and rng.random() < 0.3:
            image = with_upstroke(image, rng)
        other = (cv2.dilate if weight > 0 else cv2.erode)(image, around)
        images.append(cv2.addWeighted(image, 1 - abs(weight), other, abs(weight), 0))
    return digits, images


def digits_of(reading: Reading) -> list[int]:
    """Return all digits, with the best guess of rejected ones."""
    return [digit.digit for line in reading.lines for digit in line.digits]


if __name__ == "__main__":
    main()
