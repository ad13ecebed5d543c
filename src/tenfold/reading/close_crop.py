"""Close crops: pictures that one line of digits fills, which the line network reads as a whole."""

import math
from collections.abc import Sequence

from tenfold.imaging.ink import median
from tenfold.reading.layout import Page
from tenfold.reading.line_reader import LineCharacter
from tenfold.reading.selection import mean_log
from tenfold.reading.settings import ReaderSettings


def is_close_crop(page: Page, settings: ReaderSettings) -> bool:
    """Return whether a picture may show one line, cut out close: by its shape and its marks."""
    height, width = page.picture.gray.shape
    narrowest, widest = settings.line_aspects
    if page.drawn or not narrowest <= width / height <= widest:
        return False
    highest = max((mark.box[3] for mark in [*page.marks, *page.struck]), default=height)
    doubted = page.grids or page.struck
    share = settings.doubted_crop_share if doubted else settings.lowest_crop_share
    return bool(highest >= share * height)


def mark_height(page: Page, settings: ReaderSettings) -> float:
    """Return the height of a typical mark in a close crop, in pixels; 0 if there is none."""
    least = settings.lowest_crop_mark * page.picture.gray.shape[0]
    heights = [mark.box[3] for mark in page.marks if mark.box[3] >= least]
    return median(heights) if heights else 0.0


def counts_as_line(
    line: Sequence[LineCharacter], page: Page, marks: int, read: int, settings: ReaderSettings
) -> bool:
    """Return whether what the line network reads in a close crop may count, and not the page's.

    Args:
        line: What it reads in the whole picture.
        page: The page.
        marks: Number of digits that were read mark by mark.
        read: The same if they were read well, else 0: they may be some of the line's digits.
        settings: The settings of reading.
    """
    confidences = [one.confidence for one in line if one.is_digit]
    height, width = page.picture.gray.shape
    if width < settings.narrow_aspect * height and len(confidences) < 2:
        return False
    mean = mean_log(confidences)
    if not marks:  # noise is no line
        enough = len(confidences) >= settings.patterned_digits
        return enough and mean >= math.log(settings.patterned_confidence)
    if not read:
        return True
    if page.struck:  # struck-out digits read worse
        return len(confidences) > read and min(confidences) >= settings.threshold
    return len(confidences) > read and mean >= math.log(settings.more_digits_confidence)
