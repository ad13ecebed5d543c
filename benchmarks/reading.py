"""Read pictures of digits that nobody here drew, and write down how many are right.

    python benchmarks/reading.py --external FOLDER

The folder holds `single/` (pictures and labels.csv: file, label, kind, polarity), `historical/`
(labels.csv: file, label), `hwd1000.npz` and `usps_dev.npz` (x, y), `numbers/` and `cheques/`
(labels.json: file, lines or text), and `not_digits_persian.npz` (x). They are for measuring
only: nothing is trained or set by them, and they are not part of this repository. Writes
results/reading.json.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tenfold
from tenfold.files import write_atomic

RESULTS = Path(__file__).parent.parent / "results" / "reading.json"

Sample = tuple[Any, int, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--external", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--model", default="standard")
    arguments = parser.parse_args()
    reader = tenfold.Reader(tenfold.load_classifier(arguments.model))
    sets = {
        "single digits": single(arguments.external / "single"),
        "HWD-1000": archive(arguments.external / "hwd1000.npz"),
        "USPS": archive(arguments.external / "usps_dev.npz"),
        "historical crops": crops(arguments.external / "historical"),
    }
    rows = []
    for name, samples in sets.items():
        found = [(kind, *score(reader, source, label)) for source, label, kind in samples]
        rows.append(row(name, found))
        kinds = sorted({kind for kind, _, _ in found})
        for kind in kinds if len(kinds) > 1 else []:
            rows.append(row(f"{name}: {kind}", [entry for entry in found if entry[0] == kind]))
    rows.append(numbers(reader, arguments.external / "numbers"))
    rows.append(cheques(reader, arguments.external / "cheques"))
    rows.append(not_digits(reader, arguments.external / "not_digits_persian.npz"))
    document = {
        "protocol": "a refused digit's best guess counts for accuracy; accepted is the share not "
        "refused, accepted_error the share of wrong answers among them; of numbers and cheques all "
        "digits of a picture must be right, in their lines; Persian digits have no right answer",
        "model": arguments.model,
        "sets": rows,
    }
    write_atomic(RESULTS, json.dumps(document, indent=2) + "\n")
    print(json.dumps(rows))


def single(folder: Path) -> Iterator[Sample]:
    with (folder / "labels.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            yield folder / line["file"], int(line["label"]), line["kind"]


def archive(path: Path) -> Iterator[Sample]:
    with np.load(path) as arrays:
        for image, label in zip(arrays["x"], arrays["y"], strict=True):
            yield image, int(label), ""


def crops(folder: Path) -> Iterator[Sample]:
    with (folder / "labels.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            yield folder / line["file"], int(line["label"]), ""


def numbers(reader: Any, folder: Path) -> dict[str, Any]:
    """Score whole pictures: all their lines must be right, and none where there is no digit."""
    found = []
    for entry in json.loads((folder / "labels.json").read_text(encoding="utf-8")):
        wanted = [line.replace(" ", "") for line in entry["lines"] or []]
        lines = reader.read(folder / entry["file"]).lines
        right = wanted == ["".join(str(d.digit) for d in line.digits) for line in lines]
        found.append(("", right, not any(d.rejected for line in lines for d in line.digits)))
    return row("numbers, whole pictures", found)


def cheques(reader: Any, folder: Path) -> dict[str, Any]:
    """Score amounts: the digits of all lines together."""
    found = []
    for entry in json.loads((folder / "labels.json").read_text(encoding="utf-8")):
        lines = reader.read(folder / entry["file"]).lines
        digits = [digit for line in lines for digit in line.digits]
        right = entry["text"] == "".join(str(digit.digit) for digit in digits)
        found.append(("", right, bool(digits) and not any(digit.rejected for digit in digits)))
    return row("cheques, whole amounts", found)


def not_digits(reader: Any, path: Path) -> dict[str, Any]:
    """Score what is to be refused: no answer is right."""
    with np.load(path) as arrays:
        found = [("", *score(reader, image, -1)) for image in arrays["x"]]
    return row("Persian digits 2 to 8, to be refused", found) | {
        "accuracy": None,
        "accepted_error": None,
    }


def score(reader: Any, source: Any, label: int) -> tuple[bool, bool]:
    """Return whether the best guess is right, and whether it was accepted."""
    lines = reader.read(source, single=True).lines
    if not lines:
        return False, False
    digit = lines[0].digits[0]
    return digit.digit == label, not digit.rejected


def row(name: str, found: list[tuple[str, bool, bool]]) -> dict[str, Any]:
    accepted = [right for _, right, taken in found if taken]
    return {
        "set": name,
        "n": len(found),
        "accuracy": round(sum(right for _, right, _ in found) / len(found), 4),
        "accepted": round(len(accepted) / len(found), 4),
        "accepted_error": round(1 - sum(accepted) / len(accepted), 4) if accepted else None,
    }


if __name__ == "__main__":
    main()
