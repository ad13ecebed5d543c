"""The options that say what a line is known to hold, and the field that they describe."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.errors import UsageError

if TYPE_CHECKING:
    from tenfold.reading.fields import Field

KINDS = ("integer", "decimal", "date", "us-date", "time")
"""`tenfold.reading.kinds.KINDS`, without NumPy."""

_CONDITIONS = ("pattern", "length", "choices", "check", "minimum", "maximum", "kind")


def add_field_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a field; not given they are None."""
    group = parser.add_argument_group(
        "what every line is known to hold",
        "The likeliest text that satisfies all of these is read; ? where none fits.",
    )
    add = group.add_argument
    add("--expect", dest="pattern", metavar="PATTERN", help='a regular expression: "[0-9]{8}"')
    add("--length", type=int, metavar="N", help="the number of digits")
    add("--choices", type=Path, metavar="FILE", help="a text file: one possible text a line")
    help = 'luhn, ean, damm, mod11, mod_97_10, or one of python-stdnum: nl.bsn; "tenfold[checks]"'
    add("--check", metavar="NAME", help=help)
    help = "integer, decimal, date (day first), us-date (month first) or time"
    add("--kind", choices=KINDS, metavar="KIND", help=help)
    add("--minimum", metavar="X", help="the least value; of dates as 2026-01-31")
    add("--maximum", metavar="X", help="the greatest value")


def chosen_field(options: argparse.Namespace) -> "Field | None":
    """Return the field that the options describe; None if none is given.

    Raises:
        UsageError: A value is wrong, the file cannot be read, or no text satisfies all options.
    """
    given = {name: getattr(options, name) for name in _CONDITIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return None
    from tenfold.reading.fields import Field

    if "choices" in given:
        given["choices"] = _lines_of(given["choices"])
    return Field(**given)


def _lines_of(path: Path) -> tuple[str, ...]:
    """Return the lines of a text file that are not empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"--choices {path} cannot be read: {reason}") from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())
