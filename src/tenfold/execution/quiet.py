"""Notes that libraries write to stderr, filtered out."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def filtered_stderr(*notes: bytes) -> Iterator[None]:
    """Collect what is written to stderr, also by C++, and pass it on afterward without the notes.

    Args:
        notes: Lines that contain one of these are dropped.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            for line in written:
                if not any(note in line for note in notes):
                    os.write(2, line)
