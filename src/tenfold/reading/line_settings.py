"""The settings of lines: words and signs, and lines read without segmentation.

"Heights" are multiples of a typical digit's height.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class LineSettings:
    """The settings of lines; part of `tenfold.reading.settings.ReaderSettings`."""

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

    disputed_piece: float = 0.1
    """An accepted digit that was cut off its neighbors is rejected if the line network reads no
    digit there, or another one, and gives it a lower probability than this."""

    slash_slant: float = 0.2
    """A 1 that leans less, in pixels to the right for each pixel up, is no slash."""

    slash_probability: float = 0.05
    """A 1 that leans is rejected if the line network gives digits less than this there."""

    slash_descent: float = 0.07
    """A slash reaches below its neighbors by this, in heights of these; 98% of 726 ones do not."""

    slash_likeness: float = 0.12
    """Two slashes of one writer differ by less than this in slant, and in height by a share of less
    than this."""

    suspect_slash_probability: float = 0.3
    """A 1 that leans, and reaches below or is like a slash in its row, is rejected if the line
    network gives digits less than this. Of 100 pages with slashes, 12 have a wrong digit accepted,
    and 22 without these rules; of 351 ones on 40 plain pages 328 are accepted, and 336 without.
    With 0.5 it is 9 pages and 321 ones, with 0.95 5 and 295."""

    # Slashes between boxes

    separator_slant: float = 0.12
    """Least slant of a slash between boxes, in pixels to the right for each pixel up."""

    separator_thickness: float = 0.2
    """A slash is a stroke whose deviation across is less than this share of that along it."""

    separator_gap: tuple[float, float] = (0.1, 4)
    """Least and greatest gap between the boxes beside a slash, in heights of a box."""

    widest_box_gap: float = 1.3
    """Single rows of boxes that stand side by side are one number if the gap between them is no
    wider than this, in heights of a box, even without a slash."""

    separator_rise: float = 0.3
    """A slash reaches over or below the boxes by at most this, in heights of a box."""

    faintest_separator: float = 0.2
    """Share of full ink that the darkest pixel of a slash between boxes has at least."""

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

    line_aspects: tuple[float, float] = (0.8, 12.0)
    """Width over height of a picture that may be one line, cut out close."""

    narrow_aspect: float = 1.3
    """A picture narrower than this, as width over height, may hold one digit: as a line it counts
    from two digits on, and it may lie on its side."""

    line_digit_shares: tuple[float, ...] = (0.95, 0.82, 0.72, 0.63, 0.55, 0.48)
    """Heights that a digit may have in a picture of one line, as shares of the picture's."""

    line_height_spread: float = 0.25
    """Standard deviation of the logarithm of the digits' height in such a picture, around that of
    its marks, which may be joined or broken. Of 1,200 close crops of held-back images and fonts the
    line network reads 983 right with 0.25, 983 with 0.35 and 974 if all heights are alike."""

    lowest_crop_mark: float = 0.25
    """Marks lower than this share of such a picture's height do not tell the height of digits."""

    lowest_crop_share: float = 0.35
    """A picture is no close crop of a line if its highest mark is lower than this share of it."""

    doubted_crop_share: float = 0.5
    """The same where boxes or struck-out digits were found: joined digits, cut out close, can look
    like both, so that the picture is read as a line without them, too."""

    patterned_digits: int = 2
    """Fewest digits of a picture of one line in which no mark was found, as on dense printed
    patterns: in noise the line network sees a digit or two."""

    more_digits_confidence: float = 0.9
    """A picture of one line whose marks read well is read by the line network as well, which counts
    if it finds more digits, with at least this geometric mean of their confidences."""

    patterned_confidence: float = 0.5
    """Least geometric mean of their confidences."""

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

    # Fields and alternatives (`tenfold.reading.field_decoding`)

    pieces_share: float = 2 / 3
    """Weight of the reader's own digits and signs in the lattice of a line; the rest is that of the
    line network's steps. Above 1/2, an accepted reading is the likeliest one."""

    number_space: float = 0.5
    """A gap between two digits may be a space between numbers if it is wider than this, in heights
    of a digit."""

    number_space_ratio: float = 1.7
    """It is one if it is also wider than this many typical gaps of its line, so that digits may
    stand apart. With both, 176 of 179 lines of held-back digits, 89 of them with spaces, are split
    right (dev/reading.md)."""

    field_confidence: float = 0.8
    """A text that satisfies a field is accepted from this share among all that satisfy it. Of 400
    made fields, 349 reach it and fit, 1 of these wrong; at 0.9 they are 332, none wrong
    (`benchmarks/constraints.py --choose`)."""

    field_fit_likelihood: float = 0.1
    """A line does not fit, and is rejected, if texts that satisfy the field are less likely than
    this, all together. Of 400 texts that their field excludes, none is accepted at 0.1, and 5 at
    0.01; of those that satisfy it, 14 fewer are."""
