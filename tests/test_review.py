"""Reviews of answers: the order, what is said and kept, and the table that follows."""

import json
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from answer_scenes import answers_to_review, doubtful_sheets, make_answers, table_of

from tenfold.errors import DataError, TenfoldError, UsageError, WriteError
from tenfold.forms.answers import Answers
from tenfold.forms.corrections import (
    Correction,
    append_correction,
    corrections_file,
    load_corrections,
    repair_corrections,
)
from tenfold.forms.current_table import write_current_table
from tenfold.forms.review import session
from tenfold.forms.review.queue import Choice, choose_items
from tenfold.forms.review.session import StaleError, open_review


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return answers_to_review(tmp_path)


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
    answers = make_answers(tmp_path, doubtful_sheets(), name=f"answers{suffix}")
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
    other = make_answers(tmp_path / "other", doubtful_sheets(), finished=False)
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


@pytest.mark.parametrize("lines", [1, 2])
def test_corrections_survive_an_editor_that_leaves_out_the_last_line_break(
    lines: int, tmp_path: Path
) -> None:
    path = tmp_path / "answers.csv.corrections.jsonl"
    for page in range(lines):
        append_correction(path, correction(page=page))
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert len(load_corrections(path)) == lines
    repair_corrections(path)
    append_correction(path, correction(page=lines))
    assert len(load_corrections(path)) == lines + 1


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


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_disk_that_fills_up_within_a_line_leaves_the_corrections_as_they_were(
    tmp_path: Path,
) -> None:
    import resource

    path = tmp_path / "answers.csv.corrections.jsonl"
    append_correction(path, correction())
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, hard))
    try:
        with pytest.raises(WriteError, match="File too large"):
            append_correction(path, correction(name="paid"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    append_correction(path, correction(name="paid"))
    assert len(load_corrections(path)) == 2


def test_a_note_that_the_table_is_not_written_goes_once_it_is(
    answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    with open_review(answers.table, Choice(), "ann") as review:
        moved = answers.table.rename(answers.table.with_name("moved"))
        answers.table.mkdir()
        review.say(0, "empty", "", 0)
        review.write_table()
        assert "The table is not up to date" in review.notes[0]
        answers.table.rmdir()
        moved.rename(answers.table)
        review.write_table()
        assert review.notes == []
        answers.table.unlink()
        answers.table.mkdir()
        review.say(1, "empty", "", 0)
    assert "The table is not up to date" in caplog.text


def test_stale_says_are_refused(answers: Answers) -> None:
    with open_review(answers.table, Choice(), "ann") as review:
        review.say(0, "empty", "", 0)
        with pytest.raises(StaleError):
            review.say(0, "value", "1", 0)
        review.say(0, "value", "1", 1)
