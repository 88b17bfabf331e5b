"""Getting rows into the engine as a stream: bytes in, no Python per row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.embedded.clickhouse.engine import Counters, EngineConnection, quote, quote_name
from streams.embedded.clickhouse.external import ExternalTable


def insert_rows(
    connection: EngineConnection, header: bytes, format_name: str, chunks: Iterable[bytes], params: Mapping[str, str]
) -> Counters:
    """Run an insert whose rows come in chunks, however they are cut."""
    for name, value in params.items():
        connection.run(f"SET param_{name} = {quote(value)}")  # an insert takes no parameters of its own
    insert = connection.insert(header, format_name)
    try:
        for chunk in chunks:
            if chunk and not insert.append(chunk):
                break
    except BaseException:
        insert.cancel()
        raise
    counters = insert.finish()
    counters.result_rows, counters.result_bytes = counters.written_rows, counters.written_bytes
    return counters


def create_external_table(connection: EngineConnection, table: ExternalTable) -> None:
    """Make rows that came with a query visible to it."""
    name = quote_name(table.name)
    connection.run(f"CREATE TEMPORARY TABLE {name} ({table.structure})")
    insert_rows(connection, f"INSERT INTO {name}".encode(), table.format, [table.data], {})
