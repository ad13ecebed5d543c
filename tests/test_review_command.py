"""`tenfold review`: kills, wrong usage, and reviewed digits as a data set."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answer_scenes import FIELDS, answers_to_review, make_answers, make_pages, page, table_of

from tenfold.batch.output import MANIFEST
from tenfold.cli.main import main
from tenfold.data.datasets import load_dataset
from tenfold.forms.answers import Alternative, Answer, Answers
from tenfold.forms.corrections import (
    Correction,
    corrections_file,
    load_corrections,
)
from tenfold.forms.labeled_digits import LabeledDigits, labeled_digits, write_labeled_digits
from tenfold.forms.review.queue import Choice
from tenfold.forms.review.session import open_review


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return answers_to_review(tmp_path)


@contextmanager
def reviewing(table: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give the process of `tenfold review` and the address of its page."""
    command = [sys.executable, "-m", "tenfold", "review", str(table), "--json", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process, json.loads(process.stdout.readline())["address"]
        finally:
            process.kill()


def post(address: str, place: int, **said: Any) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}fields/{place}",
        json.dumps({"revision": 0, **said}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def test_a_kill_loses_nothing(answers: Answers) -> None:
    with reviewing(answers.table) as (process, address):
        for place in range(4):
            post(address, place, state="value", value=f"{place + 1}{place}")
        process.kill()  # the table may not be written yet
    path = corrections_file(answers.table)
    assert len(load_corrections(path)) == 4
    path.write_bytes(path.read_bytes() + b'{"source": "sheet-0')  # as a kill while writing leaves
    with reviewing(answers.table) as (_, address):
        with urllib.request.urlopen(f"{address}state") as response:
            assert json.load(response)["reviewed"] == 4
        assert table_of(answers.table)["sheet-5.png"]["points"] == "10"
        post(address, 4, state="empty")
    assert len(load_corrections(path)) == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_ctrl_c_writes_the_table(number: int, code: int, answers: Answers) -> None:
    with reviewing(answers.table) as (process, address):
        post(address, 0, state="value", value="51")
        started = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - started < 10
    assert process.returncode == code
    assert "Traceback" not in err
    assert ("what was reviewed is in" in err) == (code == 130)
    assert table_of(answers.table)["sheet-5.png"]["points"] == "51"
    with pytest.raises(urllib.error.URLError):
        post(address, 1, state="empty")


def call(*words: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["review", *map(str, words)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_nothing_to_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sure = [page("a.png", Answer("student", "123456", 0.99))]
    one = make_answers(tmp_path / "sure", sure, fields=FIELDS[:1])
    code, out, _ = call(one.table, capsys=capsys)
    assert code == 0
    assert "no field is flagged" in out
    assert "--sample 200" in out
    none = make_answers(tmp_path / "none", [page("a.png", error="another form")])
    assert "no page could be read" in call(none.table, capsys=capsys)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("answers.csv", "--sample", "0"), "--sample is 0: give at least 1"),
        (("answers.csv", "--sample", "3", "--least-sure", "3"), "not both"),
        (("answers.csv", "--port", "70000"), "--port: 70000 is not a port from 0 to 65535"),
        (("answers.csv", "--export", "own.npz", "--sample", "-3"), "takes all reviewed"),
        (("answers.csv", "--export", "own.npz", "--least-sure", "2"), "takes all reviewed"),
    ],
)
def test_wrong_usage(
    words: tuple[str, ...], message: str, answers: Answers,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(answers.table.parent)
    code, out, err = call(*words, capsys=capsys)
    assert code == 2
    assert not out
    assert len(err.splitlines()) == 1
    assert message in err


def test_a_folder_is_no_table_unless_it_holds_its_pages(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(answers.folder)
    code, _, err = call(".", "--export", "own.npz", capsys=capsys)
    assert (code, err.count("review some first")) == (1, 1)
    renamed = answers.folder.rename(answers.folder.with_name("pages"))
    for folder in (".", renamed):
        code, _, err = call(folder, capsys=capsys)
        assert (code, len(err.splitlines())) == (2, 1)
        assert f"{folder} is not named TABLE.pages" in err
    (renamed / MANIFEST).write_text("{}")
    code, _, err = call(".", capsys=capsys)
    assert (code, len(err.splitlines())) == (2, 1)
    (renamed / MANIFEST).unlink()
    code, _, err = call(".", capsys=capsys)
    assert code == 2
    assert ". holds no answers: give a table that `tenfold form` wrote" in err


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("fastapi", 'reviewing needs more packages: pip install "tenfold[serve,forms]"'),
        ("pyarrow", 'reading answers needs more packages: pip install "tenfold[forms]"'),
    ],
)
def test_a_missing_extra_is_named(module: str, message: str, answers: Answers) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"from tenfold.cli.main import main; main(['review', {str(answers.table)!r}])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"tenfold: {message}"]


@pytest.mark.parametrize(
    ("rule", "readings", "value", "digits", "labels"),
    [
        ({"kind": "date"}, ["28/11/2026"], "2026-11-28", 8, "28112026"),
        ({"kind": "date"}, ["2026-11-28"], "2026-11-28", 8, "20261128"),
        ({"kind": "date"}, ["02/3/2004", "2/03/2004"], "2004-03-02", 7, "0232004"),
        ({"kind": "date"}, ["2/3/2004", "2/3/04"], "2004-03-02", 4, "2304"),
        ({"kind": "date"}, ["28/11/2026"], "2026-11-23", 8, None),  # how it is written is not known
        ({"kind": "integer"}, ["00742"], "742", 5, "00742"),
        ({"kind": "time"}, ["8:05"], "08:05", 3, "805"),
        ({"kind": "decimal"}, ["1.234,50"], "1234.60", 6, "123460"),
        ({"kind": "decimal"}, ["1.234,50"], "1234.60", 5, None),
    ],
)
def test_labels_are_in_the_order_of_the_paper(
    rule: dict[str, Any], readings: list[str], value: str, digits: int, labels: str | None,
    tmp_path: Path,
) -> None:  # fmt: skip
    read = Answer(
        "field", "as read", 0.5, alternatives=tuple(Alternative(one, 0.5) for one in readings),
        digits=bytes(digits * 28 * 28),
    )  # fmt: skip
    fields = [{"name": "field", "box": [40, 40, 240, 40], "constraint": rule}]
    answers = make_answers(tmp_path, [page("a.png", read)], fields=fields)
    said = Correction("a.png", 0, "field", "as read", 0.5, "value", value, "ann", "")
    found = labeled_digits(answers, {said.key: said})
    assert "".join(map(str, found.labels)) == (labels or "")
    assert (found.fields, found.left_out) == ((1, 0) if labels else (0, 1))


def test_a_data_set_of_any_suffix_is_written_whole(tmp_path: Path) -> None:
    digits = LabeledDigits(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8), 1, 0)
    write_labeled_digits(tmp_path / "own.NPZ", digits)
    (file,) = tmp_path.iterdir()
    assert np.load(file)["labels"].tolist() == [0]


def test_reviewed_digits_become_a_data_set(
    tmp_path: Path, mnist, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = make_answers(tmp_path, make_pages(12, mnist.train_images, mnist.train_labels))
    file = tmp_path / "own.npz"
    code, _, err = call(answers.table, "--export", file, capsys=capsys)
    assert code == 1
    assert "review some first" in err
    with open_review(answers.table, Choice(least_sure=40), "ann") as review:
        for place, item in enumerate(review.items):
            review.say(place, "value", item.answer.value, 0)
        first = next(n for n, item in enumerate(review.items) if item.answer.name == "points")
        second = next(n for n, item in enumerate(review.items) if item.answer.name == "student")
        review.say(first, "value", "12345", 1)  # which does not fit the digits found
        review.say(second, "unreadable", "", 1)
        kept = [item.answer for n, item in enumerate(review.items) if n not in (first, second)]
    wanted = "".join(c for answer in kept for c in answer.value if c.isdigit())
    code, out, _ = call(answers.table, "--export", file, "--json", capsys=capsys)
    assert code == 0
    fields = sum(answer.name != "paid" for answer in kept)
    assert json.loads(out) == {
        "file": str(file), "digits": len(wanted), "fields": fields, "left_out": 1,
    }  # fmt: skip
    data = load_dataset(file, "all")
    assert sorted(map(str, data.labels)) == sorted(wanted)
    assert data.images.shape == (len(wanted), 28, 28)
    known = {
        image.tobytes(): label
        for image, label in zip(mnist.train_images, mnist.train_labels, strict=True)
    }
    as_drawn = [known[image.tobytes()] for image in data.images]
    wrong = np.flatnonzero(data.labels != as_drawn)
    assert len(wrong) <= sum(a.review is not None for a in kept)  # accepted as they were read
    code, _, err = call(answers.table, "--export", tmp_path / "own.csv", capsys=capsys)
    assert code == 2
    assert "does not end in .npz" in err
