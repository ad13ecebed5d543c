"""The settings of reading: every threshold, what it means, and how a model brings its own."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from tenfold.errors import BundleError, UsageError
from tenfold.imaging.canvas import PREPROCESSING_VERSION
from tenfold.reading.boxes.settings import BoxSettings
from tenfold.reading.line_settings import LineSettings
from tenfold.reading.page_settings import PageSettings

_NOT_FIELDS = ("preprocessing", "calibrated")

_SHARES = (
    "_share", "_shares", "_score", "_confidence", "_probability", "_likelihood", "threshold",
)  # fmt: skip
"""Ends of the names of settings between 0 and 1."""

_LARGEST_COUNT = 100_000
"""Largest value of a whole number."""

_LARGEST = 100
"""Largest value of any other setting, such as a multiple of a length."""


@dataclass(frozen=True)
class ReaderSettings(LineSettings, PageSettings, BoxSettings):
    """All settings of reading, with their defaults: its own, and those of lines, pages and boxes.

    Where no source is named, a value was set by hand on pages made of MNIST training images
    (tests/scenes.py). "Heights" are multiples of a typical digit's height. Shares and scores lie
    between 0 and 1.

    Raises:
        UsageError: A setting is of another type or out of range; the threshold must be 0 to 1.
    """

    # What is rejected, and what is no digit

    threshold: float = 0.96
    """Digit score below which a digit is rejected. Of 5,000 MNIST images kept from training, 98.5%
    reach 0.96 with the recipe `reader`, and 4.5% of made-up marks that are no digits
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

    # A picture of a single digit

    half_shadow_light: tuple[float, float] = (0.2, 0.8)
    """Least and greatest share of light pixels in a picture that may lie half in shadow
    (`single_in_shadow` of tests/light_scenes.py)."""

    agreement_share: float = 0.0
    """Least share of the digit in what the line network sees in the middle of a picture of one
    digit; else it is rejected. 0, or a threshold of 0, does not ask. The model `reader` has 0.35;
    others may know forms that the line network does not (dev/reading.md)."""

    line_weight: float = 2
    """Weight of what the line network sees in a doubtful digit, where the digit itself has the
    weight of its score (dev/reading.md, "The line network reads doubtful digits"). `tenfold adapt`
    fits it, since the line network has not learned the hand."""

    neighbor_confidence: float = 0.92
    """Factor on the confidence in a doubtful digit's best guess. It is the share of right digits
    among parts of other digits: 369 of 399 crops from lines made of MNIST training images."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            largest = 1 if field.name.endswith(_SHARES) else _LARGEST
            if problem := _problem(value, field.type, largest):
                raise UsageError(f"{field.name} is {reprlib.repr(value)}: give {problem}")

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
