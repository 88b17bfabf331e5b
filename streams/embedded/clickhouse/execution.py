"""Running one request's statement in a worker thread: body in, result out, session and settings around it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from streams.embedded.clickhouse import compression
from streams.embedded.clickhouse.analysts import Analyst, admitted, check, confine, kept, refused
from streams.embedded.clickhouse.block_compression import decoded_blocks
from streams.embedded.clickhouse.config import DEFAULT_DATABASE, KIB
from streams.embedded.clickhouse.connection import EngineConnection, quote_name
from streams.embedded.clickhouse.engine import Engine
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.external import ExternalTable
from streams.embedded.clickhouse.inserting import create_external_table, insert_rows, insert_selected
from streams.embedded.clickhouse.native import Column, NativeRewriter
from streams.embedded.clickhouse.parsing import parse
from streams.embedded.clickhouse.query_id import LOG_COMMENT, comment, with_client_ids
from streams.embedded.clickhouse.reading import (
    NATIVE_FORMAT,
    describe,
    read_blocks,
    read_through_pipe,
    reads_per_block,
)
from streams.embedded.clickhouse.request import QueryRequest
from streams.embedded.clickhouse.results import ResultWriter
from streams.embedded.clickhouse.sessions import Session, SessionRegistry
from streams.embedded.clickhouse.statement import Kind, Statement

_HEAD_BYTES = 256 * KIB  # ClickHouse's max_query_size: a statement's head is never longer


class Execution:
    """One request's query."""

    def __init__(
        self, engine: Engine, sessions: SessionRegistry, request: QueryRequest, result: ResultWriter
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._request = request
        self._result = result
        self._analyst: Analyst | None = None
        self.cancellable = False

    def run(self, body: Iterable[bytes], external: Sequence[ExternalTable]) -> None:
        """Run the query, writing its result.

        Raises:
            ClickHouseError: The engine refused it.
            ClientGone: The client went away.
        """
        request = self._request
        if request.login is not None:
            self._analyst = self._admitted(*request.login, external=bool(external))
        settings = request.settings
        settings[LOG_COMMENT] = comment(request.query_id, settings.get(LOG_COMMENT, ""))
        chunks = compression.decoded(body, request.content_encoding)
        statement, rows = self._read_statement(decoded_blocks(chunks) if request.native_decompression else chunks)
        self.cancellable = statement.kind is Kind.READ
        if self._analyst is not None:
            with self._engine.connect({}) as connection:
                check(connection, self._analyst, statement)
        if not request.session_id:
            self._alone(statement, rows, external)
            return
        session = self._sessions.acquire(request.session_id, request.session_timeout_seconds, request.session_check)
        try:
            if session.connection is None and not statement.touches_session:
                self._alone(statement, rows, external)
            else:
                self._in_session(session, statement, rows, external)
        finally:
            self._sessions.release(request.session_id, request.close_session)

    def _admitted(self, login: str, password: str, *, external: bool) -> Analyst:
        """Let an analyst in: nothing of his request but its statement, its format and its parameters counts."""
        request = self._request
        with self._engine.connect({}) as connection:
            analyst = admitted(connection, login, password, request.database)
        if external:
            raise refused("tables cannot be sent along")
        request.settings = kept(request.settings)
        request.database, request.session_id, request.roles = analyst.database, "", []
        request.query_id = str(uuid.uuid4())  # that of another's query would end it
        return analyst

    def cancel(self) -> None:
        """Stop the query from another thread; its own then fails."""
        self._engine.kill(self._request.settings[LOG_COMMENT])

    def _read_statement(self, chunks: Iterator[bytes]) -> tuple[Statement, Iterator[bytes]]:
        query = self._request.query
        head = bytearray(query + b"\n" if query else b"")
        for chunk in chunks:
            head += chunk
            if len(head) >= _HEAD_BYTES:
                break
        else:
            chunks = iter(())
        if not head.strip():
            raise ClickHouseError(
                62, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): empty query"
            )
        statement = parse(bytes(head))
        if statement.kind is Kind.INSERT:
            return statement, itertools.chain([statement.tail], chunks)
        rest = b"".join(chunks)
        return (parse(bytes(head) + rest) if rest else statement), iter(())

    def _alone(self, statement: Statement, rows: Iterator[bytes], external: Sequence[ExternalTable]) -> None:
        with self._fresh_connection() as connection:
            for table in external:
                create_external_table(connection, table)
            columns: Callable[[], Sequence[Column]] = partial(self._describe_apart, statement)
            if external:
                columns = self._described_now(connection, statement)
            self._execute(connection, statement, rows, columns)

    def _in_session(
        self, session: Session, statement: Statement, rows: Iterator[bytes], external: Sequence[ExternalTable]
    ) -> None:
        if session.connection is None:
            session.connection = self._engine.connect({})
        connection = session.connection
        before = connection.override(self._request.settings)
        try:
            session.use(self._request.database)
            for table in external:
                create_external_table(connection, table)
            self._execute(connection, statement, rows, self._described_now(connection, statement))
        finally:
            for table in external:
                connection.run(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(table.name)}")
            connection.set_back(before)
            session.remember_database(changed_by=statement)

    def _execute(
        self,
        connection: EngineConnection,
        statement: Statement,
        rows: Iterator[bytes],
        columns: Callable[[], Sequence[Column]],
    ) -> None:
        request, result = self._request, self._result
        connection.counters = result.outcome.counters
        if request.roles:
            connection.run("SET ROLE " + ", ".join(map(quote_name, request.roles)))
        if statement.input_call is not None:
            insert_selected(connection, statement, rows, request.params)
        elif statement.kind is Kind.INSERT:
            assert statement.format is not None
            result.outcome.counters = insert_rows(connection, statement.text, statement.format, rows, request.params)
        elif statement.kind is Kind.READ:
            name = statement.format or request.default_format
            result.begin(name)
            if not statement.streams or reads_per_block(name, statement, request.settings):
                version = request.client_protocol_version if name == NATIVE_FORMAT else 0
                rewriter = NativeRewriter(version, columns)
                read_blocks(connection, statement, request.params, name, rewriter, result)
            else:
                read_through_pipe(connection, statement, request.params, name, result)
            result.end()
        elif data := connection.run(with_client_ids(statement.text), request.default_format, request.params):
            result.begin(request.default_format)
            result.write(data)
            result.end()

    def _fresh_connection(self) -> EngineConnection:
        connection = self._engine.connect(self._request.settings)
        try:
            if self._request.database not in ("", DEFAULT_DATABASE):
                connection.run(f"USE {quote_name(self._request.database)}")
            if self._analyst is not None:
                confine(connection, self._analyst)
        except BaseException:
            connection.close()
            raise
        return connection

    def _describe_apart(self, statement: Statement) -> Sequence[Column]:
        """Ask for the columns on a connection of its own: the query's is busy."""
        with self._fresh_connection() as connection:
            return describe(connection, statement.text + statement.tail, self._request.params)

    def _described_now(self, connection: EngineConnection, statement: Statement) -> Callable[[], Sequence[Column]]:
        """Ask for the columns while the connection is free: only it sees the tables in question."""
        columns: Sequence[Column] = ()
        if self._request.client_protocol_version and statement.streams and statement.format == NATIVE_FORMAT:
            columns = describe(connection, statement.text + statement.tail, self._request.params)
        return lambda: columns
