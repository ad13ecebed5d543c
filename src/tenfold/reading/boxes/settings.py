"""The settings of boxes: lines, combs, grids, cells and circles.

Set by hand on the pages of tests/box_scenes.py. "Heights" are multiples of a typical digit's
height.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoxSettings:
    """The settings of boxes; part of `tenfold.reading.settings.ReaderSettings`."""

    faintest_wall: float = 0.12
    """Share of full ink from which a pixel may belong to the wall of a cell."""

    thickest_line: float = 9
    """Thickest wall, in pixels, on a small picture."""

    thickest_line_growth: float = 1 / 150
    """What is added to it for each pixel of the picture's longer side."""

    shortest_wall: float = 14
    """Shortest wall, in pixels, on a small picture."""

    shortest_wall_growth: float = 1 / 200
    """What is added to it for each pixel of the picture's longer side."""

    smallest_cell: int = 10
    """Least width and height of a cell inside its walls, in pixels."""

    most_grids: int = 60
    """Most grids, boxes and combs that are looked at again, the largest first."""

    most_looks: int = 6
    """Most looks at each of them: a grid may turn out to be larger."""

    most_completed: int = 200
    """A grid of more cells is not searched for missing ones."""

    most_cells: int = 1000
    """A page of more enclosed regions is a pattern, without cells. As many cells are looked at
    again."""

    box_corner_share: float = 0.9
    """A box: the area between its four corners is at least this share of its convex hull's."""

    box_filled_share: float = 0.6
    """A box: strokes that touch its walls leave at least this share of its area."""

    box_wall_share: float = 0.17
    """The walls of a box that stands alone are thinner than this share of its shorter side."""

    touched_wall_share: float = 0.25
    """The same of a box as large as at least three others, whose digit may touch its walls."""

    frame_ink_share: float = 0.75
    """Ink covers less than this share of a separate box with a digit in it."""

    through_share: float = 0.9
    """A line through a table is there along this share of the table's width or height."""

    frame_corner_share: float = 0.93
    """The area between the four corners of a separate box is at least this share of the smallest
    rectangle's around it."""

    frame_share_of_side: float = 0.9
    """The wall of a separate box is there along this share of each of its sides."""

    box_even_share: float = 0.85
    """They are evenly thin along this share of its sides."""

    fewest_cells: int = 3
    """A grid of this many cells has a typical cell."""

    regular_share: float = 0.6
    """A grid is regular if this share of its cells has the typical size."""

    crossing_share: float = 0.2
    """A component is cut at walls if more than this share of it lies in other cells than its
    own."""

    widest_single_cell: float = 1.4
    """A wider cell, in its heights, may be meant for several digits."""

    joined_digits: float = 1.2
    """A mark in a cell that is wider than this many of its heights is several digits, even if some
    of them are rejected."""

    wall_share: float = 0.85
    """Walls of a grid are at least this share of its typical cell's width or height long."""

    cell_fit_share: float = 0.6
    """On squared paper, less than this share of the marks fit into cells."""

    wall_rest_share: float = 0.08
    """What is narrower than this share of a cell's width may be what is left of a wall."""

    frame_share: float = 0.2
    """A box is a frame if the digits in it are lower than this share of its height."""

    packed_gap: float = 0.25
    """Gap in heights at which digits in cells of their own are put side by side for the line
    network, if some is rejected."""

    longest_dash: float = 90
    """Length in pixels up to which a stroke may be a dash of a dashed line."""

    thickest_dash: float = 14
    """Greatest thickness of a dash or a dot, in pixels."""

    dash_solidity: float = 0.65
    """A dash has at least this share of the ink of a rectangle with its moments. 1% of 304 dashes
    made with 5 pens have less, and 86% of 402 digits 8 to 14 pixels high."""

    fewest_dashes: int = 5
    """Fewest dashes of a dashed line, unless it meets another one or runs beside a like one."""

    most_dashes: int = 1500
    """A page of more short strokes is a pattern, without dashed lines."""

    fewest_walls: int = 3
    """Fewest walls of a comb that is open at the top."""

    steepest_base: float = 0.3
    """Greatest slope of the base of an open comb."""

    post_heights: tuple[float, float] = (0.2, 3)
    """Least and greatest height of the walls of an open comb, in their distances."""

    post_height_share: float = 0.85
    """Each wall of a comb is at least this share of the typical wall's height."""

    comb_overhang: float = 0.4
    """The base of a comb reaches over its outer walls by at most this share of their distance."""

    comb_share: float = 0.7
    """Share of the walls of an open comb that are not higher than the others: digits may stand on
    the rest."""

    low_wall: float = 0.8
    """Walls of an open comb are low below this share of their distance: digits are higher."""

    covered_wall: float = 0.93
    """Ink covers at least this share of each wall of a closed comb."""

    comb_aspects: tuple[float, float] = (0.45, 1.7)
    """Least and greatest distance of the walls of a closed comb, in heights of the comb."""

    most_comb_cells: int = 40
    """Most cells of a closed comb."""

    comb_height: float = 1.45
    """Height of the cells of a comb with low walls, in distances of walls."""

    smallest_circle: int = 24
    """Least width and height of a circle around a digit, in pixels."""

    most_circles: int = 200
    """A page of more round components is a pattern, without circles around digits."""

    circle_area_share: float = 0.6
    """Ink covers less than this share of a circle's box."""

    circle_share: float = 0.94
    """A circle and the ellipse fitted to its outline share at least this part of both."""

    circle_stroke: float = 0.12
    """A circle's line is thinner than this share of its shorter side."""

    held_in_circle: tuple[float, float] = (0.25, 0.8)
    """Least and greatest height of what stands in a circle, as shares of the circle's. Its width
    has the same limit."""

    smallest_boxed: int = 48
    """Shorter side in pixels from which a picture of one digit may show a box around it."""

    boxed_side: int = 640
    """Longest side on which that box is sought, in pixels."""

    wall_remains: float = 0.1
    """A mark outside of a cell is what remains of its wall if its middle is within the cell, or
    this many heights of the cell beside it."""

    highest_beside_grid: float = 1.5
    """A narrow stroke beside a grid is a line if it is higher than this many heights of the grid's
    digits."""

    cell_overlap_share: float = 0.7
    """Neighbors in a row of a grid share this much of their height, and in a column, width."""

    cell_gaps: float = 1.5
    """Widest gap between separate boxes of one row, in widths of a box."""
