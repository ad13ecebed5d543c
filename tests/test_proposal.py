"""The proposal of a template: boxes, combs, lines and ticks found on a blank page."""

from pathlib import Path

import cv2
import form_scenes
import numpy as np
import pytest

from tenfold.cli.main import main
from tenfold.errors import UsageError
from tenfold.forms.proposal import propose_fields
from tenfold.forms.template import FormField, load_template
from tenfold.reading.results import Box


def overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share, as a share of both together."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(0, across) * max(0, down)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


@pytest.mark.parametrize("seed", range(3))
def test_all_fields_of_a_made_form_are_proposed(seed: int) -> None:
    sheet = form_scenes.made_form(np.random.default_rng(seed))
    found = propose_fields(sheet.gray)
    assert len(found) == len(sheet.fields)
    assert len({field.name for field in found}) == len(found)
    for made in sheet.fields:
        nearest = max(found, key=lambda field: overlap(field.box, made.box))
        assert overlap(nearest.box, made.box) > 0.5, made
        assert nearest.kind == ("tick" if made.shape == "tick" else "text"), made
        cells = len(made.cells) if len(made.cells) > 1 else 0
        assert len(nearest.cells) == cells, made


def proposed(draw: str) -> tuple[FormField, ...]:
    sheet = form_scenes.Sheet(np.zeros((800, 600), np.float32))
    sheet.print("Report of a meter reading", 40, 20, 24)
    if draw == "a table":
        for row in range(3):
            for column in range(4):
                sheet.rectangle((40 + 130 * column, 100 + 40 * row, 130, 40), 2, 1.0)
        for column in range(4):
            sheet.print(form_scenes.WORDS[column][:9], 48 + 130 * column, 110, 18)
    elif draw == "a frame around text":
        sheet.rectangle((40, 100, 500, 60), 2, 1.0)
        sheet.print("Keep a copy for your files", 60, 115, 24)
    elif draw == "words that are underlined":
        end = sheet.print("Office use only", 40, 100, 24)
        sheet.line((40, 128), (end, 128), 2, 1.0)
    elif draw == "a rule across the page":
        sheet.line((20, 120), (580, 120), 2, 1.0)
    return propose_fields(sheet.gray)


def test_the_cells_of_a_table_are_fields_but_not_its_head() -> None:
    found = proposed("a table")
    assert len(found) == 8
    assert all(not field.cells and field.box[1] > 130 for field in found)


@pytest.mark.parametrize(
    "draw", ["a frame around text", "words that are underlined", "a rule across the page"]
)
def test_what_is_no_field_is_not_proposed(draw: str) -> None:
    assert proposed(draw) == ()


def test_a_blank_page_is_refused() -> None:
    with pytest.raises(UsageError, match="the page is blank"):
        propose_fields(np.full((400, 300), 255, np.uint8))


def test_the_command(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    sheet = form_scenes.made_form(np.random.default_rng(0))
    cv2.imwrite("blank.png", sheet.gray)

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as end:
            main(["template", *words])
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out + told.err

    code, text = run("blank.png", "--out", "form.json")
    assert code == 0
    assert "15 fields in form.json, 4 ticks among them" in text
    names = ["blank.png", "form.html", "form.json", "form.page.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (load_template("form.json").gray == sheet.gray).all()
    assert run("blank.png", "--out", "form.json")[0] == 2  # it is not overwritten
    Path("form.html").unlink()
    assert run("form.json")[0] == 0
    assert Path("form.html").exists()
    for words in (["blank.png", "--out", "form.txt"], ["form.json", "--out", "other.json"]):
        assert run(*words)[0] == 2
    for name in ("none.png", ".", "/"):
        assert run(name)[0] == 1
    for name in ("contact.html", "contact.page.png"):  # whoever made it
        Path("blank.png").rename(name)
        before = Path(name).read_bytes()
        code, text = run("form.page.png", "--out", "contact.json")
        assert code == 2
        assert f"{name} exists" in text
        Path(name).rename("blank.png")
        assert Path("blank.png").read_bytes() == before
