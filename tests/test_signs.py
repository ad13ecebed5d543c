"""Signs between digits: a slash is no 1, and what separates numbers leaves a trace."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import Mnist
from PIL import Image, ImageDraw, ImageFont
from sign_scenes import KINDS, has_wrong_digit, is_right, scene

import tenfold
from tenfold.imaging.canvas import Mark
from tenfold.reading.line_reader import LineCharacter
from tenfold.reading.marks import ScoredDigit
from tenfold.reading.reader import Reader
from tenfold.reading.results import Digit
from tenfold.reading.settings import ReaderSettings
from tenfold.reading.signs import (
    Entry,
    agreed,
    checked,
    digits_and_signs,
    sign_marks,
    slant_of,
    sure_marks,
    without_slashes,
)
from tenfold.training.lines.handwriting import Writers
from tenfold.training.lines.train import writers_of_lines

SETTINGS = ReaderSettings()
PAGE = np.full((60, 200), 255, np.uint8)


@pytest.fixture(scope="module")
def writers() -> Writers:
    return writers_of_lines(held_back=True)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.long] * (kind == "label")) for kind in KINDS]
)
def test_signs_are_no_digits(kind: str, reader: Reader, writers: Writers, mnist: Mnist) -> None:
    rng = np.random.default_rng((31, list(KINDS).index(kind)))
    right = wrong = 0
    for _ in range(10):
        picture, text = scene(kind, writers.by_digit, writers.hands, rng)
        found = reader.read(picture).text
        right += is_right(found, text)
        wrong += has_wrong_digit(found, text)
    assert right >= 7
    assert wrong <= 1


def test_signs_are_in_the_reading(reader: Reader, writers: Writers, mnist: Mnist) -> None:
    picture, _ = scene("slash", writers.by_digit, writers.hands, np.random.default_rng(4))
    (line,) = reader.read(picture).lines
    assert {sign.character for sign in line.signs} == {"/"}
    for sign in line.signs:
        assert isinstance(sign, tenfold.Sign)
        assert 0.5 < sign.confidence <= 1
        assert line.digits[0].box[0] < sign.box[0] < line.digits[-1].box[0]
    assert line.to_dict()["signs"][0]["character"] == "/"


def mark_at(column: int) -> Mark:
    return Mark(np.ones((20, 8), np.float32), (column, 10, 8, 20))


def alone(digit: int, score: float) -> ScoredDigit:
    return ScoredDigit(Digit(digit, score, (0, 0, 8, 20), score < SETTINGS.threshold), score)


def seen(character: str, column: int, digit_probability: float) -> LineCharacter:
    digit = int(character) if character.isdigit() else 1
    confidence = digit_probability if character.isdigit() else 1 - digit_probability
    return LineCharacter(
        character, confidence, digit, digit_probability, mark_at(column), column + 4
    )


def texts(entries: list[Entry]) -> str:
    return "".join(
        one.digit.text if isinstance(one, ScoredDigit) else one.character for one in entries
    )


@pytest.mark.parametrize(
    ("character", "probability", "score", "wanted"),
    [
        ("/", 0.0, 0.99, "2/5"),  # sure
        ("/", 0.05, 0.99, "2?5"),  # perhaps a 1
        ("/", 0.4, 0.99, "215"),
        ("1", 0.6, 0.99, "215"),  # the mark alone decides
        ("?", 0.0, 0.3, "2?5"),
        ("?", 0.0, 0.99, "2?5"),  # two networks that do not agree
    ],
)
def test_a_mark_is_a_sign_if_the_line_network_is_sure(
    character: str, probability: float, score: float, wanted: str
) -> None:
    marks = [mark_at(column) for column in (10, 30, 50)]
    digits = [alone(2, 0.99), alone(1, score), alone(5, 0.99)]
    line = [seen("2", 10, 1.0), seen(character, 30, probability), seen("5", 50, 1.0)]
    signs = sign_marks(marks, digits, line, SETTINGS)
    rest = [(mark, one) for mark, one in zip(marks, digits, strict=True) if mark not in signs]
    pieces, read = [mark for mark, _ in rest], [one for _, one in rest]
    entries = checked(pieces, read, line, signs, marks, SETTINGS)
    assert texts(entries) == wanted


@pytest.mark.parametrize(
    ("character", "whole", "wanted"),
    [("7", True, "215"), ("7", False, "2?5"), ("1", False, "215"), ("", False, "2?5")],
)
def test_a_piece_counts_only_if_the_line_network_sees_its_digit(
    character: str, whole: bool, wanted: str
) -> None:
    marks = [mark_at(column) for column in (10, 30, 50)]
    digits = [alone(2, 0.99), alone(1, 0.99), alone(5, 0.99)]
    line = [seen("2", 10, 1.0), seen("5", 50, 1.0)]
    if character:
        probabilities = np.zeros(10, np.float32)
        probabilities[int(character)] = 0.98
        line.insert(1, replace(seen(character, 30, 0.98), digits=probabilities))
    known = marks if whole else [marks[0], marks[2]]
    entries = checked(marks, digits, line, {}, known, SETTINGS)
    assert texts(entries) == wanted


def test_marks_that_both_networks_accept_are_not_split() -> None:
    marks = [mark_at(column) for column in (10, 30, 50, 70)]
    digits = [alone(2, 0.99), alone(1, 0.99), alone(5, 0.5), alone(4, 0.99)]
    line = [seen("2", 10, 1.0), seen("7", 30, 1.0), seen("5", 50, 1.0), seen("4", 70, 0.5)]
    assert sure_marks(marks, digits, line, SETTINGS) == marks[:1]


def stroke_at(column: int, slant: float, bottom: int = 50) -> Mark:
    """Return a stroke 40 pixels high that leans to the right."""
    ink = np.zeros((40, 40), np.float32)
    cv2.line(ink, (20 + round(20 * slant), 0), (20 - round(20 * slant), 39), 1.0, 3)
    columns = np.flatnonzero(ink.any(axis=0))
    cut = ink[:, columns[0] : columns[-1] + 1]
    return Mark(cut, (column, bottom - 40, cut.shape[1], 40))


@pytest.mark.parametrize(
    ("slant", "bottom", "character", "probability", "wanted"),
    [
        (0.4, 50, "/", 0.04, "2?5"),
        (0.4, 50, "/", 0.06, "215"),
        (0.0, 50, "/", 0.04, "215"),  # upright
        (0.4, 60, "1", 0.25, "2?5"),  # reaches below the digits
        (0.4, 60, "1", 0.35, "215"),
        (0.0, 60, "1", 0.25, "215"),
    ],
)
def test_a_leaning_one_must_not_look_like_a_slash(
    slant: float, bottom: int, character: str, probability: float, wanted: str
) -> None:
    pieces = [stroke_at(0, 0.0), stroke_at(40, slant, bottom), stroke_at(80, 0.0)]
    digits = [alone(2, 0.99), alone(1, 0.99), alone(5, 0.99)]
    middle = pieces[1].box[0] + pieces[1].box[2] // 2
    line = [seen("2", 0, 1.0), replace(seen(character, 40, probability), column=middle)]
    found: list[Entry] = [*without_slashes(pieces, digits, line, SETTINGS)]
    assert texts(found) == wanted
    alone_in_row = without_slashes(pieces[1:2], digits[1:2], line[1:], SETTINGS)
    assert not alone_in_row[0].digit.rejected


def test_a_stroke_like_a_slash_beside_it_is_no_one() -> None:
    pieces = [stroke_at(0, 0.4), stroke_at(40, 0.0), stroke_at(80, 0.4)]
    digits = [alone(1, 0.99), alone(2, 0.99), alone(1, 0.99)]
    slash = replace(seen("/", 0, 0.04), mark=pieces[0])
    line = [slash, replace(seen("1", 80, 0.25), column=pieces[2].box[0] + 5)]
    assert texts([*without_slashes(pieces, digits, line, SETTINGS)]) == "?2?"
    upright = [replace(slash, character="1"), line[1]]
    assert texts([*without_slashes(pieces, digits, upright, SETTINGS)])[2] == "1"


def test_the_slant_of_a_stroke() -> None:
    for slant in (-0.3, 0.0, 0.5):
        assert slant_of(stroke_at(0, slant).ink) == pytest.approx(slant, abs=0.03)
    assert slant_of(np.zeros((5, 5), np.float32)) == 0


def test_what_separates_numbers_is_a_rejected_digit_between_them() -> None:
    from tenfold.imaging.decoding import load_picture

    picture = load_picture(PAGE)
    four, six = alone(4, 0.99), alone(6, 0.98)
    plus = seen("+", 30, 0.01)
    digits, signs = digits_and_signs([plus, four, plus, six, plus], picture)
    assert [one.digit.text for one in digits] == ["4", "?", "6"]
    assert [sign.character for sign in signs] == ["+"] * 3
    digits, signs = digits_and_signs([four, seen("/", 30, 0.01), six], picture)
    assert [one.digit.text for one in digits] == ["4", "6"]
    other = seen("?", 30, 0.01)
    digits, signs = digits_and_signs([other, four, other, six, other], picture)
    assert [one.digit.text for one in digits] == ["4", "?", "6"]
    assert signs == []


def test_where_both_read_the_same_the_surer_counts() -> None:
    slash = seen("/", 30, 0.0)
    line: list[Entry] = [alone(2, 0.9), slash, alone(5, 0.9)]
    assert texts(agreed(line, [alone(2, 0.99), alone(6, 0.99)])) == "2/?"
    assert agreed(line, [alone(2, 0.99)]) == line


def test_a_label_does_not_cost_the_number(reader: Reader, writers: Writers, mnist: Mnist) -> None:
    font = ImageFont.load_default(40)
    for text in ("No", "Nr", "Tel"):
        picture, digits = scene("plain", writers.by_digit, writers.hands, np.random.default_rng(0))
        page = Image.fromarray(picture)
        wide = Image.new("L", (page.width + 160, page.height), int(np.median(picture)))
        wide.paste(page, (160, 0))
        ImageDraw.Draw(wide).text(
            (20, round(0.64 * page.height)), text, fill=30, font=font, anchor="ls"
        )
        assert reader.read(wide).text == digits
