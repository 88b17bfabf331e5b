"""Getting a result out of the engine as a stream, in any format."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence

from streams.embedded.clickhouse.config import MIB
from streams.embedded.clickhouse.engine import EngineConnection
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.native import Column, NativeRewriter
from streams.embedded.clickhouse.results import ResultWriter
from streams.embedded.clickhouse.statement import Statement

_PIPE_READ_BYTES = 1 * MIB

PER_BLOCK_FORMAT = "Native"
"""The one format whose blocks stand for themselves and may need rewriting."""


def describe(connection: EngineConnection, sql: bytes, params: Mapping[str, str]) -> Sequence[Column]:
    """The names and types of a query's columns; none if the engine cannot tell."""
    try:
        answer = connection.run(b"DESCRIBE TABLE (" + sql + b"\n)", "JSONCompact", params)
    except ClickHouseError:
        return ()
    return [(name, kind) for name, kind, *_ in json.loads(answer)["data"]]


def read_blocks(
    connection: EngineConnection,
    statement: Statement,
    params: Mapping[str, str],
    protocol_version: int,
    columns: Callable[[], Sequence[Column]],
    result: ResultWriter,
) -> None:
    """Stream a result block by block, as the client's protocol version has them."""
    rewriter = NativeRewriter(protocol_version, columns)
    sql = statement.text + b"\n" + statement.tail
    if statement.streams:
        for block in connection.blocks(sql, PER_BLOCK_FORMAT, params):
            result.write(rewriter.rewrite(block))
    elif block := connection.run(sql, PER_BLOCK_FORMAT, params):
        result.write(rewriter.rewrite(block))


def read_through_pipe(
    connection: EngineConnection,
    statement: Statement,
    params: Mapping[str, str],
    format_name: str,
    result: ResultWriter,
) -> None:
    """Let the engine write the formatted result into a pipe: any format, streamed, head and foot included."""
    reader, writer = os.pipe()
    failure: list[BaseException] = []

    def pump() -> None:
        try:
            while data := os.read(reader, _PIPE_READ_BYTES):
                result.write(data)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the query
            failure.append(error)
        finally:
            os.close(reader)  # a query still writing ends on the broken pipe

    thread = threading.Thread(target=pump, name="result-pump")
    thread.start()
    try:
        target = f"\nINTO OUTFILE '/dev/fd/{writer}' APPEND\nFORMAT {format_name}\n".encode()
        connection.run(statement.text + target + statement.tail, format_name, params)
    finally:
        os.close(writer)
        thread.join()
        if failure:
            raise failure[0]
