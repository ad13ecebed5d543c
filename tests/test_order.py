"""Lines are read top to bottom, and left to right where they stand beside each other."""

import numpy as np
import pytest

from tenfold.reading.order import reading_order
from tenfold.reading.results import Box
from tenfold.reading.settings import ReaderSettings


def field(x: float, y: float, tilt: float, rng: np.random.Generator) -> list[Box]:
    """Return the boxes of five digits on a page tilted by so many degrees clockwise."""
    columns = x + 60 * np.arange(5)
    rows = y + np.tan(np.radians(tilt)) * columns + rng.uniform(-3, 3, 5)
    return [(round(a), round(b), 40, 50) for a, b in zip(columns, rows, strict=True)]


@pytest.mark.parametrize("tilt", [-3, -1, 0, 2, 4])
def test_fields_beside_each_other_are_read_left_to_right(tilt: float) -> None:
    rng = np.random.default_rng(0)
    places = [(x, y) for y in (100, 170, 240) for x in (50, 700, 1400)]
    lines = [field(*place, tilt, rng) for place in places]
    mixed = rng.permutation(len(lines)).tolist()
    found = reading_order([lines[one] for one in mixed], ReaderSettings())
    assert [mixed[one] for one in found] == list(range(len(lines)))


def test_lines_of_one_mark_and_lines_above_each_other() -> None:
    settings = ReaderSettings()
    assert reading_order([], settings) == []
    assert reading_order([[(0, 90, 20, 30)]], settings) == [0]
    assert reading_order([[(300, 100, 20, 30)], [(0, 104, 20, 30)]], settings) == [1, 0]
    assert reading_order([[(0, 112, 20, 30)], [(5, 100, 20, 30)]], settings) == [1, 0]
