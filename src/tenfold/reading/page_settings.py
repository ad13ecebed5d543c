"""The settings of pages: rules and marks, their segmentation, and orientation.

"Heights" are multiples of a typical digit's height.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageSettings:
    """The settings of pages; part of `tenfold.reading.settings.ReaderSettings`."""

    # Layout

    small_digit: float = 16
    """A page with digits of fewer pixels in height is enlarged twice (tests/rule_scenes.py)."""

    small_ink: float = 1.5
    """Factor on the ink of such a page: strokes thinner than a pixel are pale. Of 80 small tables
    24 are right with 1 (17 with a wrong digit accepted), 30 with 1.3 (8), 31 with 1.6 (8) and 28
    with 2 (7)."""

    enlarged_side: int = 1200
    """Longest side of a page that is enlarged, in pixels."""

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

    low_mark_reach: float = 0.9
    """Dots, commas and dashes belong to a row up to this many heights to the left and right of it.
    Of 40 numbers with a minus before them or a dash behind them, 31 are read right at 0.9, 28 at
    0.7, and 3 at 0.35."""

    low_mark_rise: float = 0.35
    """They belong to it up to this many heights above and below it."""

    # Struck-out numbers; set on the pages of tests/strike_scenes.py

    lowest_struck: float = 0.6
    """What is lower than this many heights is no struck-out number."""

    highest_struck: float = 4
    """What is higher than this many heights is no struck-out number."""

    struck_shares: tuple[float, ...] = (1, 0.75)
    """Heights of digits, as shares of the height of a page's only mark, with which it is searched
    for strikes."""

    most_struck: int = 100
    """Most wide connected components of a page that are searched for strikes."""

    # Reading order

    level_share: float = 0.5
    """Lines whose levels differ by less than this share of the lower one's digits stand beside each
    other."""

    slope_errors: float = 4
    """A page is tilted if the slope of its lines is more than this many standard errors."""

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

    # Other pages that a doubtful page may be

    outline_accepted_share: float = 0.75
    """If fewer of a page's marks than this share are accepted digits, they may be outlines."""

    outline_share: float = 0.7
    """Least ink that outlines enclose, as a share of theirs. On 60 pages of plain digits at most
    0.36 was enclosed, on 60 of outlined digits 0.35 to 3.2, in the median 1.8 (dev/reading.md)."""

    upright_score: float = 0.9
    """Mean digit score of a page's marks from which the page is taken to stand upright; or mean
    confidence of its digits, if the picture is read as one line."""

    orientation_gain: float = 0.2
    """Minimum gain in mean digit score before a page is rotated..."""

    orientation_rest: float = 1 / 6
    """...unless it leaves at most this share of what the score lacked to 1."""

    orientation_score: float = 0.85
    """Minimum mean digit score of a page that is rotated: print sometimes gains when it is
    rotated."""

    orientation_digits: int = 3
    """Minimum number of digits on a page that is rotated, and no fewer than were read before: one
    or two may read well upside down."""

    orientation_cells: int = 4
    """If there are so many marks in the cells of grids, they alone decide: print may stand around
    grids. Strokes of digits may look like a cell, and the digit beside them to be in it."""

    orientation_sample: int = 40
    """Of a page of more marks, rows of about so many are rotated and read before the whole page
    is."""

    orientation_margin: float = 0.1
    """The whole page is read unless their mean digit score lacks more than this."""
