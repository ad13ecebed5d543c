"""Measure the time of the whole command `tenfold read --single digit.png`.

    python benchmarks/startup.py

For comparison, in turn: a Python that does nothing, and one that only imports numpy, ONNX Runtime,
Pillow and OpenCV. A last run with -X importtime measures the import time of each package's own
lines. Run nothing else meanwhile. Writes results/startup.json.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import defaultdict
from pathlib import Path

from PIL import Image

from tenfold.data.mnist import load_mnist
from tenfold.files import write_json
from tenfold.machine import machine_facts

RESULTS = Path(__file__).parent.parent / "results" / "startup.json"
RUNS = 20
IMPORTS = "import numpy, onnxruntime, PIL.Image, cv2"
PACKAGES = ("numpy", "onnxruntime", "PIL", "cv2", "tenfold")
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "digit.png"
        digit = Image.fromarray(255 - load_mnist("train")[0][0]).resize((280, 280))
        page = Image.new("L", (400, 400), 255)
        page.paste(digit, (60, 60))
        page.save(picture)
        commands = {
            "nothing": ["-c", "pass"],
            "imports": ["-c", IMPORTS],
            "read": ["-m", "tenfold", "read", "--single", str(picture)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, words in commands.items():
                seconds[name].append(timed(words))
        by_package = own_milliseconds(["-X", "importtime", *commands["read"]])
    medians = {name: round(statistics.median(values), 4) for name, values in seconds.items()}
    document = {
        "machine": machine_facts("opencv-python-headless", "pillow"),
        "runs": RUNS,
        "seconds": medians,
        "read_by_imports": round(medians["read"] / medians["imports"], 2),
        "import_ms": by_package,
    }
    write_json(RESULTS, document)
    print(json.dumps(document, indent=2))


def timed(words: list[str]) -> float:
    """Return the wall time of a Python command, in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def own_milliseconds(words: list[str]) -> dict[str, float]:
    """Return the import time of modules' own lines by package, in milliseconds."""
    said = subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, text=True
    ).stderr  # fmt: skip
    spent: dict[str, float] = defaultdict(float)
    for line in said.splitlines():
        if found := LINE.match(line):
            package = found[2].partition(".")[0]
            spent[package if package in PACKAGES else "others"] += int(found[1]) / 1000
    return {name: round(value, 1) for name, value in spent.items()}


if __name__ == "__main__":
    main()
