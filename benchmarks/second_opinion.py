"""Measure what a second opinion is worth: coverage and errors of both readers, alone and agreeing.

    python benchmarks/second_opinion.py --external FOLDER

Needs `pip install "tenfold[ocr]"`. Reads lines made of the last 10,000 training images, as pages of
one line (benchmarks/lines.py, with other seeds) and as strips; and the bank checks in FOLDER
(benchmarks/reading.py), which are a development set. The margin around a line, and how confidences
are combined, were chosen on such pages with two further seeds. The test images are not opened.
Writes results/second_opinion.json.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lines import SCENES, written

from tenfold.arrays import DIGITS, Images
from tenfold.classifiers.bundle import LINE, load_bundle
from tenfold.files import write_json
from tenfold.imaging.canvas import Mark
from tenfold.imaging.decoding import PictureSource, load_picture
from tenfold.machine import machine_facts
from tenfold.reading.line_reader import DIGIT_SHARE, STRIP_HEIGHT, LineReader
from tenfold.reading.reader import Reader
from tenfold.reading.results import Digit
from tenfold.reading.second_opinion import SecondReader, confirmed, load_second_reader
from tenfold.scoring.outcomes import Outcome, summarize_set
from tenfold.scoring.picture_sets import load_pictures
from tenfold.training.lines.handwriting import Writers
from tenfold.training.lines.strips import make_strip
from tenfold.training.lines.train import writers_of_lines

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "second_opinion.json"
PAGES = 20
STRIPS = 300
PROTOCOL = (
    "an answer is a page, a strip or a check's amount, and correct if all its digits are; of a "
    "page both readers read the same line, which our reader found; accepted, accepted_error, "
    "error_at_80% and error_at_95% as in reading.json; the held-back digits trained the shipped "
    "reader, but neither its line network nor the other reader"
)


@dataclass(frozen=True)
class Answers:
    """What both readers say about one line.

    Attributes:
        right: The right digits.
        ours: The digits of tenfold.
        theirs: Those of the other reader.
        both: Ours, with the second opinion.
        our_ms: Processor time of our reader.
        their_ms: Processor time of the other reader.
    """

    right: str
    ours: Sequence[Digit]
    theirs: Sequence[Digit]
    both: Sequence[Digit]
    our_ms: float = 0.0
    their_ms: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--external", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    reader = Reader()
    second = load_second_reader(reader.settings)
    line_reader = LineReader(load_bundle("reader").read(LINE), reader.settings)
    writers = writers_of_lines(held_back=True)
    source = writers.by_digit
    checks = load_pictures(arguments.external / "cheques")
    sets = {
        "held-back pages of one line": read_all(reader, second, pages(source)),
        "held-back strips": read_strips(line_reader, second, writers, reader.threshold),
        "bank checks, whole amounts": read_all(
            reader, second, ((one.picture, "".join(one.lines or ())) for one in checks)
        ),
    }
    rows = [row for name, answers in sets.items() for row in compared(name, list(answers))]
    write_json(RESULTS, {"protocol": PROTOCOL, "sets": rows, "machine": machine_facts("rapidocr")})
    print(json.dumps(rows))


def pages(source: Sequence[Images]) -> Iterator[tuple[PictureSource, str]]:
    """Yield pages of one line, as benchmarks/lines.py makes them, with the right digits."""
    sys.path.insert(0, str(ROOT / "tests"))
    page = importlib.import_module("scenes").page
    for number, settings in enumerate(SCENES.values()):
        rng = np.random.default_rng((57, number))
        for _ in range(PAGES):
            digits, images = written(source, rng)
            picture = page([images], rng=rng, height=int(rng.integers(35, 80)), **settings)
            yield picture, "".join(map(str, digits))


def read_all(
    reader: Reader, second: SecondReader, pictures: Iterable[tuple[PictureSource, str]]
) -> Iterator[Answers]:
    """Read pictures with both readers."""
    for source, right in pictures:
        picture = load_picture(source)
        start = time.process_time()
        reading = reader.read_picture(picture)
        ours = time.process_time()
        upright = picture
        if degrees := (reading.orientation - picture.orientation) % 360:
            upright = picture.rotated(degrees)
        said = list(second.read_again(reading, upright))
        theirs = time.process_time()
        yield Answers(
            right,
            [digit for digits, _ in said for digit in digits],
            [
                as_digit(one.digit, one.confidence, reader.threshold)
                for _, row in said
                for one in row
            ],
            [digit for digits, row in said for digit in confirmed(digits, row, reader.threshold)],
            1000 * (ours - start),
            1000 * (theirs - ours),
        )


def read_strips(
    line_reader: LineReader, second: SecondReader, writers: Writers, threshold: float
) -> Iterator[Answers]:
    """Read strips with the line network alone and with the other reader."""
    rng = np.random.default_rng(57)
    for _ in range(STRIPS):
        strip, text = make_strip(writers, rng)
        mark = Mark((strip / 255).astype(np.float32), (0, 0, strip.shape[1], STRIP_HEIGHT))
        found = line_reader.read_line(mark, DIGIT_SHARE * STRIP_HEIGHT, STRIP_HEIGHT / 2).characters
        said = second.read_line(255 - strip)
        ours, theirs = (
            [as_digit(one.digit, one.confidence, threshold) for one in row]
            for row in ([one for one in found if one.is_digit], said)
        )
        both = confirmed(ours, said, threshold)
        yield Answers("".join(one for one in text if one in DIGITS), ours, theirs, both)


def as_digit(digit: int, confidence: float, threshold: float) -> Digit:
    return Digit(digit, confidence, (0, 0, 1, 1), confidence < threshold)


def compared(name: str, answers: Sequence[Answers]) -> Iterator[dict[str, object]]:
    """Yield the figures of our reader, of the other one, and of both."""
    timed = {"tenfold": "our_ms", "RapidOCR's recognizer": "their_ms", "both": ""}
    for who, ms in timed.items():
        which = {"tenfold": "ours", "both": "both"}.get(who, "theirs")
        outcomes = [outcome(getattr(one, which), one.right) for one in answers]
        row = {"reader": who, **summarize_set(name, outcomes)}
        if ms and any(one.our_ms for one in answers):
            row["median_ms"] = round(statistics.median(getattr(one, ms) for one in answers), 1)
        print(row, flush=True)
        yield row


def outcome(digits: Sequence[Digit], right: str) -> Outcome:
    return Outcome(
        "".join(str(one.digit) for one in digits) == right,
        bool(digits) and not any(one.rejected for one in digits),
        min((one.confidence for one in digits), default=0.0),
    )


if __name__ == "__main__":
    main()
