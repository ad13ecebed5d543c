"""The log on stderr: one JSON object per line, without pictures, file names or addresses."""

import faulthandler
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

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
        handler = logging.StreamHandler(stderr)
        handler.setFormatter(JsonFormatter())
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


def log_internal_error(error: BaseException | None) -> None:
    """Log an exception that a request must not cause, with its traceback."""
    log_event("internal error", level=logging.ERROR, error=error)


@contextmanager
def redirected_stderr() -> Iterator[TextIO]:
    """Discard all text written to file descriptor 2; give a file that still writes to stderr."""
    if sys.stderr is None:  # the parent process closed it
        with Path(os.devnull).open("w") as devnull:
            yield devnull
        return
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace") as stderr:
        faulthandler.enable(stderr)
        with Path(os.devnull).open("w") as devnull:
            os.dup2(devnull.fileno(), 2)
        try:
            yield stderr
        finally:
            sys.stderr.flush()
            os.dup2(stderr.fileno(), 2)
            faulthandler.disable()
