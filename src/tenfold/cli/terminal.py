"""What the terminal can show: its width, and color."""

import os
import shutil
import sys
from typing import IO

MAX_WIDTH = 100
"""Help and paragraphs are no wider than this, because long lines are hard to read."""

_CODES = {"bold": "1", "red": "31", "yellow": "33"}


def color_is_on(stream: IO[str] | None) -> bool:
    """Return whether to color what is written to a stream.

    It must be a terminal that shows color, and NO_COLOR (https://no-color.org) must be unset or
    empty.
    """
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if sys.platform == "win32" and "WT_SESSION" not in os.environ:
        return False  # older consoles print the codes
    return stream.isatty()


def styled(text: str, *styles: str, stream: IO[str] | None) -> str:
    """Return a text in some styles, if the stream shows color.

    Args:
        text: The text.
        styles: "bold", "red" or "yellow".
        stream: Where the text will be written.
    """
    if not text or not color_is_on(stream):
        return text
    return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def stderr_is_a_terminal() -> bool:
    """Return whether somebody sees progress bars and notes."""
    return sys.stderr is not None and sys.stderr.isatty()


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is, or None if stdout is something else."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns
