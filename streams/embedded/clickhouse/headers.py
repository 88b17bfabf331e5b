"""The headers of a response: who answered, what it is and what it took."""

from __future__ import annotations

import json

from streams.embedded.clickhouse.content import content_type
from streams.embedded.clickhouse.engine import Engine
from streams.embedded.clickhouse.request import QueryRequest
from streams.embedded.clickhouse.results import Outcome

TEXT = "text/plain; charset=UTF-8"


def headers_for(
    engine: Engine, query: QueryRequest | None = None, outcome: Outcome | None = None, elapsed_ns: int = 0
) -> dict[str, str]:
    """The headers of an answer: of the server, to a query, with a result, as far as there is one."""
    headers = {"X-ClickHouse-Server-Display-Name": engine.host_name}
    if query is not None:
        headers["X-ClickHouse-Query-Id"] = query.query_id
        headers["X-ClickHouse-Timezone"] = query.settings.get("session_timezone") or engine.timezone
    if outcome is not None:
        headers["Content-Type"] = content_type(outcome.format) if outcome.format else TEXT
        headers["X-ClickHouse-Summary"] = _summary(outcome, elapsed_ns)
        if outcome.format:
            headers["X-ClickHouse-Format"] = outcome.format
        if outcome.encoding:
            headers["Content-Encoding"] = outcome.encoding
    return headers


def _summary(outcome: Outcome, elapsed_ns: int) -> str:
    counters = outcome.counters
    numbers = {
        "read_rows": counters.read_rows,
        "read_bytes": counters.read_bytes,
        "written_rows": counters.written_rows,
        "written_bytes": counters.written_bytes,
        "total_rows_to_read": counters.read_rows,
        "result_rows": counters.result_rows,
        "result_bytes": counters.result_bytes,
        "elapsed_ns": elapsed_ns,
    }
    return json.dumps({name: str(number) for name, number in numbers.items()}, separators=(",", ":"))
