"""Measure the JavaScript reader in Chromium: its digits, its time, its size.

    make javascript
    python benchmarks/javascript.py

Compares the digit of each test image with that of the same network in C, and times images one by
one. The times count if the machine does nothing else: `load_average` is the mean number of
processes that wanted a core before it started. Nothing is chosen by it. Writes
results/javascript.json. Needs Chromium and a C compiler.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Route

from tenfold.classifiers.bundle import load_bundle
from tenfold.data.mnist import load_mnist
from tenfold.files import write_json
from tenfold.machine import machine_facts

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs" / "images"))
import serve  # type: ignore[import-not-found]  # noqa: E402

PACKAGE = ROOT / "javascript"
RESULTS = ROOT / "results" / "javascript.json"
SITE = "http://reader.test/"
ROUNDS = 5
SHEET = 200
"""Side in pixels of the drawings that are timed: a digit as large as on a phone's sheet."""

C_PROGRAM = """
#include <stdio.h>
#include "tiny.h"

int main(void) {
    uint8_t image[784];
    while (fread(image, 1, 784, stdin) == 784) putchar(tiny_read(image, 0));
}
"""

SCRIPT = """
async ({ rounds, sheet }) => {
  const { loadReader, toImage } = await import("/index.js");
  const began = performance.now();
  const reader = await loadReader(fetch("/reader.wasm"));
  const loadMs = performance.now() - began;
  const images = new Uint8Array(await (await fetch("/images")).arrayBuffer());
  const count = images.length / 784;
  const digits = [];
  const image = (i) => images.subarray(784 * i, 784 * (i + 1));
  for (let i = 0; i < count; i++) digits.push(reader.read(image(i)).digit);
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const times = [], inkTimes = [];
  const enlarged = (image) => Float32Array.from({ length: sheet * sheet }, (_, at) => {
    const [row, column] = [at / sheet, at % sheet].map((one) => Math.floor((28 * one) / sheet));
    return image[28 * row + column] / 255;
  });
  const sheets = Array.from({ length: 100 }, (_, i) => enlarged(image(i)));
  for (let round = 0; round < rounds; round++) {
    let start = performance.now();
    for (let i = 0; i < 500; i++) reader.read(image(i));
    times.push((performance.now() - start) / 500);
    start = performance.now();
    for (const ink of sheets) toImage(ink, sheet, sheet);
    inkTimes.push((performance.now() - start) / sheets.length);
  }
  return { digits, loadMs, readMs: median(times), normalizeMs: median(inkTimes) };
}
"""


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    images, labels = load_mnist("test")
    busy = os.getloadavg()[0]
    found = in_chromium(images.tobytes())
    digits = np.array(found["digits"])
    module = (PACKAGE / "reader.wasm").read_bytes()
    document = {
        "protocol": (
            "the 10,000 test images in Chromium, each with test-time augmentation (nine shifts); "
            f"medians of {ROUNDS} rounds of 500 images, and of 100 drawings of {SHEET} x {SHEET} "
            "pixels that are normalized to 28 x 28"
        ),
        "machine": machine_facts(),
        "load_average": round(busy, 1),
        "n": len(labels),
        "equal_to_c": round(float(np.mean(digits == in_c(images.tobytes()))), 6),
        "accuracy": round(float(np.mean(digits == labels)), 4),
        "read_ms": round(found["readMs"], 2),
        "normalize_ms": round(found["normalizeMs"], 2),
        "load_ms": round(found["loadMs"], 1),
        "wasm_bytes": len(module),
        "wasm_gzip_bytes": len(gzip.compress(module)),
    }
    write_json(RESULTS, document)
    print(json.dumps(document))


def in_chromium(images: bytes) -> dict[str, Any]:
    """Return digits and times of the reader in a page of Chromium."""

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(SITE)
        if name == "images":
            route.fulfill(body=images)
        elif not name:
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            route.fulfill(path=PACKAGE / name)

    with serve.chromium() as browser:
        page = browser.new_page()
        page.route("**/*", answer)
        page.goto(SITE)
        found: dict[str, Any] = page.evaluate(SCRIPT, {"rounds": ROUNDS, "sheet": SHEET})
    return found


def in_c(images: bytes) -> np.ndarray:
    """Return the digits that the same network gives in C."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny.h").write_bytes(load_bundle("tiny").read("tiny.h"))
        (folder / "main.c").write_text(C_PROGRAM)
        subprocess.run(["cc", "-O2", "main.c", "-lm", "-o", "read"], cwd=folder, check=True)
        done = subprocess.run([folder / "read"], input=images, stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, np.uint8)


if __name__ == "__main__":
    main()
