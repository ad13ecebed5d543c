"""The settings of reading: every threshold, what it means, and how a model brings its own."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from tenfold.errors import BundleError, UsageError
from tenfold.imaging.canvas import PREPROCESSING_VERSION

_NOT_FIELDS = ("preprocessing", "calibrated")

_SHARES = ("_share", "_shares", "_score", "_confidence", "_probability", "_likelihood")
"""Ends of the names of settings between 0 and 1."""

_LARGEST_COUNT = 100_000
"""Largest value of a whole number."""

_LARGEST = 100
"""Largest value of any other setting, such as a multiple of a length."""


@dataclass(frozen=True)
class ReaderSettings:
    """All settings of reading, with their defaults.

    Where no source is named, a value was set by hand on pages made of MNIST training images
    (tests/scenes.py). "Heights" are multiples of a typical digit's height. Shares and scores lie
    between 0 and 1.

    Raises:
        UsageError: A setting is of another type or out of range; the threshold must be 0 to 1.
    """

    # What is rejected, and what is no digit

    threshold: float = 0.96
    """Digit score below which a digit is rejected. Of 5,000 MNIST images kept from training, 98.6%
    reach 0.96 with the recipe `reader`, and 4% of made-up marks that are no digits
    (results/temperature.json)."""

    non_digit_score: float = 0.2
    """Digit score below which a mark on a page is no digit. Ten equal probabilities give 0.1; of
    MNIST's validation images less than one in a thousand falls below 0.2."""

    few_marks: int = 12
    """A page of this many marks or fewer is hardly print, so `few_marks_share` is enough."""

    few_marks_share: float = 1 / 3
    """A line on a page of few marks stays if more than this share of its digits is accepted."""

    accepted_share: float = 1 / 2
    """The same on a page of many marks, if more than this share of all its digits is accepted."""

    print_accepted_share: float = 9 / 10
    """The same on a page of many marks that are mostly rejected, as print is."""

    # Words beside numbers, which the line network distinguishes; set on pages like those of
    # benchmarks/words.py

    word_marks: int = 3
    """Fewest marks in a word."""

    other_marks: int = 2
    """Fewest marks in a word in which the line network sees no digit at all."""

    word_digit_share: float = 0.6
    """A row of marks is a word if the line network finds fewer digits than this share of them."""

    mixed_row_digit_share: float = 0.85
    """If the line network finds fewer digits than this share of a row, the row may hold words
    beside numbers: it is split at its spaces."""

    space: float = 0.4
    """Narrowest gap that separates a word from a number, in heights."""

    number_digit_share: float = 0.75
    """Marks beside a word are a number if the line network finds at least this share of them to
    be digits."""

    number_digits: int = 2
    """Fewest digits of a number beside a word."""

    number_confidence: float = 0.85
    """Least geometric mean of the line network's confidences in a number beside a word."""

    # Signs, which the line network distinguishes from digits

    sign_digit_probability: float = 0.03
    """A mark is a sign if the line network sees one, and a digit with a lower probability than
    this. Of slashes and brackets seen on 500 strips of held-back images and fonts, none of 70
    below it was a digit, and 3 of the 21 from here to 0.1 were."""

    doubtful_digit_probability: float = 0.1
    """An accepted digit in which the line network sees a sign is rejected below this probability
    of a digit."""

    # Lines read without segmentation

    whole_lines: bool = True
    """Whether lines that are read badly digit by digit are read by the line network too."""

    second_opinion: bool = False
    """Whether another reader reads each line too, so that a digit is accepted only if both say it
    (`tenfold.reading.second_opinion`)."""

    whole_picture_score: float = 0.98
    """A picture of one line is read by the line network too if the mean digit score of its marks
    is lower than this."""

    line_score_margin: float = 0.35
    """The line network's reading counts if its mean log confidence is lower than that of the
    single digits by less than this: half of a zero is a fine 6 to a network that sees nothing
    else."""

    line_accepted_share: float = 1 / 3
    """A row is not read by the line network unless this share of its pieces is accepted: letters
    seldom are."""

    line_aspects: tuple[float, float] = (1.3, 12.0)
    """Width over height of a picture that may be one line, cut out close."""

    line_digit_shares: tuple[float, ...] = (0.95, 0.82, 0.72, 0.63, 0.55, 0.48)
    """Heights that a digit may have in a picture of one line, as shares of the picture's."""

    lowest_crop_share: float = 0.35
    """A picture is no close crop of a line if its highest mark is lower than this share of it."""

    lowest_digit_share: float = 0.68
    """A typical digit is at least this share of its line's height from top to bottom."""

    box_ink: float = 0.1
    """Share of full ink from which a pixel belongs to the box of a digit in a line."""

    paper_probability: float = 0.999
    """A step that holds no digit with this probability splits a line: the digits left and right
    of it do not influence each other."""

    searched_digits: int = 12
    """Most digits between two such steps for which changes are tried: few numbers are longer, and
    noise is soon read."""

    searched_steps: int = 200
    """Most steps between two such steps for which changes are tried."""

    negligible_likelihood: float = 1e-3
    """One height of a line is ignored if every row of digits is less likely in it than this share
    of the best row's likelihood."""

    # Layout

    rule_heights: float = 2.5
    """What runs straight for this many heights is a rule, not a stroke."""

    faint_ink: float = 0.2
    """Share of full ink from which a pixel may belong to a rule."""

    dark_rule_share: float = 2 / 3
    """A rule is as dark as strokes if at least this share of it is. Then all of it is removed."""

    stroke_ink: float = 0.75
    """On a fainter rule, a pixel with at least this share of full ink is a stroke across it."""

    most_components: int = 3000
    """A page of more connected components is a pattern, or print; a full page of digits has a
    tenth of it."""

    lowest_mark: float = 0.45
    """A mark lower than this share of its neighbors' height is a dot, a comma, a dash or a
    speck."""

    lowest_mark_heights: float = 0.25
    """A mark lower than this many heights is one too: on patterned paper, remains of the pattern
    may be most of the marks."""

    comma_share: float = 0.65
    """A mark lower than this share of its line's height in the line's lower half is a comma."""

    low_mark_reach: float = 0.35
    """Dots, commas and dashes belong to a row up to this many heights outside of it."""

    # Boxes; set on the pages of tests/box_scenes.py

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

    box_even_share: float = 0.85
    """They are evenly thin along this share of its sides."""

    fewest_cells: int = 3
    """A grid of this many cells has a typical cell."""

    regular_share: float = 0.6
    """A grid is regular if this share of its cells has the typical size."""

    wall_share: float = 0.85
    """Walls of a grid are at least this share of its typical cell's width or height long."""

    cell_fit_share: float = 0.6
    """On squared paper, less than this share of the marks fit into cells."""

    frame_share: float = 0.2
    """A box is a frame if the digits in it are lower than this share of its height."""

    packed_gap: float = 0.25
    """Gap in heights at which digits in cells of their own are put side by side for the line
    network, if some is rejected."""

    longest_dash: float = 60
    """Length in pixels up to which a stroke may be a dash of a dashed line."""

    thickest_dash: float = 10
    """Greatest thickness of a dash or a dot, in pixels."""

    fewest_dashes: int = 5
    """Fewest dashes of a dashed line, unless it meets another one."""

    most_dashes: int = 1500
    """A page of more short strokes is a pattern, without dashed lines."""

    fewest_walls: int = 3
    """Fewest walls of a comb that is open at the top."""

    comb_share: float = 0.7
    """Share of the walls of an open comb that stand at equal distances."""

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

    highest_beside_grid: float = 1.5
    """A narrow stroke beside a grid is a line if it is higher than this many heights of the grid's
    digits."""

    cell_overlap_share: float = 0.7
    """Neighbors in a row of a grid share this much of their height, and in a column, width."""

    cell_gaps: float = 1.5
    """Widest gap between separate boxes of one row, in widths of a box."""

    # Segmentation

    wide_mark: float = 0.75
    """A mark wider than this many heights may be several digits."""

    widest_digit: float = 1.7
    """A wide mark up to this many heights stays whole if its digit score is `sure_digit_score`."""

    sure_digit_score: float = 0.9
    """Digit score from which a wide mark is one digit."""

    most_wide_marks: int = 12
    """A line with more wide marks is print or a pattern, and none of them is cut."""

    narrowest_piece: float = 0.18
    """Least width of a piece, in heights."""

    widest_piece: float = 1.6
    """Greatest width of a piece, in heights."""

    cuts_per_height: int = 6
    """A mark gets this many cuts, and as many again for each height of its width: those through the
    least ink, with gaps between strokes counted as ink."""

    digit_width: float = 0.8
    """Width of a typical digit, in heights. Over MNIST's training images without ones the mean is
    0.83 and the standard deviation 0.20."""

    digit_width_spread: float = 0.35
    """Standard deviation of that width; more than MNIST's, because that segments pages better."""

    most_pieces: int = 5000
    """Most pieces of marks that are classified on a page; after that, marks stay whole."""

    fewest_pieces: int = 20
    """Least number of pieces that a mark gives for each height of its width, and each slant."""

    highest_cut_mark: int = 120
    """Higher marks are scaled to this many pixels first: 6 for each of the 20 of MNIST's digits."""

    slants: tuple[float, ...] = (0.0, 0.25, 0.5)
    """Slants of the cuts that are tried, in pixels to the right for each pixel up."""

    slant_known_pieces: int = 2000
    """After this many pieces, only the page's most common slant is tried: one writer's slant
    rarely changes."""

    slant_penalty: float = 0.1
    """What a slant of 1 takes from the mean log likelihood of the pieces, so that of equal cuts
    the upright ones are taken."""

    crossing_penalty: float = 0.2
    """What each stroke that a cut crosses takes from the log likelihood of the pieces beside
    it."""

    # Orientation

    upright_score: float = 0.9
    """Mean digit score of a page's marks from which the page is taken to stand upright."""

    orientation_gain: float = 0.2
    """Minimum gain in mean digit score before a page is rotated."""

    orientation_score: float = 0.85
    """Minimum mean digit score of a page that is rotated: print sometimes gains when it is
    rotated."""

    orientation_digits: int = 3
    """Minimum number of digits on a page that is rotated: one or two may read well upside down."""

    orientation_marks: int = 800
    """On a page of more marks, a sample of the marks is rotated before the whole page is."""

    orientation_sample: int = 200
    """About how many marks there are in that sample."""

    # A picture of a single digit

    neighbor_confidence: float = 0.92
    """Factor on the confidence of a digit that was found among parts of other digits. It is the
    share of right digits: 369 of 399 crops from lines made of MNIST training images."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            largest = 1 if field.name.endswith(_SHARES) else _LARGEST
            if problem := _problem(value, field.type, largest):
                raise UsageError(f"{field.name} is {reprlib.repr(value)}: give {problem}")
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"threshold is {self.threshold}: give a number from 0 to 1")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReaderSettings":
        """Return the settings that a model's meta.json holds under `reading`.

        Args:
            values: `preprocessing`, the version of preprocessing that the model was calibrated for;
                `calibrated`, whether its threshold was; and each setting that differs from the
                default. An empty mapping gives the defaults.

        Raises:
            BundleError: The version is another one, or a setting is unknown or wrong.
        """
        version = values.get("preprocessing", PREPROCESSING_VERSION)
        if version != PREPROCESSING_VERSION:
            raise BundleError(
                f"the model was calibrated for version {reprlib.repr(version)} of preprocessing, "
                f"and this tenfold has version {PREPROCESSING_VERSION}: take the tenfold that "
                "shipped the model"
            )
        own = {name: value for name, value in values.items() if name not in _NOT_FIELDS}
        if unknown := set(own) - {field.name for field in fields(cls)}:
            raise BundleError(
                f"the model has settings that this tenfold lacks: {reprlib.repr(unknown)}"
            )
        tuples = {name: tuple(value) for name, value in own.items() if isinstance(value, list)}
        try:
            return cls(**own | tuples)
        except UsageError as error:
            raise BundleError(
                f"the model's meta.json has a setting of reading that cannot be used: {error}"
            ) from error


def _problem(value: Any, kind: Any, largest: int) -> str:
    """Return what a setting of a type must be, or "" if the value is right."""
    items = get_args(kind)
    if items:
        some = "numbers" if items[-1] is Ellipsis else f"{len(items)} numbers"
        right = isinstance(value, tuple) and (items[-1] is Ellipsis or len(value) == len(items))
        if right and value and not any(_problem(one, float, largest) for one in value):
            return ""
        return f"a list of {some} from 0 to {largest}"
    if kind is bool:
        return "" if isinstance(value, bool) else "true or false"
    if kind is int:
        largest, what, right = _LARGEST_COUNT, "a whole number", isinstance(value, int)
    else:
        what, right = "a number", isinstance(value, int | float)
    if right and not isinstance(value, bool) and 0 <= value <= largest:  # NaN fails too
        return ""
    return f"{what} from 0 to {largest:,}"
