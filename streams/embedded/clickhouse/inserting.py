"""Getting rows into the engine as a stream: bytes in, no Python per row."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from io import RawIOBase

from streams.embedded.clickhouse.connection import Counters, EngineConnection, quote, quote_name
from streams.embedded.clickhouse.external import ExternalTable
from streams.embedded.clickhouse.statement import Statement


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


def insert_selected(
    connection: EngineConnection,
    statement: Statement,
    chunks: Iterable[bytes],
    params: Mapping[str, str],
) -> None:
    """Run an INSERT ... SELECT ... FROM input(...) over rows that come in chunks.

    The engine knows input() only as a client's; a pipe it reads as a file does the same.
    """
    assert statement.input_call is not None
    start, end = statement.input_call
    reader, writer = os.pipe()
    failure: list[BaseException] = []

    def pump() -> None:
        try:
            with os.fdopen(writer, "wb", buffering=0) as pipe:
                for chunk in chunks:
                    _write_all(pipe, chunk)
        except BrokenPipeError:
            pass  # the engine failed, and says why
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the insert
            failure.append(error)

    thread = threading.Thread(target=pump, name="insert-pump")
    thread.start()
    call = f"file('/dev/fd/{reader}', {statement.format}, ".encode()
    try:
        connection.run(statement.text[:start] + call + statement.text[end:], params=params)
    finally:
        os.close(reader)
        thread.join()
    if failure:
        raise failure[0]


def _write_all(pipe: RawIOBase, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def create_external_table(connection: EngineConnection, table: ExternalTable) -> None:
    """Make rows that came with a query visible to it."""
    name = quote_name(table.name)
    connection.run(f"CREATE TEMPORARY TABLE {name} ({table.structure})")
    insert_rows(connection, f"INSERT INTO {name}".encode(), table.format, [table.data], {})
