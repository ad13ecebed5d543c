"""Memory settings of the C library, so that memory freed after large pictures is returned."""

import ctypes
import sys

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # from glibc's malloc.h

LARGE_BYTES = 2**20
"""Blocks of at least this size are returned to the system as soon as they are freed. By default
glibc raises the limit up to 32 MB as large blocks are freed, and then keeps them."""


def return_freed_memory() -> None:
    """Configure glibc to return large freed blocks to the system; no effect elsewhere."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(_M_ARENA_MAX, 2)
