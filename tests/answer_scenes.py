"""Tables of answers as `tenfold form` leaves them, with pictures of MNIST's training digits."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tenfold.arrays import Images
from tenfold.batch.output import FINISHED, MANIFEST
from tenfold.files import write_json
from tenfold.forms.answers import (
    TEMPLATE,
    Alternative,
    Answer,
    Answers,
    PageAnswers,
    open_answers,
    pages_folder,
    write_part,
)
from tenfold.forms.current_table import write_current_table
from tenfold.forms.template import template_from_dict, write_page

FIELDS: list[dict[str, Any]] = [
    {"name": "student", "box": [40, 40, 240, 40], "cells": 6, "constraint": {"length": 6}},
    {"name": "birthday", "box": [40, 120, 240, 40], "constraint": {"kind": "date"}},
    {"name": "paid", "box": [40, 200, 24, 24], "kind": "tick"},
    {"name": "points", "box": [40, 260, 80, 40], "constraint": {"minimum": 0, "maximum": 100}},
]


def template_document(fields: Sequence[dict[str, Any]] = FIELDS) -> dict[str, Any]:
    return {"format": 1, "page": "form.png", "width": 400, "height": 400, "fields": list(fields)}


def make_answers(
    folder: Path,
    pages: Sequence[PageAnswers],
    *,
    name: str = "answers.csv",
    fields: Sequence[dict[str, Any]] = FIELDS,
    finished: bool = True,
    pages_in_part: int = 8,
) -> Answers:
    """Write what a finished run of `tenfold form` leaves, and open it."""
    table = folder / name
    parts = pages_folder(table)
    parts.mkdir(parents=True)
    write_page(parts / "form.json", np.full((400, 400), 255, np.uint8))
    document = template_document(fields)
    template_from_dict(document, parts)
    manifest = {"fingerprint": "made up", "input": "scans", TEMPLATE: document}
    write_json(parts / MANIFEST, manifest | ({FINISHED: {"parts": 1}} if finished else {}))
    for number, first in enumerate(range(0, len(pages), pages_in_part)):
        write_part(parts, number, pages[first : first + pages_in_part])
    answers = open_answers(table)
    if finished:
        write_current_table(answers, {})
    return answers


PNG = b"\x89PNG made up"


def page(source: str, *answers: Answer, error: str | None = None) -> PageAnswers:
    return PageAnswers(source, 0, error, answers)


def doubtful_sheets(count: int = 6) -> list[PageAnswers]:
    """Return pages on each of which the points are doubtful, the later ones more so."""
    return [
        page(
            f"sheet-{number}.png",
            Answer("student", f"10000{number}", 0.99, crop=PNG),
            Answer("birthday", "", 0.98, empty=True, crop=PNG),
            Answer("paid", "yes", 0.97, crop=PNG),
            Answer(
                "points", f"{number}7", 0.9 - number / 10, review="unsure",
                alternatives=(Alternative(f"{number}7", 0.6), Alternative(f"{number}1", 0.3)),
                crop=PNG + bytes([number]),
            ),
        )
        for number in range(count)
    ]  # fmt: skip


def answers_to_review(folder: Path) -> Answers:
    """Return the answers of doubtful sheets and of a page of another form."""
    return make_answers(folder, [*doubtful_sheets(), page("letter.png", error="another form")])


def table_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


def written(
    text: str, digits: Callable[[int], np.ndarray], *, cells: bool = False
) -> tuple[bytes, bytes]:
    """Return a PNG of digits, dark on white, in a row or in the cells of a comb; and the digits."""
    found = []
    strip = np.full((44, 40 * max(len(text), 1) + 16), 250, np.uint8)
    for place, character in enumerate(text):
        left = 8 + 40 * place
        if character.isdigit():
            found.append(digits(int(character)))
            ink = cv2.resize(found[-1], (36, 36), interpolation=cv2.INTER_CUBIC)
            part = strip[4:40, left + 2 : left + 38]
            np.minimum(part, 250 - np.minimum(ink, 225), out=part)
        else:
            cv2.line(strip, (left + 12, 24), (left + 26, 24), 40, 3)
    if cells:
        for place in range(len(text) + 1):
            cv2.line(strip, (8 + 40 * place, 4), (8 + 40 * place, 40), 150, 1)
        cv2.line(strip, (8, 40), (8 + 40 * len(text), 40), 150, 1)
    return cv2.imencode(".png", strip)[1].tobytes(), b"".join(one.tobytes() for one in found)


def tick(*, ticked: bool) -> tuple[bytes, bytes]:
    """Return a PNG of a box to tick, and no digits."""
    box = np.full((44, 44), 250, np.uint8)
    cv2.rectangle(box, (8, 8), (35, 35), 90, 1)
    if ticked:
        cv2.polylines(box, [np.array([[12, 20], [20, 30], [38, 4]])], False, 30, 3, cv2.LINE_AA)
    return cv2.imencode(".png", box)[1].tobytes(), b""


def make_pages(count: int, images: Images, labels: np.ndarray, seed: int = 0) -> list[PageAnswers]:
    """Return pages of `FIELDS`: one field in eight is doubtful, and one in three of these is wrong.

    The digits are drawn from the images, so every crop shows what the field truly holds.
    """
    rng = np.random.default_rng(seed)
    of_digit = [np.flatnonzero(labels == digit) for digit in range(10)]

    def digits(digit: int) -> np.ndarray:
        return images[rng.choice(of_digit[digit])]

    def answer(name: str, truth: str, seen: tuple[bytes, bytes], why: str) -> Answer:
        crop, images = seen
        if rng.random() > 1 / 8:
            confidence = float(rng.uniform(0.97, 1))
            only = () if truth in ("yes", "no") else (Alternative(truth, confidence),)
            return Answer(name, truth, confidence, alternatives=only, crop=crop, digits=images)
        confidence = float(rng.uniform(0.35, 0.95))
        other = str((int(truth[-1]) + 1 + rng.integers(9)) % 10) if truth[-1].isdigit() else ""
        other = truth[:-1] + other if other else {"yes": "no", "no": "yes"}[truth]
        read, second = (other, truth) if rng.random() < 1 / 3 else (truth, other)
        alternatives = (
            Alternative(read, confidence),
            Alternative(second, 0.8 * min(confidence, 1 - confidence)),
        )
        return Answer(
            name, read, confidence, review=why,
            alternatives=() if truth in ("yes", "no") else alternatives,
            crop=crop, digits=images,
        )  # fmt: skip

    found = []
    for number in range(count):
        student = f"{rng.integers(100_000, 999_999)}"
        birthday = f"{rng.integers(1950, 2010)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"
        points = str(rng.integers(0, 101))
        ticked = bool(rng.integers(2))
        found.append(
            page(
                f"scans/sheet-{number:04}.png",
                answer("student", student, written(student, digits, cells=True), "unsure"),
                answer("birthday", birthday, written(birthday, digits), "fits badly"),
                answer("paid", "yes" if ticked else "no", tick(ticked=ticked), "faint tick"),
                answer("points", points, written(points, digits), "unsure"),
            )
        )
    return found
