"""Notes that libraries write to stderr, held back."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out_of_stderr(*notes: bytes) -> Iterator[None]:
    """Hold back what libraries write to stderr, also from C++, and then write it without notes.

    Args:
        notes: Lines that contain one of these are left out.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not any(note in line for note in notes):
                    os.write(2, line)
