"""Measure how many fields of made forms are read right, and what review leaves.

    python benchmarks/forms.py

Draws forms of tests/form_scenes.py, each of another layout, with the last 10,000 training images of
MNIST and the handwriting fonts that are held back. Writes results/forms.json. The test images are
not opened. Run it on an idle machine: it measures the time of a page on one core. 200 pages take
five minutes.
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tenfold.augmentation.hands import load_hands
from tenfold.classifiers.bundle import load_classifier
from tenfold.data.mnist import load_mnist
from tenfold.errors import PictureError
from tenfold.files import write_json
from tenfold.forms.answers import Answer
from tenfold.forms.form import Form
from tenfold.forms.registration import LOOKS
from tenfold.forms.template import Template, template_from_dict, write_page
from tenfold.machine import machine_facts
from tenfold.reading.reader import Reader

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "forms.json"

SEED = 2410
"""Together with the number of a page, its seed."""

FILLED = 0.9
"""Share of the fields that are filled."""

REVIEWED = 0.05
"""Share of the fields that are reviewed, the least sure first."""

CAPTURES = ("scan", "scan", "fax", "scan", "upside down", "photo", "photo", "corners cut off",
            "photo", "photo on its side")  # fmt: skip
"""How pages are captured, in turn: scans from the first to the fifth, then photos."""

PHOTOS = {"photo", "corners cut off", "photo on its side"}


@dataclass(frozen=True)
class Read:
    """One field: how its page was captured, its shape, its content, and what was made of it."""

    capture: str
    shape: str
    content: str
    answer: Answer | None
    right: bool

    @property
    def group(self) -> str:
        """Scans or photos."""
        return "photos" if self.capture in PHOTOS else "scans"

    @property
    def is_cut_off(self) -> bool:
        """Whether the answer says that the picture does not show the whole field."""
        return self.answer is not None and "the picture shows only" in (self.answer.review or "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=200, help="number of pages (default: 200)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="default: results/forms.json")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    scenes = importlib.import_module("form_scenes")
    cv2.setNumThreads(1)
    images, labels = (part[50_000:] for part in load_mnist("train"))
    hands = load_hands(held_back=True)
    reader = Reader(load_classifier("reader", threads=1), threads=1)
    fields: list[Read] = []
    seconds: list[float] = []
    other_forms = lost = 0
    before: Form | None = None
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.pages):
            rng = np.random.default_rng((options.seed, number))
            capture = CAPTURES[number % len(CAPTURES)]
            sheet = scenes.made_form(rng)
            writer = scenes.Writer.random(images, labels, hands, rng)
            values = {
                one.name: scenes.content(one.content, rng)
                for one in sheet.fields
                if rng.random() < FILLED
            }
            page = scenes.on_paper(sheet, scenes.fill(sheet, values, writer, rng), rng)
            picture = captured(scenes, page, capture, rng)
            form = Form(template(sheet, Path(folder) / f"{number}.json"), reader=reader)
            _ = form.blank.reference.features(LOOKS[0][0]), form.blank.reference.tiles
            start = time.process_time()
            try:
                found = {answer.name: answer for answer in form.read(picture).answers}
            except PictureError as error:
                print(number, capture, error, file=sys.stderr, flush=True)
                found, lost = {}, lost + 1
            seconds.append(time.process_time() - start)
            fields += judged(sheet.fields, values, found, capture)
            other_forms += before is not None and accepts(before, picture)
            before = form
            if number % 10 == 9:
                share = np.mean([one.right for one in fields])
                print(f"{number + 1} pages: {share:.2%} right", file=sys.stderr, flush=True)
    document = {
        "protocol": (
            "each page another layout of 15 fields; a field is right if its value is; dates and "
            "amounts are compared as such; an empty field is right if it is said to be empty; "
            "digits of MNIST's last 10,000 training images or of held-back fonts, signs of these"
        ),
        "seed": options.seed,
        "constraints": scenes.CONTENTS,
        "pages": options.pages,
        "not_found": lost,
        "other_forms_accepted": other_forms,
        "groups": groups(fields),
        "captures": summaries(fields, "capture"),
        "shapes": summaries(fields, "shape"),
        "contents": summaries(fields, "content"),
        "all": summary("all", fields),
        "page_seconds": round(float(np.median(seconds)), 3),
        "page_seconds_mean": round(float(np.mean(seconds)), 3),
        "page_seconds_most": round(float(np.max(seconds)), 3),
        "machine": machine_facts(),
    }  # fmt: skip
    write_json(options.out, document)
    print(json.dumps(document))


def captured(scenes: Any, page: Any, capture: str, rng: np.random.Generator) -> Any:
    """Return the picture of a filled page."""
    if capture in PHOTOS:
        turned = int(rng.integers(1, 4)) if capture == "photo on its side" else 0
        lost = int(rng.integers(1, 3)) if capture == "corners cut off" else 0
        return scenes.photographed(page, rng, turned=turned, lost=lost)
    return scenes.scanned(page, rng, fax=capture == "fax", turned=capture == "upside down")


def template(sheet: Any, path: Path) -> Template:
    """Return the template of a made form."""
    page = write_page(path, sheet.gray)
    high, wide = sheet.gray.shape
    fields = [one.entry() for one in sheet.fields]
    data = {"format": 1, "page": page.name, "width": wide, "height": high, "fields": fields}
    return template_from_dict(data, path.parent)


def accepts(form: Form, picture: Any) -> bool:
    """Return whether a page of another form is read, which is wrong."""
    try:
        form.read(picture)
    except PictureError:
        return False
    return True


def judged(
    made: Sequence[Any], values: dict[str, str], found: dict[str, Answer], capture: str
) -> list[Read]:
    """Compare the answers of a page with what was written."""
    rows = []
    for one in made:
        answer = found.get(one.name)
        wanted = values.get(one.name, "no" if one.shape == "tick" else "")
        right = answer is not None and same(answer.value, wanted, one.content)
        rows.append(Read(capture, one.shape, one.content, answer, right))
    return rows


def same(value: str, wanted: str, content: str) -> bool:
    """Return whether two values mean the same: 1.50 and 1.5, 03/02/2026 and 2026-02-03."""
    return value == wanted or (
        bool(value and wanted) and plain(value, content) == plain(wanted, content)
    )


def plain(text: str, content: str) -> str:
    """Return a date as in ISO 8601, and an amount without what does not change it."""
    try:
        if content == "date" and not text[:4].isdigit():
            day, month, year = (int(part) for part in text.replace("/", ".").split("."))
            return date(year, month, day).isoformat()
        if content == "amount":
            return str(Decimal(text).normalize())
    except (ValueError, InvalidOperation):
        pass
    return text


def groups(fields: Sequence[Read]) -> list[dict[str, Any]]:
    """Return summaries of scans, of photos, of what is cut off, and of lines to write on."""
    lines = [one for one in fields if one.shape == "line"]
    cut_off = [one for one in fields if one.is_cut_off]
    return [
        *summaries(fields, "group"),
        *([summary("fields cut off by the picture", cut_off)] if cut_off else []),
        *(
            summary(f"{one['name']}s on lines", [f for f in lines if f.content == one["name"]])
            for one in summaries(lines, "content")
        ),
    ]


def summaries(fields: Sequence[Read], by: str) -> list[dict[str, Any]]:
    """Return a summary for each value of an attribute."""
    names = dict.fromkeys(getattr(one, by) for one in fields)
    return [summary(name, [one for one in fields if getattr(one, by) == name]) for name in names]


def summary(name: str, fields: Sequence[Read]) -> dict[str, Any]:
    """Return how many fields are right, flagged, and wrong among those that are not reviewed.

    A page that was not found is flagged: its fields count as reviewed first.
    """
    flagged = [one for one in fields if one.answer is None or one.answer.review is not None]
    accepted = [one for one in fields if one.answer is not None and one.answer.review is None]
    order = sorted(fields, key=lambda one: one.answer.confidence if one.answer else -1.0)
    rest = order[round(REVIEWED * len(order)) :]
    return {
        "name": name,
        "n": len(fields),
        "right": round(float(np.mean([one.right for one in fields])), 4),
        "flagged": round(len(flagged) / len(fields), 4),
        "accepted_wrong": sum(not one.right for one in accepted),
        "error_unreviewed": round(float(np.mean([not one.right for one in rest])), 4),
    }


if __name__ == "__main__":
    main()
