"""Measure the accuracy of the reader on external pictures of handwritten digits.

    python benchmarks/reading.py --external FOLDER [--peers]

The folder holds `single/` (pictures and labels.csv: file, label, kind), `historical/` (labels.csv:
file, label), `hwd1000.npz` and `usps_dev.npz` (x, y), `numbers/` and `cheques/` (labels.json: file,
lines or text), and `not_digits_persian.npz` (x). The pictures are not part of this repository.
Nothing is trained on them, but they are a development set: rules of the reader and its threshold
were changed after looking at errors on them (docs/reading.md). With --peers, tesseract (the
program) and RapidOCR (rapidocr-onnxruntime, which tenfold does not depend on) read single digits,
numbers and cheques too. Writes results/reading.json.
"""

import argparse
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tenfold
from tenfold.files import write_json
from tenfold.scoring.outcomes import Outcome, read_pictures, summarize_set
from tenfold.scoring.picture_sets import LabeledPicture, load_picture_sets

RESULTS = Path(__file__).parent.parent / "results" / "reading.json"

NAMES = {
    "single": "single digits",
    "hwd1000": "HWD-1000",
    "usps_dev": "USPS",
    "historical": "historical crops",
    "numbers": "numbers, whole pictures",
    "cheques": "cheques, whole amounts",
    "not_digits_persian": "Persian digits 2 to 8, to be rejected",
}
PROTOCOL = (
    "development set: rules and threshold of the reader were changed after looking at errors on "
    "these pictures; accuracy counts the best guess of rejected digits too; accepted is the share "
    "of answers that are not rejected, accepted_error the error rate among them; error_at_80% and "
    "error_at_95% are the error rates among the most confident 80% and 95% of all answers, where "
    "the confidence of a number is that of its least confident digit; for numbers and cheques an "
    "answer is correct if all digits of the picture are, in their lines; Persian digits have no "
    "correct answer"
)

Peer = Callable[[LabeledPicture], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--external", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--model", default="reader")
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    reader = tenfold.Reader(tenfold.load_classifier(arguments.model))
    sets = load_picture_sets(arguments.external)
    rows = []
    for key, name in NAMES.items():
        pictures = sets[key]
        outcomes = read_pictures(reader, pictures)
        no_digits = key.startswith("not_digits")
        rows.append(summarize_set(name, outcomes, no_digits=no_digits))
        kinds = sorted({picture.kind for picture in pictures})
        for kind in kinds if len(kinds) > 1 else []:
            of_kind = [o for o, p in zip(outcomes, pictures, strict=True) if p.kind == kind]
            rows.append(summarize_set(f"{name}: {kind}", of_kind))
        print(rows[-1], flush=True)
    before = json.loads(RESULTS.read_text(encoding="utf-8"))
    document = {"protocol": PROTOCOL, "model": arguments.model, "sets": rows}
    document["peers"] = peers(sets) if arguments.peers else before.get("peers", [])
    write_json(RESULTS, document)
    print(json.dumps(rows))


def peers(sets: dict[str, list[LabeledPicture]]) -> list[dict[str, Any]]:
    """Return the accuracy of the other readers on the sets that they are made for."""
    rows = []
    for reader, read in {"tesseract": tesseract(), "RapidOCR": rapidocr()}.items():
        for key in ("single", "numbers", "cheques"):
            outcomes = []
            for sample in sets[key]:
                lines = ["".join(c for c in line if c.isdigit()) for line in read(sample)]
                lines = [line for line in lines if line]
                guess = ["".join(lines)] if sample.joined else lines
                outcomes.append(Outcome(guess == sample.lines, True, 1.0))
            row = summarize_set(NAMES[key], outcomes)
            rows.append({"reader": reader, **{k: row[k] for k in ("set", "n", "accuracy")}})
            print(rows[-1], flush=True)
    return rows


def tesseract() -> Peer:
    """Return tesseract, restricted to digits: a single digit, a line, or a block of lines."""
    program = shutil.which("tesseract")
    if program is None:
        raise SystemExit("the program tesseract is not installed: install it, or omit --peers")

    def read(sample: LabeledPicture) -> list[str]:
        layout = "10" if sample.single else "7" if sample.joined else "6"
        command = [program, str(sample.picture), "stdout", "--psm", layout]
        command += ["-c", "tessedit_char_whitelist=0123456789"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return told.splitlines()

    return read


def rapidocr() -> Peer:
    """Return RapidOCR: recognition only for a digit or a line, with detection for a page."""
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR()

    def read(sample: LabeledPicture) -> list[str]:
        one_line = sample.single or sample.joined
        found, _ = engine(str(sample.picture), use_det=not one_line, use_cls=False)
        return [entry[0] if one_line else entry[1] for entry in found or []]

    return read


if __name__ == "__main__":
    main()
