"""Measure how many fields in boxes, dates, frames, tables and sudoku photos are read right.

    python benchmarks/fields.py

Draws scenes of tests/box_scenes.py and tests/light_scenes.py with the last 10,000 training images
of MNIST, and with other seeds than those that the settings were chosen on. Writes
results/fields.json. The test images are not opened.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.arrays import Gray
from tenfold.data.mnist import load_mnist
from tenfold.files import write_json
from tenfold.reading.reader import Reader
from tenfold.reading.results import Reading

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "fields.json"
SEED = 5417
"""Added to the number of each scene."""

FIELDS = ("shared walls", "separate", "open")
OF_A_KIND = 30
DIGITS = 8
GRIDS = {"tables": 12, "sudokus": 4}

Draw = Callable[[np.random.Generator], tuple[Gray, str]]
"""Returns a page and the digits on it."""


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    scenes, light = (importlib.import_module(name) for name in ("box_scenes", "light_scenes"))
    images, labels = load_mnist("train")
    reader = Reader()

    def drawn(rng: np.random.Generator, count: int) -> tuple[list[Gray], str]:
        chosen = rng.integers(50_000, 60_000, count)
        return [images[one] for one in chosen], "".join(str(labels[one]) for one in chosen)

    def boxed(scene: Any, *kind: str, fewest: int = DIGITS, most: int = DIGITS) -> Draw:
        def draw(rng: np.random.Generator) -> tuple[Gray, str]:
            digits, text = drawn(rng, int(rng.integers(fewest, most + 1)))
            return scene(*kind, digits, rng), text

        return draw

    def framed(rng: np.random.Generator) -> tuple[Gray, str]:
        found = light.light_scene("headers", rng, images[50_000:], labels[50_000:])
        return found.picture, found.text

    fields = [
        measured(kind, number, boxed(scenes.field_scene, kind), reader)
        for number, kind in enumerate(FIELDS)
    ]
    pages = [
        measured(f"dates, {kind}", 10 + number, boxed(scenes.date_scene, kind), reader)
        for number, kind in enumerate(FIELDS)
    ]
    dashed = boxed(scenes.dashed_scene, fewest=0, most=4)
    pages.append(measured("dashed boxes, 0 to 4 digits", 20, dashed, reader))
    pages.append(measured("frames with a header of cells", 21, framed, reader))
    grids = [cells_of(name, count, drawn, scenes, reader) for name, count in GRIDS.items()]
    document = {
        "protocol": (
            f"fields of {DIGITS} digits, one in each cell, right if all are, with the best guess "
            "of rejected ones; pages of dates in boxes, of numbers in dashed boxes, which may be "
            "empty, and of numbers in frames; cells of tables and sudokus, empty ones too; digits "
            "of the last 10,000 training images"
        ),
        "seed": SEED,
        "fields": fields,
        "right": round(sum(row["right"] for row in fields) / (len(fields) * OF_A_KIND), 4),
        "pages": pages,
        "grids": grids,
    }
    write_json(RESULTS, document)
    print(json.dumps(document))


def measured(name: str, number: int, draw: Draw, reader: Reader) -> dict[str, Any]:
    """Return how many pages with one line of digits, or none, are right."""
    right = accepted = wrong = 0
    for scene in range(OF_A_KIND):
        picture, text = draw(np.random.default_rng((SEED, number, scene)))
        reading = reader.read(picture)
        right += [len(reading.lines), guesses(reading)] == [bool(text), text]
        sure = not any(digit.rejected for digit in reading.digits)
        accepted += sure
        wrong += sure and reading.text != text
    row = {"fields": name, "n": OF_A_KIND, "right": right, "accepted": accepted}
    print(row, file=sys.stderr, flush=True)
    return {**row, "accepted_wrong": wrong}


def cells_of(name: str, count: int, drawn: Any, scenes: Any, reader: Reader) -> dict[str, Any]:
    """Return how many cells of tables or sudokus are right; empty cells count too."""
    right = total = 0
    for scene in range(count):
        rng = np.random.default_rng((SEED, len(name), scene))
        rows, columns = (9, 9) if name == "sudokus" else rng.integers(2, 9, 2)
        empty = 0.3 if name == "sudokus" else 0.15
        cells = [
            [drawn(rng, int(rng.random() >= empty)) for _ in range(columns)] for _ in range(rows)
        ]
        if name == "sudokus":
            picture = scenes.sudoku_scene(
                [[held[0] if held else None for held, _ in row] for row in cells], rng
            )
        else:
            picture = scenes.table_scene([[held for held, _ in row] for row in cells], rng)
        read = cells_read(reader.read(picture))
        for row, held in enumerate(cells):
            for column, (_, text) in enumerate(held):
                right += read.get((row, column)) == text
        total += rows * columns
    return {"grids": name, "n": count, "cells": int(total), "right": round(right / total, 4)}


def cells_read(reading: Reading) -> dict[tuple[int, int], str]:
    """Return the best guesses in each cell of the largest grid."""
    grid = max(reading.grids, key=lambda grid: len(grid.cells), default=None)
    return {
        (cell.row, cell.column): "".join(str(digit.digit) for digit in cell.digits)
        for cell in (grid.cells if grid else ())
    }


def guesses(reading: Reading) -> str:
    """Return all digits, with the best guess of rejected ones."""
    return "".join(str(digit.digit) for digit in reading.digits)


if __name__ == "__main__":
    main()
