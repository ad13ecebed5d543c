"""Readings of drawn pages, pinned: a change of structure must not change what is read.

After a change that is meant to read better, write them anew:
`python tests/test_golden_readings.py`, and look at the difference.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import scenes
from conftest import Mnist

from tenfold.arrays import Images
from tenfold.data.mnist import load_mnist
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading

GOLDEN = Path(__file__).parent / "golden_readings.json"

KINDS: dict[str, dict] = {
    "plain": {},
    "ruled": {"rules": "ruled"},
    "squared": {"rules": "squared"},
    "boxes": {"rules": "boxes"},
    "shadow": {"shadow": True},
    "climbing": {"slant": 0.05},
    "leaning": {"lean": 0.3},
    "patterned": {"pattern": 0.3},
    "touching": {"gap": -0.1},
    "touching and leaning": {"gap": -0.2, "lean": 0.3},
    "low": {"height": 25},
    "high": {"height": 120},
    "ruled, in shadow, touching": {"rules": "ruled", "shadow": True, "gap": -0.05},
}
WAYS = ("upright", "inverted", "rotated")
CASES = [(kind, way) for kind in KINDS for way in WAYS]
SLOW = [(kind, "rotated") for kind in KINDS if kind != "ruled"]
"""Reading a rotated page takes seconds: CI reads the others."""


def drawn(images: Images, kind: str, way: str) -> np.ndarray:
    """Return a page of digits of the last 10,000 training images."""
    rng = np.random.default_rng(list(KINDS).index(kind))
    lines = [
        [images[index] for index in rng.integers(50_000, 60_000, rng.integers(3, 9))]
        for _ in range(rng.integers(1, 4))
    ]
    page = scenes.page(lines, rng=rng, **KINDS[kind])
    if way == "inverted":
        return 255 - page
    return np.ascontiguousarray(np.rot90(page)) if way == "rotated" else page


def summary(reading: Reading) -> dict:
    digits = [digit for line in reading.lines for digit in line.digits]
    return {
        "text": reading.text,
        "orientation": reading.orientation,
        "confidences": [round(digit.confidence, 2) for digit in digits],
        "boxes": [list(digit.box) for digit in digits],
        "left_out": len(reading.left_out),
    }


@pytest.mark.parametrize(
    ("kind", "way"),
    [pytest.param(*case, marks=[pytest.mark.slow] * (case in SLOW)) for case in CASES],
)
def test_reading_is_as_pinned(kind: str, way: str, reader: Reader, mnist: Mnist) -> None:
    found = summary(reader.read(drawn(mnist.train_images, kind, way)))
    pinned = json.loads(GOLDEN.read_text())[f"{kind}, {way}"]
    # Processors sum in different orders: a confidence may round the other way.
    assert found.pop("confidences") == pytest.approx(pinned.pop("confidences"), abs=0.02)
    assert found == pinned


if __name__ == "__main__":
    shared, (images, _) = Reader(), load_mnist("train")
    readings = {
        f"{kind}, {way}": summary(shared.read(drawn(images, kind, way))) for kind, way in CASES
    }
    GOLDEN.write_text(json.dumps(readings, indent=1) + "\n")
