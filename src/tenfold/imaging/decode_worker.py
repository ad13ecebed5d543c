"""The worker process that decodes pictures: requests on stdin, answers on stdout.

A request is a line of JSON. With `size`, it opens a file, whose bytes follow; with `close`, it
closes the file; otherwise it asks for the next page. The answer is a line of JSON, and the gray
pixels of a page, if there is one.
`tenfold.imaging.isolation` starts and ends the process.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from tenfold.errors import PictureError, PictureTooLargeError
from tenfold.imaging.encoded import decode
from tenfold.imaging.picture import Picture
from tenfold.machine import address_space_bytes, limit_memory


def main() -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for libraries that print
    _send(answers, {})  # ready
    requests = sys.stdin.buffer
    pages: Iterator[Picture] = iter(())
    seconds = 0.0, 0.0
    for line in requests:
        request = json.loads(line)
        if "size" in request:
            pages = iter(())  # releases the file before
            pages = _open(request, requests.read(request["size"]))
            seconds = request["processor_seconds"], request["kill_after_seconds"]
        elif "close" in request:
            pages = iter(())
        with _limits_on_time(*seconds):
            header, pixels = _next(pages)
        _send(answers, header, pixels)


@contextmanager
def _limits_on_time(processor_seconds: float, seconds: float) -> Iterator[None]:
    """End this process after some processor time, or, if its parent is gone, after some time."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, processor_seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
        signal.setitimer(timer, 0)


def _open(request: dict[str, Any], data: bytes) -> Iterator[Picture]:
    occupied = address_space_bytes()
    if occupied:
        limit_memory(occupied + request["memory_bytes"])
    return decode(data, request["name"], request["max_side"], request["max_pixels"])


def _next(pages: Iterator[Picture]) -> tuple[dict[str, Any], bytes]:
    """Decode the next page; an empty header says that there is none."""
    try:
        page = next(pages, None)
    except MemoryError:
        return {"out_of_memory": True}, b""
    except PictureError as error:
        if isinstance(error.__cause__, MemoryError):
            return {"out_of_memory": True}, b""
        too_large = isinstance(error, PictureTooLargeError)
        return {"error": str(error), "too_large": too_large}, b""
    if page is None:
        return {}, b""
    header = {
        "shape": page.gray.shape,
        "size": page.gray.size,
        "width": page.width,
        "height": page.height,
        "orientation": page.orientation,
    }
    return header, page.gray.tobytes()


def _send(answers: BinaryIO, header: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(header).encode() + b"\n" + pixels)
    answers.flush()


if __name__ == "__main__":
    main()
