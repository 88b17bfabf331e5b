"""Query ids: the engine gives its own, so the client's travels in `log_comment` and is put back where one looks."""

from __future__ import annotations

import re

from streams.embedded.clickhouse.engine_config import QUERY_LOG_TABLE

LOG_COMMENT = "log_comment"

_SEPARATOR = "\t"
_KILL = re.compile(rb"\s*KILL\s+QUERY\b", re.IGNORECASE)
_QUERY_ID = re.compile(rb"\bquery_id\b", re.IGNORECASE)


def comment(query_id: str, own_comment: str) -> str:
    """What `log_comment` is set to for a query."""
    return f"{query_id}{_SEPARATOR}{own_comment}" if own_comment else query_id


def _client_id(column: str) -> str:
    return f"if({column} = '', query_id, splitByChar('\\t', {column})[1])"


QUERY_LOG_VIEW = (
    "CREATE OR REPLACE VIEW system.query_log AS SELECT * REPLACE("  # noqa: S608 - nothing from outside
    f"{_client_id(LOG_COMMENT)} AS query_id, splitByChar('\\t', {LOG_COMMENT})[2] AS {LOG_COMMENT}) "
    f"FROM system.{QUERY_LOG_TABLE}"
)
"""`system.query_log` as a server has it."""


def with_client_ids(statement: bytes) -> bytes:
    """In a KILL QUERY statement, let query_id mean the client's."""
    if not _KILL.match(statement):
        return statement
    return _QUERY_ID.sub(_client_id(f"Settings['{LOG_COMMENT}']").encode().replace(b"\\", b"\\\\"), statement)
