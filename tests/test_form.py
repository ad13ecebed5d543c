"""Forms: fields of filled pages read, and very many pages read into one table."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import form_scenes
import numpy as np
import pytest
from batches import InlineEngine
from PIL import Image
from scenes import crop

from tenfold.cli.form import _text as summary_of
from tenfold.cli.main import main
from tenfold.errors import DataError, PictureError, UsageError
from tenfold.forms.answers import PageAnswers, open_answers, pages_folder
from tenfold.forms.corrections import corrections_file
from tenfold.forms.form import Form
from tenfold.forms.read_forms import FormsResult, read_forms
from tenfold.forms.template import (
    Template,
    load_template,
    save_template,
    template_from_dict,
    write_page,
)
from tenfold.reading.fields import Field

HIGH, WIDE = 560, 480
CELL = 40
FIELDS = {
    "number": (20, 90, 4 * CELL, CELL),
    "amount": (220, 90, 200, CELL),
    "count": (20, 190, 160, CELL + 4),
    "paid": (260, 196, 28, 28),
    "late": (340, 196, 28, 28),
}


@pytest.fixture(scope="module")
def sheet() -> form_scenes.Sheet:
    """A small form: a comb, a box, a line to write on and two ticks."""
    sheet = form_scenes.Sheet(np.zeros((HIGH, WIDE), np.float32))
    sheet.print("Report of a meter reading", 20, 20, 24)
    for name, (x, y, w, h) in FIELDS.items():
        sheet.print(f"{name} of the house", x, y - 22, 12)
        if name == "number":
            for place in range(4):
                sheet.rectangle((x + place * CELL, y, CELL, CELL), 2, 0.8)
        elif name == "count":
            sheet.line((x, y + CELL), (x + w, y + CELL), 2, 0.8)
        else:
            sheet.rectangle((x, y, w, h), 2, 0.8)
    for place, words in enumerate(form_scenes.WORDS):
        sheet.print(words, 20, 290 + 26 * place, 14)
    return sheet


@pytest.fixture(scope="module")
def template(sheet: form_scenes.Sheet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("form") / "form.json"
    write_page(path, sheet.gray)
    fields: list[dict[str, Any]] = [
        {"name": name, "box": list(box)} for name, box in FIELDS.items()
    ]
    fields[0]["cells"] = 4
    for tick in fields[3:]:
        tick["kind"] = "tick"
    data = {"format": 1, "page": "form.page.png", "width": WIDE, "height": HIGH, "fields": fields}
    save_template(path, template_from_dict(data, path.parent))
    return path


@pytest.fixture(scope="module")
def form(template: Path) -> Form:
    return Form(template)


class Filler:
    """Fills the small form with digits of MNIST's training images, which read well alone."""

    def __init__(self, sheet: form_scenes.Sheet, mnist) -> None:
        self.sheet = sheet
        labels = mnist.train_labels[:2000]
        self.by_digit = [mnist.train_images[:2000][labels == digit] for digit in range(10)]

    def page(self, *, number="", amount="", count="", paid=False, late=False, seed=2) -> np.ndarray:
        """Return the filled page as a clean scan, uint8 (h, w)."""
        rng = np.random.default_rng(seed)
        ink = np.zeros_like(self.sheet.ink)
        for name, text in (("number", number), ("amount", amount), ("count", count)):
            x, y, _, h = FIELDS[name]
            for place, digit in enumerate(text):
                if digit == " ":
                    continue
                images = self.by_digit[int(digit)]
                mark = crop(images[int(rng.integers(len(images)))], 0.65 * CELL)
                left = x + (place + 0.5) * CELL - mark.shape[1] / 2
                top = y + 0.5 * h - mark.shape[0] / 2 + (6 if name == "count" else 0)
                form_scenes.paint(ink, mark, left, top)
        for name, ticked in (("paid", paid), ("late", late)):
            if ticked:
                x, y, w, h = FIELDS[name]
                for one, other in (((x + 4, y + 5), (x + w - 5, y + h - 3)),
                                   ((x + w - 3, y + 2), (x + 3, y + h - 5))):  # fmt: skip
                    cv2.line(ink, one, other, 1.0, 3, cv2.LINE_AA)
        page = (1 - 0.95 * self.sheet.ink) * (1 - 0.8 * ink)
        noisy = 245 * page + rng.normal(0, 2, page.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def filler(sheet: form_scenes.Sheet, mnist) -> Filler:
    return Filler(sheet, mnist)


def values(page: PageAnswers) -> dict[str, str]:
    return {answer.name: answer.value for answer in page.answers}


def test_a_filled_page_is_read(form: Form, filler: Filler) -> None:
    page = form.read(filler.page(number="3072", amount="518", count="46", paid=True))
    assert values(page) == {
        "number": "3072", "amount": "518", "count": "46", "paid": "yes", "late": "no"
    }  # fmt: skip
    assert not any(answer.empty for answer in page.answers)
    assert page.error is None
    assert [len(page[name].digits) // 784 for name in FIELDS] == [4, 3, 2, 0, 0]
    kept = cv2.imdecode(np.frombuffer(page["number"].crop, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert kept is not None
    assert kept.shape[1] > kept.shape[0] >= CELL


def test_an_empty_page_says_so(form: Form, filler: Filler) -> None:
    page = form.read(filler.page())
    assert values(page) == {"number": "", "amount": "", "count": "", "paid": "no", "late": "no"}
    assert [answer.empty for answer in page.answers] == [True, True, True, False, False]
    assert page.review == ""
    assert values(form.read(filler.sheet.gray)) == values(page)  # without any noise


def test_a_page_upside_down_is_read(form: Form, filler: Filler) -> None:
    page = filler.page(number="3072", amount="518", count="46", late=True)
    turned = form.read(np.ascontiguousarray(page[::-1, ::-1]))
    assert values(turned) == values(form.read(page))


def test_a_field_that_the_picture_cuts_off_is_to_be_reviewed(form: Form, filler: Filler) -> None:
    page = filler.page(number="3072", amount="518", count="46", paid=True)[:, 100:]
    found = form.read(page)
    assert found["amount"].value == "518"
    for name in ("number", "count"):
        assert "the picture shows only" in (found[name].review or "")
        assert found[name].confidence <= 0.5
    assert found["paid"].review is None


@pytest.mark.parametrize("number", ["30 2", "3072"])
def test_a_gap_in_a_comb_is_to_be_reviewed(number: str, form: Form, filler: Filler) -> None:
    answer = form.read(filler.page(number=number))["number"]
    assert answer.value.replace(" ", "") == number.replace(" ", "")
    assert (answer.review is not None) == (" " in number)


@pytest.mark.parametrize("thick", [1, 3, 7])
def test_lines_to_write_on_are_found_however_thick(thick: int, tmp_path: Path) -> None:
    sheet = form_scenes.Sheet(np.zeros((HIGH, WIDE), np.float32))
    sheet.print("Report of a meter reading", 20, 20, 24)
    sheet.line((20, 200), (320, 200), thick, 0.8)
    page = write_page(tmp_path / "form.json", sheet.gray)
    fields = [{"name": "count", "box": [20, 160, 300, 44]}]
    data = {"format": 1, "page": page.name, "width": WIDE, "height": HIGH, "fields": fields}
    blank = Form(template_from_dict(data, tmp_path)).blank
    (rule,) = blank.places[0].rules
    assert not rule.down
    assert abs(rule.thickness - thick) <= 2


def test_a_point_that_nobody_sees_is_put_where_the_field_needs_it(
    form: Form, filler: Filler
) -> None:
    fields = [
        replace(one, field=Field(pattern="[0-9]{1,3}[.][0-9]{2}")) if one.name == "count" else one
        for one in form.template.fields
    ]
    money = Form(replace(form.template, fields=tuple(fields)), reader=form.reader)
    answer = money.read(filler.page(count="5146"))["count"]
    assert answer.value == "51.46"
    assert answer.review == "it reads '5146', which the field excludes"


def test_what_is_struck_out_is_told(form: Form, filler: Filler) -> None:
    page = filler.page(count="46")
    x, y, wide, high = FIELDS["count"]
    cv2.line(page, (x + 10, y + high // 2 + 2), (x + wide - 40, y + high // 2), 20, 3)
    answer = form.read(page)["count"]
    assert answer.review == "something is struck out"
    assert answer.empty


def test_a_field_too_faint_to_be_read_is_not_empty(form: Form, filler: Filler) -> None:
    page = filler.page()
    x, y, _, high = FIELDS["amount"]
    for number in range(24):  # what a fax leaves of thin digits
        left, top = x + 20 + 6 * (number % 8), y + high // 4 + 7 * (number // 8)
        page[top : top + 2, left : left + 2] = 20
    faint, empty = (form.read(page)[name] for name in ("amount", "count"))
    assert (faint.value, faint.empty) == ("", False)
    assert faint.confidence < 0.5
    assert "nothing was read" in (faint.review or "")
    assert empty.empty
    assert empty.confidence > 0.99
    assert empty.review is None


def test_another_page_is_an_error(form: Form) -> None:
    with pytest.raises(PictureError, match="does not show this form"):
        form.read(np.full((400, 300), 250, np.uint8))


@pytest.fixture(scope="module")
def scans(filler: Filler, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pages, one of them blank, one damaged."""
    folder = tmp_path_factory.mktemp("scans")
    for place in range(4):
        page = filler.page(number=f"307{place}", amount="518", paid=place > 1, seed=place)
        cv2.imwrite(str(folder / f"{place}.png"), page)
    cv2.imwrite(str(folder / "4.png"), np.full((400, 300), 250, np.uint8))
    (folder / "5.png").write_bytes(b"no picture")
    return folder


def test_errors_name_the_page(template: Path, tmp_path: Path) -> None:
    blank = Image.fromarray(np.full((400, 300), 250, np.uint8))
    blank.save(tmp_path / "two.tif", save_all=True, append_images=[blank])
    with tarfile.open(tmp_path / "a.tar", "w") as shard:
        blank.save(tmp_path / "blank.png")
        shard.add(tmp_path / "blank.png", "blank.png")
    scans = [tmp_path / "two.tif", tmp_path / "a.tar"]
    pages = read_all(template, scans, tmp_path / "answers.csv").answers.pages()
    starts = [str(scans[0]), f"page 2 of {scans[0]}", f"{scans[1]}/blank.png"]
    for start, page in zip(starts, pages, strict=True):
        assert (page.error or "").startswith(f"{start}: the page does not show")


def read_all(*arguments: Any, **options: Any) -> FormsResult:
    """Read forms in this process."""
    engine: Any = InlineEngine()
    return read_forms(*arguments, engine=engine, **options)


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_many_pages_become_a_table(
    template: Path, scans: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "answers.csv"
    result = read_all(template, [scans], out)
    assert (result.pages, result.errors, result.fields) == (6, 2, 20)
    found = rows(out)
    assert [row["number"] for row in found] == ["3070", "3071", "3072", "3073", "", ""]
    assert [row["paid"] for row in found] == ["no", "no", "yes", "yes", "", ""]
    assert [bool(row["error"]) for row in found] == [False] * 4 + [True] * 2
    assert "does not show this form" in found[4]["error"]
    assert all(row["source"] == str(scans / f"{n}.png") for n, row in enumerate(found))
    assert result.answers.crop(2, "number")
    with pytest.raises(UsageError, match="add --resume"):
        read_forms(template, [scans], out)
    for twice in ([scans, scans], [scans / "0.png", scans]):  # its rows would be there twice
        with pytest.raises(UsageError, match="is given twice"):
            read_forms(template, twice, tmp_path / "twice.csv")
    with pytest.raises(UsageError, match="no scan is given"):
        read_forms(template, [], tmp_path / "none.csv")
    edited = out.read_bytes() + b"my own row\n"
    out.write_bytes(edited)
    with caplog.at_level("WARNING", "tenfold"):
        again = read_all(template, [scans], out, resume=True)
    assert (again.pages, again.read_now) == (6, 0)
    assert out.read_bytes() == edited
    assert "answers.csv was edited and is left as it is" in caplog.text
    caplog.clear()
    out.unlink()
    read_all(template, [scans], out, resume=True)
    assert rows(out) == found
    assert not caplog.text
    shutil.rmtree(out.with_name("answers.csv.pages"))
    with pytest.raises(UsageError, match=r"its folder answers\.csv\.pages is missing"):
        read_all(template, [scans], out, resume=True)


def test_a_run_is_resumed_with_the_same_template_alone(
    template: Path, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"
    read_all(template, [scans], out)
    other = tmp_path / "other.json"
    found = load_template(template)
    page = write_page(other, found.gray)
    save_template(other, Template(page, found.width, found.height, found.fields[:-1]))
    with pytest.raises(UsageError, match="another template"):
        read_all(other, [scans], out, resume=True)


def test_a_run_reads_with_its_own_template(template: Path, scans: Path, tmp_path: Path) -> None:
    path, found = tmp_path / "form.json", load_template(template)
    page = write_page(path, found.gray)
    for count in (1, 2):
        save_template(path, Template(page, found.width, found.height, found.fields[-count:]))
        result = read_all(path, [scans / "0.png"], tmp_path / f"{count}.csv")
        assert result.fields == count


def test_a_worker_with_another_template_stops_the_run(
    template: Path, scans: Path, tmp_path: Path
) -> None:
    path, found = tmp_path / "form.json", load_template(template)
    page = write_page(path, found.gray)
    save_template(path, replace(found, page=page))

    class Replacing(InlineEngine):
        def start(self, function: Any, *arguments: Any) -> Any:
            save_template(path, Template(page, found.width, found.height, found.fields[:1]))
            return super().start(function, *arguments)

    engine: Any = Replacing()
    with pytest.raises(UsageError, match="not the template"):
        read_forms(path, [scans / "0.png"], tmp_path / "a.csv", engine=engine)


def test_wrong_usage_is_refused_before_anything_is_read(
    template: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^none does not exist$"):
        read_forms(template, ["none"], tmp_path / "a.csv")
    with pytest.raises(UsageError, match=r"\.csv, \.parquet, \.xlsx"):
        read_forms(template, [scans], tmp_path / "a.txt")
    with pytest.raises(UsageError, match="outside of it"):
        read_forms(template, [scans], scans / "a.csv")
    (tmp_path / "bare.json").write_text(template.read_text())
    with pytest.raises(UsageError, match="does not exist"):
        read_forms(tmp_path / "bare.json", [scans], tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["bare.json"]


@pytest.mark.parametrize("resume", [False, True])
def test_corrections_of_an_earlier_run_are_not_taken(
    resume: bool, template: Path, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"
    corrections_file(out).touch()
    with pytest.raises(UsageError, match="corrections of an earlier run"):
        read_forms(template, [scans], out, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == [corrections_file(out).name]


def test_the_command(template: Path, scans: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "answers.xlsx"
    with pytest.raises(SystemExit) as end:
        main(["form", str(template), str(scans), "--out", str(out), "--workers", "1"])
    assert end.value.code == 1  # two pages could not be read
    text = capsys.readouterr()
    assert "6 pages in" in text.out
    assert "2 pages without answers" in text.out
    assert "does not show this form" in text.err
    assert out.stat().st_size > 1000


def test_pages_read_slowly_are_not_said_to_be_read_before() -> None:
    slow = FormsResult(Path("a.csv"), 1, 0, 4, 0, read_now=1, seconds=30.0, per_second=0.0)
    assert summary_of(slow).startswith("1 page in a.csv: 1 done in 30")
    before = replace(slow, read_now=0, per_second=None)
    assert summary_of(before).startswith("1 page in a.csv: all of them were read before")


@pytest.mark.engines
def test_ray_gives_the_same_table(template: Path, scans: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    read_all(template, [scans], here)
    command = [sys.executable, "-m", "tenfold", "form", str(template), str(scans), "--out",
               str(there), "--engine", "ray", "--workers", "2", "--json"]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr  # two pages could not be read
    told = json.loads(ended.stdout)
    assert told.get("pages") == 6, told
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
def test_a_kill_loses_nothing(template: Path, scans: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    page = (scans / "0.png").read_bytes()
    for place in range(60):
        (folder / f"{place:02}.png").write_bytes(page)
    out = tmp_path / "answers.csv"
    command = [sys.executable, "-m", "tenfold", "form", str(template), str(folder), "--out",
               str(out), "--workers", "1", "--resume", "--json"]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list(pages_folder(out).glob("part-*")):
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not out.exists()
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told["pages"] == 60 > told["read_now"] > 0
    found = rows(out)
    assert [row["source"] for row in found] == [str(folder / f"{n:02}.png") for n in range(60)]
    assert {row["number"] for row in found} == {"3070"}
    assert open_answers(out).finished
