"""The log on stderr: one JSON object per line, without pictures, file names or addresses."""

import faulthandler
import io
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

MAX_WAITING_LINES = 2000
"""Lines that wait when stderr accepts no more, as a pipe that nobody reads: about 0.5 MB."""

FLUSH_SECONDS = 1.0
"""Time limit for writing the waiting lines when the server stops."""

_log = logging.getLogger("tenfold.serving")


class JsonFormatter(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break at its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class DroppingQueueHandler(QueueHandler):
    """Passes records to the thread that writes them, and drops records while too many wait.

    So a stderr that accepts no more does not stop the thread that logs, which is the event loop.
    """

    def __init__(self, queue: "SimpleQueue[Any]") -> None:
        super().__init__(queue)
        self._waiting = queue
        self._dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a record. The first one after a gap follows a line that says how many are lost."""
        if self._waiting.qsize() >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        if self._dropped:
            lost, self._dropped = self._dropped, 0
            about = {"levelname": "WARNING", "fields": {"lines": lost}}
            note = logging.makeLogRecord({"msg": "log lines dropped", **about})
            self._waiting.put_nowait(self.prepare(note))
        self._waiting.put_nowait(record)


class LineWriter(QueueListener):
    """A thread that writes queued lines to a stream.

    It holds no lock while it writes: `logging` waits for the locks of its handlers at exit.
    """

    def __init__(self, queue: "SimpleQueue[Any]", stream: TextIO) -> None:
        super().__init__(queue)
        self._stream = stream

    def handle(self, record: logging.LogRecord) -> None:
        """Write a line. One that cannot be written, to a full disk or a closed pipe, is lost."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{record.getMessage()}\n")


def log_event(
    event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any
) -> None:
    """Log an event with its fields."""
    if _log.isEnabledFor(level):
        _log.log(level, event, extra={"fields": fields}, exc_info=error)


@contextmanager
def json_log() -> Iterator[None]:
    """Write log records of all packages to stderr as JSON, and nothing else, inside the block.

    Messages that C libraries write to stderr, such as libtiff's about damaged pictures, are
    discarded. A crash of the interpreter still writes its traceback.
    """
    tenfold, root = logging.getLogger("tenfold"), logging.getLogger()
    handlers = tenfold.handlers[:], root.handlers[:]
    hooks = threading.excepthook, sys.unraisablehook
    with redirected_stderr() as stderr:
        lines: SimpleQueue[Any] = SimpleQueue()
        handler = DroppingQueueHandler(lines)
        handler.setFormatter(JsonFormatter())
        writer = LineWriter(lines, stderr)
        writer.start()
        tenfold.handlers[:] = root.handlers[:] = [handler]
        tenfold.propagate = False
        logging.captureWarnings(True)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        for parser in ("python_multipart", "PIL"):
            # Errors in forms and pictures go to the client, not to the log.
            logging.getLogger(parser).setLevel(logging.CRITICAL)
        threading.excepthook = lambda hook: log_internal_error(hook.exc_value)
        sys.unraisablehook = lambda hook: log_internal_error(hook.exc_value)
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook = hooks
            logging.captureWarnings(False)
            tenfold.handlers[:], root.handlers[:] = handlers
            # In a thread, because `stop` waits until all lines are written, possibly for good.
            flushing = threading.Thread(target=writer.stop, daemon=True)
            flushing.start()
            flushing.join(FLUSH_SECONDS)


def log_internal_error(error: BaseException | None) -> None:
    """Log an exception that a request must not cause, with its traceback."""
    log_event("internal error", level=logging.ERROR, error=error)


@contextmanager
def redirected_stderr() -> Iterator[TextIO]:
    """Discard all text written to file descriptor 2; give a file that still writes to stderr.

    The file has no buffer, whose lock would keep the process alive while a write waits.
    """
    if sys.stderr is None:  # the parent process closed it
        with Path(os.devnull).open("w") as devnull:
            yield devnull
        return
    sys.stderr.flush()
    unbuffered: Any = os.fdopen(os.dup(2), "wb", buffering=0)
    with io.TextIOWrapper(
        unbuffered, encoding="utf-8", errors="backslashreplace", write_through=True
    ) as stderr:
        faulthandler.enable(stderr)
        with Path(os.devnull).open("w") as devnull:
            os.dup2(devnull.fileno(), 2)
        try:
            yield stderr
        finally:
            sys.stderr.flush()
            os.dup2(stderr.fileno(), 2)
            faulthandler.disable()
