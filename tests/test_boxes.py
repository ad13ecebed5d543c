"""Boxes are found as boxes, and each cell is read by itself."""

import json
import time
from pathlib import Path

import box_scenes
import cv2
import matplotlib
import numpy as np
import pytest
import scenes
from conftest import Mnist
from PIL import Image, ImageColor, ImageDraw, ImageFont

import tenfold
from tenfold.reading.annotate import CELL_COLOR
from tenfold.reading.boxes.cells import PageCell, PageGrid, split_off_grids
from tenfold.reading.boxes.frames import _inside_of_frame, find_frames
from tenfold.reading.boxes.settings import BoxSettings
from tenfold.reading.results import Grid, Reading
from tenfold.reading.separators import find_slashes
from tenfold.reading.settings import ReaderSettings


def drawn(mnist: Mnist, rng: np.random.Generator, count: int) -> tuple[list[np.ndarray], str]:
    """Return images of digits kept from training the line network, and what they show."""
    chosen = rng.integers(50_000, 60_000, count)
    return list(mnist.train_images[chosen]), "".join(str(d) for d in mnist.train_labels[chosen])


def guesses(reading: Reading) -> str:
    """Return all digits, with the best guess of rejected ones."""
    return "".join(str(digit.digit) for digit in reading.digits)


def table(grid: Grid) -> list[list[str]]:
    """Return the best guesses in the cells of a grid that has no gaps."""
    texts = ["".join(str(digit.digit) for digit in cell.digits) for cell in grid.cells]
    assert [(cell.row, cell.column) for cell in grid.cells] == [
        (row, column) for row in range(grid.rows) for column in range(grid.columns)
    ]
    return [texts[start : start + grid.columns] for start in range(0, len(texts), grid.columns)]


@pytest.mark.parametrize("seed", [2, 5])  # 5: digits cross walls and leave the field
@pytest.mark.parametrize("kind", box_scenes.FIELDS)
def test_a_field_has_a_digit_in_each_cell(
    reader: tenfold.Reader, kind: str, seed: int, mnist: Mnist
) -> None:
    rng = np.random.default_rng((1, seed))
    images, right = drawn(mnist, rng, 8)
    page = box_scenes.field_scene(kind, images, rng)
    reading = reader.read(page)
    assert guesses(reading) == right
    (line,), (grid,) = reading.lines, reading.grids
    assert (grid.rows, grid.columns) == (1, 8)
    assert [cell.digits for cell in grid.cells] == [(digit,) for digit in line.digits]
    drawing = np.asarray(reading.annotate(page))
    assert (drawing == ImageColor.getrgb(CELL_COLOR)).all(axis=2).any()


@pytest.mark.parametrize("kind", ["shared walls", "separate", "open"])
def test_slashes_printed_between_boxes_are_no_digits(
    reader: tenfold.Reader, kind: str, mnist: Mnist
) -> None:
    rng = np.random.default_rng((3, 3))
    images, right = drawn(mnist, rng, 8)
    page = box_scenes.date_scene(kind, images, rng)
    reading = tenfold.Reader(characters="numbers").read(page)
    assert guesses(reading) == right
    assert reading.text == f"{right[:2]}/{right[2:4]}/{right[4:]}"
    field = tenfold.Field(length=8)
    assert reader.read(page, field=field).text == right


@pytest.mark.parametrize(
    ("seed", "kind"),
    [(302, "shared walls"), (302, "separate"), (308, "separate"), (319, "open"), (320, "separate")],
)
def test_faint_and_broken_slashes_part_one_date(
    seed: int, kind: str, reader: tenfold.Reader, mnist: Mnist
) -> None:
    rng = np.random.default_rng(seed)
    images, right = drawn(mnist, rng, 8)
    assert reader.read(box_scenes.date_scene(kind, images, rng)).text == right


@pytest.mark.parametrize(
    ("seed", "kind"), [((7002, 0, 13), "shared walls"), ((7003, 2, 10), "open")]
)
def test_a_base_line_strikes_no_digit_out(
    reader: tenfold.Reader, seed: tuple[int, ...], kind: str, mnist: Mnist
) -> None:
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, 50_000, 8)
    page = box_scenes.field_scene(kind, list(mnist.train_images[chosen]), rng)
    reading = reader.read(page)
    assert guesses(reading) == "".join(str(digit) for digit in mnist.train_labels[chosen])


@pytest.mark.parametrize("kind", ["shared walls", "open"])
def test_walls_may_be_thick_for_narrow_cells(
    reader: tenfold.Reader, kind: str, mnist: Mnist
) -> None:
    rng = np.random.default_rng(7)
    digits, _ = drawn(mnist, rng, 8)
    sheet = box_scenes.Sheet(90, 320)
    for place, image in enumerate(digits):
        sheet.write(image, 45 + 33 * place, 45, 26)
    sheet.line((29, 64), (293, 64), 4)
    if kind == "shared walls":
        sheet.line((29, 26), (293, 26), 4)
    for place in range(9):
        sheet.line((29 + 33 * place, 26), (29 + 33 * place, 64), 4)
    picture = sheet.picture(rng, gray=120, tilt=0.5, dark=False, noise=1)
    assert [grid.columns for grid in reader.read(picture).grids] == [8]


def test_an_m_in_print_is_no_comb(reader: tenfold.Reader) -> None:
    serif = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSerif-BoldItalic.ttf")
    page = Image.new("L", (500, 100), 235)
    ImageDraw.Draw(page).text(
        (20, 20), "Amount from home", fill=40, font=ImageFont.truetype(str(serif), 40)
    )
    assert not reader.read(np.asarray(page)).grids


def test_each_cell_of_a_table_holds_a_number_or_nothing(
    reader: tenfold.Reader, mnist: Mnist
) -> None:
    rng = np.random.default_rng(2)
    numbers = [[drawn(mnist, rng, int(rng.integers(0, 4))) for _ in range(4)] for _ in range(5)]
    page = box_scenes.table_scene([[images for images, _ in row] for row in numbers], rng)
    reading = reader.read(page)
    right = [[text for _, text in row] for row in numbers]
    (grid,) = reading.grids
    assert table(grid) == right
    assert [cell.empty for cell in grid.cells] == [not text for row in right for text in row]
    assert guesses(reading) == "".join("".join(row) for row in right)
    document = json.loads(json.dumps(reading.to_dict()))
    assert document["cells"][5] == {
        "grid": 0,
        "row": 1,
        "column": 1,
        "text": grid.cells[5].text,
        "box": list(grid.cells[5].box),
        "empty": False,
    }


@pytest.mark.parametrize("seed", [3, 4])  # 3: more bits of walls are left than digits
def test_a_table_may_be_nearly_empty(reader: tenfold.Reader, seed: int, mnist: Mnist) -> None:
    rng = np.random.default_rng(seed)
    numbers = [[drawn(mnist, rng, int(rng.integers(0, 2))) for _ in range(6)] for _ in range(3)]
    page = box_scenes.table_scene([[images for images, _ in row] for row in numbers], rng)
    (grid,) = reader.read(page).grids
    assert table(grid) == [[text for _, text in row] for row in numbers]


def test_a_bad_digit_in_a_box_is_rejected_and_not_left_out(
    reader: tenfold.Reader, mnist: Mnist
) -> None:
    rng = np.random.default_rng(12)
    images, right = drawn(mnist, rng, 8)
    images[3] = np.zeros_like(images[3])
    cv2.line(images[3], (6, 10), (22, 18), 255, 2)
    cv2.line(images[3], (6, 18), (22, 10), 255, 2)  # a cross
    reading = reader.read(box_scenes.field_scene("separate", images, rng))
    ((_, _, _, cross, *_),) = (grid.cells for grid in reading.grids)
    assert cross.text == "?"
    assert len(reading.digits) == len(right)


def test_a_sudoku_in_perspective_has_81_cells(reader: tenfold.Reader, mnist: Mnist) -> None:
    rng = np.random.default_rng(3)
    images, right = drawn(mnist, rng, 81)
    given = rng.random(81) < 0.6
    cells = [image if there else None for image, there in zip(images, given, strict=True)]
    photo = box_scenes.sudoku_scene([cells[row : row + 9] for row in range(0, 81, 9)], rng)
    (grid,) = reader.read(photo).grids
    assert (grid.rows, grid.columns, len(grid.cells)) == (9, 9, 81)
    read = "".join("".join(row) for row in table(grid))
    wanted = "".join(digit for digit, there in zip(right, given, strict=True) if there)
    assert [not cell.empty for cell in grid.cells] == given.tolist()
    assert sum(a == b for a, b in zip(read, wanted, strict=True)) >= 0.95 * len(wanted)


def test_rows_of_boxes_of_other_sizes_have_their_own_columns(
    reader: tenfold.Reader, mnist: Mnist
) -> None:
    rng = np.random.default_rng(9)
    sheet = box_scenes.Sheet(420, 640)
    for top, side, step in ((60, 40, 60), (220, 90, 120)):
        for column in range(4):
            left = 60 + column * step
            sheet.box(left, top, side, side, 2)
            (image,), _ = drawn(mnist, rng, 1)
            sheet.write(image, left + side / 2, top + side / 2, 0.6 * side)
    grids = reader.read(sheet.picture(rng, gray=90)).grids
    assert [(grid.rows, grid.columns) for grid in grids] == [(1, 4), (1, 4)]


@pytest.mark.parametrize("count", [0, 3])
def test_a_dashed_box_gives_nothing(reader: tenfold.Reader, count: int, mnist: Mnist) -> None:
    rng = np.random.default_rng(4)
    images, right = drawn(mnist, rng, count)
    assert guesses(reader.read(box_scenes.dashed_scene(images, rng))) == right


def test_few_dashes_around_little_give_nothing(reader: tenfold.Reader, mnist: Mnist) -> None:
    """A box of five dashes may pass for two ones."""
    wrong = 0
    for seed in range(20, 30):
        rng = np.random.default_rng(seed)
        images, right = drawn(mnist, rng, int(rng.integers(0, 4)))
        found = guesses(reader.read(box_scenes.dashed_scene(images, rng)))
        wrong += len(found) > len(right)
    assert wrong <= 1


def test_columns_of_ones_are_no_dashes(reader: tenfold.Reader, mnist: Mnist) -> None:
    rng = np.random.default_rng(2)
    ones = np.flatnonzero(mnist.train_labels[50_000:] == 1) + 50_000
    height = 22
    sheet = box_scenes.Sheet(13 * height, 7 * height)
    for row in range(6):
        for column in range(3):
            image = mnist.train_images[rng.choice(ones)]
            x, y = (2 + 1.5 * column) * height, (2 + 1.6 * row) * height
            sheet.write(image, x, y, height * rng.uniform(0.95, 1.05))
    assert len(guesses(reader.read(sheet.picture(rng, gray=90)))) == 18


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("scene", [box_scenes.boxed_scene, box_scenes.circled_scene])
def test_a_box_or_a_circle_is_not_the_digit(
    reader: tenfold.Reader, scene, single: bool, mnist: Mnist
) -> None:
    rng = np.random.default_rng(8)
    for _ in range(3):
        (image,), right = drawn(mnist, rng, 1)
        assert guesses(reader.read(scene(image, rng), single=single)) == right


def test_what_stands_in_a_frame_is_read_as_on_a_page(reader: tenfold.Reader, mnist: Mnist) -> None:
    rng = np.random.default_rng(6)
    lines = [drawn(mnist, rng, 4) for _ in range(3)]
    page = scenes.page([images for images, _ in lines], rng=rng, height=40, gap=0.4)
    page = cv2.copyMakeBorder(page, 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=(225,))
    cv2.rectangle(page, (20, 20), (page.shape[1] - 20, page.shape[0] - 20), 30, 2)
    reading = reader.read(page)
    assert guesses(reading) == "".join(text for _, text in lines)
    assert len(reading.lines) == 3
    assert reading.grids == ()


def test_a_round_digit_is_no_circle(reader: tenfold.Reader, mnist: Mnist) -> None:
    for digit in (0, 6, 8, 9):
        image = mnist.train_images[50_000:][mnist.train_labels[50_000:] == digit][0]
        page = 255 - cv2.resize(image, (280, 280), interpolation=cv2.INTER_CUBIC)
        assert guesses(reader.read(page)) == str(digit)


def test_a_frame_needs_a_wall_without_a_gap() -> None:
    part = np.zeros((40, 60), np.uint8)
    cv2.rectangle(part, (0, 0), (59, 39), 1, 2)
    part[18:21, :30] = part[18:21, 59:] = part[:2, 29:32] = 0
    inside = _inside_of_frame(part, 6, BoxSettings())
    assert inside is not None
    assert np.abs(inside - [(2, 2), (57, 2), (57, 37), (2, 37)]).max() <= 1
    part[18:21] = part[:, 29:32] = 0
    assert _inside_of_frame(part, 6, BoxSettings()) is None


def test_a_pattern_of_squares_is_soon_done() -> None:
    rng = np.random.default_rng(7)
    squares = np.kron(rng.random((64, 64)) < 0.5, np.ones((16, 16))).astype(np.float32)
    start = time.process_time()
    _, grids = split_off_grids(squares, ReaderSettings())
    assert grids == ()
    assert time.process_time() - start < 10


def test_a_page_without_boxes_has_no_cells(reader: tenfold.Reader, mnist: Mnist, digit_png) -> None:
    reading = reader.read(digit_png)
    assert reading.grids == ()
    assert "cells" not in reading.to_dict()


def listed(rng: np.random.Generator, mnist: Mnist) -> np.ndarray:
    """Return a form: lines of two boxes far apart, and a number of three digits between lines."""
    high = rng.uniform(36, 60)
    gap = high * rng.uniform(2, 3.8)
    sheet = box_scenes.Sheet(round(6.5 * high), round(4 * high + gap))
    for line in range(3):
        top = high + 1.5 * line * high
        boxed, _ = drawn(mnist, rng, 2)
        for left, image in zip((high, 2 * high + gap), boxed, strict=True):
            sheet.box(left, top, high, high, 2)
            sheet.write(image, left + high / 2, top + high / 2, 0.65 * high)
        for place, image in enumerate(drawn(mnist, rng, 3 if line < 2 else 0)[0]):
            x = 2 * high + gap * (0.2 + 0.3 * place)
            sheet.write(image, x, top + 1.25 * high, high * rng.uniform(0.7, 1.0))
    return sheet.picture(rng, gray=rng.uniform(40, 160))


def test_numbers_between_lines_of_boxes_are_no_slashes(
    reader: tenfold.Reader, mnist: Mnist
) -> None:
    """Their tops and bottoms stand between boxes."""
    found = [
        len(guesses(reader.read(listed(np.random.default_rng(n), mnist)))) for n in range(8, 16)
    ]
    assert found == [12] * 8


def test_frames_within_frames_are_looked_at_within_bounds() -> None:
    """Each grid costs a look at the whole page."""
    settings = ReaderSettings()
    nested = np.zeros((600, 600), np.uint8)
    for inset in range(5, 290, 4):
        cv2.rectangle(nested, (inset, inset), (599 - inset, 599 - inset), 1, 1)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(nested)
    assert not find_frames(parts, stats, 9, settings)


def test_cells_outside_of_the_page_have_no_slash_between_them() -> None:
    """OpenCV crashes on a part without pixels."""
    for left in (-60, 30, 90):
        cells = tuple(PageCell(0, n, (left + 40 * n, -30, 20, 20), (), True) for n in range(2))
        assert not find_slashes(np.ones((50, 80), np.float32), [PageGrid(cells)], ReaderSettings())


def test_a_digit_near_the_wall_of_a_long_frame_is_no_remains_of_it(
    reader: tenfold.Reader, mnist: Mnist
) -> None:
    ones, fives = (np.flatnonzero(mnist.train_labels == digit) for digit in (1, 5))
    line = [mnist.train_images[place] for place in (ones[3], fives[4], fives[5])]
    page = scenes.page([line], rng=np.random.default_rng(0), height=40)
    rows, columns = np.nonzero(page < 128)
    paper = cv2.copyMakeBorder(page, 0, 400, 0, 900, cv2.BORDER_REPLICATE)
    corner = (columns.min() - 25, rows.min() - 25)
    cv2.rectangle(paper, corner, (1000, rows.max() + 25), 60, 3)
    assert reader.read(paper).text == "155"
