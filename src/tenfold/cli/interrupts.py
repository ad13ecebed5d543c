"""Ctrl-C, noted when it comes: packages that are being imported turn it into other errors."""

import signal
from typing import Any

_noted: list[int] = []


def note_interrupts() -> None:
    """Note Ctrl-C from here on, beside raising KeyboardInterrupt as Python does.

    If Ctrl-C is ignored, as in a background job, it stays ignored.
    """
    _noted.clear()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note)


def was_interrupted(error: BaseException) -> bool:
    """Return whether Ctrl-C caused an error that ended the command."""
    return isinstance(error, KeyboardInterrupt) or bool(_noted)


def _note(number: int, _: Any) -> None:
    _noted.append(number)
    raise KeyboardInterrupt
