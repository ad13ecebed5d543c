"""Notes that libraries write to stderr, filtered out."""

import atexit
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def filtered_stderr(*notes: bytes) -> Iterator[None]:
    """Collect what is written to stderr, also by C++, and pass it on afterward without the notes.

    If the process ends meanwhile, as after Ctrl-C, what was collected is passed on as well.

    Args:
        notes: Lines that contain one of these are dropped.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:

        def pass_on() -> None:
            sys.stderr.flush()
            os.dup2(kept, 2)
            written.seek(0)
            for line in written:
                if not any(note in line for note in notes):
                    os.write(2, line)

        os.dup2(written.fileno(), 2)
        atexit.register(pass_on)
        try:
            yield
        finally:
            atexit.unregister(pass_on)
            pass_on()
            os.close(kept)
