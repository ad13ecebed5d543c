"""Memory that large pictures took goes back to the system, not to the allocator's reserve."""

import ctypes
import sys

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of glibc's malloc.h

LARGE_BYTES = 2**20
"""Size from which memory is had from the system, piece by piece. By itself glibc raises it to 32 MB
as large pieces are freed, and then keeps what pictures leave behind."""


def give_memory_back() -> None:
    """Tell glibc's allocator to keep no large pieces; others are left as they are."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(_M_ARENA_MAX, 2)
