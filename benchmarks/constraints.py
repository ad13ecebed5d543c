"""Measure what a field adds to reading: numbers with a check digit, dates, amounts, listed numbers.

    python benchmarks/constraints.py [--external FOLDER] [--choose]

Fields are drawn as tests/sign_scenes.py draws lines, with MNIST's last 10,000 training images and
with handwriting fonts that are held back from training. Each is read without the field and under
it. The folder of --external holds `cheques/` and `numbers/` as benchmarks/reading.py describes
them; they are a development set. --choose prints error and coverage over the two thresholds of
fields, on fields drawn with another seed, and writes nothing. Writes results/constraints.json. The
test images are not opened.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tenfold
from tenfold.arrays import DIGITS, Gray
from tenfold.files import write_json
from tenfold.imaging.decoding import PictureSource
from tenfold.reading.checks import CHECKS
from tenfold.reading.field_decoding import decode
from tenfold.scoring.picture_sets import load_picture_sets
from tenfold.training.lines.handwriting import Writers
from tenfold.training.lines.train import writers_of_lines

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "constraints.json"
SEED = 2901
CHOOSING_SEED = 2401
FIELDS = 50
"""Fields of each kind and each source of digits."""

LISTED = 5000
"""Numbers in the list of which one is written."""

Rng = np.random.Generator


class Answer(NamedTuple):
    """What a line reads, with a field or without.

    Attributes:
        right: Whether all of it is right.
        accepted: Whether it is accepted.
        confidence: Of the field's text, 0 to 1; without a field 1.
        fit: As `FieldReading.fit`; without a field 1.
    """

    right: bool
    accepted: bool
    confidence: float = 1.0
    fit: float = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--external", type=Path, metavar="FOLDER")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--fields", type=int, default=FIELDS, metavar="N")
    arguments = parser.parse_args()
    writers = writers_of_lines(held_back=True)
    reader = tenfold.Reader(characters="numbers")
    seed = CHOOSING_SEED if arguments.choose else SEED
    found: dict[str, list[tuple[Answer, Answer]]] = {}
    excluded = []
    for kind, source, picture, text, field in drawn(writers, seed, arguments.fields):
        found.setdefault(f"{kind}, {source}", []).append(both(reader, picture, text, field))
    for _, _, picture, text, field in drawn(writers, seed, arguments.fields, excluded=True):
        excluded.append(both(reader, picture, text, field))
    if arguments.choose:
        choose([pair[1] for pairs in found.values() for pair in pairs])
        choose([pair[1] for pair in excluded])
        return
    rows = [row(name, pairs) for name, pairs in found.items()]
    rows.append(row("all of these", [pair for pairs in found.values() for pair in pairs]))
    rows.append(row("texts that the field excludes", excluded))
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    document = before | {"protocol": PROTOCOL, "seed": seed, "fields": rows}
    write_json(RESULTS, document)
    if arguments.external:
        document |= {"external": list(external(arguments.external))}
        write_json(RESULTS, document)
    print(json.dumps(document))


PROTOCOL = (
    "fields drawn on a line of their own with the last 10,000 training images of MNIST, or with "
    "handwriting fonts held back from training; right if the whole text is, signs too, with the "
    "best guess of rejected digits; read with characters='numbers' without the field, where a text "
    "is accepted if it has no rejected digit, and under it; the thresholds of fields were chosen "
    "on fields of another seed"
)


def drawn(
    writers: Writers, seed: int, count: int, *, excluded: bool = False
) -> Iterator[tuple[str, str, Gray, str, tenfold.Field]]:
    """Yield kind, source of the digits, picture, text and field of each made field.

    Args:
        writers: What digits and signs are made of.
        seed: Decides the fields.
        count: Fields of each kind and source.
        excluded: Whether the field excludes the text that is written.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    written = importlib.import_module("sign_scenes").written
    rng = np.random.default_rng((seed, 0))
    listed = sorted({digits(rng, 7) for _ in range(LISTED)})
    fields = {
        "8 digits with a Luhn digit": tenfold.Field(length=8, check="luhn"),
        "dates": tenfold.Field(kind="date"),
        "amounts": tenfold.Field(pattern=r"[0-9]{1,4}[.,][0-9]{2}"),
        "one of 5,000 numbers": tenfold.Field(choices=tuple(listed)),
    }
    for number, (kind, field) in enumerate(fields.items()):
        for source in ("MNIST", "fonts"):
            rng = np.random.default_rng((seed, 1 + number, source == "fonts", excluded))
            for _ in range(count):
                text = random_text(kind, listed, rng)
                text = altered(kind, text, listed, rng) if excluded else text
                picture = written(
                    text, writers.by_digit, writers.hands, rng, font_digits=source == "fonts"
                )
                yield kind, source, picture, text, field


def random_text(kind: str, listed: Sequence[str], rng: Rng) -> str:
    if kind == "dates":
        day = date(1950, 1, 1) + timedelta(days=int(rng.integers(365 * 80)))
        form = rng.choice(["%d.%m.%Y", "%d/%m/%Y", "%d/%m/%y", "%Y-%m-%d", "%d-%m-%Y"])
        return day.strftime(str(form))
    if kind == "amounts":
        return f"{rng.integers(10 ** int(rng.integers(1, 5)))}{rng.choice(['.', ','])}" + digits(
            rng, 2
        )
    if kind.startswith("8"):
        return with_luhn(digits(rng, 7))
    return str(rng.choice(listed))


def altered(kind: str, text: str, listed: Sequence[str], rng: Rng) -> str:
    """Return a text that is much like one of a kind, but that the field of the kind excludes."""
    if kind == "dates":
        return f"{rng.integers(1, 29)}/{rng.integers(13, 32)}/{digits(rng, 4)}"
    if kind == "amounts":
        return text[:-1]
    if kind.startswith("8"):
        return text[:-1] + str((int(text[-1]) + int(rng.integers(1, 10))) % 10)
    return next(one for one in iter(lambda: digits(rng, 7), "") if one not in listed)


def digits(rng: Rng, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


def with_luhn(text: str) -> str:
    """Return digits with the digit behind them that satisfies Luhn's check."""
    check = CHECKS["luhn"]
    for last in DIGITS:
        state = check.start
        for digit in text + last:
            state = check.step(state, int(digit))
        if check.ends(state):
            return text + last
    raise AssertionError(text)


def both(
    reader: tenfold.Reader, picture: PictureSource, text: str, field: tenfold.Field
) -> tuple[Answer, Answer]:
    """Return what a picture reads without a field and under it."""
    reading = reader.read(picture)
    if len(reading.lines) != 1:
        return Answer(False, False, 0, 0), Answer(False, False, 0, 0)
    (line,) = reading.lines
    plain = "".join(
        str(one.digit) if isinstance(one, tenfold.Digit) else one.text for one in line.characters
    )
    without = Answer(plain == text, "?" not in line.text)
    under = decode(line.lattice, field, reader.settings)
    return without, Answer(under.text == text, under.accepted, under.confidence, under.fit)


def row(name: str, pairs: Sequence[tuple[Answer, Answer]]) -> dict[str, Any]:
    """Return the figures of some fields, without the field and under it."""
    found: dict[str, Any] = {"fields": name, "n": len(pairs)}
    for which, place in (("without", 0), ("with", 1)):
        answers = [pair[place] for pair in pairs]
        accepted = [one for one in answers if one.accepted]
        found[which] = {
            "accuracy": round(float(np.mean([one.right for one in answers])), 4),
            "accepted": len(accepted),
            "accepted_wrong": sum(not one.right for one in accepted),
        }
    print(found, file=sys.stderr, flush=True)
    return found


def choose(answers: Sequence[Answer]) -> None:
    """Print coverage and wrong ones among accepted for each pair of thresholds."""
    for confidence in (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995):
        cells = []
        for fit in (0.0, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.5):
            accepted = [one for one in answers if one.confidence >= confidence and one.fit >= fit]
            wrong = sum(not one.right for one in accepted)
            cells.append(f"{fit:g}: {len(accepted)} ({wrong})")
        print(f"confidence {confidence}: fit {', '.join(cells)}")
    print(len(answers), "fields; accepted (of these wrong)")


def external(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of bank checks and numbers, with their number of digits known or a list."""
    sets = load_picture_sets(folder)
    reader = tenfold.Reader()
    checks = sets["cheques"]
    amounts = tuple(sorted({text for one in checks for text in one.lines or ()}))
    listed = tenfold.Field(choices=amounts)
    pairs = [both(reader, one.picture, "".join(one.lines or ()), listed) for one in checks]
    yield row(f"bank checks, one of {len(amounts)} amounts", pairs)
    for name, pictures in (("bank checks", checks), ("numbers of one line", sets["numbers"])):
        pairs = []
        for one in pictures:
            if one.lines and len(one.lines) == 1:
                (text,) = one.lines
                field = tenfold.Field(length=len(text))
                pairs.append(both(reader, one.picture, text, field))
        yield row(f"{name}, number of digits known", pairs)


if __name__ == "__main__":
    main()
