"""The queries that show what speaks for a recommendation: one SQL file per kind, ready to be pasted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

KINDS = Path(__file__).parent / "kinds"
PLACE = re.compile(r"\{(\w+):([^}]+)\}")

Value = str | int | float | datetime


def sql_of(kind: str) -> str:
    """Return the SQL of a kind, with `{name:Type}` where values go."""
    return (KINDS / f"{kind}.sql").read_text().strip()


def with_values(sql: str, values: Mapping[str, Value]) -> str:
    """Return a query with its values written out, so that it can be pasted into any client."""

    def written(found: re.Match[str]) -> str:
        return literal(values[found[1]], found[2])

    return PLACE.sub(written, sql)


def literal(value: Value, kind: str) -> str:
    """Return a value as ClickHouse's SQL has it."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return f"toDateTime64('{moment}', 6, 'UTC')"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return f"to{kind}({value!r})"
