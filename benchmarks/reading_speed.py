"""Measure time and peak memory of the whole command `tenfold read`.

    python benchmarks/reading_speed.py

Reads a photo of one line of digits, and an A4 page at 300 dpi with 300 digits in 20 lines, both
made of MNIST's test images. For comparison, Python imports the packages that reading needs and
exits. Run nothing else on the machine. Writes results/reading_speed.json.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tenfold.arrays import Gray, Ink
from tenfold.data.mnist import load_mnist
from tenfold.files import write_json

RESULTS = Path(__file__).parent.parent / "results" / "reading_speed.json"
RUNS = 9
PEAK = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
IMPORTS = "import numpy, onnxruntime, PIL.Image, cv2"


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as in an install
    with tempfile.TemporaryDirectory() as folder:
        pictures = {
            "one line of 8 digits, 1280x960": write(folder, "line.png", (960, 1280), 1, 8, 110),
            "A4 at 300 dpi, 300 digits": write(folder, "a4.png", (3508, 2480), 20, 15, 100),
        }
        commands = {"imports only": [sys.executable, "-c", IMPORTS]}
        read = [sys.executable, "-m", "tenfold", "read"]
        commands |= {name: [*read, str(path)] for name, (path, _) in pictures.items()}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for run in range(RUNS + 1):
            for name, command in commands.items():
                measured = measure(command)
                if run:  # the first run fills the disk cache
                    found[name].append(measured)
        rows: list[dict[str, Any]] = [
            {
                "what": name,
                "seconds": round(statistics.median(s for s, _ in times), 3),
                "peak_megabytes": round(max(m for _, m in times)),
            }
            for name, times in found.items()
        ]
        for row in rows:
            if row["what"] in pictures:
                path, wanted = pictures[row["what"]]
                told = subprocess.run(
                    [*read, str(path)], capture_output=True, text=True, check=True
                )
                lines = told.stdout.split()
                row["lines_right"] = sum(a == b for a, b in zip(lines, wanted, strict=False))
                row["lines"] = len(wanted)
    write_json(RESULTS, {"runs": RUNS, "rows": rows})
    print(json.dumps(rows))


def measure(command: list[str]) -> tuple[float, float]:
    """Return the seconds that a command takes, and its peak memory in megabytes."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - start
    # Started by a small process, because a child starts with the size of its parent.
    told = subprocess.run(
        [sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True
    )
    return seconds, int(told.stdout) / 1024  # kilobytes on Linux


def write(
    folder: str, name: str, size: tuple[int, int], lines: int, digits: int, height: int
) -> tuple[Path, list[str]]:
    """Write a page of digits, dark ink on light paper; return its path and its lines of text."""
    images, labels = load_mnist("test")
    page = np.full(size, 225.0, np.float32)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(images), (lines, digits))
    for row, numbers in enumerate(chosen):
        top = round((row + 0.5) * size[0] / lines - height / 2)
        for place, number in enumerate(numbers):
            ink = ink_of(images[number], height)
            left = round((place + 0.5) * size[1] / digits - ink.shape[1] / 2)
            page[top : top + height, left : left + ink.shape[1]] -= 180 * ink
    path = Path(folder) / name
    noisy = page + rng.normal(0, 2, size)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path)
    return path, ["".join(map(str, labels[numbers])) for numbers in chosen]


def ink_of(image: Gray, height: int) -> Ink:
    """Return a digit, cropped to its ink and scaled to a height; 0 paper to 1 full ink."""
    rows, columns = (np.flatnonzero((image > 60).any(axis=axis)) for axis in (1, 0))
    cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
    width = max(2, round(cut.shape[1] * height / cut.shape[0]))
    ink: Ink = np.clip(cv2.resize(cut, (width, height)), 0, 1)
    return ink


if __name__ == "__main__":
    main()
