"""Getting a result out of the engine as a stream, in any format."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence

from streams.embedded.clickhouse.config import MIB
from streams.embedded.clickhouse.connection import EngineConnection
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.native import Column, NativeRewriter
from streams.embedded.clickhouse.results import ResultWriter
from streams.embedded.clickhouse.statement import Statement

_PIPE_READ_BYTES = 1 * MIB

NATIVE_FORMAT = "Native"

# formats without head and foot: blocks formatted one by one make up a whole result, and cost no pipe and no thread
_PER_BLOCK_FORMATS = frozenset(
    (
        "native", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "jsoneachrow", "jsonlines", "ndjson",
        "jsoncompacteachrow", "jsonstringseachrow", "rowbinary",
    )
)  # fmt: skip
_EXTRA_ROWS = re.compile(rb"\b(TOTALS|extremes)\b", re.IGNORECASE)  # these come after the last block


def reads_per_block(format_name: str, statement: Statement, settings: Mapping[str, str]) -> bool:
    """Whether the blocks of a result can be formatted one by one."""
    name = format_name.lower()
    if name == NATIVE_FORMAT.lower():
        return True
    plain = "extremes" not in settings and not _EXTRA_ROWS.search(statement.text + statement.tail)
    return plain and name in _PER_BLOCK_FORMATS


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
    format_name: str,
    rewriter: NativeRewriter,
    result: ResultWriter,
) -> None:
    """Stream a result block by block; in Native as the client's protocol version has them."""
    sql = statement.text + statement.tail
    if not statement.streams:
        if block := connection.run(sql, format_name, params):
            result.write(rewriter.rewrite(block))
        return
    # closed here and not by the garbage collector: a stream that outlives its connection crashes the engine
    with contextlib.closing(connection.blocks(sql, format_name, params)) as blocks:
        for block in blocks:
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
