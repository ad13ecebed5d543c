"""Reviews of answers: the order, what is said and kept, the table that follows, and the page."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import numpy as np
import pytest
from answer_scenes import FIELDS, make_answers, make_pages, page

from tenfold.cli.main import main
from tenfold.data.datasets import load_dataset
from tenfold.errors import DataError, TenfoldError, UsageError, WriteError
from tenfold.forms.answers import Alternative, Answer, Answers, PageAnswers
from tenfold.forms.corrections import (
    Correction,
    append_correction,
    corrections_file,
    load_corrections,
    repair_corrections,
)
from tenfold.forms.current_table import write_current_table
from tenfold.forms.review import session
from tenfold.forms.review.app import create_review_app
from tenfold.forms.review.queue import Choice, choose_items
from tenfold.forms.review.session import Review, StaleError, open_review
from tenfold.forms.typed import typed_value
from tenfold.reading.fields import Field
from tenfold.serving.listening import listen
from tenfold.serving.local import LocalGuard, LocalServer

PNG = b"\x89PNG made up"


def sheets(count: int = 6) -> list[PageAnswers]:
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


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return make_answers(tmp_path, [*sheets(), page("letter.png", error="another form")])


def table_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


def correction(**changes: Any) -> Correction:
    made = Correction(
        "sheet-0.png", 0, "points", "07", 0.9, "value", "01", "ann", "2026-11-28T10:00:00+00:00"
    )
    return replace(made, **changes)


def test_the_least_sure_come_first(answers: Answers) -> None:
    def shown(choice: Choice) -> list[tuple[str, str]]:
        return [(item.source, item.answer.name) for item in choose_items(answers, choice)]

    flagged = [(f"sheet-{number}.png", "points") for number in reversed(range(6))]
    assert shown(Choice()) == flagged
    assert shown(Choice(least_sure=8)) == [
        *flagged,
        ("sheet-0.png", "paid"),
        ("sheet-1.png", "paid"),
    ]
    sample = shown(Choice(sample=9))
    assert shown(Choice(sample=20))[:9] == sample
    assert len(set(shown(Choice(sample=1000)))) == 24
    assert {name for _, name in sample} > {"points"}
    for choice in ({"sample": 0}, {"least_sure": -1}, {"sample": 1, "least_sure": 1}):
        with pytest.raises(UsageError):
            Choice(**choice)


def test_what_is_said_is_kept_apart_and_comes_into_the_table(answers: Answers) -> None:
    with open_review(answers.table, Choice(), "ann") as review:
        review.say(0, "value", "51", 0)
        review.say(1, "unreadable", "", 0)
        review.say(2, "empty", "", 0)
        review.say(3, "value", "27", 0)  # as it was read
        assert (review.reviewed, review.next_open(3), review.next_open(5)) == (4, 4, 4)
    table = table_of(answers.table)
    wanted = {5: ("51", "1.0", ""), 4: ("", "0.0", "points: cannot be read"), 3: ("", "1.0", ""),
              2: ("27", "1.0", ""), 1: ("17", "0.8", "points: unsure")}  # fmt: skip
    for number, found in wanted.items():
        row = table[f"sheet-{number}.png"]
        assert (row["points"], row["points_confidence"], row["review"]) == found
        assert row["student"] == f"10000{number}"
    assert table["letter.png"]["error"] == "another form"
    lines = corrections_file(answers.table).read_text().splitlines()
    first = json.loads(lines[0])
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "source": "sheet-5.png", "page": 0, "name": "points", "read": "57", "confidence": 0.4,
        "state": "value", "value": "51", "by": "ann",
    }  # fmt: skip
    assert [one.wrong for one in load_corrections(corrections_file(answers.table)).values()] == [
        True, True, True, False,
    ]  # fmt: skip
    with open_review(answers.table, Choice(), "bob") as review:
        assert review.reviewed == 4
        assert review.next_open(-1) == 4
        review.say(0, "value", "52", 0)  # the last word counts
    assert table_of(answers.table)["sheet-5.png"]["points"] == "52"
    assert len(corrections_file(answers.table).read_text().splitlines()) == 5


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_tables_of_other_kinds(suffix: str, tmp_path: Path) -> None:
    answers = make_answers(tmp_path, sheets(), name=f"answers{suffix}")
    before = answers.table.read_bytes()
    with open_review(answers.table, Choice(), "ann") as review:
        review.say(0, "value", "51", 0)
    assert answers.table.read_bytes() != before
    assert not list(tmp_path.glob("*.edited-*"))


def test_a_table_that_somebody_edited_is_kept(answers: Answers) -> None:
    answers.table.write_text("my own notes")
    with open_review(answers.table, Choice(), "ann") as review:
        review.say(0, "value", "51", 0)
        review.write_table()
        assert "kept as answers.edited-" in review.notes[0]
        review.say(1, "value", "41", 0)
    review.write_table()  # nothing, after the end
    (kept,) = answers.table.parent.glob("answers.edited-*.csv")
    assert kept.read_text() == "my own notes"
    assert table_of(answers.table)["sheet-4.png"]["points"] == "41"


def test_a_table_that_cannot_be_written_loses_nothing(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise WriteError("cannot write answers.csv: no space left")

    with open_review(answers.table, Choice(), "ann") as review:
        with monkeypatch.context() as broken:
            broken.setattr(session, "write_current_table", fail)
            review.say(0, "value", "51", 0)
            review.write_table()
        assert review.notes == [
            "The table is not up to date: cannot write answers.csv: no space left."
            " All corrections are saved."
        ]
    assert table_of(answers.table)["sheet-5.png"]["points"] == "51"


def test_the_end_waits_for_a_table_that_is_being_written(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, written = threading.Event(), []

    def slow(*args: Any) -> Path | None:
        begun.set()
        time.sleep(0.3)
        written.append(len(args[1]))
        return write_current_table(*args)

    monkeypatch.setattr(session, "write_current_table", slow)
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.0)
    with open_review(answers.table, Choice(), "ann") as review:
        review.say(0, "value", "51", 0)
        assert begun.wait(10)
        review.say(1, "value", "41", 0)
    assert written[-1] == 2
    assert table_of(answers.table)["sheet-4.png"]["points"] == "41"


def test_answers_that_have_moved(answers: Answers) -> None:
    with open_review(answers.table, Choice(), "ann") as review:
        moved = answers.folder.rename(answers.folder.with_name("elsewhere.pages"))
        with pytest.raises(DataError, match="has moved"):
            review.say(0, "value", "51", 0)
        with pytest.raises(DataError, match="has moved"):
            review.crop(0)
        assert not corrections_file(answers.table).exists()
        moved.rename(answers.folder)
        review.say(0, "value", "51", 0)


def test_one_review_at_a_time_and_only_of_finished_tables(answers: Answers, tmp_path: Path) -> None:
    with (
        open_review(answers.table, Choice(), "ann"),
        pytest.raises(TenfoldError, match="several browsers"),
        open_review(answers.table, Choice(), "bob"),
    ):
        pass
    other = make_answers(tmp_path / "other", sheets(), finished=False)
    with pytest.raises(UsageError, match="not finished"), open_review(other.table, Choice(), "ann"):
        pass


def test_corrections_survive_a_line_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv.corrections.jsonl"
    append_correction(path, correction())
    append_correction(path, correction(name="paid", read="yes", value="no"))
    whole = path.read_bytes()
    append_correction(path, correction(name="student"))
    third = path.read_bytes()[len(whole) :]
    for length in range(0, len(third), 7):
        path.write_bytes(whole + third[:length])
        assert len(load_corrections(path)) == 2
    path.write_bytes(whole + b'{"source": "sheet-1.png", "pa')
    assert [key[2] for key in load_corrections(path)] == ["points", "paid"]
    repair_corrections(path)
    assert path.read_bytes() == whole
    append_correction(path, correction(by="Zoë \ud800"))
    assert load_corrections(path)[correction().key].by == "Zoë \ud800"
    path.write_bytes(b'{"cut')
    repair_corrections(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[]", b"nonsense", b"\xff", b"[" * 9999, json.dumps({"source": 1}).encode()],
)
def test_a_damaged_line_is_named(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv.corrections.jsonl"
    append_correction(path, correction())
    path.write_bytes(path.read_bytes() + line + b"\n")
    append_correction(path, correction())
    with pytest.raises(DataError, match=r"line 2 of .* is no correction"):
        load_corrections(path)


def test_a_full_disk_leaves_the_corrections_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.csv.corrections.jsonl"
    append_correction(path, correction())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match="No space left"):
            append_correction(path, correction(name="paid"))
    assert path.read_bytes() == before


# The page.


@pytest.fixture
def client(answers: Answers) -> Iterator[httpx.Client]:
    with open_review(answers.table, Choice(), "ann") as review, served(review) as client:
        yield client


@contextmanager
def served(review: Review) -> Iterator[httpx.Client]:
    """Give a client of the page, served by a thread."""
    addresses: SimpleQueue[str] = SimpleQueue()
    guard = LocalGuard(create_review_app(review, "key"), 10_000)
    server = LocalServer(guard, listen("127.0.0.1", 0), "/key/", addresses.put)
    thread = threading.Thread(target=server.serve_until_stopped)
    thread.start()
    try:
        with httpx.Client(base_url=addresses.get(timeout=30), trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)


def test_the_page_shows_fields_and_saves_what_is_said(client: httpx.Client) -> None:
    assert b"<!doctype html>" in client.get("").content
    for name in ("shared/base.css", "static/review.css", "static/review.js", "shared/icon.svg"):
        assert client.get(name).status_code == 200
    state = client.get("state").json()
    assert (state["fields"], state["reviewed"], state["next"]) == (6, 0, 0)
    field = client.get("fields/0").json()
    assert field | {"alternatives": 0} == {
        "place": 0, "source": "sheet-5.png", "page": 1, "name": "points", "tick": False,
        "read": "57", "written": "57", "confidence": "40.0%", "why": "unsure",
        "rule": "at least 0, at most 100",
        "alternatives": 0, "said": None, "revision": 0,
    }  # fmt: skip
    assert field["alternatives"][1] == {"text": "51", "confidence": "30.0%"}
    assert client.get("crops/0").content == PNG + b"\x05"
    answer = client.post("fields/0", json={"state": "value", "value": " 51 ", "revision": 0}).json()
    assert answer["field"]["said"]["value"] == "51"
    assert answer["field"]["revision"] == 1
    assert (answer["state"]["reviewed"], answer["state"]["next"]) == (1, 1)


def test_the_page_answers_two_browsers(client: httpx.Client) -> None:
    first = {"state": "value", "value": "51", "revision": 0}
    assert client.post("fields/0", json=first).status_code == 200
    second = client.post("fields/0", json=first | {"value": "59"})
    assert second.status_code == 409
    assert "meanwhile" in second.json()["error"]
    assert client.get("fields/0").json()["said"]["value"] == "51"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"state": "value", "value": "  ", "revision": 0}, 422, "type what is written"),
        ({"state": "value", "value": "5\n1", "revision": 0}, 422, "cannot be printed"),
        ({"state": "value", "value": "5" * 201, "revision": 0}, 422, "200"),
        ({"state": "maybe", "value": "5", "revision": 0}, 422, "state"),
        ({"state": "value", "value": "5"}, 422, "revision"),
        ({"state": "value", "value": "5" * 10_001, "revision": 0}, 413, "longer than"),
    ],
)
def test_the_page_refuses(body: dict[str, Any], status: int, message: str, client: httpx.Client):
    response = client.post("fields/0", json=body)
    assert response.status_code == status
    assert message in response.json()["error"]
    assert client.get("state").json()["reviewed"] == 0


def test_a_value_that_breaks_the_rule_is_saved_if_somebody_insists(client: httpx.Client) -> None:
    said = {"state": "value", "value": "501", "revision": 0}
    response = client.post("fields/0", json=said)
    assert response.status_code == 422
    assert response.json()["error"] == (
        "501 does not fit (at least 0, at most 100): Enter again saves it anyway"
    )
    assert client.post("fields/0", json=said | {"anyway": True}).status_code == 200
    assert client.get("fields/0").json()["said"]["value"] == "501"


@pytest.mark.parametrize(
    ("text", "conditions", "read", "value"),
    [
        ("2/11/1941", {"kind": "date"}, "1941-11-03", "1941-11-02"),
        ("1941-11-02", {"kind": "date"}, "1941-11-02", "1941-11-02"),
        ("1.234,50", {"kind": "decimal"}, "7", "1234.50"),
        ("12.5", {"kind": "decimal"}, "12.50", "12.50"),
        ("8.05", {"kind": "time"}, "", "08:05"),
        ("12 34", {"length": 4}, "1235", "1234"),
        ("1 2-3", {"pattern": "[0-9]{2}-[0-9]"}, "", "12-3"),
        ("31.2.1941", {"kind": "date"}, "1941-11-03", "31.2.1941"),
        ("12 34", None, "1234", "12 34"),
    ],
)
def test_what_is_typed_is_held_as_the_table_holds_it(
    text: str, conditions: dict[str, Any] | None, read: str, value: str
) -> None:
    field = Field(**conditions) if conditions else None
    assert typed_value(text, field, read) == value


def test_a_date_is_shown_as_it_is_written(tmp_path: Path) -> None:
    written = Alternative("2/11/1941", 0.5)
    read = Answer("birthday", "1941-11-02", 0.5, review="unsure", alternatives=(written,))
    answers = make_answers(tmp_path, [page("a.png", read)])
    with open_review(answers.table, Choice(), "ann") as review, served(review) as client:
        field = client.get("fields/0").json()
        assert (field["read"], field["written"]) == ("1941-11-02", "2/11/1941")
        said = {"state": "value", "value": "02.11.1941", "revision": 0}
        assert client.post("fields/0", json=said).json()["field"]["said"]["value"] == "1941-11-02"
        assert not [one for one in [review.correction(0)] if one is None or one.wrong]


def test_a_tick_is_yes_or_no(answers: Answers) -> None:
    choice = Choice(least_sure=7)
    with open_review(answers.table, choice, "ann") as review, served(review) as client:
        field = client.get("fields/6").json()
        assert [one["text"] for one in field["alternatives"]] == ["yes", "no"]
        said = {"state": "value", "value": "maybe", "revision": 0}
        assert client.post("fields/6", json=said).json()["error"] == "a tick is yes or no"
        assert client.post("fields/6", json=said | {"value": "no"}).status_code == 200


def test_the_page_is_for_this_machine_and_its_own_address(client: httpx.Client) -> None:
    said = {"state": "value", "value": "51", "revision": 0}
    address = client.base_url.netloc.decode()
    assert client.get("state", headers={"host": "evil.example"}).status_code == 400
    foreign = client.post("fields/0", json=said, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    own = client.post("fields/0", json=said, headers={"origin": f"http://{address}"})
    assert own.status_code == 200
    assert client.get(f"http://{address}/").status_code == 404
    assert client.get(f"http://{address}/other/state").status_code == 404
    for path in ("static/../app.py", "static/%2e%2e/app.py", "static//etc/passwd", "crops/../x"):
        assert client.get(path).status_code == 404
    for place in ("-1", "6", "99999999999999999999"):
        assert client.get(f"fields/{place}").status_code == 404
    assert client.get("fields/x").status_code == 422
    headers = client.get("").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_a_damaged_part_is_said_on_the_page(client: httpx.Client, answers: Answers) -> None:
    for part in answers.folder.glob("part-*.parquet"):
        part.write_bytes(b"nothing")
    response = client.get("crops/0")
    assert response.status_code == 500
    assert "part-00000000.parquet is damaged" in response.json()["error"]


# The command.


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
        (("missing.csv",), "missing.csv"),
        (("answers.csv", "--sample", "0"), "--sample is 0: give at least 1"),
        (("answers.csv", "--sample", "3", "--least-sure", "3"), "not both"),
        (("answers.csv", "--port", "70000"), "port is 70000"),
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


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("fastapi", "reviewing needs more packages: pip install 'tenfold[serve]'"),
        ("pyarrow", "reading answers needs more packages: pip install 'tenfold[forms]'"),
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


def test_stale_says_are_refused(answers: Answers) -> None:
    with open_review(answers.table, Choice(), "ann") as review:
        review.say(0, "empty", "", 0)
        with pytest.raises(StaleError):
            review.say(0, "value", "1", 0)
        review.say(0, "value", "1", 1)
