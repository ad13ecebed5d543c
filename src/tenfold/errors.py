"""The errors that tenfold raises on purpose."""

from numbers import Integral
from typing import Any


class TenfoldError(Exception):
    """Base of all: the message says what was wrong and what to do. All can be pickled."""


class UsageError(TenfoldError):
    """A wrong option or argument; the command ends with exit code 2."""


class WriteError(TenfoldError, OSError):
    """A file or folder that cannot be written: the disk is full or fails, permission is missing."""


class DataError(TenfoldError):
    """A data set that cannot be fetched, or a file whose content is wrong."""


class PictureError(TenfoldError):
    """A picture that cannot be read."""


class PictureTooLargeError(PictureError):
    """A picture with more pixels or bytes than are accepted."""


class PictureBusyError(PictureError):
    """A picture that needs much memory, while another one is decoded that needs it too."""


class TrainingError(TenfoldError):
    """A training that cannot start, continue or be resumed."""


class BundleError(TenfoldError):
    """A bundle that is incomplete or altered."""


class ExportError(TenfoldError):
    """An export that cannot be made, or that disagrees with its original."""


class MissingExtraError(TenfoldError):
    """A package that is not part of the base install is missing.

    Args:
        what: What needs it.
        extra: The extra of tenfold that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what, self.extra = what, extra

    def __str__(self) -> str:
        return f'{self.what} needs more packages: pip install "tenfold[{self.extra}]"'


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """Return an argument that must be a whole number, also one of NumPy's, as an int.

    Args:
        name: Name of the argument, for the message.
        value: The argument.
        low: Least value.
        high: Greatest value, included.

    Raises:
        UsageError: It is no whole number, or out of range.
    """
    if not isinstance(value, Integral):
        raise UsageError(f"{name} is {value!r}; it must be a whole number")
    if not low <= int(value) <= high:
        raise UsageError(f"{name} is {value}; it must lie between {low} and {high:,}")
    return int(value)
