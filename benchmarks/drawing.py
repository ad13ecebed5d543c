"""Measure how soon the page of `tenfold serve` answers once the pen lifts.

    python benchmarks/drawing.py

Draws each digit with the mouse in Chromium, one a sheet, ROUNDS times; the page itself takes the
time from the pen's lifting to the answer standing there. Browser and server share the machine. Let
nothing run beside it. Writes results/drawing.json.
"""

import json
import statistics
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import numpy as np

from tenfold.files import write_json
from tenfold.machine import machine_facts

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs" / "images"))
import serve  # type: ignore[import-not-found]  # noqa: E402

RESULTS = ROOT / "results" / "drawing.json"
ROUNDS = 10


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    times, right = [], 0
    rng = np.random.default_rng(0)
    with serve.served() as address, serve.chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(address)
        for number in range(10 * ROUNDS + 2):
            corner = (float(rng.uniform(60, 300)), float(rng.uniform(40, 150)))
            serve.write(page, number % 10, corner, float(rng.uniform(150, 300)))
            answered = page.locator("#timing[data-milliseconds]")
            answered.wait_for(state="attached")
            page.wait_for_timeout(150)  # a second stroke's answer comes after the first one's
            if number >= 2:  # the first ones warm up
                times.append(float(answered.get_attribute("data-milliseconds") or "nan"))
                right += page.locator("#text").inner_text() == str(number % 10)
            page.locator("#clear").click()
    document = {
        "machine": machine_facts("fastapi", "uvicorn"),
        "right": right,
        "milliseconds": {
            "n": len(times),
            "median": round(statistics.median(times), 1),
            "mean": round(statistics.mean(times), 1),
            "sd": round(statistics.stdev(times), 1),
            "p95": round(float(np.quantile(times, 0.95)), 1),
            "min": round(min(times), 1),
            "max": round(max(times), 1),
        },
    }
    write_json(RESULTS, document)
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
