"""Running one request's statement in a worker thread: body in, result out, session and settings around it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from streams.embedded.clickhouse import compression
from streams.embedded.clickhouse.config import DEFAULT_DATABASE, KIB
from streams.embedded.clickhouse.engine import Counters, Engine, EngineConnection, quote, quote_name
from streams.embedded.clickhouse.errors import ClickHouseError, ClientGone
from streams.embedded.clickhouse.native import NativeRewriter
from streams.embedded.clickhouse.output import OutputChannel
from streams.embedded.clickhouse.request import QueryRequest
from streams.embedded.clickhouse.sessions import Session, SessionRegistry
from streams.embedded.clickhouse.statement import Kind, Statement, parse

logger = logging.getLogger(__name__)

_HEAD_BYTES = 256 * KIB  # ClickHouse's max_query_size: a statement's head is never longer
_PIPE_READ_BYTES = 1024 * KIB
_PER_BLOCK = "Native"


@dataclass(slots=True)
class Outcome:
    """What is known of a query's result before (format) and after (counters) it."""

    format: str | None = None
    encoding: str | None = None
    counters: Counters = field(default_factory=Counters)


@dataclass(slots=True)
class ExternalTable:
    """Rows a client sends along with its query, visible to it as a table."""

    name: str
    structure: str
    format: str
    data: bytes


class Execution:
    """One request's query."""

    def __init__(
        self, engine: Engine, sessions: SessionRegistry, request: QueryRequest, output: OutputChannel
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._request = request
        self._output = output
        self._encoder: compression.Encoder | None = None
        self.outcome = Outcome()

    def run(self, body: Iterable[bytes], external: Iterable[ExternalTable] = ()) -> None:
        """Run the query, writing its result to the output.

        Raises:
            ClickHouseError: The engine refused it.
            ClientGone: The client went away.
        """
        request = self._request
        session = None
        if request.session_id:
            session = self._sessions.acquire(
                request.session_id, request.session_timeout_seconds, request.session_check
            )
        try:
            chunks = compression.decoded(body, request.content_encoding)
            statement, rows = self._read_statement(chunks)
            self._in_session(session, statement, rows, external)
        finally:
            if session is not None:
                self._sessions.release(request.session_id, request.close_session)

    def _read_statement(self, chunks: Iterator[bytes]) -> tuple[Statement, Iterator[bytes]]:
        query = self._request.query
        head = bytearray(query)
        if query:
            head += b"\n"
        exhausted = True
        for chunk in chunks:
            head += chunk
            if len(head) >= _HEAD_BYTES:
                exhausted = False
                break
        if not head.strip():
            raise ClickHouseError(
                62, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): empty query"
            )
        statement = parse(bytes(head))
        if statement.kind is Kind.INSERT or exhausted:
            return statement, chunks
        for chunk in chunks:
            head += chunk
        return parse(bytes(head)), iter(())

    def _in_session(
        self, session: Session | None, statement: Statement, rows: Iterator[bytes], external: Iterable[ExternalTable]
    ) -> None:
        if session is None or (session.connection is None and not statement.touches_session):
            connection = self._engine.connect(self._request.settings)
            try:
                self._execute(connection, statement, rows, external)
            finally:
                connection.close()
            return
        if session.connection is None:
            session.connection = self._engine.connect({})
        connection = session.connection
        connection.counters = Counters()
        before = connection.override(self._request.settings)
        try:
            self._execute(connection, statement, rows, external)
        finally:
            connection.set_back(before)

    def _execute(
        self,
        connection: EngineConnection,
        statement: Statement,
        rows: Iterator[bytes],
        external: Iterable[ExternalTable],
    ) -> None:
        request = self._request
        if request.database != DEFAULT_DATABASE:
            connection.run(f"USE {quote_name(request.database)}")
        for table in external:
            connection.run(f"CREATE TEMPORARY TABLE {quote_name(table.name)} ({table.structure})")
            insert = connection.insert(f"INSERT INTO {quote_name(table.name)}".encode(), table.format)
            insert.append(table.data)
            insert.finish()
        connection.counters = self.outcome.counters
        if statement.kind is Kind.INSERT:
            self._insert(connection, statement, rows)
        elif statement.kind is Kind.READ:
            self._read(connection, statement)
        else:
            data = connection.run(statement.text, request.default_format, request.params)
            if data:
                self.outcome.format = statement.format or request.default_format
                self._begin()
                self._write(data)
                self._end()

    def _insert(self, connection: EngineConnection, statement: Statement, rows: Iterator[bytes]) -> None:
        for name, value in self._request.params.items():
            connection.run(f"SET param_{name} = {quote(value)}")
        assert statement.format is not None
        insert = connection.insert(statement.text, statement.format)
        try:
            wanted = insert.append(statement.tail) if statement.tail else True
            for chunk in rows:
                if not wanted:
                    break
                wanted = insert.append(chunk)
        except BaseException:
            insert.cancel()
            raise
        counters = insert.finish()
        self.outcome.counters.written_rows += counters.written_rows
        self.outcome.counters.written_bytes += counters.written_bytes
        self.outcome.counters.result_rows += counters.written_rows
        self.outcome.counters.result_bytes += counters.written_bytes

    def _read(self, connection: EngineConnection, statement: Statement) -> None:
        name = statement.format or self._request.default_format
        self.outcome.format = name
        self._begin()
        if name == _PER_BLOCK:
            rewriter = NativeRewriter(self._request.client_protocol_version)
            sql = statement.text + b"\n" + statement.tail
            if statement.streams:
                for block in connection.blocks(sql, name, self._request.params):
                    self._write(rewriter.rewrite(block))
            elif block := connection.run(sql, name, self._request.params):
                self._write(rewriter.rewrite(block))
        else:
            self._through_pipe(connection, statement, name)
        self._end()

    def _through_pipe(self, connection: EngineConnection, statement: Statement, name: str) -> None:
        """Let the engine write the formatted result into a pipe: any format, streamed, head and foot included."""
        reader, writer = os.pipe()
        failure: list[BaseException] = []

        def pump() -> None:
            try:
                while data := os.read(reader, _PIPE_READ_BYTES):
                    self.outcome.counters.result_bytes += len(data)
                    self._write(data)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the query
                failure.append(error)
            finally:
                os.close(reader)  # a query still writing ends on the broken pipe

        thread = threading.Thread(target=pump, name="result-pump")
        thread.start()
        try:
            target = f"\nINTO OUTFILE '/proc/self/fd/{writer}' APPEND\nFORMAT {name}\n".encode()
            connection.run(statement.text + target + statement.tail, name, self._request.params)
        finally:
            os.close(writer)
            thread.join()
            if failure:
                raise failure[0]

    def _begin(self) -> None:
        request = self._request
        if request.flag("enable_http_compression"):
            self.outcome.encoding = compression.choose(request.accept_encoding)
        if self.outcome.encoding:
            self._encoder = compression.encoder(self.outcome.encoding)

    def _write(self, data: bytes) -> None:
        if self._output.gone:
            raise ClientGone
        if self._encoder is not None:
            data = self._encoder.compress(data)
        if data:
            self._output.write(data)

    def _end(self) -> None:
        if self._encoder is not None:
            tail, self._encoder = self._encoder.flush(), None
            self._output.write(tail)

    def trailer(self, error: ClickHouseError, version: str, tag: str) -> bytes:
        """The end of a response that has begun and cannot be completed."""
        block = error.render_mid_stream(version, tag)
        return block if self._encoder is None else self._encoder.compress(block) + self._encoder.flush()
