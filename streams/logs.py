"""Structured logs: one JSON object per line on stderr, with whatever came in `extra`."""

from __future__ import annotations

import json
import logging
import reprlib
import sys
from datetime import UTC, datetime

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
CHATTY = ("aiokafka", "faust", "mode", "httpx", "httpcore", "asyncio")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; what cannot be shown as it is meant is shown as well as it can be."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        line.update({key: value for key, value in vars(record).items() if key not in STANDARD})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        try:
            return json.dumps(line, default=str)
        except (TypeError, ValueError, RecursionError):  # keys that are no strings, rings, deep nesting
            return json.dumps({key: _outline(value) for key, value in line.items()})


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit the text
        return f"{record.msg} {record.args!r}"


def _outline(value: object) -> str:
    return value if isinstance(value, str) else reprlib.repr(value)


def configure_logging(level: str) -> None:
    """Send this process's logs to stderr; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
