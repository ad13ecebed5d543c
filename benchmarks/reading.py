"""Measure the accuracy of the reader on external pictures of handwritten digits.

    python benchmarks/reading.py --external FOLDER [--part tenfold] [--part peers]
    python benchmarks/reading.py --faults FOLDER

The folder of --external holds `single/` (pictures and labels.csv: file, label, kind), `historical/`
(labels.csv: file, label), `hwd1000.npz` and `usps_dev.npz` (x, y), `numbers/` and `cheques/`
(labels.json: file, lines or text), and `not_digits_persian.npz` (x). The part `tenfold` reads them
with the shipped reader. The part `peers` reads some of them with tesseract (the program) and with
RapidOCR (`pip install "tenfold[ocr]"`), as it comes and restricted to digits and `. , - /`. Without
--part both parts run. The folder of --faults holds small scenes that were read wrongly once, and
labels.json: the right text of each, and whether it shows a single digit.

The pictures are not part of this repository. Nothing is trained on them, but they are a development
set: rules of the reader and its threshold were changed after looking at errors on them
(docs/explanation/reading-accuracy.md). What runs replaces its own figures in results/reading.json,
and no others.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from reading_peers import Peer, digits_read, load_peers

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
    "cheques": "bank checks, whole amounts",
    "not_digits_persian": "Persian digits 2 to 8, to be rejected",
}
PEER_SETS = {"single": 1, "numbers": 1, "cheques": 1, "historical": 3, "usps_dev": 35}
"""The sets that peers read, and the step from one picture that they read to the next."""

PROTOCOL = (
    "development set: rules and threshold of the reader were changed after looking at errors on "
    "these pictures; accuracy counts the best guess of rejected digits too; accepted is the share "
    "of answers that are not rejected, accepted_error the error rate among them; error_at_80% and "
    "error_at_95% are the error rates among the most confident 80% and 95% of all answers, where "
    "the confidence of a number is that of its least confident digit; for numbers and bank checks "
    "an answer is correct if all digits of the picture are, in their lines; Persian digits have no "
    "correct answer; the labels of four bank checks are doubtful (a_car_000803, a_car_000985, "
    "a_car_001027, a_car_001167) and count as they are; peers read a single digit or a bank "
    "check by recognition alone, find the lines of numbers themselves, and are compared by digits "
    "alone"
)
FAULTS_PROTOCOL = (
    "scenes made of MNIST test images, which set nothing; right is the number of scenes whose text "
    "is right, where a sign between digits may be rejected; wrong_accepted is the number of "
    "scenes whose accepted digits are not among the right ones in their order"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--external", type=Path, metavar="FOLDER")
    parser.add_argument("--part", choices=("tenfold", "peers"), action="append", dest="parts")
    parser.add_argument("--faults", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default="reader")
    arguments = parser.parse_args()
    if not (arguments.external or arguments.faults):
        parser.error("give --external FOLDER, --faults FOLDER, or both")
    parts = arguments.parts or ("tenfold", "peers")
    peers = load_peers() if arguments.external and "peers" in parts else {}
    reader = tenfold.Reader(tenfold.load_classifier(arguments.model))
    found: dict[str, Any] = {"protocol": PROTOCOL}
    if arguments.external:
        sets = load_picture_sets(arguments.external)
        if "tenfold" in parts:
            found |= {"model": arguments.model, "sets": tenfold_rows(reader, sets)}
        if peers:
            found |= {"peers": peer_rows(peers, sets)}
    if arguments.faults:
        found |= {"faults": read_faults(reader, arguments.faults)}
    write_json(RESULTS, json.loads(RESULTS.read_text(encoding="utf-8")) | found)
    print(json.dumps(found))


def tenfold_rows(
    reader: tenfold.Reader, sets: dict[str, list[LabeledPicture]]
) -> list[dict[str, Any]]:
    """Return the figures of the reader on each set, and on each kind of picture in it."""
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
    return rows


def peer_rows(
    peers: dict[str, Peer], sets: dict[str, list[LabeledPicture]]
) -> list[dict[str, Any]]:
    """Return the accuracy of the other readers on the sets that they can read."""
    rows = []
    for reader, read in peers.items():
        for key, step in PEER_SETS.items():
            pictures = sets[key][::step]
            outcomes = [
                Outcome(digits_read(read, one) == one.lines, accepted=True, confidence=1.0)
                for one in pictures
            ]
            row = summarize_set(NAMES[key], outcomes)
            rows.append({"reader": reader, **{k: row[k] for k in ("set", "n", "accuracy")}})
            print(rows[-1], flush=True)
    return rows


def read_faults(reader: tenfold.Reader, folder: Path) -> dict[str, Any]:
    """Return how many scenes are read right, and how many have a wrong digit accepted."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    scenes: list[dict[str, Any]] = []
    for name, label in labels.items():
        text = reader.read(folder / name, single=label["single"]).text
        scenes.append(
            {
                "scene": Path(name).stem,
                "text": text,
                "right": is_right(text, label["right"], name),
                "wrong_accepted": not is_among(text, label["right"]),
            }
        )
        print(scenes[-1], flush=True)
    counts = {key: sum(one[key] for one in scenes) for key in ("right", "wrong_accepted")}
    return {"protocol": FAULTS_PROTOCOL, "n": len(scenes), **counts, "scenes": scenes}


def is_right(text: str, right: str, name: str) -> bool:
    """Return whether a scene was read right.

    Args:
        text: What was read, "?" for each rejected digit.
        right: The right text, or several that are as good, separated by " or ".
        name: Begins with the kind of the scene: between the digits of `slash` and `brackets` a sign
            may be rejected, and all digits of `struck_out` may be.
    """
    choices = right.split(" or ")
    if name.startswith(("slash", "brackets")):
        return bool(re.fullmatch(r"\??" + r"\??".join(choices[0]) + r"\??", text))
    if name.startswith("struck"):
        return set(text) <= {"?", "\n"}
    return text in choices


def is_among(text: str, right: str) -> bool:
    """Return whether the accepted digits are among the right ones, in their order."""
    rest = iter(right.split(" or ", maxsplit=1)[0])
    return all(character in rest for character in text if character.isdigit())


if __name__ == "__main__":
    main()
