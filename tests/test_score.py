"""Scoring your own labeled pictures: every form of labels, the figures, the page."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Mnist
from PIL import Image

from tenfold.cli.main import main
from tenfold.errors import DataError, UsageError
from tenfold.evaluation.significance import wilson_interval
from tenfold.scoring.outcomes import Outcome, accepted, covered
from tenfold.scoring.picture_sets import load_pictures
from tenfold.scoring.report import write_score
from tenfold.scoring.score import score


def save(image: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(255 - np.pad(image, 8)).save(path)


@pytest.fixture
def digits(mnist: Mnist, tmp_path: Path) -> Path:
    """Twenty digits in folders by label; one of them lies in the wrong folder."""
    folder = tmp_path / "digits"
    for number in range(20):
        save(mnist.test_images[number], folder / str(mnist.test_labels[number]) / f"{number}.png")
    wrong = folder / str(mnist.test_labels[0]) / "0.png"
    wrong.rename(folder / str(mnist.test_labels[1]) / "wrong.png")
    (folder / ".hidden").mkdir()
    return folder


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_folders_by_label(digits: Path) -> None:
    found = score(digits)
    assert (found.n, found.errors) == (20, 1)
    assert found.accuracy == 0.95
    assert found.accuracy_interval == wilson_interval(19, 20)
    assert sum(row.n for row in found.labels) == 20
    assert [row.n for row in found.coverages] == [20, 19, 18, 16, 14, 10]
    (failure,) = found.failures
    assert failure.file.endswith("wrong.png")
    assert failure.label != failure.read
    assert failure.accepted


def test_numbers_and_single_digits_in_labels_csv(mnist: Mnist, tmp_path: Path) -> None:
    images, labels = mnist.test_images, mnist.test_labels
    save(np.concatenate(list(images[:4]), 1), tmp_path / "number.png")
    save(images[4], tmp_path / "digit.png")
    text = "".join(map(str, labels[:4]))
    table = tmp_path / "labels.csv"
    table.write_text(f"\ufefffile,label,kind\nnumber.png,{text[:2]} {text[2:]},scan\n")
    numbers = score(tmp_path)
    assert (numbers.n, numbers.errors, numbers.labels) == (1, 0, ())
    assert [(kind.label, kind.n) for kind in numbers.kinds] == [("scan", 1)]
    table.write_text(f"file,label\ndigit.png,{labels[4]}\n")
    assert [row.label for row in score(tmp_path).labels] == [str(labels[4])]


def test_an_unreadable_picture_is_an_error_of_the_reading(digits: Path) -> None:
    (digits / "3" / "broken.png").write_bytes(b"no picture")
    found = score(digits)
    assert (found.n, found.errors) == (21, 2)
    assert "broken.png" in found.failures[-1].file
    assert found.failures[-1].error


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,label\ngone.png,3\n", "no such file"),
        ("file,label\na.png,three\n", "'three' is not made of the digits"),
        ("file,label\na.png,3\na.png,-1\n", "'-1' is not a digit, 0 to 9"),
        ("name,label\na.png,3\n", "lacks the column file"),
        ("", "lacks the column file and label"),
        ("file,label\n", "no labeled pictures"),
    ],
)
def test_labels_that_cannot_be_used(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=re.escape(message)):
        score(tmp_path)


@pytest.mark.parametrize(
    "entries",
    ['[{"lines": []}]', '[{"file": "a"}]', "[3]", "{", "3", '[{"file": "a.png", "lines": "12"}]',
     '[{"file": "a.png", "lines": 12}]'],
)  # fmt: skip
def test_labels_json_that_cannot_be_used(tmp_path: Path, entries: str) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "labels.json").write_text(entries)
    with pytest.raises(DataError):
        score(tmp_path)


@pytest.mark.parametrize("arrays", [{"x": 3, "y": 3}, {"x": np.zeros((1, 28, 28))}, None])
def test_npz_files_that_cannot_be_used(tmp_path: Path, arrays: Any) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(b"")
    if arrays:
        np.savez(path, **arrays)
    with pytest.raises(DataError, match=re.escape(str(path))):
        load_pictures(path)


def test_labels_of_a_npz_may_be_whole_fractions(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", x=np.zeros((2, 28, 28), np.uint8), y=np.array([3.0, 7.0]))
    assert [one.lines for one in load_pictures(tmp_path / "digits.npz")] == [["3"], ["7"]]


@pytest.mark.parametrize("label", [-1, 12, np.inf, "", "-1"])
def test_labels_of_a_npz_that_are_no_digits(tmp_path: Path, label: Any) -> None:
    for name in ("digits", "not_digits"):
        np.savez(tmp_path / name, x=np.zeros((2, 28, 28), np.uint8), y=np.array([label] * 2))
    with pytest.raises(DataError, match=r"digits.npz: .*label"):
        load_pictures(tmp_path / "digits.npz")
    if label != np.inf:
        assert [one.lines for one in load_pictures(tmp_path / "not_digits.npz")] == [None, None]


def test_a_minus_is_left_out_of_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("file,label\na.png,-12.5\n")
    assert load_pictures(tmp_path)[0].lines == ["125"]


def test_a_cell_of_labels_csv_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"file,label\na.png,{'1' * 200_000}\n")
    with pytest.raises(DataError, match="field larger"):
        load_pictures(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names in UTF-8 only")
def test_the_page_shows_names_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"1/a\xff.png")
    (tmp_path / "1").mkdir()
    (tmp_path / name).write_bytes(b"no picture")
    page = write_score(score(tmp_path), tmp_path / "out")
    assert "1/a?.png" in page.read_text(encoding="utf-8")


def test_coverage_takes_the_most_confident_first() -> None:
    outcomes = [Outcome(number != 2, number < 5, 1 - number / 10) for number in range(10)]
    half = covered(outcomes, 0.5)
    assert (half.n, half.errors, half.error_rate, half.confidence) == (5, 1, 0.2, 0.6)
    assert half.interval == wilson_interval(1, 5)
    assert covered(outcomes, 0.2).errors == 0
    assert accepted(outcomes) == half
    nothing = accepted([Outcome(True, False, 0.0)])
    assert (nothing.coverage, nothing.error_rate) == (0.0, None)


def test_the_command_leaves_a_page(digits: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert run("score", str(digits), "--out", str(out), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n"] == 20
    assert told["page"] == str(out / "index.html")
    page = (out / "index.html").read_text()
    assert "wrong.png" in page
    assert page.count("data:image/png") == 1
    assert {path.name for path in out.iterdir()} == {"index.html", "coverage.png", "coverage.svg"}
    assert run("score", str(digits)) == 0
    text = capsys.readouterr().out
    assert "accuracy 95.0% of 20 pictures" in text
    assert "wrong.png" in text


def test_arrays_are_no_source() -> None:
    with pytest.raises(UsageError, match="source is a tuple: give the path of a folder"):
        score((np.zeros((1, 28, 28), np.uint8), [0]))  # type: ignore[arg-type]


def test_the_command_told_nonsense(digits: Path, tmp_path: Path, capsys) -> None:
    assert run("score", str(tmp_path / "nowhere")) == 1
    assert "does not exist" in capsys.readouterr().err
    assert run("score", str(digits), "--model", "nobody") == 2
    assert "no model" in capsys.readouterr().err
    assert run("score", str(digits), "--out", str(digits)) == 2
