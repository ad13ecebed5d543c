"""Numbers with their signs: which spaces stand between the digits of a line."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tenfold.imaging.ink import median
from tenfold.reading.lattice import Lattice
from tenfold.reading.results import Digit, Grid, Line, Reading, Sign
from tenfold.reading.settings import ReaderSettings


def as_numbers(reading: Reading, settings: ReaderSettings) -> Reading:
    """Return a reading whose lines keep their signs, and spaces between numbers.

    In a comb, with one digit in each cell, gaps are no spaces. In a table there is a space between
    cells.
    """
    cells = {
        id(digit): number
        for grid in reading.grids
        for number, digits in enumerate(_cells_of(grid))
        for digit in digits
    }
    return replace(
        reading, lines=tuple(_with_spaces(line, cells, settings) for line in reading.lines)
    )


def _cells_of(grid: Grid) -> Sequence[Sequence[Digit]]:
    """Return the digits of each cell; those of a row together if every cell holds one at most."""
    if any(len(cell.digits) > 1 for cell in grid.cells):
        return [cell.digits for cell in grid.cells]
    rows: list[list[Digit]] = [[] for _ in range(grid.rows)]
    for cell in grid.cells:
        rows[cell.row] += cell.digits
    return rows


def _with_spaces(line: Line, cells: dict[int, int], settings: ReaderSettings) -> Line:
    line = replace(line, numbers=True)
    height = median([digit.box[3] for digit in line.digits])
    found = list(pairwise(line.characters))
    ends = np.maximum.accumulate([0, *(one.box[0] + one.box[2] for one, _ in found)])[1:]
    gaps = [max(0, one.box[0] - end) for (_, one), end in zip(found, ends, strict=True)]
    least = settings.number_space * height
    if len(gaps) > 1:
        least = max(least, settings.number_space_ratio * median(gaps))
    spaces, columns = [], []
    for place, ((before, one), gap) in enumerate(zip(found, gaps, strict=True), 1):
        homes = cells.get(id(before)), cells.get(id(one))
        is_space = gap > least if None in homes else homes[0] != homes[1]
        if is_space and not isinstance(before, Sign) and not isinstance(one, Sign):
            spaces.append(place)
            columns.append(one.box[0] - gap / 2)
    return replace(line, spaces=tuple(spaces), lattice=_spaced(line.lattice, columns))


def _spaced(lattice: Lattice, columns: Sequence[float]) -> Lattice:
    """Return a lattice with a space before the first segment behind each column."""
    segments = list(lattice.segments)
    for column in columns:
        for place, segment in enumerate(segments):
            if place and segment.left > column:
                segments[place] = replace(segment, after_space=True)
                break
    return Lattice(tuple(segments))
