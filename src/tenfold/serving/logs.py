"""The log: a JSON object a line on stderr, without pictures, their names, or addresses."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

_log = logging.getLogger("tenfold.serving")


class JsonLines(logging.Formatter):
    """Makes a JSON object of one line of whatever is logged."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def tell(
    event: str, *, level: int = logging.INFO, error: BaseException | None = None, **facts: Any
) -> None:
    """Log an event with its facts."""
    if _log.isEnabledFor(level):
        _log.log(level, event, extra={"facts": facts}, exc_info=error)


def log_as_json() -> None:
    """Make the messages of the command, and of all it uses, JSON lines."""
    ours, everyone = logging.getLogger("tenfold"), logging.getLogger()
    for handler in ours.handlers:
        handler.setFormatter(JsonLines())
    everyone.handlers[:] = ours.handlers
    ours.propagate = False
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for of_requests in ("python_multipart", "PIL"):
        # What is wrong with a form or a picture, its client is told.
        logging.getLogger(of_requests).setLevel(logging.CRITICAL)
