"""The error of fields that nobody reviewed, estimated from a random sample of fields."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from answer_scenes import make_answers

from tenfold.cli.main import main
from tenfold.forms.answers import Answer, PageAnswers
from tenfold.forms.corrections import (
    Correction,
    Key,
    State,
    append_correction,
    corrections_file,
)
from tenfold.forms.estimate import report, report_text, sample_rank

CERTAIN = 0.9
"""The made tables flag fields below this confidence."""


@dataclass(frozen=True)
class Made:
    """A table, and what somebody who looks at a field would say of it."""

    pages: list[PageAnswers]
    truth: dict[Key, str]

    def keys(self) -> list[Key]:
        return [(p.source, p.page, a.name) for p in self.pages for a in p.answers]

    def said(self, keys: Iterable[Key], state: State = "value") -> dict[Key, Correction]:
        read = {(p.source, p.page, a.name): a for p in self.pages for a in p.answers}
        return {
            key: Correction(
                *key, read[key].value, read[key].confidence, state,
                self.truth[key] if state == "value" else "", "ann", "2026-11-28T10:00:00+00:00",
            )
            for key in keys
        }  # fmt: skip

    def least_sure(self) -> list[Key]:
        read = {(p.source, p.page, a.name): a for p in self.pages for a in p.answers}
        return sorted(self.keys(), key=lambda key: read[key].confidence)

    def at_random(self) -> list[Key]:
        return sorted(self.keys(), key=sample_rank)

    def wrong(self, keys: Iterable[Key]) -> int:
        return sum(one.wrong for one in self.said(keys).values())


def make(pages: int, errors: float, seed: int, prefix: str = "") -> Made:
    """Return pages of ten fields that are wrong as often as their confidence says, or more."""
    rng = np.random.default_rng(seed)
    made, truth = [], {}
    for number in range(pages):
        answers = []
        for place in range(10):
            confidence = 1 - errors * float(rng.exponential())
            confidence = float(np.clip(confidence, 0.1, 0.9999))
            key = f"{prefix}{seed}-{number}.png", 0, f"field {place}"
            truth[key] = "2" if rng.random() > confidence else "1"
            why = "unsure" if confidence < CERTAIN else None
            answers.append(Answer(key[2], "1", confidence, review=why))
        made.append(PageAnswers(f"{prefix}{seed}-{number}.png", 0, None, tuple(answers)))
    return Made(made, truth)


def test_without_a_review_nothing_is_known() -> None:
    made = make(20, 0.05, seed=0)
    found = report([*made.pages, PageAnswers("letter.png", 0, "another form")], {}, error=0.01)
    assert (found.fields, found.failed_pages, found.reviewed, found.sample) == (200, 1, 0, 0)
    assert (found.rest.estimate, found.rest.lower, found.rest.upper) == (None, 0.0, 1.0)
    assert found.to_review
    assert (found.to_review.estimated, found.to_review.assured) == (None, None)
    text = report_text(found, "answers.csv")
    assert "no random sample was reviewed" in text
    assert "tenfold review answers.csv --sample" in text
    json.dumps(found.to_dict())


def test_doubtful_fields_alone_tell_nothing_of_the_rest() -> None:
    made = make(50, 0.05, seed=0)
    flagged = sum(answer.review is not None for page in made.pages for answer in page.answers)
    said = made.said(made.least_sure()[:flagged])
    first = made.at_random().index(next(k for k in made.at_random() if k not in said))
    found = report(made.pages, said)
    assert found.flagged == found.flagged_reviewed == found.reviewed == flagged
    assert found.sample == first  # those that happen to come first
    assert found.rest.estimate is None
    assert found.rest.upper > 0.9


def test_when_all_is_reviewed_nothing_is_left() -> None:
    made = make(10, 0.1, seed=0)
    found = report(made.pages, made.said(made.keys()), error=0.01)
    wrong = made.wrong(made.keys()) / 100
    assert (found.rest.fields, found.rest.estimate, found.rest.upper) == (0, 0.0, 0.0)
    assert (found.as_read.lower, found.as_read.estimate, found.as_read.upper) == (wrong,) * 3
    assert "every field was reviewed" in report_text(found, "answers.csv")


def test_a_skipped_field_ends_the_sample() -> None:
    made = make(20, 0.05, seed=0)
    drawn = made.at_random()[:60]
    assert report(made.pages, made.said(drawn)).sample == 60
    assert report(made.pages, made.said(drawn[:20] + drawn[21:])).sample == 20


def test_what_cannot_be_read_was_read_wrong_unless_it_was_left_empty() -> None:
    made = make(20, 0.0, seed=0)
    drawn = made.at_random()
    said = made.said(drawn[:90]) | made.said(drawn[90:100], "unreadable")
    found = report(made.pages, said)
    assert (found.unreadable, found.wrong, found.sample_wrong) == (10, 10, 10)
    empty = Made([PageAnswers("a", 0, None, (Answer("x", "", 0.5, empty=True),))], {})
    assert report(empty.pages, empty.said([("a", 0, "x")], "unreadable")).wrong == 0


@pytest.mark.parametrize("sample", [50, 150])
def test_the_interval_holds_the_error_of_the_rest(sample: int) -> None:
    held = trials = 0
    for seed in range(60):
        made = make(40, 0.06, seed, prefix=f"{sample}-")
        confidences = {key: one.confidence for key, one in made.said(made.keys()).items()}
        flagged = [key for key in made.least_sure() if confidences[key] < CERTAIN]
        for reviewed in (flagged, flagged[: len(flagged) // 2]):
            keys = {*reviewed, *made.at_random()[:sample]}
            rest = set(made.keys()) - keys
            found = report(made.pages, made.said(keys))
            truth = made.wrong(rest) / len(rest)
            trials += 1
            held += found.rest.lower <= truth <= found.rest.upper
            assert found.rest.fields == len(rest)
    assert held / trials > 0.95


def test_the_number_to_review_keeps_its_promise() -> None:
    kept = trials = 0
    numbers = []
    for seed in range(60):
        made = make(60, 0.05, seed, prefix="promise-")
        sample = made.at_random()[:250]
        asked = report(made.pages, made.said(sample), error=0.02).to_review
        assert asked
        assert asked.needed_sample <= 250
        if asked.assured is None:
            continue
        rest = made.least_sure()[asked.assured :]
        trials += 1
        kept += made.wrong(rest) / 600 <= 0.02
        numbers.append(asked.assured)
    assert trials > 50
    assert kept / trials > 0.95
    assert 0 < np.mean(numbers) < 500  # fewer than all: it is of use


def test_a_small_sample_says_how_large_it_must_be() -> None:
    made = make(200, 0.02, seed=0)
    found = report(made.pages, made.said(made.at_random()[:30]), error=0.01)
    assert found.to_review
    assert found.to_review.assured is None
    # Of none wrong in 299 with 95% confidence: less than 1% are (the rule of three).
    assert 250 < found.to_review.needed_sample <= 299
    assert f"--sample {found.to_review.needed_sample}" in report_text(found, "answers.csv")


# The command.


def call(*words: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["form", *map(str, words)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_the_command_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make(40, 0.03, seed=1)
    fields = [{"name": f"field {n}", "box": [10, 10 + 20 * n, 80, 16]} for n in range(10)]
    answers = make_answers(tmp_path, made.pages, fields=fields)
    code, out, _ = call("--out", answers.table, "--report", capsys=capsys)
    assert code == 0
    assert "no random sample was reviewed" in out
    for said in made.said(made.at_random()[:200]).values():
        append_correction(corrections_file(answers.table), said)
    code, out, _ = call("--out", answers.table, "--report", "--error", "2%", capsys=capsys)
    assert code == 0
    assert "random sample: 200 fields" in out
    assert "for an error of the table of at most 2.00%" in out
    words = ("--out", answers.table, "--report", "--error", "0.02", "--json")
    document = json.loads(call(*words, capsys=capsys)[1])
    assert (document["sample"], document["to_review"]["error"]) == (200, 0.02)
    assert document["rest"]["lower"] <= document["rest"]["estimate"] <= document["rest"]["upper"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "answers.csv"), "TEMPLATE and SCAN are missing"),
        (("form.json", "--out", "answers.csv"), "SCAN is missing"),
        (("--out", "answers.csv", "--error", "1%"), "--error needs --report"),
        (("--out", "answers.csv", "--report", "--error", "2"), "2 is not a share such as 0.5%"),
        (("--out", "answers.csv", "--report", "--error", "nan%"), "nan% is not a share"),
        (("--out", "answers.csv", "--report", "--resume"), "--resume needs TEMPLATE and SCAN"),
        (("--out", "answers.csv", "--report", "--ray-address", "a"), "--ray-address needs TEMP"),
        (("--out", "other.csv", "--report"), "other.csv has no folder other.csv.pages"),
    ],
)
def test_wrong_usage_is_one_line(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("other.csv").write_text("source,page\n")
    code, out, err = call(*words, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_the_report_says_that_the_table_was_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = make_answers(tmp_path, [])
    _, _, err = call("--out", answers.table, "--report", capsys=capsys)
    assert "not as tenfold wrote it" not in err
    answers.table.write_bytes(b"")
    code, _, err = call("--out", answers.table, "--report", capsys=capsys)
    assert code == 0
    assert "answers.csv is not as tenfold wrote it" in err


def test_a_table_that_is_not_finished_has_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = make_answers(tmp_path, [], finished=False)
    code, _, err = call("--out", answers.table, "--report", capsys=capsys)
    assert code == 2
    assert "is not finished: run `tenfold form` again with --resume" in err
