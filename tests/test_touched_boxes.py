"""Boxes and tables whose digits touch their walls, and digits in cells that leave a trace."""

import box_scenes
import cv2
import numpy as np
import pytest
import strike_scenes
from conftest import Mnist

import tenfold
from tenfold.reading.boxes.settings import BoxSettings
from tenfold.reading.boxes.tables import find_tables


def drawn(mnist: Mnist, rng: np.random.Generator, count: int) -> tuple[list[np.ndarray], str]:
    """Return images of random digits kept from training the line network, and what they show."""
    images, labels = mnist.train_images[50_000:], mnist.train_labels[50_000:]
    digits = [int(rng.integers(10)) for _ in range(count)]
    chosen = [np.flatnonzero(labels == digit) for digit in digits]
    return [images[some[rng.integers(len(some))]] for some in chosen], "".join(map(str, digits))


@pytest.mark.parametrize(
    ("kind", "seed"),
    [("separate", 28), ("separate", 33), ("separate", 64), ("shared walls", 9),
     ("shared walls", 96), ("open", 35), ("open", 46), ("open", 54)],
)  # fmt: skip
def test_heavy_digits_hide_no_pair_of_boxes(
    reader: tenfold.Reader, kind: str, seed: int, mnist: Mnist
) -> None:
    """The boxes beside them tell how large they are. In the last, a 5 is in two pieces."""
    rng = np.random.default_rng([91_000, seed, 2])
    images, right = drawn(mnist, rng, 8)
    reading = reader.read(box_scenes.date_scene(kind, images, rng))
    assert [line.text.replace("/", "") for line in reading.lines] == [right]
    assert sorted(len(grid.cells) for grid in reading.grids) == [2, 2, 4]


def test_boxes_side_by_side_make_one_line_without_slashes_too(
    reader: tenfold.Reader, mnist: Mnist
) -> None:
    """In this date, the slashes are fainter than the noise of the paper."""
    rng = np.random.default_rng([43_000, 15, 2])
    images, right = drawn(mnist, rng, 8)
    reading = reader.read(box_scenes.date_scene("shared walls", images, rng))
    assert [line.text.replace("/", "") for line in reading.lines] == [right]


def tabled(mnist: Mnist, seed: int) -> tuple[np.ndarray, list[str]]:
    """Return a table of numbers, and the digits in each of its rows."""
    rng = np.random.default_rng([43_000, seed, 3])
    rows, columns, digits = (int(rng.integers(*limits)) for limits in ((2, 6), (2, 5), (1, 5)))
    images, texts = [], []
    for _ in range(rows):
        cells = [drawn(mnist, rng, digits if rng.random() > 0.15 else 0) for _ in range(columns)]
        images.append([cell for cell, _ in cells])
        texts.append("".join(text for _, text in cells))
    return box_scenes.table_scene(images, rng), texts


def test_heavy_digits_hide_no_row_of_a_table(reader: tenfold.Reader, mnist: Mnist) -> None:
    picture, texts = tabled(mnist, 32)
    reading = reader.read(picture)
    assert reading.text.split("\n") == texts == ["278435", "895460"]
    assert [(grid.rows, grid.columns) for grid in reading.grids] == [(2, 2)]


def test_joined_digits_in_a_cell_leave_a_trace(reader: tenfold.Reader, mnist: Mnist) -> None:
    picture, texts = tabled(mnist, 6)
    assert texts[0] == "922408"
    found = reader.read(picture).text.split("\n")
    assert found[0].startswith("922")
    assert "?" in found[0]
    assert found[1:] == texts[1:]


def tables(across: list[int], down: list[int], gap: tuple[int, int] = (0, 0)) -> list[list[int]]:
    """Return row and column of the cells of each table in a frame with lines through it.

    Args:
        across: Rows where lines begin.
        down: Columns where lines begin.
        gap: First row and end of a gap in the last of these.
    """
    page = np.zeros((200, 260), np.uint8)
    cv2.rectangle(page, (20, 20), (239, 179), 1, 3)
    for x in down:
        page[20:180, x : x + 3] = 1
    page[gap[0] : gap[1], 100:] = 0
    for y in across:
        page[y : y + 3, 20:240] = 1
    cv2.rectangle(page, (20, 20), (239, 179), 1, 3)
    page[30:45, 60:90] = 1  # touches nothing
    page[20:99, 190:200] = 1  # from wall to wall of one row
    _, parts, stats, _ = cv2.connectedComponentsWithStats(page)
    found = find_tables(parts, stats, 9, BoxSettings())
    return [[10 * cell.row + cell.column for cell in table] for table in found]


def test_a_table_has_lines_through_its_frame() -> None:
    """Whatever stands in its cells; in a single row, a 1 may run from wall to wall."""
    assert tables([98], [110]) == [[0, 1, 10, 11]]
    assert tables([70, 125], [110]) == [[0, 1, 10, 11, 20, 21]]
    assert tables([], [110, 170]) == []
    assert tables([70, 125], []) == []  # the bars of a chart between its lines


def test_squared_paper_in_a_frame_is_no_table() -> None:
    """More cells than a grid may have are a pattern, and take long."""
    page = np.zeros((600, 600), np.uint8)
    page[5:596:15] = page[:, 5:596:15] = 1
    page = page * np.pad(np.ones((586, 586), np.uint8), ((5, 9), (5, 9)))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(page)
    assert find_tables(parts, stats, 9, BoxSettings(smallest_cell=5, most_cells=2000))
    assert not find_tables(parts, stats, 9, BoxSettings(smallest_cell=5))


def test_a_table_with_merged_cells_has_no_line_through_all_of_it() -> None:
    """However many rows it has: there, its cells are found one by one."""
    rows = list(range(40, 175, 20))
    assert len(tables(rows, [110])[0]) == 2 * (len(rows) + 1)
    assert tables(rows, [110], gap=(63, 80)) == []


@pytest.mark.parametrize("seed", [6, 27, 34])
def test_a_number_struck_out_may_be_all_there_is(
    reader: tenfold.Reader, seed: int, mnist: Mnist
) -> None:
    """A slanted strike joins its digits to a mark as large as the only one of a page."""
    mnist_images = mnist.train_images, mnist.train_labels
    one = strike_scenes.scene("struck by a slant", 43_000 + seed, mnist_images)
    reading = reader.read(one.picture)
    assert not reading.lines
    assert len(reading.left_out) == 1
