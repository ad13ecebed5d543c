"""Numbers cut out close are read as one line, whatever their joined strokes look like."""

import numpy as np
import pytest
from close_crops import close_crop
from conftest import Mnist

from tenfold.reading.reader import Reader
from tenfold.training.lines.train import writers_of_lines


@pytest.mark.long
def test_close_crops(reader: Reader, mnist: Mnist) -> None:
    writers, rng = writers_of_lines(held_back=True), np.random.default_rng(12)
    right = whole = grids = 0
    for _ in range(60):
        picture, text = close_crop(writers, rng)
        reading = reader.read(picture)
        found = "".join(str(digit.digit) for digit in reading.digits)
        right += found == text
        whole += len(found) == len(text)
        grids += bool(reading.grids)
    assert right >= 42
    assert whole >= 47
    assert grids <= 1
