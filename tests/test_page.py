"""Pages of several digits, made of MNIST's training images."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Mnist
from scenes import crop, page
from slanted_crops import slanted_crop

import tenfold
from tenfold.imaging.decoding import load_picture
from tenfold.reading.layout import make_page
from tenfold.reading.marks import is_dot
from tenfold.reading.reader import Reader
from tenfold.reading.rules import without_bands
from tenfold.reading.settings import ReaderSettings

FIRST = 50_000
SETTINGS = ReaderSettings()


Pages = list[tuple[np.ndarray, list[str]]]


@pytest.fixture(scope="module")
def pages(mnist: Mnist) -> Callable[..., Pages]:
    def make(count: int = 8, **settings) -> Pages:
        rng = np.random.default_rng(5)
        made = []
        for _ in range(count):
            lines = [
                rng.integers(FIRST, 60_000, rng.integers(3, 9)) for _ in range(rng.integers(1, 4))
            ]
            picture = page([list(mnist.train_images[line]) for line in lines], rng=rng, **settings)
            made.append((picture, ["".join(map(str, mnist.train_labels[i])) for i in lines]))
        return made

    return make


def share_read(reader: Reader, pages: Pages) -> float:
    """Return the share of lines that were read without any mistake."""
    right = total = 0
    for picture, wanted in pages:
        found = [line.text for line in reader.read(picture).lines]
        total += len(wanted)
        if len(found) == len(wanted):
            right += sum(a == b for a, b in zip(found, wanted, strict=True))
    return right / total


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({}, 0.85),
        ({"height": 24}, 0.85),
        ({"slant": 0.06}, 0.85),
        ({"rules": "squared"}, 0.85),
        ({"rules": "boxes"}, 0.85),
        ({"rules": "ruled"}, 0.85),
        ({"shadow": True}, 0.85),
        ({"gap": -0.04}, 0.4),
        ({"gap": 0.0, "lean": 0.3}, 0.4),
        ({"gap": 0.05, "pattern": 0.25}, 0.85),
    ],
    ids=str,
)
def test_lines_are_read(reader: Reader, pages, settings, least: float) -> None:
    assert share_read(reader, pages(**settings)) >= least


def test_light_on_dark_reads_alike(reader: Reader, pages) -> None:
    for picture, _ in pages(4):
        assert reader.read(255 - picture).text == reader.read(picture).text


def test_a_page_that_is_not_upright_is_rotated(reader: Reader, pages) -> None:
    rotated = [0, 0, 0]
    for picture, _ in pages(2):
        upright = reader.read(picture)
        assert upright.orientation == 0
        for quarters in (1, 2, 3):
            reading = reader.read(np.rot90(picture, quarters))
            rotated[quarters - 1] += reading.orientation == 90 * quarters
            if reading.orientation:
                assert (reading.height, reading.width) == picture.shape
                assert reading.lines == upright.lines
    assert min(rotated) == 2


def test_a_comma_is_no_digit(reader: Reader, mnist: Mnist) -> None:
    picture = page([list(mnist.train_images[FIRST : FIRST + 4])], rng=np.random.default_rng(1))
    (line,) = reader.read(picture).lines
    x, y, width, height = line.digits[1].box
    with_comma = picture.copy()
    start = (x + width + 6, y + height - 12)
    cv2.line(with_comma, start, (start[0] - 6, start[1] + 24), 45, 6)
    assert reader.read(with_comma).text == line.text


def test_boxes_lie_on_their_digits(reader: Reader, mnist: Mnist) -> None:
    images = mnist.train_images[FIRST : FIRST + 4]
    picture = page([list(images)], rng=np.random.default_rng(1), height=60)
    picture = np.pad(picture, ((500, 900), (300, 400)), mode="edge")
    (line,) = reader.read(picture).lines
    assert len(line.digits) == 4
    lefts = [digit.box[0] for digit in line.digits]
    assert lefts == sorted(lefts)
    for digit in line.digits:
        x, y, width, height = digit.box
        assert 45 <= height <= 80
        assert picture[y : y + height, x : x + width].min() < 120
        assert 560 <= y + height / 2 <= 640


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (40, 300), (600, 400)], ids=str)
def test_a_blank_page_is_empty(reader: Reader, size) -> None:
    assert reader.read(np.full(size, 200, np.uint8)).lines == ()


def test_dots_dashes_and_commas_are_no_digits(reader: Reader, pages) -> None:
    ((picture, (wanted, *_)),) = pages(1)
    reading = reader.read(picture).text
    marked = picture.copy()
    bottom = reader.read(picture).lines[0].digits[0].box[1]
    for left in range(20, picture.shape[1] - 20, 90):
        marked[bottom + 40 : bottom + 46, left : left + 5] = 40  # a dot
    assert len(wanted) >= 3
    assert reader.read(marked).text == reading


@pytest.mark.parametrize("radius", [4, 8, 20, 28])
def test_filled_discs_are_no_zeros(reader: Reader, pages, radius: int) -> None:
    for picture, lines in pages(4):
        rows = [line.digits[0].box for line in reader.read(picture).lines]
        beside = np.pad(picture, ((0, 0), (160, 0)), mode="edge")  # a list, or a punched sheet
        for _, y, _, height in rows:
            cv2.circle(beside, (75, y + height // 2), radius, 40, -1, cv2.LINE_AA)
        assert reader.read(beside).text == reader.read(picture).text
        assert len(rows) == len(lines)
    dots = np.full((200, 500), 230, np.uint8)
    for left in (100, 250, 400):
        cv2.circle(dots, (left, 100), radius, 20, -1, cv2.LINE_AA)
    assert not reader.read(dots).lines
    assert reader.read(dots[:, :200], single=True).digits[0].rejected


@pytest.mark.parametrize(("height", "most"), [(5, 4), (28, 0)])
def test_digits_are_no_dots(mnist: Mnist, height: int, most: int) -> None:
    inks = (crop(image, 28) for image in mnist.train_images[FIRST:])
    scale = height / 28  # at 5 pixels, strokes are too faint to be seen whole
    small = (
        cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for ink in inks
    )
    assert sum(map(is_dot, small)) <= most


def test_rules_go_and_strokes_that_cross_them_stay() -> None:
    stroke = np.zeros((100, 200), np.float32)
    stroke[20:80, 50:54] = 1
    crossed = stroke.copy()
    crossed[48:51] = 1
    cleaned = without_bands(crossed, 90, SETTINGS)
    np.testing.assert_array_equal(cleaned[:, 50:54], stroke[:, 50:54])
    assert cleaned[:, 60:].sum() == 0
    np.testing.assert_array_equal(without_bands(stroke, 90, SETTINGS), stroke)


def test_strokes_along_faint_rules_stay() -> None:
    # A bar of a digit, 14 pixels thick, over two rules: cut at both, it would fall apart.
    ink = np.zeros((100, 300), np.float32)
    ink[[40, 41, 46, 47]] = 0.55
    ink[36:50, 100:140] = 1
    cleaned = without_bands(ink, 90, SETTINGS)
    assert cleaned[36:50, 100:140].all()
    assert cleaned.sum() == 14 * 40
    ink[ink == 0.55] = 0.9  # as dark as the stroke: nothing distinguishes them
    assert without_bands(ink, 90, SETTINGS)[:, 150:].sum() == 0


def test_what_is_left_of_a_pattern_does_not_hide_a_number(reader: Reader, mnist) -> None:
    rng = np.random.default_rng(3)
    images = [mnist.test_images[i] for i in (0, 1, 3)]
    picture = page([images], rng=rng)
    assert reader.read(picture).text == "720"
    ink = np.argwhere(picture < 150)
    (top, _), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
    for x in (5, 25, right + 30, right + 45, right + 60):  # more than there are digits, but low
        picture[top + 10 : top + 14, x : x + 9] = 60
        picture[bottom - 10 : bottom - 6, x : x + 9] = 60
    assert reader.read(picture).text == "720"


def test_a_page_is_split_into_rows_top_to_bottom(pages) -> None:
    for picture, wanted in pages(6):
        rows = make_page(load_picture(picture), SETTINGS).rows
        assert len(rows) == len(wanted)
        tops = [np.median([mark.box[1] for mark in row]) for row in rows]
        assert tops == sorted(tops)
        for row in rows:
            lefts = [mark.box[0] for mark in row]
            assert lefts == sorted(lefts)


def test_the_shell_prints_a_line_for_a_line(pages, tmp_path: Path, capsys) -> None:
    from PIL import Image

    from tenfold.cli.main import main

    picture, _ = next(p for p in pages() if len(p[1]) > 1)
    Image.fromarray(picture).save(tmp_path / "page.png")
    with pytest.raises(SystemExit) as ended:
        main(["read", str(tmp_path / "page.png")])
    assert ended.value.code == 0
    assert capsys.readouterr().out == tenfold.Reader().read(picture).text + "\n"


@pytest.mark.parametrize(("lean", "cut", "enough"), [(0, 8, 18), (0.6, 4, 18)])
def test_one_digit_is_found_among_parts_of_its_neighbors(
    reader: Reader, mnist: Mnist, lean: float, cut: int, enough: int
) -> None:
    right = doubted = 0
    for first in range(FIRST, FIRST + 60, 3):
        images, rng = mnist.train_images[first : first + 3], np.random.default_rng(first)
        picture = page([list(images)], rng=rng, height=40, gap=0.02, lean=lean)
        left, _, middle = np.array_split(np.flatnonzero((picture < 140).any(axis=0)), 3)
        crop = picture[:, left[-cut] : middle[cut]]
        (digit,) = reader.read(crop, single=True).digits
        right += digit.digit == mnist.train_labels[first + 1]
        doubted += digit.rejected
        x, y, width, height = digit.box
        assert 0 <= x < x + width <= crop.shape[1]
        assert 0 <= y < y + height <= crop.shape[0]
    assert right >= enough
    assert doubted >= 5


def test_rules_and_neighbors_at_the_sides_are_not_the_digit(reader: Reader, mnist: Mnist) -> None:
    images, labels = mnist.train_images[FIRST:], mnist.train_labels[FIRST:]
    rng, right = np.random.default_rng(73), 0
    for _ in range(40):
        crop, label = slanted_crop(images, labels, rng, (0.2, 0.8), ruled=True)
        right += [digit.digit for digit in reader.read(crop, single=True).digits] == [label]
    assert right >= 36


def test_ones_stretched_to_a_square_are_ones(reader: Reader, mnist: Mnist) -> None:
    right = 0
    ones = [n for n in range(FIRST, FIRST + 400) if mnist.train_labels[n] == 1]
    for number in ones[:30]:
        rows, columns = np.nonzero(mnist.train_images[number] > 100)
        part = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        wide = cv2.resize(mnist.train_images[number][part], (32, 32), interpolation=cv2.INTER_CUBIC)
        square = np.pad(np.where(wide > 110, 0, 255).astype(np.uint8), 2, constant_values=255)
        right += [digit.digit for digit in reader.read(square, single=True).digits] == [1]
    assert right >= 22


def test_a_doubtful_digit_is_the_same_in_a_larger_picture(reader: Reader, mnist: Mnist) -> None:
    """Pictures above 2,048 pixels are reduced before they are read."""
    images, labels = mnist.train_images[FIRST:], mnist.train_labels[FIRST:]
    for seed in range(8):
        crop, _ = slanted_crop(images, labels, np.random.default_rng(seed), (0.3, 0.8))
        scale = 3000 / crop.shape[1]
        large = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        (one,), (other,) = (reader.read(each, single=True).digits for each in (crop, large))
        assert one.digit == other.digit


@pytest.mark.parametrize("seed", [74, 415, 705, 717])
def test_what_the_line_network_does_not_see_is_not_accepted(
    reader: Reader, mnist: Mnist, seed: int
) -> None:
    images, labels = mnist.train_images[FIRST:], mnist.train_labels[FIRST:]
    rng = np.random.default_rng(seed)
    crop, label = slanted_crop(images, labels, rng, (0, 0.6), ruled=True)
    alone = tenfold.Reader(whole_lines=False).read(crop, single=True).digits[0]
    assert not alone.rejected
    assert alone.digit != label
    assert reader.read(crop, single=True).digits[0].rejected
    assert not tenfold.Reader(threshold=0).read(crop, single=True).digits[0].rejected


def test_a_shadow_through_touching_digits_is_no_ink(reader: Reader, mnist: Mnist) -> None:
    right = 0
    for seed in (0, 2):
        rng = np.random.default_rng(seed)
        for _ in range(10):
            line = rng.integers(FIRST, 60_000, 4)
            picture = page(
                [list(mnist.train_images[line])], rng=rng, height=60, gap=0.0, shadow=True
            )
            said = "".join(str(d.digit) for one in reader.read(picture).lines for d in one.digits)
            right += said == "".join(map(str, mnist.train_labels[line]))
    assert right >= 19
