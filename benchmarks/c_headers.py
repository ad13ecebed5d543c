"""Measure what the C headers of `tiny` and `nano` take: instructions, memory, and one reading.

    python benchmarks/c_headers.py

Needs GCC and Valgrind. Counts instructions on x86-64 with optimization -O2 by Callgrind, as the
difference between runs over a few images and over none. Flash is code and constants of the object
file at -Os; RAM is its static buffers, and the stack of its functions as GCC reports it. Accuracy
is that of the test images, which set nothing here, read once and nine times. Writes
results/c_headers.json.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data.mnist import load_mnist
from tenfold.files import write_json
from tenfold.machine import machine_facts

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "src" / "tenfold" / "weights"
RESULTS = ROOT / "results" / "c_headers.json"
COUNTED = 8
"""Images over which instructions are counted."""

PROGRAM = """\
#include "reader.h"
#include <stdio.h>
int read_once(const uint8_t image[784]) {
    float sums[10] = {0};
    int digit = 0;
    NAME_add(image, 0, 0, sums);
    for (int i = 0; i < 10; i++) if (sums[i] > sums[digit]) digit = i;
    return digit;
}
int read_all(const uint8_t image[784]) { return NAME_read(image, 0); }
#ifndef NO_MAIN
int main(int count, char **words) {
    uint8_t image[784];
    while (fread(image, 1, 784, stdin) == 784)
        putchar('0' + (count > 1 ? read_once(image) : read_all(image)));
    return words == 0;
}
#endif
"""


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    images, labels = load_mnist("test")
    rows = []
    for name in ("tiny", "nano"):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(name, Path(folder), images, labels))
        print(rows[-1], file=sys.stderr, flush=True)
    compiler = run(["gcc", "--version"]).splitlines()[0]
    document = {"machine": machine_facts(), "compiler": compiler, "rows": rows}
    write_json(RESULTS, document)


def measured(name: str, folder: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the row of one model."""
    header = (WEIGHTS / name / f"{name}.h").read_text(encoding="utf-8")
    (folder / "reader.h").write_text(header)
    (folder / "main.c").write_text(PROGRAM.replace("NAME", name))
    run(["gcc", "-std=c99", "-O2", "main.c", "-o", "main", "-lm"], folder)
    run(["gcc", "-std=c99", "-Os", "-DNO_MAIN", "-fstack-usage", "-c", "main.c"], folder)
    text, data, bss = map(int, run(["size", "main.o"], folder).splitlines()[1].split()[:3])
    stack = [int(line.split("\t")[1]) for line in (folder / "main.su").read_text().splitlines()]
    row: dict[str, Any] = {"model": name, "flash_bytes": text + data, "static_bytes": bss}
    row["largest_stack_frame_bytes"] = max(stack)
    row["int8_weights"] = sum(map(int, re.findall(r"const int8_t \w+\[(\d+)\]", header)))
    for what, words in (("once", ["once"]), ("nine", [])):
        digits = run(["./main", *words], folder, images.tobytes())
        right = np.frombuffer(digits.encode(), np.uint8) - ord("0") == labels
        row[f"accuracy_{what}"] = float(right.mean())
        some, none = (
            instructions(words, folder, images[:count].tobytes()) for count in (COUNTED, 0)
        )
        row[f"instructions_{what}"] = (some - none) // COUNTED
    return row


def instructions(words: list[str], folder: Path, given: bytes) -> int:
    """Return the number of instructions of a run of the program."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "./main", *words]
    said = subprocess.run(command, cwd=folder, input=given, capture_output=True, check=True).stderr
    found = re.search(rb"Collected : (\d+)", said)
    if found is None:
        raise SystemExit(said.decode(errors="replace"))
    return int(found[1])


def run(command: list[str], folder: Path | None = None, given: bytes = b"") -> str:
    """Run a command, and return its standard output."""
    return subprocess.run(
        command, cwd=folder, input=given, stdout=subprocess.PIPE, check=True
    ).stdout.decode()


if __name__ == "__main__":
    main()
