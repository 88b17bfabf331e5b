"""Getting rows into the engine as a stream: bytes in, no Python per row."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import RawIOBase
from itertools import chain

from streams.embedded.clickhouse.config import MIB
from streams.embedded.clickhouse.connection import Counters, EngineConnection, quote, quote_name
from streams.embedded.clickhouse.external import ExternalTable
from streams.embedded.clickhouse.statement import Statement

_HELD_BYTES = 64 * MIB
_SETTINGS = re.compile(rb"\bSETTINGS\b", re.IGNORECASE)


def insert_rows(
    connection: EngineConnection, header: bytes, format_name: str, chunks: Iterable[bytes], params: Mapping[str, str]
) -> Counters:
    """Run an insert whose rows come in chunks, however they are cut.

    The engine's streaming insert keeps silent about what fails when its last block is written: a full disk, a
    constraint, a materialized view. An insert from a file does not, so that is what it becomes, the file being a
    pipe, once all rows are here: a client that goes away half-way must leave none. Only what is too large to be held
    is streamed.
    """
    for name, value in params.items():
        connection.run(f"SET param_{name} = {quote(value)}")  # an insert takes no parameters of its own
    coming = iter(chunks)
    head, whole = _collect(coming)
    if whole and not _SETTINGS.search(header):  # the clause would have to stand behind the file
        connection.counters = Counters()
        with _piped(head) as reader:
            connection.run(header + f" FROM INFILE '/dev/fd/{reader}' FORMAT {format_name}".encode())
        counters = connection.counters
    else:
        counters = _insert_streaming(connection, header, format_name, chain(head, coming))
    counters.result_rows, counters.result_bytes = counters.written_rows, counters.written_bytes
    return counters


def _collect(chunks: Iterator[bytes]) -> tuple[list[bytes], bool]:
    """Take chunks up to the size that is held; return them and whether that was all."""
    taken: list[bytes] = []
    size = 0
    for chunk in chunks:
        taken.append(chunk)
        size += len(chunk)
        if size > _HELD_BYTES:
            return taken, False
    return taken, True


def _insert_streaming(
    connection: EngineConnection, header: bytes, format_name: str, chunks: Iterable[bytes]
) -> Counters:
    insert = connection.insert(header, format_name)
    try:
        for chunk in chunks:
            if chunk and not insert.append(chunk):
                break
    except BaseException:
        insert.cancel()
        raise
    return insert.finish()


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
    with _piped(chunks) as reader:
        call = f"file('/dev/fd/{reader}', {statement.format}, ".encode()
        connection.run(statement.text[:start] + call + statement.text[end:], params=params)


@contextmanager
def _piped(chunks: Iterable[bytes]) -> Iterator[int]:
    """Yield the descriptor of a pipe that gives the chunks; raises at the end what went wrong with them."""
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
    try:
        yield reader
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
