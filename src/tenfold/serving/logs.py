"""The log on stderr: one JSON object per line, without pictures, file names or addresses."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

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


def log_as_json() -> None:
    """Format all log records of the process as JSON, including those of other packages."""
    tenfold, root = logging.getLogger("tenfold"), logging.getLogger()
    for handler in tenfold.handlers:
        handler.setFormatter(JsonFormatter())
    root.handlers[:] = tenfold.handlers
    tenfold.propagate = False
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for parser in ("python_multipart", "PIL"):
        # Errors in forms and pictures go to the client, not to the log.
        logging.getLogger(parser).setLevel(logging.CRITICAL)
