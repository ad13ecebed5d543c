"""Templates, answers and tables of forms: kept, read again, and refused if they are wrong."""

import csv
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tenfold.errors import DataError, UsageError
from tenfold.files import write_json
from tenfold.forms.answers import (
    Alternative,
    Answer,
    PageAnswers,
    open_answers,
    pages_folder,
    write_part,
)
from tenfold.forms.table import write_table
from tenfold.forms.template import load_template, save_template, template_from_dict, write_page
from tenfold.reading.fields import Field

FIELDS: list[dict[str, Any]] = [
    {"name": "student", "box": [10, 10, 80, 20], "cells": 4, "constraint": {"length": 4}},
    {"name": "paid", "box": [10, 40, 12, 12], "kind": "tick"},
    {"name": "amount", "box": [10, 60, 100, 20]},
]

SHARE = FIELDS[2] | {"name": "student_confidence"}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "page": "form.page.png",
        "width": 200,
        "height": 100,
        "fields": FIELDS,
    } | changes


def field(**changes: Any) -> dict[str, Any]:
    return document(fields=[FIELDS[0] | changes])


def test_a_template_is_read_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "form.json"
    write_page(path, np.full((100, 200), 255, np.uint8))
    template = template_from_dict(document(), tmp_path)
    save_template(path, template)
    again = load_template(path)
    assert again == template
    assert again.gray.shape == (100, 200)
    assert again["student"].cells[1] == (30, 10, 20, 20)
    assert again["student"].field == Field(length=4)
    assert again.fingerprint() == template.fingerprint()
    write_page(path, np.full((100, 200), 250, np.uint8))
    assert load_template(path).fingerprint() != template.fingerprint()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "not a template"),
        (document(format=2), "format is 2"),
        (document(format=True), "format is True"),
        (document(page="../" + 100 * "a"), "aaa; it must be the name"),
        (document(page="../form.png"), "beside the template"),
        (document(width=0), "width is 0"),
        (document(height=30_000), "height is 30000; it must be 4 to 20,000 pixels"),
        (document(pages=3), "did you mean page"),
        (document(fields=[]), "a list of 1 to"),
        (document(fields=["x"]), "field 1 is 'x'"),
        (document(fields=[FIELDS[0], FIELDS[0] | {"name": "Student"}]), "the column 'student'"),
        (document(fields=[FIELDS[0], SHARE]), "the column 'student_confidence'"),
        (document(fields=[SHARE, FIELDS[0]]), "the column 'student_confidence'"),
        (field(name="1st"), "a letter, then"),
        (field(name="Page"), "choose another"),
        (field(box=[1, 2, 3]), "must be [x, y, width, height]"),
        (field(box=[1, 2, 3, 50]), "smaller than 4"),
        (field(box=[150, 10, 80, 20]), "reaches out"),
        (field(cells=40), "40 cells do not fit"),
        (field(cells=10**18), "cells do not fit"),  # at once
        (field(cells=-1), "-1 cells do not fit"),
        (field(cells=[[0, 0, 10, 10]]), "reaches out"),
        (field(cells="8"), "a number or a list"),
        (field(cells=[[70, 10, 20, 20], [20, 10, 20, 20]]), "from left to right"),
        (field(cells=[[20, 10, 20, 20], [20, 10, 20, 20]]), "from left to right"),
        (field(cells=3), "asks for 4 digits, and it has 3 cells"),
        (field(kind="integer"), "what a text means is in its constraint"),
        (field(kind="tik"), "did you mean tick"),
        (field(kind="tick"), "neither cells nor a constraint"),
        (field(boxes=[]), "did you mean box"),
        (field(constraint={"longth": 4}), "a field has no 'longth'"),
    ],
    ids=str,
)
def test_a_wrong_template_is_refused_in_one_line(data: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "form.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError) as error:
        load_template(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_template_that_is_no_json_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text("{")
    with pytest.raises(UsageError, match="is not JSON"):
        load_template(tmp_path / "form.json")
    (tmp_path / "blank.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(UsageError, match=r"`tenfold template .*blank\.png` makes one"):
        load_template(tmp_path / "blank.png")
    with pytest.raises(DataError, match="cannot read the template"):
        load_template(tmp_path / "none.json")


def test_a_page_of_another_size_is_refused(tmp_path: Path) -> None:
    template = template_from_dict(document(), tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        _ = template.gray
    write_page(tmp_path / "form.json", np.full((100, 201), 255, np.uint8))
    with pytest.raises(UsageError, match="201 x 100 pixels"):
        _ = template_from_dict(document(), tmp_path).gray


PAGES = [
    PageAnswers(
        "scans/1.png",
        0,
        None,
        (
            Answer(
                "student", "0072", 0.98, alternatives=(Alternative("0072", 0.98),), crop=b"png 1"
            ),
            Answer("paid", "yes", 0.9),
            Answer("amount", "=1+1", 0.6, review="0.60 sure", crop=b"png 2"),
        ),
    ),
    PageAnswers("scans/2.png", 0, "the page does not show this form"),
    PageAnswers(
        "scans/3.pdf", 1, None,
        (Answer("student", "", 1.0, empty=True), Answer("paid", "no", 1.0),
         Answer("amount", "12.50", 0.99)),
    ),
]  # fmt: skip


def kept(folder: Path) -> Path:
    """Keep pages as `tenfold form` does, and return the table's path."""
    table = folder / "answers.csv"
    parts = pages_folder(table)
    parts.mkdir()
    facts = {"fingerprint": "", "template": template_from_dict(document(), folder).to_dict()}
    write_json(parts / "_batch.json", facts)
    write_part(parts, 0, PAGES[:2])
    write_part(parts, 1, PAGES[2:])
    return table


def test_answers_are_read_as_they_were_kept(tmp_path: Path) -> None:
    answers = open_answers(kept(tmp_path))
    assert list(answers.pages()) == _as_float32(PAGES)
    assert not answers.finished
    assert answers.table == tmp_path / "answers.csv"
    assert [one.name for one in answers.template.fields] == ["student", "paid", "amount"]
    assert answers.crop(0, "amount") == b"png 2"
    assert answers.crop(0, "paid") == answers.crop(1, "amount") == answers.crop(2, "paid") == b""
    with pytest.raises(UsageError, match="no page of this number"):
        answers.crop(3, "paid")
    assert open_answers(answers.folder).template == answers.template


def _as_float32(pages: list[PageAnswers]) -> list[PageAnswers]:
    def rounded(answer: Answer) -> Answer:
        others = tuple(
            Alternative(one.text, float(np.float32(one.probability))) for one in answer.alternatives
        )
        confidence = float(np.float32(answer.confidence))
        return replace(answer, confidence=confidence, alternatives=others)

    return [replace(page, answers=tuple(map(rounded, page.answers))) for page in pages]


def test_answers_that_are_missing_or_damaged_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        open_answers(tmp_path / "none.csv")
    answers = open_answers(kept(tmp_path))
    (answers.folder / "part-00000001.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="damaged"):
        list(answers.pages())


ROWS: list[list[Any]] = [
    ["scans/1.png", 0, "0072", 0.98, "yes", 0.9, "=1+1", 0.6, "amount: 0.60 sure", None],
    ["scans/2.png", 0, *[None] * 7, "the page does not show this form"],
    ["scans/3.pdf", 1, "", 1.0, "no", 1.0, "12.50", 0.99, None, None],
]


def test_the_table_is_written_in_each_format(tmp_path: Path) -> None:
    template = template_from_dict(document(), tmp_path)
    for suffix in ("csv", "parquet", "xlsx"):
        write_table(tmp_path / f"table.{suffix}", template, PAGES)
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [
        "source", "page", "student", "student_confidence", "paid", "paid_confidence",
        "amount", "amount_confidence", "review", "error",
    ]  # fmt: skip
    written = [["" if one is None else str(one) for one in row] for row in ROWS]
    written[0][6] = "'=1+1"  # a spreadsheet would calculate it
    assert rows == written
    table = pq.read_table(tmp_path / "table.parquet")
    assert table.column_names == head
    assert [list(row.values()) for row in table.to_pylist()] == [
        [pytest.approx(one) if isinstance(one, float) else one for one in row] for row in ROWS
    ]
    sheet = zipfile.ZipFile(tmp_path / "table.xlsx").read("xl/worksheets/sheet1.xml").decode()
    assert "0072" in sheet
    assert "<f>" not in sheet  # =1+1 stays text


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    template = template_from_dict(document(), tmp_path)
    with pytest.raises(UsageError, match=r"\.csv, \.parquet, \.xlsx"):
        write_table(tmp_path / "table.txt", template, PAGES)
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write_table(tmp_path / "t.csv", template, PAGES)
