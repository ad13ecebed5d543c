"""Numbers with their signs and spaces, alternatives and fields, from the picture to the shell."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Mnist
from PIL import Image
from sign_scenes import scene, written

import tenfold
from tenfold.cli.main import main
from tenfold.errors import UsageError
from tenfold.reading.lattice import Lattice
from tenfold.reading.numbers import as_numbers
from tenfold.reading.reader import Reader
from tenfold.reading.results import Cell, Digit, Grid, Line, Reading, Sign
from tenfold.reading.settings import ReaderSettings
from tenfold.training.lines.handwriting import Writers
from tenfold.training.lines.train import writers_of_lines

SETTINGS = ReaderSettings()


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(characters="numbers")


@pytest.fixture(scope="module")
def writers() -> Writers:
    return writers_of_lines(held_back=True)


@pytest.fixture(scope="module")
def amount(writers: Writers) -> tuple[np.ndarray, str]:
    rng = np.random.default_rng((11, 2))
    return scene("decimal", writers.by_digit, writers.hands, rng)


def digit_at(digit: int, left: int, wide: int = 20) -> Digit:
    sure = np.eye(10, dtype=np.float32)[digit]
    return Digit(digit, 0.99, (left, 10, wide, 40), False, probabilities=sure)


def reading_of(lines: list[Line], grids: tuple[Grid, ...] = ()) -> Reading:
    return Reading(tuple(lines), 400, 60, 0, grids=grids)


@pytest.mark.parametrize("kind", ["decimal", "slash", "dash"])
def test_signs_are_part_of_numbers(kind: str, reader: Reader, writers: Writers) -> None:
    rng = np.random.default_rng((32, len(kind)))
    right = 0
    for _ in range(6):
        picture, text = scene(kind, writers.by_digit, writers.hands, rng)
        right += reader.read(picture).text == text
    assert right >= 3


def test_a_minus_is_part_of_a_number(reader: Reader, writers: Writers) -> None:
    rng = np.random.default_rng(33)
    texts = ["-4", "-27", "-1.5", "-380", "12.-", "-6"]
    found = [reader.read(written(t, writers.by_digit, writers.hands, rng)).text for t in texts]
    assert sum(one == text for one, text in zip(found, texts, strict=True)) >= 5


def test_a_line_of_numbers(amount: tuple[np.ndarray, str], reader: Reader) -> None:
    picture, text = amount
    (line,) = reader.read(picture).lines
    assert line.text == text
    assert [one.text for one in line.characters] == list(text)
    assert {type(one) for one in line.characters} == {Digit, Sign}
    lefts = [one.box[0] + one.box[2] / 2 for one in line.characters]
    assert lefts == sorted(lefts)
    found = line.to_dict()
    assert "".join(one["character"] for one in found["characters"]) == text
    assert all(0.5 < one["confidence"] <= 1 for one in found["characters"])
    (plain,) = Reader().read(picture).lines
    assert plain.text == "".join(one for one in text if one.isdigit())
    assert "characters" not in plain.to_dict()


def test_the_first_alternative_is_the_text(amount: tuple[np.ndarray, str], reader: Reader) -> None:
    picture, text = amount
    (line,) = reader.read(picture).lines
    found = line.alternatives(5)
    assert found[0][0] == text
    shares = [share for _, share in found]
    assert shares == sorted(shares, reverse=True)
    assert 0.9 < sum(shares) <= 1 + 1e-9
    assert (
        3 <= len({other for other, _ in found}) == len(found) <= 5
    )  # impossible ones are left out
    assert line.digits[0].alternatives(2)[0][0] == line.digits[0].digit
    counts: list[Any] = [-1, 1.5, 10**20]
    for count in counts:
        for one in (line, line.digits[0]):
            with pytest.raises(UsageError, match=f"count is {count}; it must"):
                one.alternatives(count)
    assert line.alternatives(0) == line.digits[0].alternatives(0) == []
    assert len(line.to_dict(3)["alternatives"]) == 3
    assert len(line.to_dict(3)["digits"][0]["alternatives"]) == 3


def test_one_digit_and_cells_have_alternatives(reader: Reader, mnist: Mnist) -> None:
    seven = np.pad(255 - mnist.test_images[0], 20, constant_values=255)
    (line,) = reader.read(seven, single=True).lines
    assert line.alternatives(2)[0][0] == "7"
    field = tenfold.Field(choices=("1", "2"))
    (line,) = reader.read(seven, single=True, field=field).lines
    assert line.field is not None
    assert line.field.unconstrained == "7"
    assert (line.text, line.field.accepted) == ("?", False)


def test_a_wide_gap_between_digits_is_a_space() -> None:
    digits = [digit_at(1, 0), digit_at(2, 24), digit_at(3, 90), digit_at(4, 114)]
    cells = Lattice.of_digits([one.probabilities for one in digits]).segments
    lattice = Lattice(
        tuple(replace(cell, left=one.box[0]) for cell, one in zip(cells, digits, strict=True))
    )
    line = Line(tuple(digits), lattice=lattice)
    assert line.text == "1234"
    (found,) = as_numbers(reading_of([line]), SETTINGS).lines
    assert found.text == "12 34"
    assert found.alternatives(1)[0][0] == "12 34"
    assert [one["after_space"] for one in found.to_dict()["characters"]] == [0, 0, 1, 0]
    comma = Sign(",", 0.9, (50, 40, 6, 20))
    plus = Sign("+", 0.9, (50, 40, 6, 20))
    (found,) = as_numbers(reading_of([Line(tuple(digits), (comma,))]), SETTINGS).lines
    assert found.text == "12,34"
    (found,) = as_numbers(reading_of([Line(tuple(digits), (plus,))]), SETTINGS).lines
    assert found.text == "12 34"


def test_gaps_between_cells_of_a_comb_are_no_spaces_but_those_of_a_table_are() -> None:
    digits = (digit_at(1, 0), digit_at(2, 100), digit_at(3, 200), digit_at(4, 224))
    line = Line(digits)

    def grid(*cells: tuple[Digit, ...]) -> Grid:
        made = tuple(Cell(0, n, (0, 0, 90, 60), False, held) for n, held in enumerate(cells))
        return Grid(1, len(made), made, (0, 0, 400, 60))

    comb = grid(*((one,) for one in digits))
    table = grid(digits[:1], digits[1:2], digits[2:])
    (found,) = as_numbers(reading_of([line], (comb,)), SETTINGS).lines
    assert found.text == "1234"
    (found,) = as_numbers(reading_of([line], (table,)), SETTINGS).lines
    assert found.text == "1 2 34"


def test_a_field_decides_what_a_line_reads(amount: tuple[np.ndarray, str]) -> None:
    picture, text = amount
    reader = Reader()
    (line,) = reader.read(picture, field=tenfold.Field(pattern=r"\d+[.,]\d\d")).lines
    assert line.field is not None
    assert line.text == line.field.text == text
    assert line.field.accepted
    (line,) = reader.read(picture, field=tenfold.Field(length=9)).lines
    assert line.text == "?"
    assert line.field is not None
    assert line.field.unconstrained == "".join(one for one in text if one.isdigit())
    assert line.to_dict()["field"]["reason"] == line.field.reason


def test_characters_are_digits_or_numbers() -> None:
    with pytest.raises(UsageError, match="characters is 'all': give digits, numbers"):
        Reader(characters="all")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["read", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_the_shell_reads_numbers_and_fields(
    amount: tuple[np.ndarray, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, text = amount
    path = tmp_path / "amount.png"
    Image.fromarray(picture).save(path)
    assert run(capsys, path, "--characters", "numbers")[:2] == (0, f"{text}\n")
    code, out, _ = run(capsys, path, "--characters", "numbers", "--alternatives", 2)
    assert (code, len(out.splitlines())) == (0, 3)
    choices = tmp_path / "choices.txt"
    choices.write_text(f"\ufeff{text}\r\n\r\n99.99\r\n", encoding="utf-8")
    code, out, _ = run(capsys, path, "--choices", choices, "--json")
    (line,) = json.loads(out)["pictures"][0]["lines"]
    assert (line["text"], line["field"]["accepted"]) == (text, True)
    code, out, told = run(capsys, path, "--length", 9)
    assert (code, out) == (0, "?\n")
    assert "amount.png: " in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--expect", "[0-9"], "cannot be used"),
        (["--length", "0"], "length is 0: give a whole number"),
        (["--choices", "missing.txt"], "--choices missing.txt cannot be read: No such file"),
        (["--check", "nix"], "there is no check 'nix'"),
        (["--minimum", "x"], "the limit 'x' is no decimal"),
        (["--alternatives", "0"], "0 is not a whole number of at least 1"),
        (["--alternatives", "2000000"], "--alternatives: 2000000 is more than the 1,000,000"),
        (["--kind", "number"], "no value of --kind 'number'; there are: integer"),
    ],
    ids=str,
)
def test_wrong_options_are_told(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "picture.png", *options)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


def test_kinds_of_the_shell_are_those_of_fields() -> None:
    from tenfold.cli.fields import KINDS
    from tenfold.reading import kinds

    assert kinds.KINDS == KINDS


def test_a_blank_has_no_line_under_a_field(reader: Reader) -> None:
    blank = cv2.resize(np.full((60, 200), 250, np.uint8), (400, 120))
    assert reader.read(blank, field=tenfold.Field(length=3)).lines == ()
