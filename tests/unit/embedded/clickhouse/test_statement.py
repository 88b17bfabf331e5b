from __future__ import annotations

import pytest

from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.parsing import parse
from streams.embedded.clickhouse.statement import Kind


@pytest.mark.parametrize(
    ("sql", "text", "tail", "format_name"),
    [
        (b"SELECT 1", b"SELECT 1", b"", None),
        (b"SELECT 1;", b"SELECT 1", b"", None),
        (b"select 1 format JSON", b"select 1 ", b"", "JSON"),
        (b"SELECT 1 -- FORMAT CSV\nFORMAT JSON ; ", b"SELECT 1 -- FORMAT CSV\n", b"", "JSON"),
        (b"SELECT 'x FORMAT CSV'", b"SELECT 'x FORMAT CSV'", b"", None),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1", b"SELECT 1 ", b"\n SETTINGS max_threads = 1", "JSON"),
        (b"SELECT format FROM t", b"SELECT format FROM t", b"", None),
        (b"(SELECT 1) FORMAT TSV", b"(SELECT 1) ", b"", "TSV"),
        (b"SELECT formatRow('CSV', 1) -- trailing", b"SELECT formatRow('CSV', 1)", b"", None),
        (b"WITH 13 AS insert SELECT insert", b"WITH 13 AS insert SELECT insert", b"", None),
        (b"SELECT $tag$ ; FORMAT CSV $tag$", b"SELECT $tag$ ; FORMAT CSV $tag$", b"", None),
        (b"DESCRIBE TABLE t FORMAT JSON", b"DESCRIBE TABLE t ", b"", "JSON"),
    ],
)
def test_a_read_is_split_at_its_format_clause(sql: bytes, text: bytes, tail: bytes, format_name: str | None) -> None:
    statement = parse(sql)
    assert (statement.kind, statement.text, statement.tail, statement.format) == (Kind.READ, text, tail, format_name)


@pytest.mark.parametrize(
    ("sql", "header", "rows", "format_name"),
    [
        (b"INSERT INTO t VALUES (1), (2);", b"INSERT INTO t ", b" (1), (2);", "Values"),
        (b"insert into t (a, b) format CSV\n1,2\n", b"insert into t (a, b) ", b"1,2\n", "CSV"),
        (b"INSERT INTO t FORMAT TSV\r\n\t1\n", b"INSERT INTO t ", b"\t1\n", "TSV"),
        (b"INSERT INTO values FORMAT CSV 1", b"INSERT INTO values ", b"1", "CSV"),
        (b"INSERT INTO db.format VALUES (1)", b"INSERT INTO db.format ", b" (1)", "Values"),
        (
            b"/* c */ INSERT INTO t SETTINGS async_insert = 1 FORMAT RowBinary\n\x00\x01;",
            b"/* c */ INSERT INTO t SETTINGS async_insert = 1 ",
            b"\x00\x01;",
            "RowBinary",
        ),
        (
            b"INSERT INTO FUNCTION null('a Int8') VALUES (1)",
            b"INSERT INTO FUNCTION null('a Int8') ",
            b" (1)",
            "Values",
        ),
        (b"WITH 1 AS y INSERT INTO t FORMAT TSV\nx;\n", b"WITH 1 AS y INSERT INTO t ", b"x;\n", "TSV"),
        (b"INSERT INTO t FORMAT JSONEachRow ", b"INSERT INTO t ", b"", "JSONEachRow"),
    ],
)
def test_an_insert_is_split_before_its_rows(sql: bytes, header: bytes, rows: bytes, format_name: str) -> None:
    statement = parse(sql)
    assert (statement.kind, statement.text, statement.tail, statement.format) == (
        Kind.INSERT,
        header,
        rows,
        format_name,
    )


@pytest.mark.parametrize(
    "sql",
    [
        b"INSERT INTO t SELECT 1",
        b"INSERT INTO t (a) SELECT a FROM s",
        b"INSERT INTO t (SELECT 1)",
        b"INSERT INTO t WITH 1 AS x SELECT x",
        b"INSERT INTO t SELECT input FROM s FORMAT CSV",
        b"CREATE TABLE t (a Int8) ENGINE = Memory",
        b"ALTER TABLE t DELETE WHERE 1",
        b"SYSTEM FLUSH LOGS",
        b"-- nothing but a comment",
    ],
)
def test_everything_else_is_a_command(sql: bytes) -> None:
    assert parse(sql).kind is Kind.COMMAND


@pytest.mark.parametrize(
    ("sql", "touches"),
    [
        (b"SET max_threads = 1", True),
        (b"USE system", True),
        (b"CREATE TEMPORARY TABLE t (a Int8)", True),
        (b"DROP TEMPORARY TABLE t", True),
        (b"SELECT 1 SETTINGS max_threads = 1", False),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", False),
    ],
)
def test_statements_that_change_their_session_are_known(sql: bytes, touches: bool) -> None:
    assert parse(sql).touches_session is touches


def test_an_insert_that_selects_from_its_rows_knows_where() -> None:
    sql = b"INSERT INTO t SELECT a FROM input('a Int8') WHERE a > 0 FORMAT CSV\n1\n"
    statement = parse(sql)
    assert statement.kind is Kind.INSERT
    assert (statement.format, statement.tail) == ("CSV", b"1\n")
    assert statement.input_call is not None
    start, end = statement.input_call
    assert sql[start:end] == b"input("
    with pytest.raises(ClickHouseError) as refused:
        parse(b"INSERT INTO t SELECT a FROM input('a Int8')")
    assert refused.value.code == 477


def test_only_use_changes_the_database() -> None:
    assert parse(b"  use x").changes_database
    assert not parse(b"SET a = 1").changes_database
    assert not parse(b"SELECT 'use'").changes_database


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"SELECT 1; SELECT 2", 62),
        (b"SELECT 1 INTO OUTFILE '/etc/x'", 358),
        (b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 78),
    ],
)
def test_what_a_server_refuses_is_refused(sql: bytes, code: int) -> None:
    with pytest.raises(ClickHouseError) as refused:
        parse(sql)
    assert refused.value.code == code


def test_selects_stream_and_shows_come_whole() -> None:
    assert parse(b"SELECT 1").streams
    assert parse(b"WITH 1 AS x SELECT x FORMAT CSV").streams
    assert not parse(b"SHOW TABLES").streams
